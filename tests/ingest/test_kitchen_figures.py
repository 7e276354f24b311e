"""The figures by ten minutes and by day equal what the readings say, whatever the order of their arrival."""

import itertools
import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.catalogue import load_catalogue
from alerts.kitchens.figures import Counter
from devices.repository import raise_version, store_registry
from ingest.broker.arrivals import Delivery
from tests.ingest.test_pipeline import Reading, of, pipeline
from tests.small_district import registry

KITCHENS = 40
MORE = KITCHENS + 8
LIMIT = 1.5
ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2025, 11, 25, 15, 10, tzinfo=UTC)
"""Ten past eleven in the evening."""
NOW_US = int((BEGIN + timedelta(hours=3)).timestamp()) * 1_000_000
numbers = itertools.count()


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(kitchens=MORE), actor="test", note="")
        yield connection


def evening(seed: int) -> list[Reading]:
    """Two hours over midnight, with everything a reading can be."""
    dice = random.Random(seed)
    return [
        {
            "ts": (BEGIN + timedelta(minutes=n)).timestamp(),
            "fume_mg_m3": dice.choice([0.1, 0.7, 1.5, 1.6, 3.0, -0.5, 999.99]),
            "fan_on": dice.choice([True, True, False]),
            "purifier_on": dice.choice([True, False]),
        }
        for n in range(120)
        if dice.random() < 0.9
    ]


def sent_by(device_id: str, readings: list[Reading]) -> Delivery:
    return replace(of("fume", device_id, readings), received_us=NOW_US)


def figures_of(readings: list[Reading]) -> tuple[dict[datetime, tuple[Any, ...]], dict[Any, tuple[Any, ...]]]:
    """By hand."""
    pieces: dict[datetime, list[Reading]] = defaultdict(list)
    for one in sorted(readings, key=lambda reading: reading["ts"]):
        at = datetime.fromtimestamp(one["ts"], UTC)
        pieces[at - timedelta(minutes=at.minute % 10)].append(one)
    ten_minutes: dict[datetime, tuple[Any, ...]] = {}
    days: dict[Any, list[int]] = defaultdict(lambda: [0] * 5)
    for begin, piece in pieces.items():
        believed = [one for one in piece if 0 <= one["fume_mg_m3"] <= 100]
        cooking = [one["fume_mg_m3"] for one in believed if one["fan_on"]]
        both = sum(one["fan_on"] and one["purifier_on"] for one in believed)
        over = sum(fume > LIMIT for fume in cooking)
        ten_minutes[begin] = (
            len(piece), len(believed), len(cooking), pytest.approx(sum(cooking)), max(cooking, default=None), over, both,
        )  # fmt: skip
        valid = len(cooking) >= 7.5
        day = days[begin.astimezone(ZONE).date()]
        for n, more in enumerate(
            (len(piece), len(cooking), over, valid, valid and sum(cooking) > LIMIT * len(cooking))
        ):
            day[n] += more
    return ten_minutes, {day: tuple(sums) for day, sums in days.items()}


def stored(connection: psycopg.Connection, device_id: str) -> tuple[dict[Any, Any], dict[Any, Any]]:
    ten_minutes = connection.execute(
        "SELECT begins_at, readings, valid, cooking, fume_sum, fume_max, over, both_on FROM fume_10min WHERE device_id = %s",
        (device_id,),
    )
    days = connection.execute(
        "SELECT day, readings, cooking, over, windows, windows_over FROM fume_day WHERE device_id = %s",
        (device_id,),
    )
    return {row[0]: row[1:] for row in ten_minutes}, {row[0]: row[1:] for row in days}


