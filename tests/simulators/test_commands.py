import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from runtime.errors import UserError
from simulators.commands import score, simulate
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import empty_database

LINE = (
    '{"kind":"off_route","device_id":"V1","started_at":"2026-11-23T04:00:00Z","ended_at":"2026-11-23T04:10:00Z",'
    '"lat":36.7,"lon":117.5,"note":""}\n'
)


def add_alert(connection: psycopg.Connection, state: str, minute: int) -> None:
    connection.execute(
        """INSERT INTO alert (kind, severity, score, state, device_id, place, started_at, opened_at, updated_at, lat, lon,
                              evidence, rule_version, registry_version)
           VALUES ('off_route', 'minor', 0.5, %s, 'V1', %s, %s, %s, %s, 36.7, 117.5, '{}', '1', 1)""",
        (state, f"{minute}", *[datetime(2026, 11, 23, 4, minute, tzinfo=UTC)] * 3),
    )


def test_score_counts_alerts_but_not_dismissed_and_withdrawn_ones(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database_url) as connection:
        for minute, state in enumerate(("withdrawn", "cleared", "dismissed")):
            add_alert(connection, state, minute)
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", database_url)
    (tmp_path / "truth.ndjson").write_text(LINE)
    score(tmp_path / "truth.ndjson", json_=True)
    off_route = json.loads(capsys.readouterr().out)["kinds"]["off_route"]
    assert (off_route["truths"], off_route["alerts"], off_route["matched"]) == (1, 1, 1)
    assert off_route["latency_p50_s"] == 60


def test_a_score_against_a_database_without_a_schema_says_what_to_do(
    timescaledb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "truth.ndjson").write_text(LINE)
    with empty_database(timescaledb) as url:
        monkeypatch.setenv("FLEETFUME_DATABASE_URL", url)
        with pytest.raises(UserError, match="fleetfume db migrate"):
            score(tmp_path / "truth.ndjson")


def test_a_truth_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "truth.ndjson").write_text(LINE + "{}\n")
    with pytest.raises(UserError, match="line 2"):
        score(tmp_path / "truth.ndjson")


def test_simulate_plays_the_past_at_speed_and_ends(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEETFUME_MQTT_URL", broker.url)
    simulate("quiet", start="2026-11-23T00:00:00Z", duration="10m", speed=600)
    given, acknowledged = capsys.readouterr().out.split(" readings of 1345 devices in ")
    assert int(given) > 659 * 9
    assert f", {given} acknowledged" in acknowledged


def test_the_cleanings_are_written_for_the_service_to_record(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FLEETFUME_MQTT_URL", broker.url)
    book = tmp_path / "cleanings.csv"
    simulate("ageing", start="2025-11-23T00:00:00Z", duration="1m", speed=600, cleanings=book)

    rows = book.read_text("utf-8").splitlines()
    assert (rows[0], len(rows)) == ("record,outlet_id,cleaned_on,done_by,note", 660)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"scenario": "clean", "cleanings": Path("book.csv")}, "--cleanings"),
        ({"scenario": "ageing", "cleanings": Path("nowhere/book.csv")}, "nowhere"),
        ({"scenario": "unknown"}, "unknown"),
        ({"scenario": "demo", "start": "yesterday"}, "--start"),
        ({"scenario": "demo", "start": "2999-01-01T00:00:00Z"}, "future"),
        ({"scenario": "demo", "duration": "6"}, "--duration"),
        ({"scenario": "demo", "speed": 0}, "--speed"),
        ({"scenario": "demo", "jt808": 1.5}, "--jt808"),
        ({"scenario": "demo", "hj212": -0.1}, "--hj212"),
        ({"scenario": "demo", "start": "2026-11-23T00:00:00Z", "catch_up": "6h"}, "--catch-up"),
    ],
)
def test_a_mistake_is_named(options: dict[str, object], names: str) -> None:
    with pytest.raises(UserError, match=names):
        simulate(**options)  # type: ignore[arg-type]
