"""What has to happen without anybody asking: time limits that run out, days that close, messages that go out.

One clerk works at a time, whichever process holds the lock; the others wait for it to be free. Each job is one short
transaction, and one that fails is said and tried again.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
import structlog
from psycopg import Connection

from runtime.database import connect
from runtime.errors import DatabaseUnreachable

log = structlog.get_logger(__name__)

LOCK: LiteralString = "SELECT pg_try_advisory_lock(4712, hashtext(%s))"
LOOK_EVERY_S = 1.0
RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    every_s: float
    work: Callable[[Connection[Any]], object]
    """Does what is due now, in transactions of its own."""


def run_clerk(name: str, database_url: str, jobs: Sequence[Job], stop: threading.Event) -> None:
    """Do `jobs` in turn until `stop` is set; of several clerks of one name one works. Without a database it waits."""
    while not stop.is_set():
        try:
            with connect(database_url, autocommit=True) as connection:
                _work(name, connection, jobs, stop)
        except (psycopg.OperationalError, DatabaseUnreachable) as error:
            log.warning("clerk lost the database", reason=str(error).splitlines()[0])
            stop.wait(RETRY_S)


def _work(name: str, connection: Connection[Any], jobs: Sequence[Job], stop: threading.Event) -> None:
    due = dict.fromkeys((job.name for job in jobs), 0.0)
    mine = False
    while not stop.is_set():
        mine = mine or bool((connection.execute(LOCK, (name,)).fetchone() or (False,))[0])
        for job in jobs if mine else ():
            if time.monotonic() >= due[job.name] and not stop.is_set():
                due[job.name] = time.monotonic() + job.every_s
                _do(connection, job)
        stop.wait(LOOK_EVERY_S)


def _do(connection: Connection[Any], job: Job) -> None:
    try:
        job.work(connection)
    except psycopg.OperationalError:
        raise
    except Exception:
        # One job's defect must not silence the others; it is tried again, and said each time.
        log.exception("clerk's job failed", job=job.name)
