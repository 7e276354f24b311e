"""What the routes share: settings, the pool, the rules' limits; and how a route asks for a connection."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, LiteralString, TypeVar

from fastapi import Depends
from psycopg import Connection
from psycopg.errors import DeadlockDetected
from psycopg.rows import TupleRow, dict_row
from psycopg.sql import Composed
from psycopg_pool import ConnectionPool
from starlette.requests import HTTPConnection

from alerts.catalogue import Catalogue
from alerts.labels import Language
from alerts.outbox import ORDER
from runtime.database import conninfo
from runtime.settings import Settings

Row = dict[str, Any]
Pool = ConnectionPool[Connection[TupleRow]]
T = TypeVar("T")

POOL_MOST = 10
WAIT_S = 10.0
TRIES = 3


@dataclass(frozen=True, slots=True)
class Shared:
    settings: Settings
    pool: Pool
    catalogue: Catalogue

    @property
    def language(self) -> Language:
        return "zh" if self.settings.language == "zh-CN" else "en"


def make_pool(url: str) -> Pool:
    """A pool of autocommit connections; `with pool:` opens and closes it. Never waits for the database."""
    return ConnectionPool(
        conninfo(url),
        kwargs={"autocommit": True},
        min_size=1,
        max_size=POOL_MOST,
        timeout=WAIT_S,
        check=ConnectionPool.check_connection,
        open=False,
    )


def shared(connection: HTTPConnection) -> Shared:
    """What `create_app` put there."""
    found: Shared = connection.app.state.shared
    return found


def database(parts: Annotated[Shared, Depends(shared)]) -> Iterator[Connection[TupleRow]]:
    """A connection for one request, in autocommit."""
    with parts.pool.connection() as connection:
        yield connection


Parts = Annotated[Shared, Depends(shared)]
# Given back before the answer is sent: a slow reader keeps no connection.
Database = Annotated[Connection[TupleRow], Depends(database, scope="function")]


def select(
    connection: Connection[TupleRow], query: LiteralString | Composed, values: Mapping[str, Any] | None = None
) -> list[Row]:
    """The rows, by column name."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


def select_one(
    connection: Connection[TupleRow], query: LiteralString | Composed, values: Mapping[str, Any] | None = None
) -> Row | None:
    """The first row, by column name."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchone()


def carry_out(connection: Connection[TupleRow], work: Callable[[], T]) -> T:
    """Run `work` in a transaction that may tell the outbox.

    The outbox's lock comes first, before any row's; against a writer who takes them the other way round
    the work is done again.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with connection.transaction():
                connection.execute(ORDER)
                return work()
        except DeadlockDetected:
            if not tries_left:
                raise
    raise AssertionError("unreachable")
