"""Findings kept by device and day: by the clerk once the day is over, and again when asked."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest

from alerts.findings import AT_ONCE, LinesKept, advance, found, look_at
from devices.channels import decoders
from devices.repository import load_registry
from devices.terminals import Terminals
from tests import builders

ZONE = ZoneInfo("Asia/Shanghai")
READ = decoders(Terminals())
DAY = date(2026, 11, 23)
MORNING = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)  # its midnight in Shanghai


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        with connection.transaction():
            builders.district(connection, trucks=AT_ONCE + 2)
        yield connection


def frozen_for_twenty_minutes(connection: psycopg.Connection, device_id: str, begin: datetime) -> None:
    for n in range(21):
        at = begin + timedelta(minutes=n)
        builders.position(connection, at, device_id=device_id, odometer_km=n * 0.5, speed_kmh=30)


def test_a_day_is_looked_at_once_it_is_over_by_some_hours_and_in_local_time(
    connection: psycopg.Connection,
) -> None:
    frozen_for_twenty_minutes(connection, "V0", MORNING)
    frozen_for_twenty_minutes(connection, "V1", MORNING - timedelta(minutes=21))  # the day before
    last = f"V{AT_ONCE + 1}"
    frozen_for_twenty_minutes(connection, last, MORNING + timedelta(hours=23))
    lines = LinesKept()

    def look(now: datetime) -> bool:
        return advance(connection, now, zone=ZONE, lines=lines, decoders=READ)

    soon = MORNING + timedelta(days=1, hours=2)
    while look(soon):
        pass
    assert [row[:3] for row in found(connection, DAY, DAY, None)] == []

    later = MORNING + timedelta(days=1, hours=3)
    assert look(later)
    assert look(later)
    assert not look(later)
    assert [row[:3] for row in found(connection, DAY, DAY, None)] == [
        ("V0", DAY, "frozen"),
        (last, DAY, "frozen"),
    ]


def test_looked_at_again_a_day_says_what_it_says_now(connection: psycopg.Connection) -> None:
    frozen_for_twenty_minutes(connection, "V0", MORNING)
    device = load_registry(connection).devices["V0"]
    lines = LinesKept().of(load_registry(connection))

    for _ in range(2):
        (finding,) = look_at(connection, device, DAY, zone=ZONE, lines=lines, decoders=READ)
        assert [row[2:] for row in found(connection, DAY, DAY, ["V0"])] == [(finding.code, finding.detail)]

    connection.execute("UPDATE vehicle_position SET lat = lat + extract(minute FROM ts) / 1e3")
    assert look_at(connection, device, DAY, zone=ZONE, lines=lines, decoders=READ) == []
    assert found(connection, DAY, DAY, None) == []


def test_a_clock_ahead_is_read_out_of_what_was_refused(connection: psycopg.Connection) -> None:
    for n in range(20):
        at = MORNING + timedelta(minutes=n)
        payload = b'{"ts":%d,"lat":36.7,"lon":117.5}' % (at.timestamp() + 8 * 3600)
        builders.insert(
            connection, "quarantine", received_at=at, topic="ff/v1/vehicle/V0/telemetry", payload=payload,
            reason="future_time", device_id="V0",
        )  # fmt: skip
    device = load_registry(connection).devices["V0"]

    (finding,) = look_at(
        connection, device, DAY, zone=ZONE, lines=LinesKept().of(load_registry(connection)), decoders=READ
    )

    assert (finding.code, finding.detail["like"], finding.detail["offset_s"]) == (
        "clock_offset",
        "time_zone",
        28800,
    )
