"""Readings and quarantine rows into their tables.

Fresh readings go by binary COPY; those that may be there already are staged and inserted where
they are not. Both in the caller's transaction.
"""

from collections.abc import Iterable, Sequence
from typing import LiteralString

from psycopg import Connection, sql

from ingest.batch import Mean, Quarantined
from ingest.copying import KEY_COLUMNS, copy_rows
from ingest.rows import Rows
from runtime.instants import instant


def copy_fresh(connection: Connection, rows: Rows) -> None:
    """Store rows that are newer than everything stored of their device. UniqueViolation: they are not."""
    if len(rows):
        copy_rows(connection, rows.table.name, rows)


def insert_missing(connection: Connection, rows: Rows) -> set[tuple[str, int]]:
    """Store those of `rows` whose (device_id, ts_us) is not there yet; return the keys that were stored."""
    if not len(rows):
        return set()
    table = rows.table
    staged: LiteralString = f"staged_{table.name}"
    names = {
        "staged": sql.Identifier(staged),
        "target": sql.Identifier(table.name),
        "columns": sql.SQL(", ").join(map(sql.Identifier, KEY_COLUMNS + table.columns)),
    }
    connection.execute(
        sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {staged} (LIKE {target}) ON COMMIT DELETE ROWS").format(
            **names
        )
    )
    connection.execute(sql.SQL("TRUNCATE {staged}").format(**names))
    copy_rows(connection, staged, rows)
    inserted = connection.execute(
        sql.SQL(
            """
            INSERT INTO {target} ({columns})
            SELECT {columns} FROM {staged} ORDER BY device_id, ts
                ON CONFLICT (device_id, ts) DO NOTHING
            RETURNING device_id, (extract(epoch FROM ts) * 1000000)::bigint
            """
        ).format(**names)
    )
    return set(inserted.fetchall())


def contradictions(connection: Connection, keys: Iterable[tuple[str, int]], rows: Rows) -> int:
    """How many of `rows`, but for those of `keys`, say something else than what is stored."""
    known, columns = set(keys), rows.table.columns
    repeated = {
        key: reading for key, reading in zip(rows.keys(), rows.readings, strict=True) if key not in known
    }
    if not repeated:
        return 0
    stored = connection.execute(
        sql.SQL(
            """
            SELECT device_id, (extract(epoch FROM ts) * 1000000)::bigint, {columns}
              FROM {target}
              JOIN unnest(%s::text[], %s::timestamptz[]) AS asked (device_id, ts) USING (device_id, ts)
            """
        ).format(
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)), target=sql.Identifier(rows.table.name)
        ),
        ([device_id for device_id, _ in repeated], [instant(ts_us) for _, ts_us in repeated]),
    )
    said = {(device_id, ts): values for device_id, ts, *values in stored}
    return sum(
        said.get(key) != [getattr(reading, column) for column in columns] for key, reading in repeated.items()
    )


# What is unreadable has no key. The bytes are compared last, among the few of that device and time.
QUARANTINED_BEFORE: LiteralString = """
    SELECT EXISTS (SELECT FROM quarantine
                    WHERE device_id = %(device_id)s AND received_at > %(since)s
                      AND topic = %(topic)s AND reason = %(reason)s AND payload = %(payload)s)
"""
STRANGER_QUARANTINED_BEFORE: LiteralString = """
    SELECT EXISTS (SELECT FROM quarantine
                    WHERE device_id IS NULL AND received_at > %(since)s
                      AND topic = %(topic)s AND reason = %(reason)s AND payload = %(payload)s)
"""
AGAIN_WITHIN_US = 7 * 24 * 3600 * 1_000_000
"""So long a collector may have been away between its commit and the acknowledgement that it died before."""


def _is_there(connection: Connection, row: Quarantined) -> bool:
    found = connection.execute(
        STRANGER_QUARANTINED_BEFORE if row.device_id is None else QUARANTINED_BEFORE,
        {
            "device_id": row.device_id,
            "since": instant(row.delivery.received_us - AGAIN_WITHIN_US),
            "topic": row.delivery.topic.replace("\x00", "�"),
            "reason": row.reason,
            "payload": row.delivery.payload,
        },
    ).fetchone()
    return bool(found and found[0])


STORE_MEANS: LiteralString = """
    INSERT INTO fume_mean (device_id, period, begins_at, fume_mg_m3, fume_min_mg_m3, fume_max_mg_m3, pm_mg_m3,
                           nmhc_mg_m3, flag, received_at)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::float8[], %s::float8[], %s::float8[],
                         %s::float8[], %s::float8[], %s::text[], %s::timestamptz[])
     ORDER BY 1, 2, 3
        ON CONFLICT (device_id, period, begins_at) DO NOTHING
"""


def store_means(connection: Connection, means: Sequence[Mean]) -> None:
    """Store monitors' own means; of a period the first one stands."""
    if not means:
        return
    rows = [
        (
            device_id, mean.period, instant(mean.begins_us), mean.fume_mg_m3, mean.fume_min_mg_m3,
            mean.fume_max_mg_m3, mean.pm_mg_m3, mean.nmhc_mg_m3, mean.flag, instant(received_us),
        )
        for device_id, mean, received_us in means
    ]  # fmt: skip
    connection.execute(STORE_MEANS, [list(column) for column in zip(*rows, strict=True)])


def store_quarantined(connection: Connection, rows: Sequence[Quarantined]) -> None:
    """Keep `rows`; one that the broker delivers again, and whose first delivery is committed or among `rows`, is
    there already.
    """
    _copy_quarantined(connection, [row for row in rows if not row.delivery.again])
    for row in rows:
        if row.delivery.again and not _is_there(connection, row):
            _copy_quarantined(connection, [row])


def _copy_quarantined(connection: Connection, rows: Sequence[Quarantined]) -> None:
    if not rows:
        return
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY quarantine (received_at, topic, payload, reason, detail, device_id, readings) FROM STDIN"
            " (FORMAT binary)"
        ) as copy,
    ):
        copy.set_types(("timestamptz", "text", "bytea", "text", "text", "text", "int4"))
        for row in rows:
            copy.write_row(
                (
                    instant(row.delivery.received_us),
                    # A topic can hold what a text column cannot.
                    row.delivery.topic.replace("\x00", "�"),
                    row.delivery.payload,
                    row.reason,
                    row.detail.replace("\x00", "�"),
                    row.device_id,
                    row.readings,
                )
            )