@given(
    seed=st.integers(0, 10_000),
    order=st.sampled_from(["in order", "newest first", "shuffled"]),
    size=st.integers(1, 40),
    counted=st.sets(st.integers(0, 20)),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_figures_equal_the_readings_after_any_order_of_arrival(
    connection: psycopg.Connection, seed: int, order: str, size: int, counted: set[int]
) -> None:
    device_id = f"F{next(numbers) % KITCHENS}"
    readings, counter, line = evening(seed), Counter(load_catalogue(None), ZONE), pipeline()
    sent = list(readings)
    if order == "newest first":
        sent.reverse()
    elif order == "shuffled":
        random.Random(seed).shuffle(sent)
    for n, begin in enumerate(range(0, len(sent), size)):
        line.process(connection, [sent_by(device_id, sent[begin : begin + size])])
        if n in counted:
            counter.count(connection)

    counter.count(connection)

    assert stored(connection, device_id) == figures_of(readings)
    assert connection.execute("SELECT count(*) FROM fume_due").fetchone() == (0,)


def test_a_mark_whose_writer_has_not_committed_is_left_for_later(
    connection: psycopg.Connection, module_database_url: str
) -> None:
    """Else its reading would be counted by nobody."""
    one, two = evening(1)[:2]
    device_id, counter = f"F{next(numbers) % KITCHENS}", Counter(load_catalogue(None), ZONE)
    pipeline().process(connection, [sent_by(device_id, [one])])
    with psycopg.connect(module_database_url, autocommit=True) as writer, writer.transaction():
        pipeline().process(writer, [sent_by(device_id, [two])])
        assert counter.count(connection) == 0

    assert counter.count(connection) == 1
    (begin, (count, *_)) = next(iter(stored(connection, device_id)[0].items()))
    assert (begin, count) == (BEGIN, 2)


def test_only_the_opening_hours_count_for_what_was_expected(connection: psycopg.Connection) -> None:
    before = registry(kitchens=MORE)
    device_id = f"F{KITCHENS - 1}"
    outlet = replace(before.outlets[f"R{KITCHENS - 1}"], hours="16:30-23:30")
    with connection.transaction():
        changed = replace(before, outlets={**before.outlets, outlet.outlet_id: outlet})
        store_registry(connection, changed, actor="test", note="")
    minutes = [
        {"ts": (BEGIN + timedelta(minutes=n)).timestamp(), "fume_mg_m3": 0.3, "fan_on": True}
        for n in range(40)
    ]
    pipeline().process(connection, [sent_by(device_id, minutes)])
    Counter(load_catalogue(None), ZONE).count(connection)

    assert connection.execute(
        "SELECT expected, readings, open_heard, cooking FROM fume_day WHERE device_id = %s", (device_id,)
    ).fetchall() == [(20, 20, 2, 40)]


def unit(connection: psycopg.Connection, device_id: str) -> None:
    """Of which only currents are known: the fan works from 2 A on, the purifier from 0.4 A."""
    with connection.transaction():
        raise_version(connection, actor="test", note="")
        connection.execute(
            "INSERT INTO kitchen_unit (device_id, fan_min_a, purifier_min_a, source) VALUES (%s, 2, 0.4, 'plate')",
            (device_id,),
        )


def currents(device_id: str, amperes: list[float], fan_a: float = 4.5) -> Delivery:
    """From twenty past eleven on, one reading a minute."""
    return sent_by(
        device_id,
        [
            {
                "ts": (BEGIN + timedelta(minutes=10 + n)).timestamp(),
                "fume_mg_m3": 0.3,
                "fan_a": fan_a,
                "purifier_a": a,
            }
            for n, a in enumerate(amperes)
        ],
    )


def state(connection: psycopg.Connection, device_id: str) -> tuple[Any, ...] | None:
    Counter(load_catalogue(None), ZONE).count(connection)
    return connection.execute(
        "SELECT fan_on, both_on, dithering, protected FROM fume_day WHERE device_id = %s", (device_id,)
    ).fetchone()


with_units = itertools.cycle(f"F{n}" for n in range(KITCHENS, MORE))
WORKS, IDLE = 0.8, 0.05


@pytest.mark.parametrize(
    ("amperes", "expected"),
    [
        ([WORKS] * 10, (10, 10, 0, 0)),
        ([IDLE] * 10, (10, 0, 0, 0)),  # off
        ([IDLE, IDLE, WORKS, IDLE, IDLE, IDLE, WORKS, IDLE, IDLE, IDLE], (10, 2, 4, 1)),  # 8 / 2 > 2
        ([IDLE, IDLE, WORKS, IDLE, IDLE, WORKS, IDLE, IDLE, WORKS, IDLE], (10, 3, 6, 1)),  # 7 / 2 > 3
        ([WORKS, IDLE] * 5, (10, 5, 9, 0)),  # 5 / 2 < 5: it works
        ([IDLE] * 8 + [WORKS] * 2, (10, 2, 1, 0)),  # a late start is no protection
    ],
)
def test_a_purifier_that_works_now_and_then_is_in_power_protection_not_off(
    connection: psycopg.Connection, amperes: list[float], expected: tuple[int, ...]
) -> None:
    device_id = next(with_units)
    unit(connection, device_id)
    pipeline().process(connection, [currents(device_id, amperes)])

    assert state(connection, device_id) == expected


def test_forty_minutes_of_power_protection_open_no_purifier_off_and_ten_minutes_off_do(
    connection: psycopg.Connection,
) -> None:
    one, other = next(with_units), next(with_units)
    for device_id in (one, other):
        unit(connection, device_id)
    flickering = [WORKS if n % 7 == 0 else IDLE for n in range(40)]
    pipeline().process(connection, [currents(one, flickering), currents(other, [IDLE] * 11)])

    found = connection.execute(
        "SELECT device_id FROM alert WHERE kind = 'purifier_off' AND device_id = ANY(%s)", ([one, other],)
    ).fetchall()
    assert found == [(other,)]
    assert (state(connection, one) or ())[3] == 4, "ten-minute pieces in protection"


def test_while_another_transaction_writes_the_streets_they_are_there_all_the_same(database_url: str) -> None:
    """Two requests share a counter; the first has read the register, and not committed."""
    counter = Counter(load_catalogue(None), ZONE)
    with psycopg.connect(database_url, autocommit=True) as one, psycopg.connect(database_url) as first:
        with one.transaction():
            store_registry(one, registry(kitchens=2), actor="test", note="")
        first.execute("SELECT 1")  # as a request has, whose transaction ends with its answer
        counter.count(first)
        commit = threading.Timer(0.5, first.commit)
        commit.start()
        counter.count(one)
        found = one.execute("SELECT jurisdiction FROM outlet_street").fetchall()
        commit.join()

    assert found == [("370114001",)] * 2
