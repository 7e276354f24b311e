"""Which collector is this?  A stable name, so that the broker keeps one session per collector and no more.

The database gives numbers out: collector n holds an advisory lock for as long as it lives. One that was
killed leaves its number, and with it the broker's session and what waits there, to the next.
"""

import itertools

from psycopg import Connection

_LOCK_CLASS = 4712
"""First key of the advisory locks; the second is the collector's number."""


def claim_number(connection: Connection) -> int:
    """The lowest number no living collector holds. It is held while `connection` stands."""
    for number in itertools.count(1):
        claimed = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (_LOCK_CLASS, number)).fetchone()
        if claimed and claimed[0]:
            return number
    raise AssertionError("itertools.count ends")
