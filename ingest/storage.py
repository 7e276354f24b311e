"""Readings and quarantine rows into their tables.

Fresh readings go by binary COPY; those that may be there already are staged and inserted where
they are not. Both in the caller's transaction.
"""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection, sql

from ingest.batch import Mean, Quarantined, Reading
from runtime.instants import instant

_PG_EPOCH_US = 946_684_800_000_000
"""2000-01-01 in Unix microseconds: a binary timestamptz is an int8 counted from there."""


class Table(NamedTuple):
    """Where one kind's readings are kept: the columns taken from a reading, in order, with their types."""

    name: LiteralString
    columns: tuple[LiteralString, ...]
    types: tuple[str, ...]


VEHICLE_POSITION = Table(
    "vehicle_position",
    (
        "lat", "lon", "speed_kmh", "heading_deg", "alt_m", "hdop", "sats", "fix", "ignition", "odometer_km",
        "load", "lift", "cover", "seq",
    ),
    (
        "float8", "float8", "float8", "float8", "float8", "float8", "int4", "bool", "bool", "float8",
        "float8", "bool", "text", "int8",
    ),
)  # fmt: skip
FUME_READING = Table(
    "fume_reading",
    (
        "fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3", "temp_c", "rh_pct", "fan_on", "purifier_on", "fan_a", "purifier_a",
        "flag", "seq",
    ),
    ("float8", "float8", "float8", "float8", "float8", "bool", "bool", "float8", "float8", "text", "int8"),
)  # fmt: skip
TABLES = {"vehicle": VEHICLE_POSITION, "fume": FUME_READING}

_KEY_COLUMNS = ("ts", "device_id", "quality", "received_at")
_KEY_TYPES = ("int8", "text", "text", "int8")  # the two times as their binary form, see _PG_EPOCH_US


class Row(NamedTuple):
    device_id: str
    ts_us: int
    reading: Reading
    quality: str
    received_us: int


def _values(table: Table, rows: Iterable[Row]) -> Iterator[tuple[Any, ...]]:
    values_of = attrgetter(*table.columns)
    for device_id, ts_us, reading, quality, received_us in rows:
        yield (
            ts_us - _PG_EPOCH_US,
            device_id,
            quality,
            received_us - _PG_EPOCH_US,
            *values_of(reading),
        )


def _copy(connection: Connection, target: LiteralString, table: Table, rows: Iterable[Row]) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(target), sql.SQL(", ").join(map(sql.Identifier, _KEY_COLUMNS + table.columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(_KEY_TYPES + table.types)
        for values in _values(table, rows):
            copy.write_row(values)


def copy_fresh(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Store rows that are newer than everything stored of their device. UniqueViolation: they are not."""
    if rows:
        _copy(connection, table.name, table, rows)


def insert_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> set[tuple[str, int]]:
    """Store those of `rows` whose (device_id, ts_us) is not there yet; return the keys that were stored."""
    if not rows:
        return set()
    names = {
        "staged": sql.Identifier(f"staged_{table.name}"),
        "target": sql.Identifier(table.name),
        "columns": sql.SQL(", ").join(map(sql.Identifier, _KEY_COLUMNS + table.columns)),
    }
    connection.execute(
        sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {staged} (LIKE {target}) ON COMMIT DELETE ROWS").format(
            **names
        )
    )
    connection.execute(sql.SQL("TRUNCATE {staged}").format(**names))
    _copy(connection, f"staged_{table.name}", table, rows)
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


def contradictions(
    connection: Connection, table: Table, keys: Iterable[tuple[str, int]], rows: Sequence[Row]
) -> int:
    """How many of `rows` (whose keys were there already) say something else than what is stored."""
    known = set(keys)
    repeated = [row for row in rows if (row.device_id, row.ts_us) not in known]
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
            columns=sql.SQL(", ").join(map(sql.Identifier, table.columns)), target=sql.Identifier(table.name)
        ),
        ([row.device_id for row in repeated], [instant(row.ts_us) for row in repeated]),
    )
    said = {(device_id, ts): values for device_id, ts, *values in stored}
    return sum(
        said.get((row.device_id, row.ts_us)) != [getattr(row.reading, column) for column in table.columns]
        for row in repeated
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
