"""What could not be read, decoded again: after a device was registered, a decoder mended, a profile added.

A row goes the way of a fresh message, in one transaction with what becomes of it: its readings are stored under the
time they first came, and judged late. A row whose fault is gone is marked resolved, and stays with its bytes; what is
still wrong with the message otherwise becomes a row of its own. So nothing is lost, and running it twice, or beside
collectors, has the effect of once. A time that was ahead is judged by now, as if the device had sent it again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

import structlog
from psycopg import Connection, errors
from psycopg.rows import class_row

from devices.reasons import Reason
from ingest.batch import Batch, Quarantined
from ingest.broker.arrivals import Delivery
from ingest.pipeline import LOST_RACE, Pipeline
from ingest.storage import store_quarantined
from runtime.instants import instant, microseconds

log = structlog.get_logger()

SLICE = 100
"""Rows in one transaction."""
NEVER_HELPED = (Reason.INCOMPLETE_MESSAGE,)
"""A part is read by itself as soon as its other parts come (`ingest.joining`). One whose other parts did not come within
the hour is of no use: what comes later under its number is another message."""

WHICH: LiteralString = """
      FROM quarantine
     WHERE resolved_at IS NULL
       AND (%(reasons)s::text[] IS NULL OR reason = ANY(%(reasons)s))
       AND (%(device_ids)s::text[] IS NULL OR device_id = ANY(%(device_ids)s))
       AND (%(begin)s::timestamptz IS NULL OR received_at >= %(begin)s)
       AND (%(end)s::timestamptz IS NULL OR received_at < %(end)s)
"""
LIST: LiteralString = (
    "SELECT id, received_at, topic, payload, reason, detail, device_id, readings"
    + WHICH
    + " ORDER BY received_at DESC, id DESC LIMIT %(limit)s"
)
# Another retry's rows are passed over: it does what this one would.
NEXT: LiteralString = (
    "SELECT id, received_at, topic, payload, reason, detail, device_id, readings"
    + WHICH
    + " AND id > %(after)s AND id <= %(last)s AND reason <> ALL(%(never)s)"
    + " ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED"
)
RESOLVE: LiteralString = """
    UPDATE quarantine SET resolved_at = now(), resolution = %(resolution)s WHERE id = %(id)s
"""
SAY_AGAIN: LiteralString = "UPDATE quarantine SET detail = %(detail)s WHERE id = %(id)s"
KNOWN: LiteralString = """
    SELECT FROM quarantine
     WHERE received_at = %(received_at)s AND topic = %(topic)s AND reason = %(reason)s AND payload = %(payload)s
       AND resolved_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows; None: whatever it be."""

    reasons: Sequence[str] | None = None
    device_ids: Sequence[str] | None = None
    begin: datetime | None = None
    end: datetime | None = None

    def parameters(self) -> dict[str, Any]:
        return {
            "reasons": list(self.reasons) if self.reasons else None,
            "device_ids": list(self.device_ids) if self.device_ids else None,
            "begin": self.begin,
            "end": self.end,
        }


class Kept(NamedTuple):
    """A row of the quarantine."""

    id: int
    received_at: datetime
    topic: str
    payload: bytes
    reason: str
    detail: str
    device_id: str | None
    readings: int | None

    @property
    def delivery(self) -> Delivery:
        return Delivery(self.topic, self.payload, microseconds(self.received_at), mid=0, session=0)


@dataclass(slots=True)
class Outcome:
    """What a retry came to, in rows and readings."""

    rows: int = 0
    resolved: int = 0
    stored: int = 0
    repeated: int = 0
    still: Counter[str] = field(default_factory=Counter)
    """Rows left as they were, by reason."""


def listed(connection: Connection, wanted: Wanted, *, limit: int) -> list[Kept]:
    """The unresolved rows, the newest first."""
    with connection.cursor(row_factory=class_row(Kept)) as cursor:
        return cursor.execute(LIST, {**wanted.parameters(), "limit": limit}).fetchall()


def retry(connection: Connection, pipeline: Pipeline, wanted: Wanted, *, dry_run: bool = False) -> Outcome:
    """Read the wanted rows again, SLICE of them in a transaction; `dry_run`: and undo it."""
    outcome = Outcome()
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM quarantine").fetchone()
    assert newest is not None  # noqa: S101 - an aggregate
    after, (last,) = 0, newest  # what is made on the way is not read again at once
    while True:
        with connection.transaction(force_rollback=dry_run):
            rows = _next(connection, wanted, after, last)
            if not rows:
                return outcome
            after = rows[-1].id
            outcome.rows += len(rows)
            _read(connection, pipeline, rows, outcome)


def _next(connection: Connection, wanted: Wanted, after: int, last: int) -> list[Kept]:
    with connection.cursor(row_factory=class_row(Kept)) as cursor:
        return cursor.execute(
            NEXT,
            {
                **wanted.parameters(),
                "after": after,
                "last": last,
                "never": list(NEVER_HELPED),
                "limit": SLICE,
            },
        ).fetchall()


def _read(connection: Connection, pipeline: Pipeline, rows: Sequence[Kept], outcome: Outcome) -> None:
    deliveries = [row.delivery for row in rows]
    try:
        batch, stored, repeated = pipeline.read_again(connection, deliveries)
    except (errors.OperationalError, *LOST_RACE):
        raise
    except Exception as error:
        if len(rows) > 1:  # what one row makes impossible is found by halving
            middle = len(rows) // 2
            _read(connection, pipeline, rows[:middle], outcome)
            _read(connection, pipeline, rows[middle:], outcome)
        else:
            log.exception("quarantined message cannot be processed", id=rows[0].id)
            outcome.still[Reason.INTERNAL] += 1
            detail = f"{type(error).__name__}: {error}"
            connection.execute(SAY_AGAIN, {"id": rows[0].id, "detail": detail.replace("\x00", "�")})
        return
    outcome.stored += stored
    outcome.repeated += repeated
    for row, delivery in zip(rows, deliveries, strict=True):
        _settle(connection, row, _problems(batch, delivery), outcome)


def _problems(batch: Batch, delivery: Delivery) -> dict[str, Quarantined]:
    return {problem.reason: problem for problem in batch.quarantined if problem.delivery is delivery}


def _settle(connection: Connection, row: Kept, problems: dict[str, Quarantined], outcome: Outcome) -> None:
    if row.reason in problems:
        outcome.still[row.reason] += 1
        return
    others = sorted(problems)
    resolution = f"read; still wrong with it: {', '.join(others)}" if others else "read"
    connection.execute(RESOLVE, {"id": row.id, "resolution": resolution})
    outcome.resolved += 1
    for problem in problems.values():
        key = {
            "received_at": instant(problem.delivery.received_us), "topic": row.topic, "reason": problem.reason,
            "payload": row.payload,
        }  # fmt: skip
        if connection.execute(KNOWN, key).fetchone() is None:
            store_quarantined(connection, [problem])
