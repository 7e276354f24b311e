"""A collector whose clock is slow takes live readings for what they are, and says that its clock is wrong."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import structlog
from prometheus_client import REGISTRY

from devices.repository import store_registry
from ingest import wallclock
from ingest.broker.arrivals import Delivery
from ingest.wallclock import ClockWatch, later_now_us
from tests.ingest.test_collecting import collected
from tests.ingest.test_events import event
from tests.ingest.test_pipeline import pipeline
from tests.small_district import place, registry

HALF_AN_HOUR_S = 1800


@pytest.fixture
def connection(database_url: str) -> Any:
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(trucks=1), actor="test", note="")
        yield connection


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Have this machine's clock be so many seconds ahead."""
    true_ns = time.time_ns

    def set_clock(ahead_s: float) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: true_ns() + int(ahead_s * 1e9))

    return set_clock


def live(ahead_s: float = 0, *, at: float) -> Delivery:
    """A reading of a truck whose clock is right but for `ahead_s`, dated by ours."""
    lat, lon = place(0, 0)
    payload = json.dumps({"ts": at + ahead_s, "lat": lat, "lon": lon}).encode()
    return Delivery("ff/v1/vehicle/V0/telemetry", payload, time.time_ns() // 1000, 1, 1)


def counts(connection: psycopg.Connection) -> tuple[int, list[str]]:
    ((stored,),) = connection.execute("SELECT count(*) FROM vehicle_position").fetchall()
    return stored, [row[0] for row in connection.execute("SELECT reason FROM quarantine").fetchall()]


@pytest.mark.parametrize("slow_s", [0, HALF_AN_HOUR_S, 400 * 86_400])
def test_a_slow_clock_takes_live_readings_in_and_refuses_those_that_are_ahead_in_earnest(
    connection: psycopg.Connection, set_clock: Callable[[float], None], slow_s: float
) -> None:
    now = time.time()
    set_clock(-slow_s)

    pipeline().process(connection, [live(at=now), live(590, at=now), live(700, at=now)])

    assert counts(connection) == (2, ["future_time"])


def test_a_fast_clock_refuses_nothing_and_waves_nothing_through(
    connection: psycopg.Connection, set_clock: Callable[[float], None]
) -> None:
    now = time.time()
    set_clock(HALF_AN_HOUR_S)

    pipeline().process(connection, [live(at=now)])

    assert counts(connection) == (1, [])
    assert later_now_us(connection) == 0


def test_a_camera_is_believed_beside_a_slow_clock_as_trucks_are(
    connection: psycopg.Connection, set_clock: Callable[[float], None]
) -> None:
    now = datetime.now(UTC)
    set_clock(-HALF_AN_HOUR_S)
    received_us = time.time_ns() // 1000

    for n, at in enumerate((now, now + timedelta(minutes=11))):
        sent = event(event_id=f"e{n}", at=at.isoformat())
        pipeline().process(connection, [replace(sent, received_us=received_us)])

    assert counts(connection)[1] == ["future_time"]


def test_the_clock_is_said_to_be_wrong_once_and_to_be_right_again_once(
    connection: psycopg.Connection, set_clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallclock, "LOOK_EVERY_S", 0)
    watch = ClockWatch()
    with structlog.testing.capture_logs() as said:
        for ahead_s in (0, -HALF_AN_HOUR_S, -HALF_AN_HOUR_S, 0, 0, HALF_AN_HOUR_S):
            set_clock(ahead_s)
            watch.look(connection)

    assert [(line["log_level"], round(line.get("ahead_s", 0))) for line in said] == [
        ("warning", -HALF_AN_HOUR_S), ("info", 0), ("warning", HALF_AN_HOUR_S),
    ]  # fmt: skip
    assert round(REGISTRY.get_sample_value("fleetfume_clock_ahead_seconds") or 0) == HALF_AN_HOUR_S


def test_a_collector_looks_at_its_clock(database_url: str, set_clock: Callable[[float], None]) -> None:
    now = time.time()
    set_clock(-HALF_AN_HOUR_S)

    with structlog.testing.capture_logs() as said:
        collected(database_url, [live(at=now)])

    assert "clock differs from the database's, readings are dated wrongly" in [line["event"] for line in said]
