"""What waits for silence: told by the clock or by the next reading, it comes to the same."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.repository import store_registry
from ingest.pipeline import Pipeline
from ingest.receiver import Delivery
from tests.ingest.test_pipeline import BEGIN_S, arrivals, drive, of, pipeline, standing_alerts
from tests.small_district import registry

TRUCKS = 90
HOUR_S = 3600
END_S = BEGIN_S + 40 * HOUR_S
NOW_US = (END_S + HOUR_S) * 1_000_000

LOADED = drive([(0, 0, 0, 0.0), (120, 0, 0, 0.9), (240, 0, 0, 0.9), (420, 2000, 0, 0.9)])
"""Out of the pit, and at 40 km/h along the road."""
A_SILENT_HAUL = [
    *LOADED,
    *drive([(900, 3000, 0, 0.9), (960, 3300, 0, 0.9)]),  # after eight silent minutes
    {**LOADED[-1], "ts": BEGIN_S + 1000, "fix": False},
    *drive([(1250, 3600, 0, 0.9), (1300, 3700, 0, 0.9), (1310, 3700, 0, 0.9)]),  # four minutes are no silence
    {**LOADED[-1], "ts": BEGIN_S + 5 * HOUR_S, "speed_kmh": 0.0},  # undelivered for four hours
    *drive([(6 * HOUR_S, 5900, 0, 0.9), (6 * HOUR_S + 60, 6000, 0, 0.9), (6 * HOUR_S + 120, 6000, 0, 0.0)]),
    *drive(
        [(31 * HOUR_S, 0, 0, 0.0), (31 * HOUR_S + 120, 0, 0, 0.9), (31 * HOUR_S + 420, 3000, 0, 0.9)]
    ),  # a day later
]


def sent(device_id: str, readings: list[dict[str, Any]]) -> Delivery:
    return replace(of("vehicle", device_id, readings), received_us=NOW_US)


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(trucks=TRUCKS), actor="test", note="")
        yield connection


@pytest.fixture(scope="module")
def witnesses(connection: psycopg.Connection) -> None:
    """Three trucks far ahead: the stream clock is the wall clock, whatever a test says it is."""
    pipeline().process(
        connection,
        [sent(f"V{TRUCKS - n}", [{**LOADED[0], "ts": END_S}]) for n in (1, 2, 3)],
    )


def tick(line: Pipeline, connection: psycopg.Connection, at_s: float) -> None:
    line.tick(connection, round(at_s * 1_000_000))


@pytest.fixture(scope="module")
def undisturbed(connection: psycopg.Connection, witnesses: None) -> list[tuple[Any, ...]]:
    """One reading after the other, and the clock at the end."""
    line = pipeline()
    for reading in A_SILENT_HAUL:
        line.process(connection, [sent("V0", [reading])])
    tick(line, connection, END_S)
    return standing_alerts(connection, "V0")


def told(rows: list[tuple[Any, ...]]) -> list[tuple[str, str, float, float, float | None]]:
    """Kind, state, and the hours (as minutes) at which it began, opened and cleared."""

    def at(moment: Any) -> float | None:
        return None if moment is None else round((moment.timestamp() - BEGIN_S) / 60, 1)

    return [(row[0], row[3], at(row[5]), at(row[6]), at(row[8])) for row in rows]  # type: ignore[misc]


def test_the_silent_haul_is_told_for_what_it_is(undisturbed: list[tuple[Any, ...]]) -> None:
    assert told(undisturbed) == [
        ("device_offline", "cleared", 361.7, 1801.7, 1860.0),
        ("signal_loss", "cleared", 6.7, 11.7, 15.0),
        ("signal_loss", "open", 1866.7, 1871.7, None),
        ("undelivered_load", "cleared", 4.3, 244.3, 360.0),
        ("undelivered_load", "open", 1862.3, 2102.3, None),
    ]  # fmt: skip


_next_device = itertools.count(1)


@given(batches=arrivals(A_SILENT_HAUL), data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_alerts_do_not_depend_on_when_the_clock_is_asked(
    connection: psycopg.Connection,
    undisturbed: list[tuple[Any, ...]],
    batches: list[list[list[dict[str, Any]]]],
    data: st.DataObject,
) -> None:
    device_id = f"V{1 + next(_next_device) % (TRUCKS - 10)}"
    connection.execute("UPDATE engine_clock SET heard = NULL")
    line = pipeline()
    for messages in batches:
        line.process(connection, [sent(device_id, readings) for readings in messages])
        for at_s in data.draw(st.lists(st.integers(BEGIN_S, END_S), max_size=2)):
            tick(line, connection, at_s)
    tick(line, connection, END_S)

    assert standing_alerts(connection, device_id) == undisturbed
