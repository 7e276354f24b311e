"""The main job, end to end: a truck publishes, an officer sees the alert and the lead it opened."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from websockets.sync.client import ClientConnection, connect

from devices.repository import store_registry
from tests.parts.mosquitto import Mosquitto
from tests.service.running import (
    HANG_S,
    PASSWORD,
    Service,
    environment,
    fleetfume,
    publisher,
    serving,
    sign_in,
    wait_until,
)
from tests.small_district import place, registry


@pytest.fixture
def service(database_url: str, broker: Mosquitto, tmp_path: Path) -> Iterator[Service]:
    env = environment(tmp_path, database_url=database_url, mqtt_url=broker.url)
    fleetfume("user", "add", "wang", "--role", "duty", "--password-stdin", env=env, stdin=PASSWORD + "\n")
    with psycopg.connect(database_url) as connection:
        store_registry(connection, registry(trucks=3), actor="test", note="")
    with serving(env=env, directory=tmp_path) as service:
        yield service


def stream(service: Service, officer: httpx2.Client, last_event_id: int | None = None) -> ClientConnection:
    query = "" if last_event_id is None else f"?last_event_id={last_event_id}"
    return connect(
        f"ws://127.0.0.1:{service.port}/api/v1/stream{query}",
        additional_headers={"Authorization": officer.headers["Authorization"]},
    )


def next_event(events: ClientConnection, of_type: str) -> dict[str, Any]:
    while True:
        event: dict[str, Any] = json.loads(events.recv(timeout=HANG_S))
        if event["type"] == of_type:
            return event


def a_tipping(now_s: float) -> list[dict[str, Any]]:
    """Loaded in the pit, driven into the fields, tipped there: the last fix completes the behaviour."""
    fixes = []
    for seconds, east_m, north_m, load, lift in [
        (-300, 0, 0, 0.0, False), (-240, 0, 0, 0.9, False), (-180, 1000, 0, 0.9, False), (-120, 2000, 0, 0.9, False),
        (-60, 2000, 800, 0.9, False), (-30, 2000, 800, 0.9, True), (0, 2000, 800, 0.1, True),
    ]:  # fmt: skip
        lat, lon = place(east_m, north_m)
        fixes.append(
            {
                "ts": now_s + seconds,
                "lat": lat,
                "lon": lon,
                "speed_kmh": 0.0,
                "load": load,
                "lift": lift,
                "fix": True,
            }
        )
    return fixes


def positions(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        return len(connection.execute("SELECT FROM vehicle_position").fetchall())


def test_a_tipping_reaches_the_officer_with_its_reasons_and_its_lead(
    service: Service, broker: Mosquitto, database_url: str
) -> None:
    *before, last = a_tipping(time.time())

    with (
        sign_in(service, "wang") as officer,
        stream(service, officer) as events,
        publisher(broker.url) as publish,
    ):
        publish("ff/v1/vehicle/V0/telemetry", {"batch": before})
        wait_until(lambda: positions(database_url) == len(before))
        published = time.monotonic()
        publish("ff/v1/vehicle/V0/telemetry", last)
        opened = next_event(events, "alert.opened")
        took_s = time.monotonic() - published

        assert opened["alert"]["kind"] == "illegal_dumping"
        assert took_s < 1.0
        alert = officer.get(f"/alerts/{opened['alert']['id']}").json()
        assert (alert["severity"], alert["plate"], alert["state"]) == ("critical", "鲁A00000", "open")
        assert "鲁A00000" in alert["summary"]
        assert alert["evidence"]["fixes"]
        assert alert["evidence"]["rule"]["thresholds"]
        lead = officer.get(f"/leads/{alert['lead_id']}").json()
        assert (lead["state"], lead["alerts"]) == ("new", [alert["id"]])
        journal = officer.get(f"/leads/{lead['id']}/journal").json()["items"]
        assert [entry["action"] for entry in journal] == ["opened"]


def test_the_stream_resumes_where_it_was_left(service: Service, broker: Mosquitto) -> None:
    with sign_in(service, "wang") as officer:
        with stream(service, officer) as events, publisher(broker.url) as publish:
            publish("ff/v1/vehicle/V1/telemetry", {"batch": a_tipping(time.time())})
            seen = next_event(events, "alert.opened")

        with publisher(broker.url) as publish:
            publish("ff/v1/vehicle/V2/telemetry", {"batch": a_tipping(time.time())})
        wait_until(lambda: len(officer.get("/alerts", params={"device_id": "V2"}).json()["items"]) > 0)

        with stream(service, officer, last_event_id=seen["id"]) as events:
            missed = next_event(events, "alert.opened")
    assert missed["alert"]["plate"] == "鲁A00002"
    assert missed["id"] > seen["id"]


def test_a_silence_reaches_the_officer_though_nothing_comes(service: Service, broker: Mosquitto) -> None:
    """Five minutes after its last fix, at 40 km/h with a load: another truck is live, so it is the wall clock's time."""
    now_s = time.time()
    fixes = []
    for seconds, east_m, load in [(-480, 0, 0.0), (-420, 0, 0.9), (-360, 800, 0.9), (-296, 1500, 0.9)]:
        lat, lon = place(east_m, 0)
        fixes.append(
            {"ts": now_s + seconds, "lat": lat, "lon": lon, "speed_kmh": 40.0, "load": load, "fix": True}
        )

    with (
        sign_in(service, "wang") as officer,
        stream(service, officer) as events,
        publisher(broker.url) as publish,
    ):
        publish("ff/v1/vehicle/V0/telemetry", {"batch": fixes})
        publish("ff/v1/vehicle/V1/telemetry", {**fixes[0], "ts": now_s})
        opened = next_event(events, "alert.opened")
        late_s = time.time() - (now_s - 296 + 300)

        assert (opened["alert"]["kind"], opened["alert"]["plate"]) == ("signal_loss", "鲁A00000")
        assert late_s < 2.0
        publish("ff/v1/vehicle/V0/telemetry", {**fixes[-1], "ts": time.time(), "speed_kmh": 0.0})
        assert next_event(events, "alert.cleared")["alert"]["id"] == opened["alert"]["id"]
