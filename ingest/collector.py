"""The collector process's loop: take a batch, have it committed, acknowledge it; outlast broker and database."""

import contextlib
import gc
import math
import threading
import time
from collections.abc import Sequence

import structlog
from psycopg import Connection

from alerts.catalogue import Catalogue, load_catalogue
from devices.channels import Decoders, decoders
from devices.terminals import load_terminals
from devices.topics import subscription_filters
from ingest import metrics
from ingest.arrivals import Delivery
from ingest.batch import Answer, Quarantined
from ingest.identity import Numbers
from ingest.lanes import Backlog, Deferred, can_tell_silence
from ingest.pipeline import Pipeline
from ingest.rates import Rates
from ingest.sending import take_commands
from ingest.sessions import Sessions
from ingest.wallclock import ClockWatch
from ingest.warming import warm_up
from runtime import health
from runtime.database import AWAY, connect
from runtime.settings import Settings
from runtime.tls import broker_tls

log = structlog.get_logger()

QUIET_S = 0.01
"""A lull this long ends a batch: waiting longer would only add to the alerts' latency."""
ALONE_AFTER_S = 10.0
"""Without a live message for so long, the backlog is alone."""
SLICE_EVERY_S = 1.0
"""At least so often the backlog gets its turn, however much comes."""
READING_BYTES = 200
"""Of a reading as firmware sends it: batches are cut by size, before anything is decoded."""
RETRY_FIRST_S, RETRY_MAX_S = 0.2, 10.0
LAG_LIMIT_S = 30.0
TICK_EVERY_S = 0.4
"""With what a batch waits, an alert within 1 s for silences too (contract, section 4)."""


def run_collector(settings: Settings, stop: threading.Event, *, database_url: str, mqtt_url: str) -> None:
    """Collect until `stop` is set; then finish the batch in hand and leave."""
    catalogue = load_catalogue(settings.rules_file)
    read = decoders(load_terminals(settings.terminals_file))
    tls = broker_tls(settings, mqtt_url)
    health.checks["collector"] = lambda: "waiting for the database"
    numbers = _numbers(database_url, stop)
    if numbers is None:
        return
    with contextlib.closing(numbers):
        sessions = Sessions(mqtt_url, subscription_filters(settings.topic_prefix), numbers, tls=tls)
        health.checks["broker"] = lambda: None if sessions.connected else "not connected"
        metrics.BROKER_CONNECTED.set_function(lambda: float(sessions.connected))
        # The subscription first: from then on nothing published is lost, however long the compiler takes.
        sessions.start()
        try:
            health.checks["collector"] = lambda: "getting the engine ready"
            warm_up(catalogue)
            _collect_less_garbage()
            _collect(settings, catalogue, read, sessions, stop, database_url)
        finally:
            sessions.stop()


def _collect_less_garbage() -> None:
    """Python looks for cycles each time some hundred objects were made: a quarter of a batch's time, and there are none
    in what a batch makes. What is there now stays until the end, and is not looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def _collect(
    settings: Settings,
    catalogue: Catalogue,
    read: Decoders,
    sessions: Sessions,
    stop: threading.Event,
    database_url: str,
) -> None:
    pipeline = Pipeline(
        catalogue,
        decoders=read,
        prefix=settings.topic_prefix,
        zone=settings.zone,
        retention_days=settings.retention_days,
    )
    committer = _Committer(pipeline, database_url, stop)
    rates = Rates(settings.rate_limit_per_min)
    health.checks["collector"] = committer.complaint
    most_bytes = settings.batch_max_rows * READING_BYTES
    backlog = Backlog(most_bytes)
    metrics.BACKLOG.set_function(lambda: float(len(backlog)))
    slice_due = live_at = 0.0
    try:
        while not stop.is_set():
            batch = sessions.take(
                max_bytes=most_bytes,
                max_wait_s=0 if backlog else settings.batch_max_ms / 1000,
                quiet_s=QUIET_S,
            )
            deferred: list[Deferred] = []
            within, over = rates.split(batch)
            answers = committer.commit(within, deferred, over) if batch else None
            if answers is not None:
                waits = {id(one.delivery) for one in deferred}
                live = [delivery for delivery in batch if id(delivery) not in waits]
                _answer(sessions, live, answers)
                if live:
                    live_at = time.monotonic()
                backlog.saw_live(live)
                backlog.add(deferred)
            # What is in the queue may be live; but a flood of it must not stop the backlog for good.
            if backlog and (sessions.idle or time.monotonic() > slice_due) and not stop.is_set():
                begun = time.monotonic()
                stored = backlog.slice()
                answers = committer.commit(stored)
                if answers is not None:
                    _answer(sessions, stored, answers)
                    backlog.took(time.monotonic() - begun, alone=begun - live_at > ALONE_AFTER_S)
                slice_due = time.monotonic() + SLICE_EVERY_S
            sessions.look_after()
            if can_tell_silence(len(backlog), live_lately=time.monotonic() - live_at <= ALONE_AFTER_S):
                committer.tick()
            if sessions.connected:
                _answer(sessions, (), committer.commands(settings.topic_prefix))
    finally:
        committer.close()


def _answer(sessions: Sessions, committed: Sequence[Delivery], answers: Sequence[Answer]) -> None:
    for answer in answers:
        sessions.publish(answer.topic, answer.payload)
    sessions.acknowledge(committed)


def _numbers(database_url: str, stop: threading.Event) -> Numbers | None:
    """Where this collector's number comes from; None if asked to stop before the database was there."""
    wait_s = RETRY_FIRST_S
    while True:
        try:
            return Numbers(database_url)
        except AWAY as error:
            if wait_s == RETRY_FIRST_S:
                log.warning("database not there, trying again until it is", reason=str(error))
            if stop.wait(wait_s):
                return None
            wait_s = min(wait_s * 2, RETRY_MAX_S)


