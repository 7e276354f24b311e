"""A pipeline with a database connection that comes back."""

import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from psycopg import Connection

from ingest import metrics
from ingest.ahead import Work
from ingest.batch import Answer
from ingest.pipeline import Pipeline
from ingest.sending import take_commands
from ingest.wallclock import ClockWatch
from runtime.database import AWAY, connect

log = structlog.get_logger()

RETRY_FIRST_S, RETRY_MAX_S = 0.2, 10.0
LAG_LIMIT_S = 30.0
TICK_EVERY_S = 0.4
"""With what a batch waits, an alert within 1 s for silences too (contract, section 4)."""

Result = TypeVar("Result")


class Committer:
    """For the thread that commits."""

    def __init__(self, pipeline: Pipeline, database_url: str, stop: threading.Event) -> None:
        self._pipeline = pipeline
        self._url = database_url
        self._stop = stop
        self._connection: Connection | None = None
        self._lost_since: float | None = None
        self._lag_s = 0.0
        self._ticked = self._sent = -math.inf
        self._clock = ClockWatch()

    def prepare(self) -> bool:
        """Load what work is read with; False if asked to stop before that could be."""

        def attempt(connection: Connection) -> bool:
            self._pipeline.prepare(connection)
            return True

        return self._until_it_can_be(attempt) is not None

    def commit(self, work: Work) -> list[Answer] | None:
        """What to answer, once `work` is committed; None if asked to stop before it could be: it stays with the broker."""
        begun = time.monotonic()
        refused = list(work.refused)

        def attempt(connection: Connection) -> list[Answer]:
            if refused:
                self._pipeline.refuse(connection, refused)
                refused.clear()  # committed, whatever becomes of the rest
            return self._pipeline.process(connection, work.deliveries, work.read)

        answers = self._until_it_can_be(attempt)
        if answers is not None:
            if work.deliveries and not work.stored:
                self._lag_s = max(0.0, time.time() - work.deliveries[0].received_us / 1e6)
                metrics.LAG_SECONDS.set(self._lag_s)
            metrics.BATCH_SECONDS.observe(time.monotonic() - begun)
        return answers

    def tick(self) -> None:
        """Now and then: what silence means. Not while the database is away; the first batch after that waits for it."""
        now = time.monotonic()
        if now - self._ticked < TICK_EVERY_S:
            return
        self._ticked = now

        def attempt(connection: Connection) -> None:
            self._pipeline.tick(connection, time.time_ns() // 1000)
            self._clock.look(connection)

        self._try(attempt)

    def commands(self, prefix: str) -> list[Answer]:
        """Now and then: what is to be sent down to devices. Nothing while the database is away."""
        now = time.monotonic()
        if now - self._sent < TICK_EVERY_S or self._lost_since is not None:
            return []
        self._sent = now
        return self._try(lambda connection: take_commands(connection, prefix)) or []

    def complaint(self) -> str | None:
        """What keeps readings from being stored, for /readyz."""
        if self._lost_since is not None:
            return f"database lost {time.monotonic() - self._lost_since:.0f} s ago"
        if self._lag_s > LAG_LIMIT_S:
            return f"{self._lag_s:.0f} s behind"
        return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _until_it_can_be(self, do: Callable[[Connection], Result]) -> Result | None:
        wait_s = RETRY_FIRST_S
        while (done := self._try(do)) is None:
            if self._stop.wait(wait_s):
                return None
            wait_s = min(wait_s * 2, RETRY_MAX_S)
        return done

    def _try(self, do: Callable[[Connection], Result]) -> Result | None:
        """None: the database is away."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._url, autocommit=True)
            done = do(self._connection)
        except AWAY as error:
            self._say_lost(error)
            self.close()
            return None
        self._say_back()
        return done

    def _say_back(self) -> None:
        if self._lost_since is not None:
            log.info("database is back", after_s=round(time.monotonic() - self._lost_since, 1))
            self._lost_since = None

    def _say_lost(self, error: Exception) -> None:
        if self._lost_since is None:
            self._lost_since = time.monotonic()
            log.warning("database lost, trying again until it is back", reason=str(error).splitlines()[0])
