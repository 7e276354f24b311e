"""Messages whose parts come in several MQTT messages, through the pipeline and its database."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.catalogue import load_catalogue
from devices.channels import decoders
from devices.jt808 import BATCH, LOCATION, batch_body, location_body, pack, pack_in_parts
from devices.repository import store_registry
from devices.terminals import Terminals
from ingest.broker.arrivals import Delivery
from ingest.joining import WITHIN_MINUTES
from ingest.pipeline import Pipeline
from tests.service.running import HANG_S
from tests.small_district import registry

NOW_US = 1_764_000_000_000_000
MINUTE_US = 60_000_000
POINTS = [
    location_body(
        ts_us=NOW_US - (9 - i) * 10_000_000, lat=36.7 + i / 1000, lon=117.5, status=0b11, speed_kmh=30
    )
    for i in range(9)
]
PARTS = list(pack_in_parts(BATCH, batch_body(POINTS, blind=True), phone="1", serial=65535, part_bytes=100))


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(trucks=1), actor="test", note="")
        yield connection


def pipeline() -> Pipeline:
    return Pipeline(
        load_catalogue(None),
        decoders=decoders(Terminals()),
        prefix="ff/v1",
        zone=ZoneInfo("Asia/Shanghai"),
        retention_days=400,
    )


def of(payload: bytes, *, minutes: float = 0) -> Delivery:
    return Delivery("ff/v1/vehicle/V0/jt808", payload, NOW_US + int(minutes * MINUTE_US), 1, 1)


def taken(connection: psycopg.Connection, batches: Sequence[Sequence[Delivery]]) -> None:
    """Each batch by a collector that knows nothing of those before: it may have died in between."""
    for batch in batches:
        pipeline().process(connection, batch)


def stored(connection: psycopg.Connection) -> list[float]:
    return [row[0] for row in connection.execute("SELECT lat FROM vehicle_position ORDER BY ts")]


def quarantined(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT reason, payload, readings FROM quarantine ORDER BY id").fetchall()


ALL = [36.7 + i / 1000 for i in range(9)]


def test_a_part_waits_in_quarantine_as_it_came_until_its_message_is_whole(
    connection: psycopg.Connection,
) -> None:
    assert len(PARTS) == 3
    taken(connection, [[of(PARTS[2])], [of(PARTS[0])]])

    assert stored(connection) == []
    assert quarantined(connection) == [
        ("incomplete_message", PARTS[2], 1),
        ("incomplete_message", PARTS[0], 1),
    ]

    taken(connection, [[of(PARTS[1])]])

    assert stored(connection) == pytest.approx(ALL)
    assert quarantined(connection) == []


def test_what_came_beside_a_part_counts_at_once_and_once(connection: psycopg.Connection) -> None:
    beside = pack(
        LOCATION, location_body(ts_us=NOW_US, lat=36.8, lon=117.5, status=0b11), phone="1", serial=9
    )
    bad = beside[:-2] + b"\x00\x7e"

    taken(connection, [[of(beside + PARTS[0] + bad)]])
    assert stored(connection) == [36.8]

    taken(connection, [[of(PARTS[1]), of(PARTS[2])]])
    assert stored(connection) == pytest.approx([*ALL, 36.8])
    assert quarantined(connection) == [("bad_checksum", beside + PARTS[0] + bad, 1)]


def test_parts_too_far_apart_stay_in_quarantine(connection: psycopg.Connection) -> None:
    taken(
        connection, [[of(PARTS[0])], [of(PARTS[1], minutes=1)], [of(PARTS[2], minutes=WITHIN_MINUTES + 0.5)]]
    )

    assert stored(connection) == []
    assert len(quarantined(connection)) == 3


def test_a_joined_message_that_cannot_be_read_is_kept_with_all_its_parts(
    connection: psycopg.Connection,
) -> None:
    parts = list(pack_in_parts(BATCH, batch_body(POINTS) + b"\x00", phone="1", serial=7, part_bytes=200))
    taken(connection, [[of(part)] for part in parts])

    assert stored(connection) == pytest.approx(ALL)
    assert quarantined(connection) == [("bad_body", b"".join(parts), 1)]


def test_a_part_sent_again_after_its_message_was_read_waits_alone_and_doubles_nothing(
    connection: psycopg.Connection,
) -> None:
    """A collector that dies between commit and PUBACK gets its last message again."""
    taken(connection, [[of(PARTS[0])], [of(PARTS[1])], [of(PARTS[2])], [of(PARTS[2])]])

    assert stored(connection) == pytest.approx(ALL)
    assert [row[:2] for row in quarantined(connection)] == [("incomplete_message", PARTS[2])]


def test_two_collectors_that_get_a_part_each_at_the_same_time_do_not_miss_each_other(
    connection: psycopg.Connection, database_url: str
) -> None:
    whole = list(pack_in_parts(BATCH, batch_body(POINTS), phone="1", serial=7, part_bytes=200))
    assert len(whole) == 2
    with psycopg.connect(database_url, autocommit=True) as other, ThreadPoolExecutor() as pool:
        ready = pipeline()
        ready.prepare(other)
        with connection.transaction():
            taken(connection, [[of(whole[0])]])
            meanwhile = pool.submit(ready.process, other, [of(whole[1])])
            with pytest.raises(TimeoutError):
                meanwhile.result(timeout=1)
        meanwhile.result(timeout=HANG_S)

    assert stored(connection) == pytest.approx(ALL)
    assert quarantined(connection) == []


def test_a_joined_message_is_stored_at_once_however_old_it_is(connection: psycopg.Connection) -> None:
    """Its parts leave the quarantine in this transaction: it may not wait in a collector's memory as backlog does."""
    line = pipeline()
    line.prepare(connection)
    for part in PARTS:
        read, deferred = line.read([of(part, minutes=30)], deferring=True)
        assert read is not None
        assert deferred == []
        line.process(connection, read.deliveries, read)

    assert stored(connection) == pytest.approx(ALL)
    assert quarantined(connection) == []


def cut(whole: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    """`whole` in one piece or several."""
    cuts = sorted({0, len(whole), *data.draw(st.sets(st.integers(0, len(whole))))})
    return [whole[begin:end] for begin, end in pairwise(cuts)]


@given(st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_any_order_and_any_cutting_into_messages_and_batches_the_points_are_stored_once(
    connection: psycopg.Connection, data: st.DataObject
) -> None:
    connection.execute("TRUNCATE vehicle_position, quarantine, engine_state, engine_checkpoint")
    frames = data.draw(st.permutations(PARTS + data.draw(st.lists(st.sampled_from(PARTS), max_size=2))))
    payloads = [b"".join(some) for some in cut(frames, data)]
    batches = [[of(payload) for payload in some] for some in cut(payloads, data)]

    taken(connection, batches)

    assert stored(connection) == pytest.approx(ALL)
