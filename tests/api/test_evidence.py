"""The case file of a real lead, from the bytes that a truck sent to the check on another machine."""

import base64
import csv
import io
import json
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import psycopg
import pypdfium2
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from alerts import journal
from alerts.casefile.package import verify
from runtime.settings import Settings
from tests.api.test_photos import picture, send
from tests.ingest.test_pipeline import A_BAD_HAUL, A_BAD_LUNCH, of, pipeline
from tests.service.running import ended, environment
from tests.small_district import place

Database = Connection[TupleRow]
ZONE = Settings().zone


@pytest.fixture
def lead_id(database: Database) -> int:
    """Of the dumping of A_BAD_HAUL, which came as single messages and as batches."""
    line = pipeline()
    sent = [of("vehicle", "V0", A_BAD_HAUL[n : n + 5]) for n in range(0, len(A_BAD_HAUL), 5)]
    for delivery in sent:
        line.process(database, [delivery, of("vehicle", "V1", A_BAD_HAUL[:1])])
    row = database.execute("SELECT id FROM lead").fetchone()
    assert row is not None
    return int(row[0])


def fetched(client: TestClient, lead_id: int) -> dict[str, bytes]:
    answer = client.get(f"/leads/{lead_id}/evidence")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    assert verify(answer.content) is None
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_package_holds_what_was_received_what_was_read_and_what_it_was_held_against(
    squad: TestClient, viewer: TestClient, lead_id: int, database: Database
) -> None:
    photo = picture(where=place(3000, -1900))
    send(squad, lead_id, photo)
    files = fetched(viewer, lead_id)
    ((alert_id,),) = database.execute("SELECT id FROM alert WHERE lead_id = %s", (lead_id,)).fetchall()

    # Raw payloads as received: byte for byte, each with its time.
    raw = [json.loads(line) for line in files[f"raw/{alert_id}.ndjson"].splitlines()]
    stored = {bytes(base64.b64decode(one["payload_base64"])) for one in raw}
    assert {of("vehicle", "V0", A_BAD_HAUL[n : n + 5]).payload for n in range(15, 35, 5)} <= stored
    assert all(one["topic"] == "ff/v1/vehicle/V0/telemetry" for one in raw)
    # Readings used, with their quality and when they were received.
    readings = list(csv.DictReader(io.StringIO(files[f"readings/{alert_id}.csv"].decode())))
    assert len(readings) == len(A_BAD_HAUL)
    assert {one["quality"] for one in readings} == {"ok"}
    assert all(one["received_at"].endswith("Z") for one in readings)
    # The track for other programs, and pictures without anybody's tiles.
    features = json.loads(files[f"track/{alert_id}.geojson"])["features"]
    assert len(features[0]["geometry"]["coordinates"]) == len(readings)
    points = ET.fromstring(files[f"track/{alert_id}.gpx"]).iter("{http://www.topografix.com/GPX/1/1}trkpt")  # noqa: S314
    assert len(list(points)) == len(readings)
    for when in ("before", "at", "after"):
        svg = files[f"map/{alert_id}-{when}.svg"].decode()
        ET.fromstring(svg)  # noqa: S314
        assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
        assert "水源保护区" in svg
    # What it was held against, as it was then.
    register = json.loads(files[f"register/{alert_id}.json"])
    assert register["version"] == 1
    assert register["permit"]["permit_id"] == "P1"
    assert register["route"]["geometry"]["type"] == "LineString"
    assert [site["site_id"] for site in register["sites"]] == ["PIT", "SPRING", "TIP", "YARD"]
    assert json.loads(files[f"rules/{alert_id}.json"])["thresholds"]["lift_s"] == 10
    assert files[f"photos/{json.loads(files['photos.json'])[0]['hash']}.jpeg"] == photo
    assert [one["action"] for one in json.loads(files[f"journal/{lead_id}.json"])] == ["opened", "photo"]
    report = pypdfium2.PdfDocument(files["report.pdf"])
    for number, page in enumerate(report, start=1):
        said = "".join(page.get_textpage().get_text_bounded().split())
        assert sha256(files["manifest.json"]).hexdigest() in said
        assert f"第{number}页，共{len(report)}页" in said
    explained = json.loads(files[f"explanation/{alert_id}.json"])
    assert explained["alert"]["id"] == alert_id
    assert "鲁A00000" in files[f"explanation/{alert_id}.txt"].decode()


