"""Commands down to devices: which are published, how often, and when no more."""

import json
from collections.abc import Iterator

import psycopg
import pytest

from ingest.broker.arrivals import Delivery
from ingest.sending import ATTEMPTS, take_commands
from tests import builders
from tests.ingest.test_pipeline import NOW_US, pipeline


@pytest.fixture
def connection(any_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(any_database_url, autocommit=True) as connection:
        with connection.transaction():
            builders.district(connection)
        yield connection


def command(connection: psycopg.Connection, device_id: str = "V0", body: str = '{"type": "locate"}') -> int:
    return int(
        builders.insert(connection, "device_command", device_id=device_id, body=body, created_by="duty")
    )


def taken(connection: psycopg.Connection) -> list[tuple[str, object]]:
    return [(answer.topic, json.loads(answer.payload)) for answer in take_commands(connection, "ff/v1")]


def a_minute_passes(connection: psycopg.Connection) -> None:
    connection.execute("UPDATE device_command SET next_at = next_at - interval '1 min'")


def test_commands_go_out_in_order_to_their_devices_and_again_while_no_answer_comes(
    connection: psycopg.Connection,
) -> None:
    first = command(connection, body='{"type": "voice", "text": "请覆盖"}')
    second = command(connection, "F0")
    both = [
        ("ff/v1/vehicle/V0/cmd", {"id": first, "type": "voice", "text": "请覆盖"}),
        ("ff/v1/fume/F0/cmd", {"id": second, "type": "locate"}),
    ]

    for _ in range(ATTEMPTS):
        assert taken(connection) == both
        assert taken(connection) == []
        a_minute_passes(connection)
    assert taken(connection) == []


def test_what_was_answered_is_not_sent_again(connection: psycopg.Connection) -> None:
    first, second = command(connection), command(connection)
    taken(connection)
    answer = Delivery("ff/v1/vehicle/V0/ack", json.dumps({"id": first, "ok": False}).encode(), NOW_US, 1, 1)
    other = Delivery("ff/v1/vehicle/V1/ack", json.dumps({"id": second, "ok": True}).encode(), NOW_US, 1, 1)

    pipeline().process(connection, [answer, other])  # V1 answers what was not asked of it
    a_minute_passes(connection)

    assert taken(connection) == [("ff/v1/vehicle/V0/cmd", {"id": second, "type": "locate"})]


def test_two_collectors_do_not_both_take_a_command(
    connection: psycopg.Connection, any_database_url: str
) -> None:
    command(connection)
    with psycopg.connect(any_database_url) as another:
        assert len(taken(another)) == 1
        assert taken(connection) == []
        another.rollback()  # it died before its commit
    assert len(taken(connection)) == 1


def test_a_device_that_was_disabled_is_sent_nothing_and_holds_up_nobody(
    connection: psycopg.Connection,
) -> None:
    command(connection, "GONE")
    last = command(connection)

    assert taken(connection) == [("ff/v1/vehicle/V0/cmd", {"id": last, "type": "locate"})]
