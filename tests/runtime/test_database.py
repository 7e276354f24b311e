"""Connections: UTC, limits, and one clear line when nothing answers."""

import psycopg
import pytest

from runtime.database import connect, connect_async, open_pool
from runtime.errors import DatabaseUnreachable
from tests.parts.run import free_port


def test_a_connection_speaks_utc_and_gives_up_on_long_statements(embedded_database_url: str) -> None:
    with connect(embedded_database_url, statement_timeout_s=0.1) as connection:
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(5)")


async def test_a_pool_outlives_the_loss_of_its_connections(embedded_database_url: str) -> None:
    async with open_pool(embedded_database_url) as pool:
        async with pool.connection() as connection:
            await connection.execute("SELECT 1")
        with connect(embedded_database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        async with pool.connection() as connection:
            cursor = await connection.execute("SELECT 1")
            assert await cursor.fetchone() == (1,)


async def test_an_absent_database_is_named_without_its_password() -> None:
    url = f"postgresql://someone:hunter2@127.0.0.1:{free_port()}/fleet"

    with pytest.raises(
        DatabaseUnreachable, match="database 'fleet', user 'someone' cannot be reached"
    ) as raised:
        connect(url)
    assert "hunter2" not in str(raised.value)
    with pytest.raises(DatabaseUnreachable):
        await connect_async(url)


def test_an_unknown_database_is_said_to_be_unknown(embedded_database_url: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="does not exist"):
        connect(embedded_database_url + "_")