def test_a_kitchens_lead_has_its_readings_its_messages_and_its_cleanings(
    duty: TestClient, viewer: TestClient, database: Database
) -> None:
    pipeline().process(database, [of("fume", "F0", A_BAD_LUNCH)])
    ((alert_id,),) = database.execute("SELECT id FROM alert WHERE kind = 'purifier_off'").fetchall()
    database.execute(
        "INSERT INTO cleaning_record (outlet_id, cleaned_on, recorded_by) VALUES ('R0', '2025-11-01', 'squad')"
    )
    lead = duty.post("/leads", json={"alerts": [alert_id]}).json()
    files = fetched(viewer, lead["id"])
    assert len(files[f"raw/{alert_id}.ndjson"].splitlines()) == 1
    assert b"purifier_on" in files[f"readings/{alert_id}.csv"]
    assert json.loads(files[f"cleanings/{alert_id}.json"])[0]["cleaned_on"] == "2025-11-01"
    assert [law["id"] for law in json.loads(files["laws.json"])["laws"]] == ["fume-air-118"]
    assert not [name for name in files if name.startswith(("map/", "track/"))]


def test_the_register_is_that_of_the_event_whatever_it_is_today(
    viewer: TestClient, lead_id: int, database: Database
) -> None:
    with database.transaction():
        database.execute("INSERT INTO registry_version (actor) VALUES ('x')")
        database.execute("SELECT set_config('fleetfume.registry_version', '2', true)")
        database.execute("UPDATE permit SET hours = '22:00-06:00'")
        database.execute("UPDATE site SET name = '别的名字' WHERE site_id = 'SPRING'")
    files = fetched(viewer, lead_id)
    (register,) = [json.loads(said) for name, said in files.items() if name.startswith("register/")]
    assert register["permit"]["hours"] is None
    assert "水源保护区" in json.dumps(register, ensure_ascii=False)


def test_what_is_no_longer_kept_is_said(viewer: TestClient, lead_id: int, database: Database) -> None:
    whole = fetched(viewer, lead_id)
    database.execute("DELETE FROM raw_batch")
    files = fetched(viewer, lead_id)
    (name,) = [name for name in files if name.startswith("raw/")]
    assert whole[name] != b""
    assert files[name] == b""


def test_a_package_made_is_written_down_and_stands_in_the_head_of_the_day(
    viewer: TestClient, lead_id: int, database: Database
) -> None:
    digest = viewer.get(f"/leads/{lead_id}/evidence").headers["X-Manifest-SHA256"]
    made = database.execute("SELECT made_by, manifest_sha256 FROM evidence_made").fetchall()
    assert made == [("viewer", digest)]
    today = datetime.now(UTC).astimezone(ZONE).date()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert journal.close_days(database, ZONE, datetime.now(UTC)) == []
    assert journal.close_days(database, ZONE, tomorrow) == [today]
    assert journal.close_days(database, ZONE, tomorrow) == []
    assert digest in journal.written_on(database, today, ZONE)
    (head,) = viewer.get("/journal-heads").json()["items"]
    assert (head["day"], head["entries"], head["prev_head"]) == (today.isoformat(), 2, "")
    files = fetched(viewer, lead_id)
    assert json.loads(files["journal_heads.json"])[0]["head"] == head["head"]
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        database.execute("UPDATE journal_head SET head = 'x'")
    assert journal.close_days(database, ZONE, tomorrow + timedelta(days=2)) == [
        today + timedelta(days=1), today + timedelta(days=2),
    ]  # fmt: skip


def test_there_is_no_package_of_no_lead(viewer: TestClient, database: Database) -> None:
    assert viewer.get("/leads/99/evidence").status_code == 404


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Any:
    def run(*arguments: str, database: str = database_url) -> subprocess.CompletedProcess[str]:
        return ended("evidence", *arguments, env=environment(tmp_path, database_url=database))

    return run


def test_the_command_writes_a_package_and_checks_it_without_a_database(
    command: Any, lead_id: int, tmp_path: Path
) -> None:
    file = tmp_path / "lead.zip"
    assert command(str(lead_id), "-o", str(file)).returncode == 0
    elsewhere = "postgresql://nobody@127.0.0.1:1/nothing"
    checked = command("verify", str(file), database=elsewhere)
    assert (checked.returncode, "every byte" in checked.stdout) == (0, True)

    content = bytearray(file.read_bytes())
    content[content.index(b"ts,device_id") + 3] ^= 1
    file.write_bytes(content)
    refused = command("verify", str(file), database=elsewhere)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "readings/" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("99", "-o", "x.zip"), "there is no lead 99"),
        (("seven", "-o", "x.zip"), "give a lead's number"),
        (("7",), "name the file to write"),
        (("verify",), "name the package"),
        (("verify", "nowhere.zip"), "cannot be read"),
    ],
)
def test_a_mistake_is_one_clear_line(
    command: Any, database: Database, arguments: tuple[str, ...], said: str
) -> None:
    refused = command(*arguments)
    assert refused.returncode != 0
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
