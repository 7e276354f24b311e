"""Which collector is this?  A number, so that the broker keeps one session per collector and no more.

The database gives numbers out: who works on a session holds its advisory lock. One that was killed leaves its
number, and with it the broker's session and what waits there, to the next, or to those that still live. A
number is recorded for as long as there may be a session of that name.
"""

import itertools
from typing import LiteralString

import psycopg
from psycopg import Connection

from runtime.database import connect

_LOCK_CLASS = 4714
"""First key of the advisory locks; the second is the collector's number."""

# A machine that vanished is given up within 20 s, and not after the two hours of TCP.
NOTICE: LiteralString = (
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
)
RECORD: LiteralString = "INSERT INTO collector_session (number) VALUES (%s) ON CONFLICT DO NOTHING"
ALONE: LiteralString = "SELECT NOT EXISTS (SELECT FROM collector_session WHERE number <> ALL(%s))"
UNHELD: LiteralString = """
    SELECT number FROM collector_session
     WHERE number NOT IN (SELECT objid::bigint FROM pg_locks
                           WHERE locktype = 'advisory' AND classid = %s
                             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
     ORDER BY number
"""


class Numbers:
    """The numbers this process holds; they are its own for as long as the database connection stands."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._connection = self._connect()
        self._held: set[int] = set()
        row = self._connection.execute("SELECT name FROM installation").fetchone()
        assert row is not None  # noqa: S101 - the migration made it
        self.installation: str = row[0]

    def close(self) -> None:
        """Let go of all of them; they stay recorded."""
        self._connection.close()

    def claim(self) -> int:
        """The lowest number that nobody holds."""
        return next(number for number in itertools.count(1) if self.try_claim(number))

    def try_claim(self, number: int) -> bool:
        locked = number not in self._held and self._lock(number)
        if locked:
            self._connection.execute(RECORD, (number,))
            self._held.add(number)
        return locked

    def keep(self) -> frozenset[int]:
        """Those that are still ours, claimed again if the connection was lost (a database's restart frees them all).

        DatabaseUnreachable, OperationalError: the database is away, and nobody can have taken one.
        """
        try:
            self._connection.execute("SELECT")
        except psycopg.OperationalError:
            self._connection.close()
            self._connection = self._connect()
            self._held = {number for number in self._held if self._lock(number)}
        return frozenset(self._held)

    def alone(self) -> bool:
        """Whether there is no session but ours."""
        row = self._connection.execute(ALONE, (list(self._held),)).fetchone()
        return bool(row and row[0])

    def unheld(self) -> frozenset[int]:
        """Recorded numbers whose holders are gone."""
        return frozenset(number for (number,) in self._connection.execute(UNHELD, (_LOCK_CLASS,)))

    def give_up(self, number: int) -> None:
        """Let go of `number`, of which no session is left."""
        self._connection.execute("DELETE FROM collector_session WHERE number = %s", (number,))
        self._connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_LOCK_CLASS, number))
        self._held.discard(number)

    def _connect(self) -> Connection:
        connection = connect(self._url, autocommit=True)
        connection.execute(NOTICE)
        return connection

    def _lock(self, number: int) -> bool:
        row = self._connection.execute(
            "SELECT pg_try_advisory_lock(%s, %s)", (_LOCK_CLASS, number)
        ).fetchone()
        return bool(row and row[0])
