"""History judged again, on real databases: nothing differs where nothing changed; what changed is named, and applied."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.types.json import Jsonb

from alerts.catalogue import load_catalogue
from alerts.journal import Entry, first_broken
from alerts.why.explaining import explain
from devices.registry_files import write_directory
from devices.repository import store_registry
from ingest.history.commands import What, export, reevaluate
from runtime.errors import UserError
from tests import builders
from tests.ingest.test_pipeline import A_BAD_HAUL, A_BAD_LUNCH, BEGIN_S, Reading, of, pipeline
from tests.small_district import registry

BEGIN, END = (datetime.fromtimestamp(BEGIN_S + s, UTC).isoformat() for s in (0, 7200))
Run = Callable[..., dict[str, Any]]


def later(readings: list[Reading], seconds: int) -> list[Reading]:
    return [{**reading, "ts": reading["ts"] + seconds} for reading in readings]


@pytest.fixture
def connection(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """Three trucks and two kitchens whose bad days have been told."""
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(trucks=3, kitchens=2), actor="test", note="")
        line = pipeline()
        for n in range(3):
            line.process(connection, [of("vehicle", f"V{n}", later(A_BAD_HAUL, 60 * n))])
        line.process(connection, [of("fume", f"F{n}", A_BAD_LUNCH) for n in range(2)])
        yield connection


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def reevaluated(begin: str = BEGIN, end: str = END, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        reevaluate(begin, end, json_=True, **options)
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        return said

    return reevaluated


@pytest.fixture
def gentle(tmp_path: Path) -> Path:
    """Rules by which the haul is not off route yet, and the zone is entered a fix later."""
    (tmp_path / "rules.toml").write_text("[off_route]\noff_route_s = 600\n[no_go_entry]\nno_go_fixes = 3\n")
    return tmp_path / "rules.toml"


def changes(said: dict[str, Any]) -> set[tuple[str, str]]:
    return {(row["change"], row["kind"]) for row in said["differences"]}


def alerts(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT kind, state, note, late, rule_version FROM alert WHERE device_id = 'V0' ORDER BY kind, id"
    ).fetchall()


@pytest.mark.parametrize(("what", "same"), [(What.POSITIONS, 9), (What.READINGS, 6), (None, 15)])
def test_by_the_same_rules_nothing_differs(
    connection: psycopg.Connection, run: Run, what: What | None, same: int
) -> None:
    said = run(what=what)

    assert said["differences"] == []
    assert said["same"] == same


def test_everything_may_be_asked_for_by_the_calendars_ends(connection: psycopg.Connection, run: Run) -> None:
    said = run("0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00")

    assert (said["same"], said["differences"]) == (15, [])


def test_the_archive_says_the_same_as_the_database(
    connection: psycopg.Connection, run: Run, gentle: Path, tmp_path: Path
) -> None:
    middle = datetime.fromtimestamp(BEGIN_S + 700, UTC).isoformat()
    files = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    export(BEGIN, middle, files[0])
    export(middle, END, files[1])

    assert run(archive=files)["differences"] == []
    assert run(archive=files, rules=gentle) == run(rules=gentle, what=What.POSITIONS)
    with pytest.raises(UserError, match="not in order of time"):
        run(archive=files[::-1])


def test_other_rules_name_what_would_vanish_and_change_and_store_nothing(
    connection: psycopg.Connection, run: Run, gentle: Path
) -> None:
    before = alerts(connection)

    said = run(rules=gentle)

    assert changes(said) == {("vanishes", "off_route"), ("changes", "no_go_entry")}
    assert len(said["differences"]) == 6
    changed = next(row for row in said["differences"] if row["change"] == "changes")
    assert "opened_at" in changed["changed"]
    assert alerts(connection) == before


def test_applied_the_alerts_say_why_and_their_lead_has_it_in_its_journal(
    connection: psycopg.Connection, run: Run, gentle: Path
) -> None:
    run(rules=gentle, apply_=True)

    dumping, no_go, off_route = alerts(connection)
    assert dumping[:4] == ("illegal_dumping", "open", None, False)
    assert no_go[:4] == ("no_go_entry", "cleared", "amended_reevaluated", False)
    assert off_route[:4] == ("off_route", "withdrawn", "withdrawn_reevaluated", False)
    assert no_go[4] != dumping[4]
    assert run(rules=gentle)["differences"] == []

    back = run(apply_=True)

    assert changes(back) == {("appears", "off_route"), ("changes", "no_go_entry")}
    assert [row[:3] for row in alerts(connection)][-1] == ("off_route", "cleared", "raised_reevaluated")
    assert run()["differences"] == []


def test_an_amended_alert_of_a_lead_is_in_its_journal(
    connection: psycopg.Connection, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "rules.toml").write_text("[illegal_dumping]\nscore_load_fall = 0.4\n")

    said = run(rules=tmp_path / "rules.toml", apply_=True)

    assert changes(said) == {("changes", "illegal_dumping")}
    entries = connection.execute(
        "SELECT lead_id, seq, at, actor, action, detail, prev_hash, hash FROM lead_journal ORDER BY lead_id, seq"
    ).fetchall()
    own = [entry for entry in entries if entry[0] == entries[0][0]]
    assert [entry[4] for entry in own] == ["opened", "alert_amended"]
    assert own[1][5]["reason"] == "amended_reevaluated"
    names = ("lead_id", "seq", "at", "actor", "action", "detail", "prev_hash")
    assert first_broken((Entry(**dict(zip(names, row[:7], strict=True))), row[7]) for row in own) is None


TRIPS = """
    SELECT device_id, loaded_at, left_at, outcome, ended_at, unloaded_site_id, round(distance_m), round(on_route_m)
      FROM trip ORDER BY device_id, loaded_at
