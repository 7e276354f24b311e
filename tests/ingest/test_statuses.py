"""What terminals say of themselves on `status` and `ack`, through the pipeline on a real database."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.decoding import Instant, Status
from devices.repository import put_row, store_registry
from ingest.batch import Said
from ingest.broker.arrivals import Delivery
from ingest.quarantine import Wanted, retry
from ingest.statuses import Kept, newest
from tests.ingest.test_pipeline import NOW_US, pipeline
from tests.small_district import registry

TRUCKS = 150
SECOND = 1_000_000
_next_device = itertools.count(10)


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[psycopg.Connection]:
    options = "-c timezone=UTC"
    with psycopg.connect(module_database_url, autocommit=True, options=options) as connection:
        district = registry(trucks=TRUCKS, kitchens=1)
        disabled = replace(district.devices["V9"], status="disabled")
        with connection.transaction():
            store_registry(
                connection,
                replace(district, devices={**district.devices, "V9": disabled}),
                actor="test",
                note="",
            )
        yield connection


@pytest.fixture
def truck() -> str:
    """One that has said nothing yet."""
    return f"V{next(_next_device)}"


def status(device_id: str, online: bool, *, at: int = 0, again: bool = False, **more: Any) -> Delivery:
    """`at`: seconds after NOW when it comes."""
    payload = json.dumps({"online": online, **more}).encode()
    return Delivery(f"ff/v1/vehicle/{device_id}/status", payload, NOW_US + at * SECOND, 1, 1, again)


def ack(device_id: str, *, at: int = 0, **said: Any) -> Delivery:
    topic = f"ff/v1/vehicle/{device_id}/ack"
    return Delivery(topic, json.dumps(said).encode(), NOW_US + at * SECOND, 1, 1)


def kept(connection: psycopg.Connection, device_id: str) -> tuple[Any, ...] | None:
    """Online, since and heard in seconds after NOW, firmware."""
    return connection.execute(
        """
        SELECT online, (extract(epoch FROM since) - %s)::float, (extract(epoch FROM heard_at) - %s)::float, firmware
          FROM terminal_status WHERE device_id = %s
        """,
        (NOW_US // SECOND, NOW_US // SECOND, device_id),
    ).fetchone()


def quarantined(connection: psycopg.Connection, topic: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT reason, device_id, payload FROM quarantine WHERE topic = %s ORDER BY id", (topic,)
    ).fetchall()


def test_the_last_status_is_kept_with_the_firmware_that_the_will_does_not_name(
    connection: psycopg.Connection, truck: str
) -> None:
    line = pipeline()
    assert kept(connection, truck) is None
    line.process(connection, [status(truck, True, fw="1.4.2")])
    assert kept(connection, truck) == (True, 0, 0, "1.4.2")

    line.process(connection, [status(truck, False, at=60)])

    assert kept(connection, truck) == (False, 60, 60, "1.4.2")


def test_a_retained_status_that_comes_again_changes_nothing(
    connection: psycopg.Connection, truck: str
) -> None:
    line = pipeline()
    for said in ({"fw": "1"}, {"fw": "1", "ts": NOW_US // SECOND - 5}, {}):
        line.process(connection, [status(truck, True, **said)])
        before = kept(connection, truck)
        line.process(connection, [status(truck, True, at=3600, again=True, **said)])
        assert kept(connection, truck) == before


def test_a_retained_status_without_a_time_that_says_something_else_is_taken(
    connection: psycopg.Connection, truck: str
) -> None:
    """Nobody listened when it was published."""
    line = pipeline()
    line.process(connection, [status(truck, True, fw="1")])

    line.process(connection, [status(truck, True, fw="2", at=60, again=True)])
    assert kept(connection, truck) == (True, 60, 60, "2")

    line.process(connection, [status(truck, False, at=90, again=True)])
    assert kept(connection, truck) == (False, 90, 90, "2")


def test_a_retained_status_older_than_the_one_that_is_kept_does_not_replace_it(
    connection: psycopg.Connection, truck: str
) -> None:
    line = pipeline()
    line.process(connection, [status(truck, False)])

    line.process(connection, [status(truck, True, fw="1", ts=NOW_US / SECOND - 10, at=60, again=True)])

    assert kept(connection, truck) == (False, 0, 0, "1")


def test_a_fast_clock_does_not_make_the_will_older_than_the_status(
    connection: psycopg.Connection, truck: str
) -> None:
    line = pipeline()
    line.process(connection, [status(truck, True, ts=NOW_US / SECOND + 500)])
    assert kept(connection, truck) == (True, 0, 0, None)

    line.process(connection, [status(truck, False, at=60)])

    assert kept(connection, truck) == (False, 60, 60, None)


sayings = st.lists(
    st.builds(
        Said,
        device_id=st.just("V0"),
        said=st.builds(
            Status,
            online=st.booleans(),
            fw=st.sampled_from([None, "1", "2"]),
            ts_us=st.none() | st.integers(NOW_US - 9, NOW_US + 9).map(Instant),
        ),
        received_us=st.integers(NOW_US - 9, NOW_US + 9),
        again=st.just(False),
    ),
    min_size=1,
    max_size=8,
)


def as_it_came(one: Said) -> Delivery:
    assert isinstance(one.said, Status)
    ts = {} if one.said.ts_us is None else {"ts": one.said.ts_us / SECOND}
    fw = {} if one.said.fw is None else {"fw": one.said.fw}
    payload = json.dumps({"online": one.said.online, **fw, **ts}).encode()
    return Delivery(f"ff/v1/vehicle/{one.device_id}/status", payload, one.received_us, 1, 1)


def by_the_book(said: list[Said]) -> Kept:
    """The newest of all, looked for at leisure: of two that speak of one time, the one that is online, then the earlier."""
    times = [
        (min(one.said.ts_us or one.received_us, one.received_us), one.said, -one.received_us)
        for one in said
        if isinstance(one.said, Status)
    ]
    since, last, heard = max(times, key=lambda one: (one[0], one[1].online, one[2]))
    named = max(((at, one.fw) for at, one, _ in times if one.fw), default=(None, None))
    return Kept(last.online, since, -heard, named[1], named[0])


@given(said=sayings, data=st.data())
def test_in_any_order_and_repetition_statuses_come_to_the_newest(
    said: list[Said], data: st.DataObject
) -> None:
    row: Kept | None = None
    for one in [*data.draw(st.permutations(said)), *data.draw(st.lists(st.sampled_from(said), max_size=4))]:
        row = newest(row, one)

    assert row == by_the_book(said)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=sayings, size=st.integers(1, 4), data=st.data())
def test_so_they_do_in_the_database_however_they_are_cut_into_batches(
    connection: psycopg.Connection, said: list[Said], size: int, data: st.DataObject
) -> None:
    connection.execute("DELETE FROM terminal_status WHERE device_id = 'V0'")
    line = pipeline()
    sent = [as_it_came(one) for one in [*data.draw(st.permutations(said)), data.draw(st.sampled_from(said))]]

    for begin in range(0, len(sent), size):
        line.process(connection, sent[begin : begin + size])

    row = connection.execute(
        "SELECT online, (extract(epoch FROM since) * 1000000)::bigint, (extract(epoch FROM heard_at) * 1000000)::bigint,"
        " firmware, (extract(epoch FROM firmware_at) * 1000000)::bigint FROM terminal_status WHERE device_id = 'V0'"
    ).fetchone()
    assert row is not None
    assert Kept(*row) == by_the_book(said)


def test_an_acknowledgement_is_recorded_once_under_its_commands_id(
    connection: psycopg.Connection, truck: str
) -> None:
    line = pipeline()
    line.process(
        connection, [ack(truck, id=7, ok=True), ack(truck, id="a-7", ok=False), ack(truck, id=7, ok=False)]
    )
    line.process(connection, [ack(truck, id="7", ok=False, at=60)])

    rows = connection.execute(
        "SELECT command_id, ok, (extract(epoch FROM acked_at) - %s)::float FROM command_ack WHERE device_id = %s ORDER BY 1",
        (NOW_US // SECOND, truck),
    ).fetchall()
    assert rows == [("7", True, 0), ("a-7", False, 0)]


def test_what_cannot_be_taken_is_quarantined_with_its_reason_and_costs_the_rest_nothing(
    connection: psycopg.Connection, truck: str
) -> None:
    late, soon = NOW_US // SECOND - 500 * 86_400, NOW_US // SECOND + 700
    broken = Delivery(f"ff/v1/vehicle/{truck}/status", b"online", NOW_US, 1, 1)
    cases = [
        (broken, "not_json", truck),
        (status(truck, True, ts=soon), "future_time", truck),
        (status(truck, True, ts=late), "too_old", truck),
        (status("V999", True), "unknown_device", "V999"),
        (status("F0", True), "wrong_kind", "F0"),
        (status("V9", True), "device_disabled", "V9"),
        (ack(truck, id=1), "missing_field", truck),
        (ack("V999", id=1, ok=True), "unknown_device", "V999"),
    ]

    pipeline().process(connection, [*(delivery for delivery, _, _ in cases), status(truck, True, fw="3")])

    assert kept(connection, truck) == (True, 0, 0, "3")
    for delivery, reason, device_id in cases:
        assert (reason, device_id, delivery.payload) in quarantined(connection, delivery.topic)


def test_a_retained_status_that_cannot_be_read_is_quarantined_once(
    connection: psycopg.Connection, truck: str
) -> None:
    topic = f"ff/v1/vehicle/{truck}/status"
    for at in range(3):
        pipeline().process(connection, [Delivery(topic, b"online", NOW_US + at * SECOND, 1, 1, again=True)])

    assert quarantined(connection, topic) == [("not_json", truck, b"online")]


def test_a_status_of_a_device_that_is_registered_later_is_taken_when_it_is_read_again(
    connection: psycopg.Connection,
) -> None:
    line = pipeline()
    line.process(connection, [status("V9", True, fw="4")])
    with connection.transaction(force_rollback=True):
        device = replace(registry(trucks=TRUCKS).devices["V9"], status="active")
        put_row(connection, "devices", device, actor="test")

        outcome = retry(connection, pipeline(), Wanted(device_ids=["V9"]))

        assert outcome.resolved == outcome.rows >= 1
        assert kept(connection, "V9") == (True, 0, 0, "4")
