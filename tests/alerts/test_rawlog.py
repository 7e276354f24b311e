"""Messages as received: found again byte for byte, and kept for leads when their time is over."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from alerts.casefile import rawlog
from alerts.casefile.rawlog import MOST_BYTES, Message
from alerts.casework.leads import open_lead
from runtime.instants import microseconds
from tests import builders
from tests.builders import NOON

S = timedelta(seconds=1)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def message(device_id: str, after: timedelta, payload: bytes = b"{}") -> Message:
    return Message(f"ff/v1/vehicle/{device_id}/telemetry", microseconds(NOON + after), payload)


def test_a_devices_messages_are_found_as_they_came(connection: psycopg.Connection) -> None:
    odd = message("V0", 2 * S, b"\x7e\x00\xff\x7e")
    rawlog.keep(connection, rawlog.pack([message("V0", S), message("V1", S), odd]))
    too_large = message("V0", 4 * S, b"x" * (MOST_BYTES + 1))
    rawlog.keep(connection, rawlog.pack([message("V0", 5 * S), message("V0", 5 * S), too_large]))
    rawlog.keep(connection, rawlog.pack([Message("bad\x00topic", 1, b""), Message("a/\x00/b", 1, b"")]))
    rawlog.keep(connection, rawlog.pack([]))
    assert rawlog.received(connection, "V0", NOON, NOON + 9 * S) == [
        message("V0", S),
        odd,
        message("V0", 5 * S),
    ]
    assert rawlog.received(connection, "V0", NOON + 2 * S, NOON + 2 * S) == [odd]
    assert rawlog.received(connection, "V", NOON, NOON + 9 * S) == []


def test_old_batches_go_but_for_what_a_lead_needs(connection: psycopg.Connection) -> None:
    with connection.transaction():
        builders.users(connection)
        builders.district(connection)
        open_lead(connection, [builders.alert(connection, recorded_at=NOON)])
        builders.alert(connection, device_id="V1", recorded_at=NOON)  # of no lead
    wanted = [message("V0", minutes * 60 * S) for minutes in (-50, 0, 40)]
    other = [message("V0", timedelta(hours=-3)), message("V1", S), message("V0", timedelta(hours=3))]
    for one in [*wanted, *other]:
        rawlog.keep(connection, rawlog.pack([one]))
    young = message("V2", timedelta(days=40))
    rawlog.keep(connection, rawlog.pack([young]))

    while rawlog.purge(connection, NOON + timedelta(days=30)):
        pass

    assert connection.execute("SELECT count(*) FROM raw_batch").fetchone() == (1,)
    day = timedelta(days=1)
    assert rawlog.received(connection, "V0", NOON - day, NOON + day) == wanted
    assert rawlog.received(connection, "V1", NOON - day, NOON + day) == []
    assert rawlog.received(connection, "V2", NOON, NOON + 60 * day) == [young]
