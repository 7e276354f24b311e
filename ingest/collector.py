"""The collector process's loop: take a batch, have it committed, acknowledge it; outlast broker and database."""

import contextlib
import gc
import sys
import threading
import time
from collections.abc import Sequence

import structlog

from alerts.catalogue import Catalogue, load_catalogue
from devices.channels import Decoders, decoders
from devices.terminals import load_terminals
from devices.topics import subscription_filters
from ingest import metrics
from ingest.ahead import ReadAhead
from ingest.batch import Answer
from ingest.broker.arrivals import Delivery
from ingest.broker.identity import Numbers
from ingest.broker.sessions import Sessions
from ingest.clock import SETTLE_US
from ingest.committer import RETRY_FIRST_S, RETRY_MAX_S, Committer
from ingest.lanes import can_tell_silence
from ingest.pipeline import Pipeline
from ingest.rates import Rates
from ingest.warming import warm_up
from runtime import health
from runtime.database import AWAY
from runtime.settings import Settings
from runtime.tls import broker_tls

log = structlog.get_logger()

LOOK_S = 0.1
"""How long the loop waits for work before it looks after what else there is."""
READING_BYTES = 200
"""Of a reading as firmware sends it: batches are cut by size, before anything is decoded."""
SWITCH_S = 0.0001
"""A thread that computes gives way to others after this long. Python's 5 ms would make each answer of the database,
of which a batch has some dozen, wait that long."""


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
            _have_python_wait_less()
            _collect(settings, catalogue, read, sessions, stop, database_url)
        finally:
            sessions.stop()


def _have_python_wait_less() -> None:
    """Python looks for cycles each time some hundred objects were made: a quarter of a batch's time, and there are none
    in what a batch makes. What is there now stays until the end, and is not looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    sys.setswitchinterval(SWITCH_S)


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
        settle_us=SETTLE_US,
    )
    committer = Committer(pipeline, database_url, stop)
    ahead = ReadAhead(
        sessions,
        pipeline,
        Rates(settings.rate_limit_per_min),
        most_bytes=settings.batch_max_rows * READING_BYTES,
        most_wait_s=settings.batch_max_ms / 1000,
    )
    health.checks["collector"] = committer.complaint
    metrics.BACKLOG.set_function(lambda: float(ahead.waiting))
    try:
        if not committer.prepare():
            return
        ahead.start()
        while not stop.is_set():
            if (work := ahead.next(LOOK_S)) is not None:
                begun = time.monotonic()
                answers = committer.commit(work)
                if answers is None:
                    return
                _answer(sessions, [*work.deliveries, *(row.delivery for row in work.refused)], answers)
                ahead.took(work, time.monotonic() - begun)
                del work  # the last reference but for the reader's
            sessions.look_after()
            if can_tell_silence(ahead.waiting, live_lately=ahead.live_lately):
                committer.tick()
            if sessions.connected:
                _answer(sessions, (), committer.commands(settings.topic_prefix))
    finally:
        ahead.stop()
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
