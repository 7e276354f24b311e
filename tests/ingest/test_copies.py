"""Copied readings on a real database: the later one by event time is the copy, whichever comes first."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.catalogue import load_catalogue
from alerts.why.explaining import explain
from alerts.why.explanation_text import explanation_text
from devices.repository import store_registry
from ingest import rejudging
from tests.ingest.test_pipeline import BEGIN_S, Reading, of, pipeline
from tests.small_district import registry

PAIRS = 30
COUNT = 75
LATER_S = 47 * 60
"""The copy is played while the original still goes on."""
pairs = itertools.count()


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(kitchens=2 * PAIRS + 11), actor="test", note="")
        yield connection


def lunch(number: int) -> list[Reading]:
    """A lunch that no other is like."""
    fumes = np.random.default_rng(number).integers(100, 700, COUNT) / 1000
    return [
        {"ts": BEGIN_S + 60 * n, "fume_mg_m3": float(fume), "fan_on": True, "purifier_on": True}
        for n, fume in enumerate(fumes)
    ]


def suspicions(connection: psycopg.Connection, device_id: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        """
        SELECT extract(epoch FROM started_at)::bigint - %s, extract(epoch FROM opened_at)::bigint - %s, state,
               (evidence -> 'values' ->> 'copied_from_s')::float8 - %s
          FROM alert WHERE device_id = %s AND kind = 'monitor_suspect' AND state <> 'withdrawn' ORDER BY started_at
        """,
        (BEGIN_S, BEGIN_S, BEGIN_S, device_id),
    ).fetchall()


@given(
    seed=st.integers(0, 2**32 - 1),
    shuffled=st.sampled_from(["in order", "copy first", "original newest first", "shuffled"]),
    size=st.integers(1, 40),
    per_batch=st.integers(1, 5),
    page=st.sampled_from([50, rejudging.PAGE]),
)
@settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_later_piece_is_the_copy_however_the_readings_arrive(
    connection: psycopg.Connection, seed: int, shuffled: str, size: int, per_batch: int, page: int
) -> None:
    number = next(pairs) % PAIRS
    original, copy = f"F{2 * number}", f"F{2 * number + 1}"
    told = lunch(next(pairs) + 1000)
    sent = [(original, one) for one in told] + [(copy, {**one, "ts": one["ts"] + LATER_S}) for one in told]
    if shuffled == "in order":
        sent.sort(key=lambda item: item[1]["ts"])
    elif shuffled == "copy first":
        sent = sent[COUNT:] + sent[:COUNT]
    elif shuffled == "original newest first":
        sent = sent[COUNT:] + sent[COUNT - 1 :: -1]
    else:
        sent = [sent[n] for n in np.random.default_rng(seed).permutation(len(sent))]
    messages = [
        of("fume", device_id, [one for _, one in group])
        for device_id, group in itertools.groupby(
            (
                item
                for i in range(0, len(sent), size)
                for item in sorted(sent[i : i + size], key=lambda x: x[0])
            ),
            key=lambda item: item[0],
        )
    ]
    line = pipeline()
    with patch.object(rejudging, "PAGE", page):
        for i in range(0, len(messages), per_batch):
            line.process(connection, messages[i : i + per_batch])

    assert suspicions(connection, original) == []
    ((started, opened, state, copied_from),) = suspicions(connection, copy)
    assert (started, opened, state) == (LATER_S, LATER_S + 59 * 60, "open")
    assert copied_from == 69 * 60, "as of the last update, ten minutes after the first"


def test_readings_that_take_the_original_away_take_the_suspicion_with_it(
    connection: psycopg.Connection,
) -> None:
    """What seemed to be sixty readings in a row had one more among them."""
    told = lunch(7)
    missing, line = told.pop(40), pipeline()
    line.process(connection, [of("fume", "F60", told[:60])])
    line.process(connection, [of("fume", "F61", [{**one, "ts": one["ts"] + LATER_S} for one in told[:60]])])
    assert len(suspicions(connection, "F61")) == 1

    line.process(connection, [of("fume", "F60", [missing])])

    assert suspicions(connection, "F61") == []


def test_two_monitors_that_say_the_same_at_the_same_time_are_nobodys_copy(
    connection: psycopg.Connection,
) -> None:
    told = lunch(8)
    pipeline().process(connection, [of("fume", "F62", told), of("fume", "F63", told)])

    assert suspicions(connection, "F62") == suspicions(connection, "F63") == []


def test_a_copy_of_its_own_readings_is_found_across_batches(connection: psycopg.Connection) -> None:
    told, line = lunch(9), pipeline()
    line.process(connection, [of("fume", "F64", told[:62])])
    for one in told[:60]:
        line.process(connection, [of("fume", "F64", [{**one, "ts": one["ts"] + 3900}])])

    ((started, *_),) = suspicions(connection, "F64")
    assert started == 3900


def originals(connection: psycopg.Connection, device_id: str) -> list[Any]:
    found = connection.execute(
        "SELECT evidence -> 'copied_from' FROM alert"
        " WHERE device_id = %s AND kind = 'monitor_suspect' AND state <> 'withdrawn'",
        (device_id,),
    )
    return [row[0] for row in found]


def moment(seconds: int) -> str:
    return datetime.fromtimestamp(BEGIN_S + seconds, UTC).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("first", ["the original", "the copy"])
def test_a_copy_names_the_monitor_it_repeats_and_when_that_said_it(
    connection: psycopg.Connection, first: str
) -> None:
    """Between them lie doubtful readings and one with the fan off, which belong to no piece."""
    original, copy = ("F65", "F66") if first == "the original" else ("F67", "F68")
    told = lunch(65 if first == "the original" else 67)[:60]
    said = {original: told, copy: [{**one, "ts": one["ts"] + LATER_S} for one in told]}
    said[original] = [
        {**told[0], "ts": told[0]["ts"] - 120, "fan_on": False, "fume_mg_m3": 0.0},
        *told[:30], {**told[30], "ts": told[29]["ts"] + 30, "fume_mg_m3": -0.5}, *told[30:],
    ]  # fmt: skip
    line = pipeline()
    for device_id in said if first == "the original" else reversed(list(said)):
        line.process(connection, [of("fume", device_id, said[device_id])])

    outlet = f"R{original[1:]}"
    assert originals(connection, copy) == [
        {
            "device_id": original,
            "outlet_id": outlet,
            "outlet_name": "示例饭店",
            "from": moment(0),
            "to": moment(59 * 60),
        }
    ]
    (alert_id,) = (
        connection.execute(
            "SELECT id FROM alert WHERE device_id = %s AND kind = 'monitor_suspect'", (copy,)
        ).fetchone()
        or ()
    )
    explained = explain(connection, alert_id, load_catalogue(None), ZoneInfo("Asia/Shanghai"))
    assert explained is not None
    page = explanation_text(explained, "en", ZoneInfo("Asia/Shanghai"))
    assert f"Copied from {original} 示例饭店" in page


def test_a_copy_of_its_own_readings_names_itself(connection: psycopg.Connection) -> None:
    told, line = lunch(69), pipeline()
    line.process(connection, [of("fume", "F69", told[:60])])
    line.process(connection, [of("fume", "F69", [{**one, "ts": one["ts"] + 3900} for one in told[:60]])])

    ((named),) = originals(connection, "F69")
    assert (named["device_id"], named["from"]) == ("F69", moment(0))


def test_what_is_suspect_for_another_cause_names_nobody(connection: psycopg.Connection) -> None:
    stuck = [{**one, "fume_mg_m3": 0.4} for one in lunch(70)]
    pipeline().process(connection, [of("fume", "F70", stuck)])

    assert originals(connection, "F70") == [None]
