"""Late readings: judge a device again from a checkpoint before the first of them.

The same engine runs over the stored readings from there on; qualities, state, checkpoints and
alerts then are what they would have been, had everything come in order.
"""

from dataclasses import dataclass
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection, sql
from psycopg.rows import namedtuple_row

from alerts import kitchen_figures
from alerts.episodes import Episode
from analytics.records import NEVER, QUALITIES
from ingest.batch import OF_TIME
from ingest.checkpoints import drop_checkpoints, newest_checkpoint
from ingest.clock import heard_until
from ingest.copies import notice_pieces_again
from ingest.judging import Judge, Records, Refusal
from ingest.registers import Registers
from ingest.rows import make_rows
from ingest.tables import FUME_READING, Table
from runtime.instants import instant, microseconds

REFUSED_SINCE: LiteralString = """
    SELECT received_at, readings
      FROM quarantine
     WHERE device_id = %(device_id)s AND reason = ANY(%(reasons)s)
       AND (%(since)s::timestamptz IS NULL OR received_at > %(since)s)
     ORDER BY received_at
"""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one device's stretch, judged again, comes to."""

    checkpoint_us: int
    """Everything up to here stands (NEVER: judged from the beginning)."""
    ongoing: list[Episode]
    """The episodes that were going on at the checkpoint, as they stood."""
    states: Records
    """(1,) the state after the newest reading."""
    events: Records
    newest: Any
    """The newest reading's row; None: every reading of it was refused."""
    newest_quality: str
    copies: dict[str, int]
    """Other monitors to be judged again: copies of what changed, each with the time of its first."""


def judge_again(
    connection: Connection,
    registers: Registers,
    judge: Judge,
    table: Table,
    zone: ZoneInfo,
    device_id: str,
    first_late_us: int,
) -> Judgement:
    """Fold the stored readings of `device_id` from the newest checkpoint before `first_late_us`.

    Qualities that come out otherwise are corrected and the checkpoints after it dropped, in the
    caller's transaction.
    """
    checkpoint_us, state, ongoing = newest_checkpoint(connection, judge, device_id, before_us=first_late_us)
    begin = instant(checkpoint_us) if checkpoint_us != NEVER else None
    with connection.cursor(row_factory=namedtuple_row, binary=True) as cursor:
        readings = cursor.execute(
            sql.SQL(
                """
                SELECT (extract(epoch FROM ts) * 1000000)::bigint AS ts_us, ts, received_at, quality, {columns}
                  FROM {table}
                 WHERE device_id = %(device_id)s AND (%(begin)s::timestamptz IS NULL OR ts > %(begin)s)
                 ORDER BY ts
                """
            ).format(
                columns=sql.SQL(", ").join(map(sql.Identifier, table.columns)),
                table=sql.Identifier(table.name),
            ),
            {"device_id": device_id, "begin": begin},
        ).fetchall()
    nothing = np.zeros(len(readings), np.int64)  # when they were received makes no difference
    rows = make_rows(table, [device_id], nothing.astype(np.int32), readings, nothing)
    records = judge.records(rows, zone)
    before = np.frombuffer(bytearray(state), dtype=judge.state_type)
    copies = notice_pieces_again(connection, registers.newest, device_id, checkpoint_us, before, records)
    refused = _refused_since(connection, device_id, before)
    after, quality, events = registers.judge(connection, judge, [device_id], before, records, refused)
    # Silences that have been told are told again, if they still are any.
    after, silences = judge.silent(registers.newest, [device_id], after, heard_until(connection), zone)
    events = np.concatenate([events, silences])
    qualities = [QUALITIES[q] for q in quality.tolist()]
    corrected = _correct_qualities(connection, table, device_id, readings, qualities)
    if table is FUME_READING:
        kitchen_figures.touch(connection, ((device_id, ts_us) for ts_us in corrected), zone)
    drop_checkpoints(connection, device_id, after_us=checkpoint_us)
    return Judgement(
        checkpoint_us,
        ongoing,
        after,
        events,
        readings[-1] if readings else None,
        qualities[-1] if readings else "",
        copies,
    )


def _refused_since(connection: Connection, device_id: str, state: Records) -> list[Refusal]:
    """What the state (1,) does not know yet of readings that were refused for their time."""
    if "refused_ts" not in (state.dtype.names or ()):
        return []
    since_us = int(state["refused_ts"][0])
    since = instant(since_us) if since_us != NEVER else None
    return [
        Refusal(0, microseconds(received_at))
        for received_at, readings in connection.execute(
            REFUSED_SINCE, {"device_id": device_id, "reasons": sorted(OF_TIME), "since": since}, binary=True
        )
        for _ in range(readings or 1)
    ]


def _correct_qualities(
    connection: Connection, table: Table, device_id: str, readings: list[Any], qualities: list[str]
) -> list[int]:
    """Returns the times, µs, of those that were wrong."""
    both = zip(readings, qualities, strict=True)
    wrong = [(reading, quality) for reading, quality in both if reading.quality != quality]
    if wrong:
        connection.execute(
            sql.SQL(
                """
                UPDATE {table} AS stored SET quality = judged.quality
                  FROM unnest(%s::timestamptz[], %s::text[]) AS judged (ts, quality)
                 WHERE stored.device_id = %s AND stored.ts = judged.ts
                """
            ).format(table=sql.Identifier(table.name)),
            ([reading.ts for reading, _ in wrong], [quality for _, quality in wrong], device_id),
        )
    return [reading.ts_us for reading, _ in wrong]
