"""Trips, permits' volumes and passages, as the API tells them."""

from typing import Any

import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from tests.builders import NOON, insert, minutes


@pytest.fixture(autouse=True)
def trips(database: Connection[Any]) -> None:
    with database.transaction():
        database.execute("SELECT set_config('fleetfume.registry_version', '1', true)")
        database.execute("UPDATE permit SET volume_m3 = 100")
    for n, (outcome, volume) in enumerate(
        [("delivered", 19.0), ("delivered", None), ("dumped", 19.0), ("under_way", None)]
    ):
        at = NOON + minutes(60 * n)
        insert(
            database, "trip",
            device_id="V0", plate=f"鲁A0000{n % 2}", company_id="C1", loaded_at=at, source_site_id="PIT", permit_id="P1",
            left_at=at + minutes(5), left_lat=36.7, left_lon=117.5, outcome=outcome, distance_m=8000.0,
            on_route_m=6000.0, volume_m3=volume, unloaded_site_id="TIP" if outcome == "delivered" else None,
        )  # fmt: skip
        insert(database, "road_passage", device_id="V0", ts=at, road_id="K1", loaded_at=at)
    insert(
        database, "road_passage", device_id="V1", ts=NOON + minutes(59), road_id="K1", loaded_at=NOON, inferred=True
    )  # fmt: skip


def items(client: TestClient, path: str) -> list[dict[str, Any]]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_trips_come_newest_first_and_by_plate_time_and_outcome(viewer: TestClient) -> None:
    assert [trip["outcome"] for trip in items(viewer, "/trips")] == [
        "under_way",
        "dumped",
        "delivered",
        "delivered",
    ]
    assert len(items(viewer, "/trips?plate=鲁A00001")) == 2
    assert len(items(viewer, "/trips?outcome=dumped&outcome=under_way")) == 2
    (one,) = items(viewer, "/trips?from=2026-11-23T04:00:00Z&to=2026-11-23T05:00:00Z")
    assert one["loaded_at"] == "2026-11-23T04:00:00Z"
    assert (one["source_site_name"], one["unloaded_site_name"], one["on_route_share"]) == (
        "示例工地",
        "示例消纳场",
        0.75,
    )


def test_trips_are_paged(viewer: TestClient) -> None:
    first = viewer.get("/trips?limit=3").json()
    second = viewer.get("/trips", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [len(first["items"]), len(second["items"]), second["next_cursor"]] == [3, 1, None]


def test_a_permits_volume_is_what_was_delivered_against_what_was_approved(viewer: TestClient) -> None:
    (permit,) = items(viewer, "/stats/permits")
    assert (permit["loads"], permit["delivered"], permit["dumped"], permit["unmeasured"]) == (4, 2, 1, 1)
    assert (permit["delivered_m3"], permit["approved_m3"], permit["share"]) == (19, 100, 0.19)


def test_passages_are_counted_by_road_and_local_hour(viewer: TestClient) -> None:
    counted = items(viewer, "/stats/passages")
    assert [(row["hour"], row["passages"], row["inferred"], row["vehicles"]) for row in counted] == [
        ("2026-11-23T04:00:00Z", 2, 1, 2),
        ("2026-11-23T05:00:00Z", 1, 0, 1),
        ("2026-11-23T06:00:00Z", 1, 0, 1),
        ("2026-11-23T07:00:00Z", 1, 0, 1),
    ]
    assert len(items(viewer, "/stats/passages?from=2026-11-23T05:00:00Z&road_id=K1")) == 3
    assert items(viewer, "/stats/passages?road_id=K2") == []
