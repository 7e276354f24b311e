"""Late readings: judge a device again from a checkpoint before the first of them.

The same engine runs over the stored readings from there on; qualities, state, checkpoints and
alerts then are what they would have been, had everything come in order. It takes PAGE readings at a time, so that a
device judged again from its beginning (another layout of the state) need not fit into memory with all it ever sent, and
leaves a checkpoint after each page, so that the next late reading does not begin from there once more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection, sql
from psycopg.rows import namedtuple_row

from alerts.episodes import Episode
from alerts.kitchens import figures
from analytics.records import NEVER, QUALITIES
from ingest.batch import OF_TIME
from ingest.checkpoints import Checkpoint, drop_checkpoints, newest_checkpoint
from ingest.clock import heard_until
from ingest.copies import notice_pieces_again
from ingest.judging import Judge, Records, Refusal
from ingest.registers import Registers
from ingest.rows import make_rows
from ingest.tables import FUME_READING, Table
from runtime.instants import instant, microseconds

PAGE = 20_000
"""Readings judged at a time: more than two days of a truck's, two weeks of a kitchen's."""

KEPT_SINCE: LiteralString = "SELECT readings_since FROM retention"
REFUSED_SINCE: LiteralString = """
    SELECT received_at, readings
      FROM quarantine
     WHERE device_id = %(device_id)s AND reason = ANY(%(reasons)s)
       AND (%(since)s::timestamptz IS NULL OR received_at > %(since)s)
     ORDER BY received_at
"""


class Passed(NamedTuple):
    """A state on the way: everything up to `ts_us` is in it, and it has told the first `events` of the judgement's."""

    ts_us: int
    state: bytes
    events: int


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
    passed: list[Passed]
    """To be kept as checkpoints."""
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
    checkpoint = newest_checkpoint(connection, judge, device_id, before_us=first_late_us)
    if checkpoint is None:
        checkpoint = Checkpoint(device_id, _kept_since(connection), judge.new_states(1).tobytes(), [])
    checkpoint_us, state = checkpoint.ts_us, checkpoint.state
    before = np.frombuffer(bytearray(state), dtype=judge.state_type)
    refused = _refused_since(connection, device_id, before)
    events: list[Records] = []
    passed: list[Passed] = []
    copies: dict[str, int] = {}
    newest, newest_quality, begin_us = None, "", checkpoint_us
    for readings, is_last in _pages(connection, table, device_id, checkpoint_us):
        end_us = readings[-1].ts_us if readings else begin_us
        nothing = np.zeros(len(readings), np.int64)  # when they were received makes no difference
        rows = make_rows(table, [device_id], nothing.astype(np.int32), readings, nothing)
        records = judge.records(rows, zone)
        until_us = None if is_last else end_us
        again = notice_pieces_again(
            connection, registers.newest, device_id, begin_us, before, records, until_us=until_us
        )
        for other, first_us in again.items():
            copies[other] = min(first_us, copies.get(other, first_us))
        due = [one for one in refused if is_last or one.received_us <= end_us]
        refused = refused[len(due) :]
        before, quality, told = registers.judge(connection, judge, [device_id], before, records, due)
        events.append(told)
        qualities = [QUALITIES[q] for q in quality.tolist()]
        corrected = _correct_qualities(connection, table, device_id, readings, qualities)
        if table is FUME_READING:
            figures.touch(connection, ((device_id, ts_us) for ts_us in corrected), zone)
        if readings:
            newest, newest_quality = readings[-1], qualities[-1]
        if not is_last:
            passed.append(Passed(end_us, before.tobytes(), sum(map(len, events))))
        begin_us = end_us
    # Silences that have been told are told again, if they still are any.
    after, silences = judge.silent(registers.newest, [device_id], before, heard_until(connection))
    drop_checkpoints(connection, device_id, after_us=checkpoint_us)
    return Judgement(
        checkpoint_us,
        checkpoint.ongoing,
        after,
        np.concatenate([*events, silences]),
        passed,
        newest,
        newest_quality,
        copies,
    )


def _pages(
    connection: Connection, table: Table, device_id: str, after_us: int
) -> Iterator[tuple[list[Any], bool]]:
    """The stored readings after `after_us`, oldest first, PAGE at a time, each with whether it is the last page."""
    statement = sql.SQL(
        """
        SELECT (extract(epoch FROM ts) * 1000000)::bigint AS ts_us, ts, received_at, quality, {columns}
          FROM {table}
         WHERE device_id = %(device_id)s AND (%(after)s::timestamptz IS NULL OR ts > %(after)s)
         ORDER BY ts
         LIMIT %(limit)s
        """
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, table.columns)),
        table=sql.Identifier(table.name),
    )
    after = instant(after_us) if after_us != NEVER else None
    with connection.cursor(row_factory=namedtuple_row, binary=True) as cursor:
        while True:
            found = cursor.execute(statement, {"device_id": device_id, "after": after, "limit": PAGE})
            readings: list[Any] = [*found]
            yield readings, len(readings) < PAGE
            if len(readings) < PAGE:
                return
            after = readings[-1].ts


def _kept_since(connection: Connection) -> int:
    """From when on readings are whole, µs; NEVER: all are there. What stands from before is not to be judged again."""
    ((since,),) = connection.execute(KEPT_SINCE).fetchall()
    return NEVER if since is None else microseconds(since)


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
