"""What was quarantined is read again after a fix, once, and ends as if it had been readable when it came."""

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.repository import load_registry, store_registry
from devices.types import Device
from ingest.broker.arrivals import Delivery
from ingest.quarantine import Outcome, Wanted, listed, retry
from tests.ingest.test_pipeline import (
    A_BAD_HAUL,
    NOW_US,
    Reading,
    arrivals,
    of,
    pipeline,
    standing_alerts,
    stored,
)
from tests.small_district import plate, registry

TRUCKS = 30
_next_device = itertools.count(1)


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_database_url, autocommit=True, options="-c timezone=UTC") as connection:
        with connection.transaction():
            store_registry(connection, registry(trucks=TRUCKS), actor="test", note="")
        yield connection


@pytest.fixture(scope="module")
def undisturbed(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    line = pipeline()
    for reading in A_BAD_HAUL:
        line.process(connection, [of("vehicle", "V0", [reading])])
    return standing_alerts(connection, "V0")


def standing(connection: psycopg.Connection, device_id: str, status: str) -> None:
    """Have the register say that the device is `active` or `disabled`."""
    with connection.transaction():
        before = load_registry(connection)
        device = replace(before.devices[device_id], status=status)  # type: ignore[arg-type]
        after = replace(before, devices={**before.devices, device_id: device})
        store_registry(connection, after, actor="test", note="")


def again(connection: psycopg.Connection, device_id: str, **options: Any) -> Outcome:
    return retry(connection, pipeline(), Wanted(device_ids=[device_id]), **options)


@given(batches=arrivals(A_BAD_HAUL), cut=st.integers(0, 60), back=st.integers(1, 60))
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_haul_of_which_a_part_was_quarantined_ends_in_the_same_alerts_after_a_retry(
    connection: psycopg.Connection,
    undisturbed: list[tuple[Any, ...]],
    batches: list[list[list[Reading]]],
    cut: int,
    back: int,
) -> None:
    """The device was disabled by mistake while some of its messages came; others came before and after."""
    device_id = f"V{next(_next_device) % TRUCKS}"
    messages = [readings for batch in batches for readings in batch]
    line = pipeline()
    for n, readings in enumerate(messages):
        if n == min(cut, len(messages) - 1):
            standing(connection, device_id, "disabled")
        if n == cut + back:
            standing(connection, device_id, "active")
        line.process(connection, [of("vehicle", device_id, readings)])
    standing(connection, device_id, "active")

    outcome = again(connection, device_id)

    assert outcome.resolved == outcome.rows > 0
    assert [row[:9] for row in standing_alerts(connection, device_id)] == [row[:9] for row in undisturbed]
    assert stored(connection, "vehicle_position", device_id) == stored(connection, "vehicle_position", "V0")
    assert again(connection, device_id) == Outcome()


def test_a_dry_run_says_what_would_come_of_it_and_changes_nothing(connection: psycopg.Connection) -> None:
    with connection.transaction():
        before = load_registry(connection)
        assert "NEW-1" not in before.devices
    message = of("vehicle", "NEW-1", A_BAD_HAUL[:3])
    pipeline().process(connection, [message])
    assert again(connection, "NEW-1") == Outcome(rows=1, still=Counter(unknown_device=1))
    with connection.transaction():
        device = Device(device_id="NEW-1", kind="vehicle", bound_to=plate(0), status="active")
        after = replace(before, devices={**before.devices, "NEW-1": device})
        store_registry(connection, after, actor="test", note="")

    said = again(connection, "NEW-1", dry_run=True)
    assert (said.resolved, said.stored) == (1, 3)
    assert stored(connection, "vehicle_position", "NEW-1") == []
    assert len(listed(connection, Wanted(device_ids=["NEW-1"]), limit=10)) == 1

    assert again(connection, "NEW-1") == said
    assert len(stored(connection, "vehicle_position", "NEW-1")) == 3
    trace = connection.execute(
        "SELECT resolved_at IS NOT NULL, resolution, payload FROM quarantine WHERE device_id = 'NEW-1'"
    ).fetchall()
    assert trace == [(True, "read", message.payload)]


def test_what_is_otherwise_wrong_with_a_message_becomes_a_row_of_its_own(
    connection: psycopg.Connection,
) -> None:
    good, bad = A_BAD_HAUL[0], {**A_BAD_HAUL[1], "lat": 91}
    standing(connection, "V29", "disabled")
    pipeline().process(connection, [of("vehicle", "V29", [good, bad])])
    standing(connection, "V29", "active")

    outcome = again(connection, "V29")

    assert (outcome.rows, outcome.resolved, outcome.stored) == (1, 1, 1)
    assert [
        (row.reason, row.readings) for row in listed(connection, Wanted(device_ids=["V29"]), limit=9)
    ] == [("out_of_range", 1)]
    outcome = again(connection, "V29")
    assert (outcome.resolved, dict(outcome.still), outcome.repeated) == (0, {"out_of_range": 1}, 1)
    assert len(listed(connection, Wanted(device_ids=["V29"]), limit=9)) == 1


def test_a_time_that_was_ahead_when_it_came_is_read_again_once_it_has_come(
    connection: psycopg.Connection,
) -> None:
    has_come = {**A_BAD_HAUL[0], "ts": NOW_US / 1e6 + 3600}
    to_come = {**A_BAD_HAUL[1], "ts": time.time() + 3600}
    pipeline().process(connection, [of("vehicle", "V28", [reading]) for reading in (has_come, to_come)])
    assert stored(connection, "vehicle_position", "V28") == []

    outcome = again(connection, "V28")

    assert (outcome.rows, outcome.resolved, outcome.stored) == (2, 1, 1)
    assert outcome.still == Counter(future_time=1)
    ((at, _),) = stored(connection, "vehicle_position", "V28")
    assert at.timestamp() == has_come["ts"]


def test_a_message_that_breaks_the_reader_does_not_keep_the_others(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing(connection, "V27", "disabled")
    topic = "ff/v1/vehicle/V27/telemetry"
    poison = Delivery(topic, json.dumps({**A_BAD_HAUL[3], "seq": 666}).encode(), NOW_US, 1, 1)
    pipeline().process(
        connection, [of("vehicle", "V27", [A_BAD_HAUL[0]]), poison, of("vehicle", "V27", [A_BAD_HAUL[1]])]
    )
    standing(connection, "V27", "active")
    line = pipeline()
    sort_out = line._sort_out

    def breaks(fleet: Any, deliveries: Any, **options: Any) -> Any:
        if any(b"666" in delivery.payload for delivery in deliveries):
            raise ZeroDivisionError("poison")
        return sort_out(fleet, deliveries, **options)

    monkeypatch.setattr(line, "_sort_out", breaks)
    outcome = retry(connection, line, Wanted(device_ids=["V27"]))

    assert (outcome.rows, outcome.resolved, outcome.stored, dict(outcome.still)) == (3, 2, 2, {"internal": 1})
    assert again(connection, "V27").resolved == 1
    assert len(stored(connection, "vehicle_position", "V27")) == 3


def test_rows_are_chosen_by_reason_device_and_time(connection: psycopg.Connection) -> None:
    line = pipeline()
    line.process(connection, [Delivery("ff/v1/vehicle/V26/telemetry", b"{", NOW_US, 1, 1)])
    line.process(
        connection, [Delivery("ff/v1/vehicle/V26/telemetry", b'{"ts":1}', NOW_US + 60_000_000, 1, 1)]
    )
    (newer, older) = listed(connection, Wanted(device_ids=["V26"]), limit=9)

    assert listed(connection, Wanted(device_ids=["V26"], reasons=[older.reason]), limit=9) == [older]
    assert listed(connection, Wanted(device_ids=["V26"], begin=newer.received_at), limit=9) == [newer]
    assert listed(connection, Wanted(device_ids=["V26"], end=newer.received_at), limit=9) == [older]
    assert listed(connection, Wanted(device_ids=["V26"]), limit=1) == [newer]
