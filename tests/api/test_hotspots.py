"""Hotspots over vehicles and days, asked of the API and printed as a patrol list."""

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from alerts.hotspots import busiest_hours
from alerts.hotspots_command import hotspots
from tests.builders import NOON, alert, district, minutes
from tests.small_district import place


def event(
    database: Connection[Any], kind: str, east_m: float, n: int, *, at: timedelta = timedelta(), **more: Any
) -> int:
    lat, lon = place(east_m, 800)
    return alert(
        database, kind=kind, lat=lat, lon=lon, device_id=f"V{n}", plate=f"鲁A0000{n}", place=f"@{n}{at}",
        opened_at=NOON + at, **more,
    )  # fmt: skip


def pile(database: Connection[Any]) -> None:
    """Four trucks on three nights at one place, and five stops at another."""
    for n in range(4):
        event(database, "illegal_dumping", 2000 + 40 * n, n % 3, at=timedelta(days=n, hours=11))
    for n in range(5):
        event(database, "loaded_stop", 5000, n, at=minutes(n))
    event(database, "illegal_dumping", 9000, 9)


def test_hotspots_are_ranked_by_what_is_suspected_and_name_who_was_there(
    viewer: TestClient, database: Connection[Any]
) -> None:
    pile(database)

    first, second = viewer.get("/hotspots").json()["items"]

    assert (first["dumpings"], first["stops"], first["weight"], first["rank"]) == (4, 0, 12, 1)
    assert first["vehicles"] == {"鲁A00000": 2, "鲁A00001": 1, "鲁A00002": 1}
    assert first["days"] == ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"]
    assert (first["hours"], first["patrol_hours"]) == ({"23": 4}, ["21:00", "00:00"])
    assert (first["lat"], first["lon"]) == pytest.approx(place(2060, 800), abs=1e-5)
    assert first["radius_m"] == pytest.approx(60, abs=1)
    assert first["jurisdiction"] == "370114001"
    assert (second["dumpings"], second["stops"], len(second["vehicles"])) == (0, 5, 5)


def test_what_was_dismissed_or_withdrawn_or_lies_outside_the_time_makes_no_hotspot(
    viewer: TestClient, database: Connection[Any]
) -> None:
    pile(database)
    database.execute("UPDATE alert SET state = 'dismissed' WHERE kind = 'loaded_stop'")

    assert [spot["dumpings"] for spot in viewer.get("/hotspots").json()["items"]] == [4]
    assert viewer.get("/hotspots?from=2026-11-25T00:00:00Z").json()["items"] == []
    assert viewer.get("/hotspots?to=2026-11-24T12:00:00Z").json()["items"] == []


def test_the_patrol_list_is_printed(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database_url) as connection:
        district(connection)
        pile(connection)
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", database_url)

    hotspots("2026-11-20T00:00:00Z", "2026-11-30T00:00:00Z")
    page = capsys.readouterr().out.splitlines()
    hotspots("2026-11-20T00:00:00Z", "2026-11-30T00:00:00Z", json_=True)

    assert "4 dumpings, 0 stops, 3 vehicles, 4 days  21–00 h  鲁A00000 2×" in page[0]
    assert page[-1] == "2 hotspots"
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_the_busiest_hours_go_over_midnight() -> None:
    assert busiest_hours({23: 5, 0: 4, 1: 3, 12: 6}) == (23, 2)