"""


def test_trips_that_come_out_otherwise_are_written_anew_in_the_alerts_transaction_and_the_journal_says_so(
    connection: psycopg.Connection, run: Run, gentle: Path
) -> None:
    right = connection.execute(TRIPS).fetchall()
    passages = connection.execute("SELECT * FROM road_passage ORDER BY 1, 2").fetchall()
    assert len(right) == 3
    assert run(apply_=True)["trips"] == {"appear": 0, "vanish": 0, "change": 0}

    connection.execute("UPDATE trip SET outcome = 'unknown', distance_m = 1 WHERE device_id = 'V0'")
    connection.execute("DELETE FROM trip WHERE device_id = 'V1'")
    connection.execute("UPDATE trip SET loaded_at = loaded_at - INTERVAL '1 second' WHERE device_id = 'V2'")
    said = run(apply_=True)

    assert said["differences"] == []
    assert said["trips"] == {"appear": 2, "vanish": 1, "change": 1}
    assert connection.execute(TRIPS).fetchall() == right
    assert connection.execute("SELECT * FROM road_passage ORDER BY 1, 2").fetchall() == passages
    told = connection.execute(
        "SELECT detail FROM lead_journal WHERE action = 'trips_reevaluated' ORDER BY detail->>'device_id'"
    ).fetchall()
    assert [detail for (detail,) in told] == [
        {"device_id": "V0", "appear": 0, "vanish": 0, "change": 1},
        {"device_id": "V1", "appear": 1, "vanish": 0, "change": 0},
        {"device_id": "V2", "appear": 1, "vanish": 1, "change": 0},
    ]


def test_trips_of_another_time_and_trips_under_way_stay(connection: psycopg.Connection, run: Run) -> None:
    connection.execute("UPDATE trip SET outcome = 'under_way', ended_at = NULL WHERE device_id = 'V0'")
    connection.execute("UPDATE trip SET left_at = left_at - INTERVAL '3 hours' WHERE device_id = 'V1'")
    connection.execute(
        "UPDATE trip SET ended_at = ended_at + INTERVAL '30 days', distance_m = 1 WHERE device_id = 'V2'"
    )

    run(apply_=True)

    stored: dict[str, datetime] = dict(connection.execute("SELECT device_id, left_at FROM trip").fetchall())
    assert len(stored) == 3
    assert connection.execute("SELECT outcome FROM trip WHERE device_id = 'V0'").fetchone() == ("dumped",)
    assert stored["V1"] < datetime.fromtimestamp(BEGIN_S, UTC)


def test_what_an_officer_has_decided_on_is_kept(
    connection: psycopg.Connection, run: Run, gentle: Path
) -> None:
    connection.execute("UPDATE alert SET state = 'dismissed' WHERE kind = 'off_route' AND device_id = 'V0'")

    said = run(rules=gentle, apply_=True)

    assert [row["device_id"] for row in said["differences"] if row["change"] == "kept"] == ["V0"]
    assert alerts(connection)[-1][:2] == ("off_route", "dismissed")


def test_another_register_is_only_supposed(connection: psycopg.Connection, run: Run, tmp_path: Path) -> None:
    wide = replace(registry().routes["ROAD"], corridor_m=5000)
    write_directory(replace(registry(trucks=3, kitchens=2), routes={"ROAD": wide}), tmp_path / "wide")

    said = run(registry=tmp_path / "wide")

    # A dumping scored for being off the route is not, by that register.
    assert changes(said) == {("vanishes", "off_route"), ("changes", "illegal_dumping")}
    assert run()["differences"] == []
    with pytest.raises(UserError, match="import the files first"):
        run(registry=tmp_path / "wide", apply_=True)


def test_only_what_was_opened_in_the_time_asked_about_counts(
    connection: psycopg.Connection, run: Run, gentle: Path
) -> None:
    first_two = datetime.fromtimestamp(BEGIN_S + 500 + 60 + 30, UTC).isoformat()

    said = run(BEGIN, first_two, rules=gentle)

    assert sorted(row["device_id"] for row in said["differences"]) == ["V0", "V1"]


def test_an_alert_whose_readings_are_gone_would_vanish(connection: psycopg.Connection, run: Run) -> None:
    connection.execute("DELETE FROM vehicle_position WHERE device_id = 'V2'")

    said = run()

    assert {row["device_id"] for row in said["differences"]} == {"V2"}
    assert {row["change"] for row in said["differences"]} == {"vanishes"}


def test_what_another_system_told_is_left_alone(
    connection: psycopg.Connection, run: Run, gentle: Path
) -> None:
    """A camera's alert of a truck, in the middle of its day."""
    at = datetime.fromtimestamp(BEGIN_S + 600, UTC)
    seen = builders.alert(
        connection, kind="camera_event", place="c1", opened_at=at, evidence=Jsonb({"event": {}})
    )

    said = run(rules=gentle, apply_=True)

    assert "camera_event" not in {row["kind"] for row in said["differences"]}
    assert connection.execute("SELECT state FROM alert WHERE id = %s", (seen,)).fetchone() == ("open",)
    told = explain(connection, seen, load_catalogue(None), ZoneInfo("Asia/Shanghai"))
    assert told is not None
    assert told["caveats"] == ["told_by_another_system"]