class _Committer:
    """A pipeline with a database connection that comes back."""

    def __init__(self, pipeline: Pipeline, database_url: str, stop: threading.Event) -> None:
        self._pipeline = pipeline
        self._url = database_url
        self._stop = stop
        self._connection: Connection | None = None
        self._lost_since: float | None = None
        self._lag_s = 0.0
        self._ticked = self._sent = -math.inf
        self._clock = ClockWatch()

    def commit(
        self,
        batch: Sequence[Delivery],
        deferred: list[Deferred] | None = None,
        refused: Sequence[Quarantined] = (),
    ) -> list[Answer] | None:
        """What to answer, once `batch` is committed; None if asked to stop before it could be: it stays with the broker.

        `deferred`: where to put messages that can wait, see `Pipeline.process`. `refused`: what is only to be kept.
        """
        begun = time.monotonic()
        wait_s = RETRY_FIRST_S
        while True:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = connect(self._url, autocommit=True)
                if deferred is not None:
                    deferred.clear()  # an attempt may have got as far as its first half
                if refused:
                    self._pipeline.refuse(self._connection, refused)
                    refused = ()  # committed, whatever becomes of the rest
                if deferred is not None:
                    deferred.clear()  # an attempt may have got as far as its first half
                answers = self._pipeline.process(self._connection, batch, deferred) if batch else []
            except AWAY as error:
                self._say_lost(error)
                self.close()
                if self._stop.wait(wait_s):
                    return None
                wait_s = min(wait_s * 2, RETRY_MAX_S)
            else:
                break
        self._say_back()
        if deferred is not None and batch:
            self._lag_s = max(0.0, time.time() - batch[0].received_us / 1e6)
            metrics.LAG_SECONDS.set(self._lag_s)
        metrics.BATCH_SECONDS.observe(time.monotonic() - begun)
        return answers

    def tick(self) -> None:
        """Now and then: what silence means. Not while the database is away; the first batch after that waits for it."""
        now = time.monotonic()
        if now - self._ticked < TICK_EVERY_S:
            return
        self._ticked = now
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._url, autocommit=True)
            self._pipeline.tick(self._connection, time.time_ns() // 1000)
            self._clock.look(self._connection)
        except AWAY as error:
            self._say_lost(error)
            self.close()
        else:
            self._say_back()

    def commands(self, prefix: str) -> list[Answer]:
        """Now and then: what is to be sent down to devices. Nothing while the database is away."""
        now = time.monotonic()
        if now - self._sent < TICK_EVERY_S or self._connection is None or self._connection.closed:
            return []
        self._sent = now
        try:
            return take_commands(self._connection, prefix)
        except AWAY as error:
            self._say_lost(error)
            self.close()
            return []

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

    def _say_back(self) -> None:
        if self._lost_since is not None:
            log.info("database is back", after_s=round(time.monotonic() - self._lost_since, 1))
            self._lost_since = None

    def _say_lost(self, error: Exception) -> None:
        if self._lost_since is None:
            self._lost_since = time.monotonic()
            log.warning("database lost, trying again until it is back", reason=str(error).splitlines()[0])
