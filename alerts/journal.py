"""The leads' journal: every step, append-only, each entry holding the hash of the one before.

An entry's hash is SHA-256 over its fields as canonical JSON (sorted keys, no spaces, UTF-8), so that anyone
can compute it again from what the entry says.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.types.json import Jsonb


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

    def hash(self) -> str:
        said = {
            "lead_id": self.lead_id,
            "seq": self.seq,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
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
