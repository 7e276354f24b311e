"""Pieces of sixty readings kept and looked up, so that the engine is told which of them were seen before.

By event time the later piece is the copy, whichever came first. So what a batch adds (or, where readings came
late, takes away) may concern pieces of other monitors that were judged before: those monitors are judged again.
Limit: two collectors that commit a piece and its copy at the same instant do not see each other's; what comes
later does, and the nightly examination sees both.
"""

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple

import numpy as np
from psycopg import Connection

from analytics.fume import piece_hashes
from analytics.records import NEVER
from ingest.fleet import Fleet
from ingest.judging import Records
from runtime.instants import instant

STORE: LiteralString = """
    INSERT INTO fume_piece (device_id, ts, hash)
    SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::bigint[])
"""
STORED_SINCE: LiteralString = """
    SELECT (extract(epoch FROM ts) * 1000000)::bigint, hash
      FROM fume_piece
     WHERE device_id = %s AND (%s::timestamptz IS NULL OR ts > %s) AND (%s::timestamptz IS NULL OR ts <= %s)
"""
DROP: LiteralString = "DELETE FROM fume_piece WHERE device_id = %s AND ts = ANY(%s)"
# Of each piece asked for, the first one that is the same: by event time, no further back than is looked.
SEEN: LiteralString = """
    SELECT asked.row, (extract(epoch FROM min(piece.ts)) * 1000000)::bigint
      FROM unnest(%(row)s::bigint[], %(ts)s::timestamptz[], %(hash)s::bigint[]) AS asked (row, ts, hash)
      JOIN fume_piece AS piece
        ON piece.hash = asked.hash AND piece.ts < asked.ts
           AND piece.ts >= asked.ts - %(within_s)s * INTERVAL '1 second'
     GROUP BY asked.row
"""
COPIES_OF: LiteralString = """
    SELECT piece.device_id, (extract(epoch FROM min(piece.ts)) * 1000000)::bigint
      FROM unnest(%(device_id)s::text[], %(ts)s::timestamptz[], %(hash)s::bigint[]) AS changed (device_id, ts, hash)
      JOIN fume_piece AS piece
        ON piece.hash = changed.hash AND piece.device_id <> changed.device_id
           AND piece.ts > changed.ts AND piece.ts <= changed.ts + %(within_s)s * INTERVAL '1 second'
     GROUP BY piece.device_id
"""
FORGET: LiteralString = "DELETE FROM fume_piece WHERE ts < now() - 2 * %s * INTERVAL '1 second'"

Piece = tuple[str, int, int]
"""Device, end (µs), hash."""


class Ends(NamedTuple):
    """The pieces that some records end: `rows[i]` is the record that ends `pieces[i]`."""

    rows: list[int]
    pieces: list[Piece]


def notice_pieces(
    connection: Connection, fleet: Fleet, device_ids: Sequence[str], states: Records, records: Records
) -> dict[str, int]:
    """Keep the pieces that fresh `records` end, and set each record's `seen`.

    Returns the other monitors whose pieces are now known to be copies, each with the time of its first.
    """
    if "seen" not in (records.dtype.names or ()):
        return {}
    ends = _ends(fleet, device_ids, states, records)
    _store(connection, ends.pieces)
    _set_seen(connection, fleet, records, ends)
    return _copies_of(connection, fleet, ends.pieces)


def notice_pieces_again(
    connection: Connection,
    fleet: Fleet,
    device_id: str,
    begin_us: int,
    states: Records,
    records: Records,
    *,
    until_us: int | None,
) -> dict[str, int]:
    """The same for a monitor that is judged again from `begin_us` on, by now to `until_us` (None: to the end): what no
    longer is a piece goes.
    """
    if "seen" not in (records.dtype.names or ()):
        return {}
    ends = _ends(fleet, [device_id], states, records)
    begin = instant(begin_us) if begin_us != NEVER else None
    until = instant(until_us) if until_us is not None else None
    before = {
        (device_id, ts, digest)
        for ts, digest in connection.execute(
            STORED_SINCE, (device_id, begin, begin, until, until), binary=True
        )
    }
    gone, added = before - set(ends.pieces), [piece for piece in ends.pieces if piece not in before]
    if gone:
        connection.execute(DROP, (device_id, [instant(ts) for _, ts, _ in gone]))
    _store(connection, added)
    _set_seen(connection, fleet, records, ends)
    return _copies_of(connection, fleet, [*gone, *added])


def recall_pieces(
    connection: Connection, fleet: Fleet, device_ids: Sequence[str], states: Records, records: Records
) -> None:
    """Set each record's `seen` by the pieces that are kept, and keep none: for history that is only looked at again."""
    if "seen" in (records.dtype.names or ()):
        _set_seen(connection, fleet, records, _ends(fleet, device_ids, states, records))


def forget_old_pieces(connection: Connection[Any], within_s: float) -> None:
    connection.execute(FORGET, (within_s,))


def _ends(fleet: Fleet, device_ids: Sequence[str], states: Records, records: Records) -> Ends:
    hashes = piece_hashes(fleet.catalogue.fume_rules(), fleet.monitors(device_ids), states, records)
    rows = np.flatnonzero(hashes)
    slots, times = records["slot"][rows].tolist(), records["ts"][rows].tolist()
    found = zip(slots, times, hashes[rows].tolist(), strict=True)
    return Ends(rows.tolist(), [(device_ids[slot], ts, digest) for slot, ts, digest in found])


def _store(connection: Connection, pieces: Sequence[Piece]) -> None:
    if pieces:
        device_ids, times, hashes = zip(*pieces, strict=True)
        connection.execute(STORE, (list(device_ids), [instant(ts) for ts in times], list(hashes)))


def _set_seen(connection: Connection, fleet: Fleet, records: Records, ends: Ends) -> None:
    if not ends.rows:
        return
    _, times, hashes = zip(*ends.pieces, strict=True)
    found = connection.execute(
        SEEN,
        {
            "row": ends.rows,
            "ts": [instant(ts) for ts in times],
            "hash": list(hashes),
            "within_s": fleet.catalogue.fume_rules().copied_within_s,
        },
        binary=True,
    )
    for row, first_us in found:
        records["seen"][row] = first_us


def _copies_of(connection: Connection, fleet: Fleet, pieces: Sequence[Piece]) -> dict[str, int]:
    if not pieces:
        return {}
    device_ids, times, hashes = zip(*pieces, strict=True)
    found = connection.execute(
        COPIES_OF,
        {
            "device_id": list(device_ids),
            "ts": [instant(ts) for ts in times],
            "hash": list(hashes),
            "within_s": fleet.catalogue.fume_rules().copied_within_s,
        },
        binary=True,
    )
    return {device_id: first_us for device_id, first_us in found if device_id in fleet.registry.devices}
