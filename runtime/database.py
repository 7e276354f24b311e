"""Connections to PostgreSQL: UTC, with time limits, and a clear word when nothing answers."""

from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from runtime.errors import DatabaseUnreachable

CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_S = 30
IDLE_IN_TRANSACTION_TIMEOUT_S = 60
ANSWER_TIMEOUT_S = 45.0
"""Later than STATEMENT_TIMEOUT_S, at which a server that lives has given up a statement and said so."""
# A machine that has vanished says nothing: TCP alone would believe in it for hours.
VANISHED = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


AWAY = (
    psycopg.OperationalError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
    DatabaseUnreachable,
)
"""The database is gone, full, read-only, or gave us up because we stood still: nothing is wrong with what was asked of
it, and the same may be asked again."""


class _Connection(Connection[TupleRow]):
    """One that does not wait for ever for a server that has stopped, or for a connection of which only our end is left."""

    gives_up = False

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's; OperationalError, and the connection closed, if no answer comes for ANSWER_TIMEOUT_S."""
        if timeout is not None or not self.gives_up:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, ANSWER_TIMEOUT_S)
        except psycopg.errors._WaitTimeout:
            self.close()
            raise psycopg.OperationalError(f"no answer for {ANSWER_TIMEOUT_S:g} s") from None


def connect(
    url: str, *, autocommit: bool = False, statement_timeout_s: float = STATEMENT_TIMEOUT_S
) -> Connection[TupleRow]:
    """Open a connection; a statement longer than `statement_timeout_s` (0: none) is cancelled.

    Raises DatabaseUnreachable, which names the place and never the password.
    """
    try:
        connection = _Connection.connect(
            conninfo(url, statement_timeout_s=statement_timeout_s), autocommit=autocommit
        )
    except psycopg.Error as error:
        raise unreachable(url, error) from None
    connection.gives_up = 0 < statement_timeout_s <= STATEMENT_TIMEOUT_S
    return connection


async def connect_async(
    url: str, *, autocommit: bool = False, statement_timeout_s: float = STATEMENT_TIMEOUT_S
) -> AsyncConnection[TupleRow]:
    """As `connect`, for asyncio."""
    try:
        return await AsyncConnection.connect(
            conninfo(url, statement_timeout_s=statement_timeout_s), autocommit=autocommit
        )
    except psycopg.Error as error:
        raise unreachable(url, error) from None


def open_pool(
    url: str, *, min_size: int = 1, max_size: int = 8, statement_timeout_s: float = STATEMENT_TIMEOUT_S
) -> AsyncConnectionPool[AsyncConnection[TupleRow]]:
    """Make a pool that is not open yet: `async with` opens and closes it.

    A connection is tried before it is handed out, so that a restarted database costs no request.
    """
    return AsyncConnectionPool(
        conninfo(url, statement_timeout_s=statement_timeout_s),
        min_size=min_size,
        max_size=max_size,
        timeout=CONNECT_TIMEOUT_S,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )


def conninfo(url: str, *, statement_timeout_s: float = STATEMENT_TIMEOUT_S) -> str:
    """Add to `url` what every connection of ours has; what the URL itself says stands.

    Raises DatabaseUnreachable if libpq cannot read the URL.
    """
    try:
        given: dict[str, Any] = dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        raise DatabaseUnreachable(
            "FLEETFUME_DATABASE_URL is no URL that PostgreSQL's client can read; "
            "write postgresql://user:password@host:5432/database"
        ) from None
    ours = (
        f"-c timezone=UTC -c statement_timeout={int(statement_timeout_s * 1000)} "
        f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_S * 1000}"
    )
    defaults = {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "fleetfume", **VANISHED}
    options = f"{ours} {given.pop('options', '')}".strip()
    return make_conninfo(**{**defaults, **given, "options": options})


def place(url: str) -> str:
    """Say where `url` points, for messages: user, host, port and database, no password."""
    given = conninfo_to_dict(url)
    host, port = given.get("host", "the local socket"), given.get("port", 5432)
    return f"{host}:{port}, database {given.get('dbname', '')!r}, user {given.get('user', '')!r}"


def unreachable(url: str, error: psycopg.Error) -> DatabaseUnreachable:
    """Turn a failed connection into one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1] if lines else type(error).__name__
    return DatabaseUnreachable(
        f"database at {place(url)} cannot be reached: {reason}. Start it, or correct FLEETFUME_DATABASE_URL"
    )
