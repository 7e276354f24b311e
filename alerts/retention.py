"""What is no longer kept once it is older than the retention, and what leads keep for ever.

    readings         slice by slice from the oldest on, but for those that an alert of a lead rests on
    other tables     rows, some thousands at a time: `OLD`

Journal, leads, evidence and the alerts themselves are no part of this. What is kept how long: docs/operations.md.
"""

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection, sql

READINGS: tuple[LiteralString, ...] = ("vehicle_position", "fume_reading")
BEFORE, AFTER = timedelta(days=1), timedelta(hours=1)
"""Around an alert of a lead: what explaining it judges before it (`alerts.why`), and what evidence shows after."""
AUDIT_AT_LEAST = timedelta(days=184)
"""As the database has it (migration 0032)."""
AT_ONCE = 5_000
PATIENCE_S = 3.0
"""The clerk has other things to do; what is left is found the next time."""


class Old(NamedTuple):
    """Rows of `table` that go when `at` is past, where `which` holds."""

    table: LiteralString
    at: LiteralString
    which: LiteralString = "true"


OLD = (
    Old("quarantine", "received_at"),
    Old("fume_10min", "begins_at"),
    Old("fume_mean", "begins_at"),
    Old("road_passage", "ts"),
    Old("device_finding", "day"),
    Old("device_command", "created_at", "next_at IS NULL"),
    Old("command_ack", "acked_at"),
    Old("message", "at"),
    # The newest one before then stays: from there a reading that comes late is judged.
    Old("engine_checkpoint", "ts",
        "EXISTS (SELECT FROM engine_checkpoint AS newer WHERE newer.device_id = old.device_id AND newer.ts > old.ts"
        " AND newer.ts < %(before)s)"),
)  # fmt: skip
WITH_THE_OUTBOX = (
    Old("webhook_delivery", "next_at", "state = 'dead'"),
    Old("webhook_arrival", "arrived_at"),
)
AUDIT = Old("audit", "at", "lead_id IS NULL")
# Rows that another transaction holds are passed over.
FORGET: LiteralString = """
    DELETE FROM {table}
     WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} AS old WHERE {at} < %(before)s AND {which}
                             LIMIT %(at_once)s FOR UPDATE SKIP LOCKED))
"""

SINCE: LiteralString = "SELECT coalesce(readings_since, '-infinity')::text FROM retention"
COME_TO: LiteralString = "UPDATE retention SET readings_since = %s"
OLDEST: LiteralString = """
    SELECT least((SELECT min(ts) FROM vehicle_position WHERE ts >= %(since)s::timestamptz),
                 (SELECT min(ts) FROM fume_reading WHERE ts >= %(since)s::timestamptz))
"""
HAS_CHUNKS: LiteralString = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')"
DROP_CHUNKS: LiteralString = "SELECT drop_chunks(%(table)s, older_than => %(end)s, newer_than => %(begin)s)"
OF_LEADS: LiteralString = """
    CREATE TEMPORARY TABLE of_leads ON COMMIT DROP AS
    SELECT DISTINCT ON (reading.device_id, reading.ts) reading.*
      FROM alert
      JOIN {table} AS reading
        ON reading.device_id = alert.device_id
           AND reading.ts BETWEEN started_at - %(earlier)s::interval
                              AND coalesce(cleared_at, updated_at) + %(later)s::interval
     WHERE lead_id IS NOT NULL AND reading.ts >= %(begin)s AND reading.ts < %(end)s
"""
EMPTY: LiteralString = "DELETE FROM {table} WHERE ts >= %(begin)s AND ts < %(end)s"
PUT_BACK: LiteralString = "INSERT INTO {table} SELECT * FROM of_leads"


def prune(connection: Connection[Any], now: datetime, *, kept: timedelta, events_kept: timedelta) -> None:
    """Delete what is older than `kept` at `now`, and deliveries that were given up, or arrived, `events_kept` ago.

    Each step is a transaction of its own. After PATIENCE_S the rest is left for the next time.
    """
    limits = [(old, now - kept) for old in OLD]
    limits += [(old, now - events_kept) for old in WITH_THE_OUTBOX]
    limits += [(AUDIT, now - max(kept, AUDIT_AT_LEAST))]
    steps = [partial(_forget, connection, old, before) for old, before in limits]
    until = time.monotonic() + PATIENCE_S
    for step in [*steps, partial(_forget_readings, connection, now - kept)]:
        while step():
            if time.monotonic() > until:
                return


def _forget(connection: Connection[Any], old: Old, before: datetime) -> bool:
    """Delete some; False: none was left."""
    statement = sql.SQL(FORGET).format(
        table=sql.Identifier(old.table), at=sql.Identifier(old.at), which=sql.SQL(old.which)
    )
    return connection.execute(statement, {"before": before, "at_once": AT_ONCE}).rowcount > 0


def _forget_readings(connection: Connection[Any], before: datetime) -> bool:
    """Delete the oldest slice of readings that is all past, but for what leads rest on; False: there is none.

    With TimescaleDB a slice is a day, which is a chunk: it is dropped, for deleting its rows would not give the disk back.
    """
    ((has_chunks,),) = connection.execute(HAS_CHUNKS).fetchall()
    ((since,),) = connection.execute(SINCE).fetchall()
    ((oldest,),) = connection.execute(OLDEST, {"since": since}).fetchall()
    if oldest is None:
        return False
    hour = oldest.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    begin, end = (
        (hour.replace(hour=0), hour.replace(hour=0) + timedelta(days=1))
        if has_chunks
        else (hour, hour + timedelta(hours=1))
    )
    if end > before:
        return False
    span = {"begin": begin, "end": end, "earlier": BEFORE, "later": AFTER}
    for name in READINGS:
        table = sql.Identifier(name)
        with connection.transaction():
            connection.execute(sql.SQL(OF_LEADS).format(table=table), span)
            if has_chunks:
                connection.execute(DROP_CHUNKS, {**span, "table": name})
            connection.execute(sql.SQL(EMPTY).format(table=table), span)
            connection.execute(sql.SQL(PUT_BACK).format(table=table))
    connection.execute(COME_TO, (end,))
    return True
