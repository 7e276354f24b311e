"""The leads' journal: every step, append-only, each entry holding the hash of the one before.

An entry's hash is SHA-256 over its fields as canonical JSON (sorted keys, no spaces, UTF-8), so that anyone
can compute it again from what the entry says.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.types.json import Jsonb

from alerts.outbox import take_turn
from alerts.timestamps import Authority


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    lead_id: int
    seq: int
    at: datetime
    actor: str
    action: str
    detail: dict[str, Any]
    prev_hash: str
    """'' for the first."""

    @property
    def said_at(self) -> str:
        return self.at.astimezone(UTC).isoformat(timespec="microseconds")

    def hash(self) -> str:
        said = {
            "lead_id": self.lead_id,
            "seq": self.seq,
            "at": self.said_at,
            "actor": self.actor,
            "action": self.action,
            "detail": self.detail,
            "prev_hash": self.prev_hash,
        }
        canonical = json.dumps(
            said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return hashlib.sha256(canonical.encode()).hexdigest()


# The lead's row is locked first: two officers' entries get two numbers, in order.
LOCK: LiteralString = "SELECT id FROM lead WHERE id = %s FOR UPDATE"
LAST: LiteralString = "SELECT seq, hash FROM lead_journal WHERE lead_id = %s ORDER BY seq DESC LIMIT 1"
INSERT: LiteralString = """
    INSERT INTO lead_journal (lead_id, seq, at, actor, action, detail, prev_hash, hash)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""


def append(
    connection: Connection[Any], lead_id: int, *, actor: str, action: str, detail: dict[str, Any]
) -> Entry:
    """Write the next entry of a lead, in the caller's transaction."""
    connection.execute(LOCK, (lead_id,))
    last = connection.execute(LAST, (lead_id,)).fetchone()
    seq, prev_hash = (last[0] + 1, last[1]) if last else (1, "")
    entry = Entry(
        lead_id=lead_id, seq=seq, at=datetime.now(UTC), actor=actor, action=action, detail=detail, prev_hash=prev_hash
    )  # fmt: skip
    connection.execute(
        INSERT, (lead_id, seq, entry.at, actor, action, Jsonb(detail), prev_hash, entry.hash())
    )
    return entry


def first_broken(entries: Iterable[tuple[Entry, str]]) -> int | None:
    """The `seq` of the first of a lead's entries (with the hashes they carry) that does not hold; None: all do."""
    prev_hash = ""
    for seq, (entry, carried) in enumerate(entries, start=1):
        if entry.seq != seq or entry.prev_hash != prev_hash or entry.hash() != carried:
            return entry.seq
        prev_hash = carried
    return None


# Days of the journal. What was written on one, over all leads, and the evidence packages made on it.
WRITTEN: LiteralString = """
    SELECT hash FROM (
        SELECT at, 1 AS of, id, hash FROM lead_journal WHERE at >= %(since)s AND at < %(until)s
        UNION ALL
        SELECT at, 2, id, manifest_sha256 FROM evidence_made WHERE at >= %(since)s AND at < %(until)s
    ) written
     ORDER BY at, of, id
"""
NEWEST_HEAD: LiteralString = "SELECT day, head FROM journal_head ORDER BY day DESC LIMIT 1"
FIRST_ENTRY: LiteralString = "SELECT min(at) FROM lead_journal"
CLOSE: LiteralString = "INSERT INTO journal_head (day, entries, prev_head, head) VALUES (%s, %s, %s, %s)"
HEADS: LiteralString = """
    SELECT day, prev_head, head, token FROM journal_head LEFT JOIN journal_head_stamp USING (day)
     WHERE day BETWEEN %s AND %s ORDER BY day
"""


def day_head(day: str, prev_head: str, hashes: Iterable[str]) -> str:
    """SHA-256 over the day, the head of the day before ('': the first) and the hashes written on it, a line each."""
    return hashlib.sha256("\n".join([day, prev_head, *hashes]).encode()).hexdigest()


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a local day begins, and the next one."""
    since, until = (datetime.combine(one, time.min, zone) for one in (day, day + timedelta(days=1)))
    return since.astimezone(UTC), until.astimezone(UTC)


def close_days(connection: Connection[Any], zone: ZoneInfo, now: datetime) -> list[date]:
    """Close every day that is over, the oldest first; return them. Nothing can be written on a closed day."""
    closed: list[date] = []
    with connection.transaction():
        take_turn(
            connection
        )  # whoever writes the journal holds it: what is not there now will carry a later time
        newest = connection.execute(NEWEST_HEAD).fetchone()
        (first,) = connection.execute(FIRST_ENTRY).fetchone() or (None,)
        if first is None:
            return []
        day, head = (
            (newest[0] + timedelta(days=1), newest[1]) if newest else (first.astimezone(zone).date(), "")
        )
        while day < now.astimezone(zone).date():
            hashes = written_on(connection, day, zone)
            made = day_head(day.isoformat(), head, hashes)
            connection.execute(CLOSE, (day, len(hashes), head, made))
            closed.append(day)
            day, head = day + timedelta(days=1), made
    return closed


UNSTAMPED: LiteralString = """
    SELECT day, head FROM journal_head
     WHERE day > (SELECT max(day) FROM journal_head) - %s
       AND NOT EXISTS (SELECT FROM journal_head_stamp stamp WHERE stamp.day = journal_head.day)
     ORDER BY day
"""
STAMP: LiteralString = """
    INSERT INTO journal_head_stamp (day, token, authority, stamped_at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
STAMPED_BACK_DAYS = 7
"""Earlier days are held by the chain: a later day's stamp covers them."""


def stamp_days(connection: Connection[Any], authority: Authority) -> list[date]:
    """Have closed days stamped that are not, the oldest first; return them. NotStamped: the rest is tried again later."""
    stamped = []
    for day, head in connection.execute(UNSTAMPED, (STAMPED_BACK_DAYS,)).fetchall():
        stamp = authority.stamp(head.encode())
        connection.execute(STAMP, (day, stamp.token, stamp.authority, stamp.at))
        stamped.append(day)
    return stamped


def written_on(connection: Connection[Any], day: date, zone: ZoneInfo) -> list[str]:
    """The hashes of what was written on a local day, in order."""
    since, until = day_bounds(day, zone)
    return [row[0] for row in connection.execute(WRITTEN, {"since": since, "until": until})]


def heads(connection: Connection[Any], first: date, last: date, zone: ZoneInfo) -> list[dict[str, Any]]:
    """The closed days from `first` to `last`, each with what it was made of."""
    return [
        {
            "day": day.isoformat(), "prev_head": prev_head, "head": head, "hashes": written_on(connection, day, zone),
            "since": day_bounds(day, zone)[0].isoformat(), "until": day_bounds(day, zone)[1].isoformat(),
        }
        | ({"timestamp_base64": base64.b64encode(token).decode()} if token else {})
        for day, prev_head, head, token in connection.execute(HEADS, (first, last)).fetchall()
    ]  # fmt: skip
