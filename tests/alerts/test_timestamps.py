"""Time stamps of a real authority (openssl): over packages and days, checked offline, and missing without harm."""

import json
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import journal
from alerts.casefile.dossier import make_package
from alerts.casefile.package import NO_STAMP, REPORT, SEAL, STAMP, STAMP_CA, seal, time_stamps, verify
from alerts.casework.laws import load_laws
from alerts.casework.leads import take_in
from alerts.catalogue import load_catalogue
from alerts.timestamps import Authority, NotStamped, Stamp, authority_of, check
from runtime.errors import SettingsError
from runtime.settings import Settings
from tests import builders
from tests.parts.tsa import Tsa, time_stamp_authority
from tests.service.running import ended, environment

ZONE = Settings().zone
CONTENT = b"what was there"


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with time_stamp_authority(tmp_path_factory.mktemp("tsa")) as tsa:
        yield tsa


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tsa]:
    with time_stamp_authority(tmp_path_factory.mktemp("stranger"), "Stranger") as tsa:
        yield tsa


@pytest.fixture(scope="module")
def authority(tsa: Tsa) -> Authority:
    return Authority(tsa.url, tsa.ca.read_bytes())


@pytest.fixture(scope="module")
def stamp(authority: Authority) -> Stamp:
    return authority.stamp(CONTENT)


def test_a_stamp_says_who_and_when(stamp: Stamp) -> None:
    assert (stamp.authority, stamp.checked) == ("CN=Test TSA", True)
    assert abs(datetime.now(UTC) - stamp.at) < timedelta(minutes=5)


def test_a_stamp_holds_for_its_bytes_and_its_authority_alone(stamp: Stamp, tsa: Tsa, stranger: Tsa) -> None:
    ca = tsa.ca.read_bytes()
    assert check(stamp.token, CONTENT, ca) == stamp
    for certificates in (ca, b""):
        with pytest.raises(NotStamped, match="made over something else"):
            check(stamp.token, CONTENT + b".", certificates)
    with pytest.raises(NotStamped, match="certificate"):
        check(stamp.token, CONTENT, stranger.ca.read_bytes())
    assert check(stamp.token, CONTENT, stranger.ca.read_bytes() + ca) == stamp  # a file may hold several
    assert check(stamp.token, CONTENT).checked is False


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_changed_byte_of_a_stamp_never_says_another_time_or_authority(
    stamp: Stamp, tsa: Tsa, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(stamp.token) - 1))
    changed = bytearray(stamp.token)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        found = check(bytes(changed), CONTENT, tsa.ca.read_bytes())
    except NotStamped:
        return
    assert (found.at, found.authority) == (stamp.at, stamp.authority)


def test_what_is_no_stamp_of_the_request_is_refused_with_its_reason(
    authority: Authority, tsa: Tsa, stamp: Stamp
) -> None:
    for answer, why in (
        ((200, stamp.token), "another request"),
        ((200, b"<html>"), "no time stamp"),
        ((200, b""), "no time stamp"),
        ((200, _refusal()), "REJECTION"),
        ((503, b"busy"), "HTTP 503"),
    ):
        tsa.answers = [answer]
        with pytest.raises(NotStamped, match=why):
            authority.stamp(CONTENT)
    with pytest.raises(NotStamped, match=r"127\.0\.0\.1:1/.*Connect"):
        Authority("http://127.0.0.1:1/").stamp(CONTENT)


def _refusal() -> bytes:
    """TimeStampResp ::= { status { 2 (rejection) } }"""
    return bytes.fromhex("30053003020102")


def test_the_settings_name_the_authority_and_its_certificates(tsa: Tsa, tmp_path: Path) -> None:
    assert authority_of(Settings()) is None
    assert authority_of(Settings(timestamp_url=tsa.url)) == Authority(tsa.url)
    found = authority_of(Settings(timestamp_url=tsa.url, timestamp_ca_file=tsa.ca))
    assert found == Authority(tsa.url, tsa.ca.read_bytes())
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    for file in (wrong, tmp_path / "nowhere.pem"):
        with pytest.raises(SettingsError, match="FLEETFUME_TIMESTAMP_CA_FILE"):
            authority_of(Settings(timestamp_url=tsa.url, timestamp_ca_file=file))


# In packages, and over days.


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        with connection.transaction():
            builders.users(connection)
            builders.district(connection)
            take_in(
                connection, {"kind": "off_route", "severity": "minor"}, created_by="duty", note="交警移来"
            )
        yield connection


def package(connection: psycopg.Connection, authority: Authority | None) -> bytes:
    with connection.transaction():
        return make_package(
            connection, 1, made_by="squad", zone=ZONE, laws=load_laws(None), catalogue=load_catalogue(None),
            authority=authority,
        )[0]  # fmt: skip


