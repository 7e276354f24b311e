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
from ingest.broker.arrivals import Delivery
from ingest.pipeline import Pipeline
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


def test_a_tick_leaves_those_alone_whom_nobody_judges(
    connection: psycopg.Connection, witnesses: None
) -> None:
    """A device that left the register while it was silent: its row is not asked again each second."""
    line, device_id = pipeline(), f"V{TRUCKS - 4}"
    line.process(connection, [sent(device_id, LOADED)])
    gone = registry(trucks=TRUCKS)
    without = {key: device for key, device in gone.devices.items() if key != device_id}
    with connection.transaction():
        store_registry(connection, replace(gone, devices=without), actor="test", note="")
    tick(line, connection, END_S)
    ((due,),) = connection.execute(
        "SELECT due FROM engine_state WHERE device_id = %s", (device_id,)
    ).fetchall()
    with connection.transaction():
        store_registry(connection, gone, actor="test", note="")

    assert due is None
    assert standing_alerts(connection, device_id) == []


def test_a_state_of_an_older_layout_is_judged_again_when_its_time_comes(
    connection: psycopg.Connection, undisturbed: list[tuple[Any, ...]]
) -> None:
    """As after an update of the program: what the bytes meant is forgotten, not guessed."""
    device_id = f"V{TRUCKS - 5}"
    connection.execute("UPDATE engine_clock SET heard = NULL")
    pipeline().process(connection, [sent(device_id, A_SILENT_HAUL)])
    connection.execute(
        "UPDATE engine_state SET layout = layout - 1, state = '\\x0102', due = last_ts WHERE device_id = %s",
        (device_id,),
    )
    connection.execute("UPDATE engine_checkpoint SET layout = layout - 1 WHERE device_id = %s", (device_id,))
    tick(pipeline(), connection, END_S)

    assert standing_alerts(connection, device_id) == undisturbed


def test_a_state_of_an_older_layout_is_judged_again_at_the_next_reading(
    connection: psycopg.Connection, undisturbed: list[tuple[Any, ...]]
) -> None:
    device_id, middle = f"V{TRUCKS - 6}", len(A_SILENT_HAUL) // 2
    connection.execute("UPDATE engine_clock SET heard = NULL")
    pipeline().process(connection, [sent(device_id, A_SILENT_HAUL[:middle])])
    connection.execute(
        "UPDATE engine_state SET layout = layout - 1, state = '\\x0102' WHERE device_id = %s", (device_id,)
    )
    connection.execute("UPDATE engine_checkpoint SET layout = layout - 1 WHERE device_id = %s", (device_id,))
    line = pipeline()
    line.process(connection, [sent(device_id, A_SILENT_HAUL[middle:])])
    tick(line, connection, END_S)

    assert standing_alerts(connection, device_id) == undisturbed


def test_two_collectors_that_tick_at_once_tell_it_once(
    connection: psycopg.Connection, witnesses: None
) -> None:
    device_id = f"V{TRUCKS - 7}"
    lines = [pipeline(), pipeline()]
    lines[0].process(connection, [sent(device_id, LOADED)])
    for line in lines:
        tick(line, connection, BEGIN_S + HOUR_S)
    lines[1].process(
        connection, [sent(device_id, [{**LOADED[-1], "ts": BEGIN_S + 2 * HOUR_S, "speed_kmh": 0}])]
    )
    lines[0].process(
        connection, [sent(device_id, [{**LOADED[-1], "ts": BEGIN_S + 2 * HOUR_S + 9, "speed_kmh": 0}])]
    )

    assert told(standing_alerts(connection, device_id)) == [("signal_loss", "cleared", 6.7, 11.7, 120.0)]


def test_readings_refused_for_their_time_tell_of_a_faulty_terminal(
    connection: psycopg.Connection, witnesses: None
) -> None:
    """Live fixes, and then the clock goes wrong; each in a batch of its own, and one late one that judges again."""
    now_s = NOW_US // 1_000_000
    for n, order in enumerate(("as they come", "judged again")):
        device_id, line = f"V{TRUCKS - 8 - n}", pipeline()
        for i in range(62):
            ts = now_s + 10 * i + (HOUR_S if i >= 52 else 0)
            if order == "judged again" and i == 30:
                continue
            one = of("vehicle", device_id, [{**LOADED[0], "ts": ts}])
            line.process(connection, [replace(one, received_us=(now_s + 10 * i) * 1_000_000)])
        if order == "judged again":
            late = of("vehicle", device_id, [{**LOADED[0], "ts": now_s + 300}])
            line.process(connection, [replace(late, received_us=(now_s + 620) * 1_000_000)])
        ((started, values),) = connection.execute(
            "SELECT started_at, evidence -> 'values' FROM alert WHERE device_id = %s AND kind = 'device_fault'",
            (device_id,),
        ).fetchall()
        assert (started.timestamp(), values["refused_readings"]) == (now_s + 520, 10), order


def test_a_device_of_which_everything_was_refused_is_kept_without_a_time(
    connection: psycopg.Connection, witnesses: None
) -> None:
    device_id = f"V{TRUCKS - 10}"
    future = of("vehicle", device_id, [{**LOADED[0], "ts": END_S + 9 * HOUR_S}])
    pipeline().process(connection, [replace(future, received_us=NOW_US)])

    assert connection.execute(
        "SELECT last_ts, due FROM engine_state WHERE device_id = %s", (device_id,)
    ).fetchall() == [(None, None)]
