"""The engine's states between batches: a cache in front of `engine_state`, whose row versions decide.

What is cached may be stale where another collector judged the same device; then `save` raises
`StaleState`, the transaction rolls back, and the batch is judged again from what is stored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from analytics.records import NEVER, NOTHING_DUE
from ingest.judging import Judge, Records
from runtime.instants import instant

LOAD: LiteralString = "SELECT device_id, version, layout, state FROM engine_state WHERE device_id = ANY(%s)"

SAVE: LiteralString = """
    INSERT INTO engine_state (device_id, version, layout, last_ts, due, state)
    SELECT device_id, version, %(layout)s, to_timestamp(0) + last_us * INTERVAL '1 microsecond',
           to_timestamp(0) + due_us * INTERVAL '1 microsecond', state
      FROM unnest(%(device_id)s::text[], %(version)s::bigint[], %(last_us)s::bigint[], %(due_us)s::bigint[],
                  %(state)b::bytea[])
           AS changed (device_id, version, last_us, due_us, state)
        ON CONFLICT (device_id) DO UPDATE
       SET version = EXCLUDED.version, layout = EXCLUDED.layout, last_ts = EXCLUDED.last_ts, due = EXCLUDED.due,
           state = EXCLUDED.state
     WHERE engine_state.version = EXCLUDED.version - 1
"""
# Those that another collector is at work on are left to it.
TAKE_DUE: LiteralString = """
    SELECT device_id FROM engine_state WHERE due <= %s ORDER BY due LIMIT %s FOR UPDATE SKIP LOCKED
"""
NOTHING_IS_DUE: LiteralString = "UPDATE engine_state SET due = NULL WHERE device_id = ANY(%s)"


class StaleState(Exception):
    """Another collector committed a newer state of a device in this batch."""


@dataclass(slots=True)
class Known:
    """A device's state and the version of the row that holds it (0: there is none yet)."""

    version: int
    state: bytes
    rebuild: bool = False
    """The stored bytes have another layout: judge the device again from its readings."""


class StateCache:
    """States by device id; only `keep`, after a commit, changes what is remembered."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    def fetch(self, connection: Connection, judge: Judge, device_ids: Sequence[str]) -> list[Known]:
        missing = [device_id for device_id in device_ids if device_id not in self._known]
        if missing:
            blank = judge.new_states(1).tobytes()
            found = {device_id: Known(0, blank) for device_id in missing}
            for device_id, version, layout, state in connection.execute(LOAD, (missing,), binary=True):
                same = layout == judge.layout
                found[device_id] = Known(version, state if same else blank, rebuild=not same)
            self._known.update(found)
        return [self._known[device_id] for device_id in device_ids]

    def keep(self, device_ids: Sequence[str], known: Sequence[Known]) -> None:
        self._known.update(zip(device_ids, known, strict=True))

    def forget(self, device_ids: Iterable[str]) -> None:
        for device_id in device_ids:
            self._known.pop(device_id, None)


def rows(judge: Judge, known: Sequence[Known]) -> Records:
    """The states as one array the engine can read, in order."""
    joined = bytearray(b"".join(one.state for one in known))
    return np.frombuffer(joined, dtype=judge.state_type)


def take_due(connection: Connection, clock_us: int, *, limit: int) -> list[str]:
    """Devices whose silence has something to say by `clock_us`, the longest overdue first; their rows are locked."""
    return [device_id for (device_id,) in connection.execute(TAKE_DUE, (instant(clock_us), limit))]


def nothing_is_due(connection: Connection, device_ids: Sequence[str]) -> None:
    """Of devices that nobody judges now: nothing is, until they are heard again."""
    connection.execute(NOTHING_IS_DUE, (list(device_ids),))


def save(
    connection: Connection,
    judge: Judge,
    device_ids: Sequence[str],
    before: Sequence[Known],
    after: Records,
    due: NDArray[np.int64],
) -> list[Known]:
    """Write the states `after` judging, one version up each; return what to `keep` once committed."""
    changed = [Known(known.version + 1, after[i : i + 1].tobytes()) for i, known in enumerate(before)]
    written = connection.execute(
        SAVE,
        {
            "layout": judge.layout,
            "device_id": list(device_ids),
            "version": [known.version for known in changed],
            "last_us": [None if us == NEVER else us for us in after["last_ts"].tolist()],
            "due_us": [None if us == NOTHING_DUE else us for us in due.tolist()],
            "state": [known.state for known in changed],
        },
    ).rowcount
    if written != len(changed):
        raise StaleState(f"{len(changed) - written} of {len(changed)} states are newer in the database")
    return changed
