"""Whose clock says that a time is still to come: this machine's, or the database's where ours is slow.

A collector whose clock is slow must not take live readings for future ones. Two clocks would have to be slow alike for
that; one that is fast refuses nothing. What came is dated by this machine's clock all the same, right or wrong.
"""

import time

import structlog
from psycopg import Connection

from ingest import metrics
from runtime.instants import microseconds

log = structlog.get_logger()

TOLERANCE_US = 2_000_000
"""As `fleetfume doctor` has it."""
LOOK_EVERY_S = 10.0


def database_now_us(connection: Connection) -> int:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM
    return microseconds(row[0])


def later_now_us(connection: Connection) -> int:
    """The database's clock, if this machine's is behind it; else 0: what came is dated no earlier than it was."""
    now_us = database_now_us(connection)
    return now_us if now_us - time.time_ns() // 1000 > TOLERANCE_US else 0


class ClockWatch:
    """Says when this machine's clock goes wrong, and when it is right again."""

    def __init__(self) -> None:
        self._looked = -LOOK_EVERY_S
        self._wrong = False

    def look(self, connection: Connection) -> None:
        """Every LOOK_EVERY_S; between them nothing."""
        if time.monotonic() - self._looked < LOOK_EVERY_S:
            return
        self._looked = time.monotonic()
        ahead_s = round((time.time_ns() // 1000 - database_now_us(connection)) / 1e6, 1)
        metrics.CLOCK_AHEAD_SECONDS.set(ahead_s)
        wrong = abs(ahead_s) > TOLERANCE_US / 1e6
        if wrong and not self._wrong:
            log.warning("clock differs from the database's, readings are dated wrongly", ahead_s=ahead_s)
        elif self._wrong and not wrong:
            log.info("clock agrees with the database's again")
        self._wrong = wrong
