"""What was judged stands when the readings it was judged by are no longer kept."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from alerts.retention import prune
from devices.repository import store_registry
from ingest.broker.arrivals import Delivery
from runtime.instants import instant
from tests.ingest.test_pipeline import A_BAD_HAUL, A_BAD_LUNCH, NOW_US, of, pipeline, standing_alerts, stored
from tests.small_district import registry

KEPT = timedelta(days=400)
LATER_S = int(timedelta(days=500).total_seconds())


@pytest.fixture
def connection(any_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(any_database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(trucks=1, kitchens=1), actor="test", note="")
        yield connection


def later(kind: str, device_id: str, readings: list[dict[str, Any]]) -> Delivery:
    """The same so much later."""
    sent = of(kind, device_id, [{**reading, "ts": reading["ts"] + LATER_S} for reading in readings])
    return replace(sent, received_us=NOW_US + LATER_S * 1_000_000)


def rebuild(connection: psycopg.Connection) -> None:
    """As after an update that changes the engine's state."""
    connection.execute("UPDATE engine_state SET layout = layout - 1, state = '\\x0102'")
    connection.execute("UPDATE engine_checkpoint SET layout = layout - 1")


def everything(connection: psycopg.Connection) -> list[Any]:
    trips = connection.execute("SELECT device_id, loaded_at, outcome FROM trip ORDER BY 1, 2").fetchall()
    return [standing_alerts(connection, "V0"), standing_alerts(connection, "F0"), trips]


def test_devices_that_are_judged_anew_keep_the_alerts_of_readings_that_are_gone(
    connection: psycopg.Connection,
) -> None:
    line = pipeline()
    line.process(connection, [of("vehicle", "V0", A_BAD_HAUL), of("fume", "F0", A_BAD_LUNCH)])
    alerts_v, alerts_f, trips = before = everything(connection)
    assert alerts_v
    assert alerts_f
    assert trips

    for _ in range(3):  # with TimescaleDB a day at a time; there are two
        prune(connection, instant(NOW_US) + KEPT + timedelta(days=2), kept=KEPT, events_kept=KEPT)
    assert stored(connection, "fume_reading", "F0") == []
    assert stored(connection, "vehicle_position", "V0"), "its dumping is a lead"
    rebuild(connection)
    # Of a year and more later, and quiet: they tell of nothing.
    pipeline().process(
        connection, [later("vehicle", "V0", A_BAD_HAUL[:1]), later("fume", "F0", A_BAD_LUNCH[:1])]
    )

    assert everything(connection) == before


def test_a_late_reading_that_is_young_enough_is_judged_from_the_checkpoint_that_was_kept(
    connection: psycopg.Connection,
) -> None:
    middle = len(A_BAD_HAUL) // 2
    line = pipeline()
    line.process(connection, [of("vehicle", "V0", A_BAD_HAUL)])
    expected = [standing_alerts(connection, "V0")]
    rest = [later("vehicle", "V0", [reading]) for reading in A_BAD_HAUL]
    pipeline().process(connection, rest)
    expected.append(standing_alerts(connection, "V0"))
    taken_out = instant((A_BAD_HAUL[middle]["ts"] + LATER_S) * 1_000_000)
    connection.execute("DELETE FROM vehicle_position WHERE ts = %s", (taken_out,))

    prune(connection, instant(NOW_US) + KEPT + timedelta(days=2), kept=KEPT, events_kept=KEPT)
    pipeline().process(connection, [rest[middle]])

    assert standing_alerts(connection, "V0") == expected[1] != expected[0]
