"""A database that is slow, read-only or silent: the batch waits, and nothing of it is called unreadable."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from devices.repository import store_registry
from ingest.batch import Batch, sort_out
from ingest.broker.arrivals import Delivery
from runtime import database
from runtime.database import AWAY
from tests.ingest.test_pipeline import A_BAD_HAUL, NOW_US, of, pipeline
from tests.parts.proxy import FaultProxy
from tests.service.running import wait_until
from tests.small_district import registry

A_MESSAGE_EACH = [of("vehicle", "V0", [reading]) for reading in A_BAD_HAUL]


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(trucks=2), actor="test", note="")
        yield connection


def counts(connection: psycopg.Connection) -> tuple[int, int]:
    """Readings stored, messages quarantined."""
    (found,) = connection.execute(
        "SELECT (SELECT count(*) FROM vehicle_position), (SELECT count(*) FROM quarantine)"
    ).fetchall()
    return found


def test_a_batch_that_takes_the_database_too_long_is_committed_by_halves(
    connection: psycopg.Connection,
) -> None:
    connection.execute(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$"
    )
    connection.execute(
        "CREATE TRIGGER slow BEFORE INSERT ON vehicle_position FOR EACH ROW EXECUTE FUNCTION dawdle()"
    )
    connection.execute("SET statement_timeout = 250")

    pipeline().process(connection, A_MESSAGE_EACH)

    assert counts(connection) == (len(A_BAD_HAUL), 0)


def test_a_read_only_database_is_waited_for_and_no_message_blamed(connection: psycopg.Connection) -> None:
    connection.execute("SET default_transaction_read_only = on")

    with pytest.raises(AWAY):
        pipeline().process(connection, A_MESSAGE_EACH[:4])

    connection.execute("SET default_transaction_read_only = off")
    assert counts(connection) == (0, 0)


def test_a_collector_that_stood_still_inside_its_transaction_blames_no_message(
    connection: psycopg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL ends a transaction that does nothing for long, and the machine may sleep at any moment."""
    line = pipeline()
    line.prepare(connection)
    connection.execute("SET idle_in_transaction_session_timeout = 50")
    backend = connection.info.backend_pid

    def ended() -> bool:
        with psycopg.connect(database_url) as another:
            return not another.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (backend,)).rowcount

    def slowly(*arguments: Any, **options: Any) -> Batch:
        wait_until(ended)
        return sort_out(*arguments, **options)

    monkeypatch.setattr("ingest.pipeline.sort_out", slowly)

    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        line.process(connection, A_MESSAGE_EACH[:1])

    with psycopg.connect(database_url) as another:
        assert counts(another) == (0, 0)


def test_an_unreadable_message_delivered_again_is_kept_once(connection: psycopg.Connection) -> None:
    """The collector died between its commit and the acknowledgement: the broker says that it comes again."""

    def delivered(*, again: bool, topic: str = "ff/v1/vehicle/V0/telemetry") -> Delivery:
        return Delivery(topic, b"not a reading", NOW_US, 1, 1, again)

    line = pipeline()
    line.process(connection, [delivered(again=False), delivered(again=False, topic="ff/v1/nothing")])
    line.process(connection, [delivered(again=True), delivered(again=True, topic="ff/v1/nothing")])
    assert counts(connection) == (0, 2)

    line.process(connection, [delivered(again=True)])
    late = Delivery("ff/v1/vehicle/V1/telemetry", b"nor this", NOW_US, 1, 1)
    line.process(
        connection, [replace(late, again=True), late, replace(late, again=True)]
    )  # a reconnect, twice
    assert counts(connection) == (0, 3)

    line.process(connection, [delivered(again=False)])  # a device that says it twice has said it twice
    line.process(connection, [delivered(again=True, topic="ff/v1/vehicle/V1/telemetry")])
    assert counts(connection) == (0, 5)


def test_a_server_that_falls_silent_is_given_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end of the connection is gone, and nobody told ours."""
    monkeypatch.setattr(database, "ANSWER_TIMEOUT_S", 0.5)
    parts = psycopg.conninfo.conninfo_to_dict(database_url)
    with FaultProxy(int(str(parts["port"]))) as proxy:
        connection = database.connect(psycopg.conninfo.make_conninfo(database_url, port=proxy.port))
        connection.execute("SELECT")
        proxy.half_open()
        begun = time.monotonic()

        with pytest.raises(psycopg.OperationalError, match="no answer"):
            connection.execute("SELECT")

        assert time.monotonic() - begun < 3
        assert connection.closed
