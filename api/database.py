"""The request's database connection: one transaction, committed before the answer leaves."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, Request
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from runtime.database import conninfo

POOL_SIZE = 8
POOL_WAIT_S = 10.0

DictConnection = Connection[DictRow]


def open_pool(url: str) -> ConnectionPool[Connection[Any]]:
    """A pool for the request threads, which opens itself as soon as the database answers."""
    return ConnectionPool(
        conninfo(url),
        min_size=1,
        max_size=POOL_SIZE,
        timeout=POOL_WAIT_S,
        check=ConnectionPool.check_connection,
        open=False,
        name="api",
    )


def _connection(request: Request) -> Iterator[Connection[Any]]:
    with request.app.state.pool.connection() as connection:
        yield connection


# "function": what was committed is what the answer says. The limit keeps waiting requests out of the threads.
Database = Annotated[Connection[Any], Depends(_connection, scope="function", max_concurrency=POOL_SIZE)]


def rows(connection: Connection[Any], query: Any, parameters: Any = None) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters).fetchall()


def one(connection: Connection[Any], query: Any, parameters: Any = None) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters).fetchone()