def opened(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_package_carries_its_stamp_and_is_checked_without_the_authority(
    connection: psycopg.Connection, authority: Authority, tsa: Tsa, stranger: Tsa
) -> None:
    content = package(connection, authority)
    asked = tsa.asked
    assert verify(content) is None
    assert verify(content, tsa.ca.read_bytes()) is None
    ((what, stamp),) = time_stamps(content, tsa.ca.read_bytes())
    assert (what, stamp.authority, stamp.checked) == (STAMP, "CN=Test TSA", True)
    assert tsa.asked == asked
    foreign = verify(content, stranger.ca.read_bytes())
    assert foreign is not None
    assert (foreign.what, "does not hold" in foreign.why) == (STAMP, True)
    assert connection.execute("SELECT token FROM evidence_made").fetchone() == (stamp.token,)


def test_a_stamp_of_other_files_does_not_hold_however_the_package_is_sealed(
    connection: psycopg.Connection, authority: Authority
) -> None:
    files = opened(package(connection, authority))
    stamped = {STAMP: files[STAMP], STAMP_CA: files[STAMP_CA]}
    forged, _ = seal({"lead.json": b"{}"}, {"lead_id": 1}, lambda *_: b"%PDF-1.7", lambda _: stamped)
    finding = verify(forged)
    assert finding is not None
    assert str(finding) == f"{STAMP}: its time stamp does not hold: it was made over something else"


def test_a_stamp_taken_out_or_put_in_is_found(connection: psycopg.Connection, authority: Authority) -> None:
    files = opened(package(connection, authority))

    def found(content: dict[str, bytes]) -> str:
        out = BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, said in content.items():
                archive.writestr(name, said)
        finding = verify(out.getvalue())
        assert finding is not None
        return finding.what

    assert found({name: said for name, said in files.items() if name != STAMP}) == STAMP
    assert found({**files, NO_STAMP: b"x"}) == NO_STAMP
    assert found({**files, STAMP: files[STAMP][:-1]}) == STAMP


def test_an_authority_that_fails_stops_no_package_and_the_package_says_so(
    connection: psycopg.Connection, authority: Authority, tsa: Tsa
) -> None:
    tsa.answers = [(503, b"")]
    content = package(connection, authority)
    assert verify(content) is None
    files = opened(content)
    assert (STAMP in files, b"HTTP 503" in files[NO_STAMP]) == (False, True)
    assert time_stamps(content) == []
    assert connection.execute("SELECT token FROM evidence_made").fetchone() == (None,)
    without = opened(package(connection, None))
    assert not {STAMP, STAMP_CA, NO_STAMP} & set(without)
    assert set(json.loads(without[SEAL])) == {"manifest_sha256", "report_sha256"}
    assert without[REPORT].startswith(b"%PDF")


def test_closed_days_are_stamped_once_and_packages_carry_that(
    connection: psycopg.Connection, authority: Authority, tsa: Tsa, stranger: Tsa
) -> None:
    today = datetime.now(ZONE).date()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert journal.stamp_days(connection, authority) == []
    journal.close_days(connection, ZONE, tomorrow)
    tsa.answers = [(503, b"")]
    with pytest.raises(NotStamped):
        journal.stamp_days(connection, authority)
    assert journal.stamp_days(connection, authority) == [today]
    assert journal.stamp_days(connection, authority) == []
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        connection.execute("UPDATE journal_head_stamp SET stamped_at = now()")
    content = package(connection, authority)
    assert verify(content) is None
    assert [what for what, _ in time_stamps(content)] == [STAMP, f"journal_heads.json {today}"]
    foreign = verify(content, stranger.ca.read_bytes())
    assert foreign is not None


def test_the_command_says_which_authority_and_when(
    connection: psycopg.Connection, database_url: str, tsa: Tsa, stranger: Tsa, tmp_path: Path
) -> None:
    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return ended("evidence", *arguments, env=environment(tmp_path, **more))

    file = tmp_path / "lead.zip"
    made = run("1", "-o", str(file), database_url=database_url, timestamp_url=tsa.url)
    assert made.returncode == 0, made.stderr
    bare = run("verify", str(file))
    assert "by CN=Test TSA; its signature was not checked" in bare.stdout
    held = run("verify", str(file), "--tsa-ca", str(tsa.ca))
    assert "by CN=Test TSA; its signature holds by the certificates given" in held.stdout
    refused = run("verify", str(file), "--tsa-ca", str(stranger.ca))
    assert (refused.returncode, refused.stderr.count("\n"), STAMP in refused.stderr) == (1, 1, True)
    none = run("verify", str(file), "--tsa-ca", str(tmp_path / "lead.zip"))
    assert (none.returncode, "no certificates" in none.stderr) == (2, True)
