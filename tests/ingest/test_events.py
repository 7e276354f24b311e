"""Cameras' events over MQTT: taken once, beside readings, and quarantined where they cannot be read."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from devices.repository import store_registry
from ingest.broker.arrivals import Delivery
from tests.ingest.test_pipeline import A_BAD_HAUL, BEGIN_S, NOW_US, of, pipeline
from tests.small_district import place, registry


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(), actor="test", note="")
        yield connection


def event(camera: str = "CAM-7", payload: bytes | None = None, **fields: Any) -> Delivery:
    lat, lon = place(3000, -1900)
    at = datetime.fromtimestamp(BEGIN_S + 690, UTC).isoformat()
    said = {
        "event_id": "e1",
        "at": at,
        "lat": lat,
        "lon": lon,
        "kind": "渣土车倾倒",
        "link": "https://cam/1.jpg",
        **fields,
    }
    body = json.dumps({name: value for name, value in said.items() if value is not None}).encode()
    return Delivery(f"ff/v1/camera/{camera}/event", payload if payload is not None else body, NOW_US, 1, 1)


def test_a_cameras_event_is_an_alert_with_the_trucks_that_were_near(connection: psycopg.Connection) -> None:
    line = pipeline()
    line.process(connection, [of("vehicle", "V0", A_BAD_HAUL), event()])
    line.process(connection, [event(), event(event_id="e2", lat=30.0)])

    alerts = connection.execute(
        "SELECT device_id, jurisdiction, lead_id, evidence FROM alert WHERE kind = 'camera_event' ORDER BY id"
    ).fetchall()
    assert [row[:3] for row in alerts] == [("camera:CAM-7", "370114001", None), ("camera:CAM-7", None, None)]
    (near,) = alerts[0][3]["near"]
    assert (near["plate"], near["named"]) == ("鲁A00000", False)
    assert near["from_place_m"] < 1
    assert alerts[1][3]["near"] == []
    assert connection.execute(
        "SELECT count(*) FROM outbox WHERE body ->> 'kind' = 'camera_event'"
    ).fetchone() == (2,)
    assert connection.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)


@pytest.mark.parametrize(
    ("delivery", "reason"),
    [
        (event(payload=b"{"), "not_json"),
        (event(payload=b"\xff"), "not_json"),
        (event(at=None), "missing_field"),
        (event(at="2026-11-23T04:00:00"), "wrong_type"),
        (event(lat=91.0), "wrong_type"),
        (event(colour="red"), "wrong_type"),
        (event(at="2099-01-01T00:00:00Z"), "future_time"),
        (event(payload=b" " * 300_000), "too_large"),
        (event("a/b"), "bad_device_id"),
    ],
)
def test_what_cannot_be_read_is_quarantined_and_stops_nothing(
    connection: psycopg.Connection, delivery: Delivery, reason: str
) -> None:
    pipeline().process(connection, [delivery, of("vehicle", "V0", A_BAD_HAUL[:3]), event(event_id="good")])
    assert connection.execute("SELECT reason, topic FROM quarantine").fetchall() == [(reason, delivery.topic)]
    assert connection.execute("SELECT count(*) FROM alert").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM vehicle_position").fetchone() == (3,)
