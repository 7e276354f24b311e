"""What is read while another batch is committed is worth no more than what is read within the transaction."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import psycopg
import pytest

from devices.repository import store_registry
from ingest.ahead import ReadAhead
from ingest.broker.arrivals import Delivery
from ingest.broker.sessions import Sessions
from ingest.copies import notice_pieces
from ingest.copying import copy_rows
from ingest.rates import Rates
from tests.ingest.test_pipeline import A_BAD_HAUL, of, pipeline, standing_alerts, stored
from tests.small_district import registry


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        register(connection)
        yield connection


def register(connection: psycopg.Connection, *, status: str = "active") -> None:
    whole = registry(trucks=2)
    devices = {**whole.devices, "V0": replace(whole.devices["V0"], status=cast("Any", status))}
    with connection.transaction():
        store_registry(connection, replace(whole, devices=devices), actor="test", note="")


def test_batches_read_before_the_ones_before_them_are_committed_end_in_the_same_alerts(
    connection: psycopg.Connection,
) -> None:
    line, other = pipeline(), pipeline()
    line.prepare(connection)
    messages = [A_BAD_HAUL[n : n + 9] for n in range(0, len(A_BAD_HAUL), 9)]
    ahead = [line.read([of("vehicle", "V0", message)]) for message in messages]
    for read, _ in ahead:
        assert read is not None
        line.process(connection, read.deliveries, read)
    for message in messages:
        other.process(connection, [of("vehicle", "V1", message)])

    assert len(stored(connection, "vehicle_position", "V0")) == len(A_BAD_HAUL)
    assert standing_alerts(connection, "V0") == standing_alerts(connection, "V1")


def test_what_another_collector_was_first_with_is_read_again(connection: psycopg.Connection) -> None:
    """The attempt that failed has used up what was read for it."""
    line, other = pipeline(), pipeline()
    middle = len(A_BAD_HAUL) // 2
    line.process(connection, [of("vehicle", "V0", A_BAD_HAUL[:2])])
    read, _ = line.read([of("vehicle", "V0", A_BAD_HAUL[middle:])])
    assert read is not None
    other.process(connection, [of("vehicle", "V0", A_BAD_HAUL[2:middle])])
    line.process(connection, read.deliveries, read)
    other.process(connection, [of("vehicle", "V1", A_BAD_HAUL)])

    assert len(stored(connection, "vehicle_position", "V0")) == len(A_BAD_HAUL)
    assert standing_alerts(connection, "V0") == standing_alerts(connection, "V1")


def test_what_was_read_by_an_older_register_is_read_by_the_newer(connection: psycopg.Connection) -> None:
    line = pipeline()
    line.prepare(connection)
    read, _ = line.read([of("vehicle", "V0", A_BAD_HAUL)])
    assert read is not None
    register(connection, status="disabled")
    line.process(connection, read.deliveries, read)

    assert stored(connection, "vehicle_position", "V0") == []
    assert connection.execute("SELECT reason FROM quarantine").fetchall() == [("device_disabled",)]


def test_without_a_register_nothing_is_read_beforehand_and_nothing_is_lost(
    connection: psycopg.Connection,
) -> None:
    line, messages = pipeline(), [of("vehicle", "V0", A_BAD_HAUL)]
    assert line.read(messages) == (None, [])
    line.process(connection, messages, None)

    assert len(stored(connection, "vehicle_position", "V0")) == len(A_BAD_HAUL)


class Deaf:
    """A broker's end that breaks."""

    idle = True

    def take(self, **_: Any) -> list[Delivery]:
        raise ZeroDivisionError("deaf")


def test_what_ends_the_reader_is_raised_where_it_ends_the_collector() -> None:
    ahead = ReadAhead(cast("Sessions", Deaf()), pipeline(), Rates(0), most_bytes=1000, most_wait_s=0.1)
    ahead.start()
    with pytest.raises(ZeroDivisionError, match="deaf"):
        ahead.next(10)
    ahead.stop()


def test_what_comes_next_is_read_while_the_database_stores_this_and_not_while_this_is_judged(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = pipeline()
    line.prepare(connection)
    reader = threading.Thread(target=line.read, args=([of("vehicle", "V0", A_BAD_HAUL[9:])],))

    def judge_beside_the_reader(*arguments: Any) -> Any:
        reader.start()
        reader.join(0.3)
        assert reader.is_alive()
        return notice_pieces(*arguments)

    def copy_beside_the_reader(*arguments: Any) -> None:
        reader.join(60)
        assert not reader.is_alive()
        copy_rows(*arguments)

    monkeypatch.setattr("ingest.kinds.notice_pieces", judge_beside_the_reader)
    monkeypatch.setattr("ingest.storage.copy_rows", copy_beside_the_reader)

    line.process(connection, [of("vehicle", "V0", A_BAD_HAUL[:9])])

    assert len(stored(connection, "vehicle_position", "V0")) == 9
