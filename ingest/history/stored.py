"""Stored readings as polars frames, streamed: for exports, and for judging history again.

COPY hands rows over as text faster than a cursor hands over Python values, and the server holds no result.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString

import polars as pl
from polars.io.plugins import register_io_source
from psycopg import Connection, sql

from devices.recordings import INSTANT, SCHEMAS
from devices.types import DeviceKind
from ingest.tables import TABLES
from runtime.errors import UserError

FRAME_ROWS = 50_000
_BOUND: dict[DeviceKind, LiteralString] = {"vehicle": "plate", "fume": "outlet_id"}
_SOON = pl.Int64()


def stored_readings(
    connection: Connection[Any],
    kind: DeviceKind,
    begin: datetime,
    end: datetime,
    device_ids: Sequence[str] | None = None,
) -> pl.LazyFrame:
    """The readings with `begin` <= ts < `end` (of all devices: None) with the columns of SCHEMAS, by ts and device.

    Read once, as they are asked for; the connection is busy until then.
    """
    schema = SCHEMAS[kind]

    def frames(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        left = n_rows
        for frame in stored_frames(connection, kind, begin, end, device_ids):
            shown = frame if predicate is None else frame.filter(predicate)
            shown = shown if with_columns is None else shown.select(with_columns)
            shown = shown if left is None else shown.head(left)
            yield shown
            if left is not None:
                left -= len(shown)
                if left <= 0:
                    return

    return register_io_source(io_source=frames, schema=dict(schema))


def stored_frames(
    connection: Connection[Any],
    kind: DeviceKind,
    begin: datetime,
    end: datetime,
    device_ids: Sequence[str] | None = None,
    *,
    box: tuple[float, float, float, float] | None = None,
) -> Iterator[pl.DataFrame]:
    """The same as frames of FRAME_ROWS rows. `box`: only what lies within south, west, north, east (degrees)."""
    schema = SCHEMAS[kind]
    wire = {name: _on_the_wire(dtype) for name, dtype in schema.items()}
    statement = sql.SQL(
        """
        COPY (SELECT {columns}
                FROM {table} AS reading
                LEFT JOIN device ON device.device_id = reading.device_id AND device.kind = {kind}
               WHERE ts >= {begin} AND ts < {end} AND ({devices}::text[] IS NULL OR reading.device_id = ANY({devices}))
                 AND {within}
               ORDER BY ts, reading.device_id)
          TO STDOUT (FORMAT csv)
        """
    ).format(
        columns=sql.SQL(", ").join(_selected(kind, name, dtype) for name, dtype in schema.items()),
        table=sql.Identifier(TABLES[kind].name),
        kind=sql.Literal(kind),
        begin=sql.Literal(begin),
        end=sql.Literal(end),
        devices=sql.Literal(None if device_ids is None else list(device_ids)),
        within=_within(box),
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        rows: list[bytes] = []
        for row in copy:
            rows.append(bytes(row))
            if len(rows) >= FRAME_ROWS:
                yield _frame(rows, schema, wire)
                rows = []
        if rows:
            yield _frame(rows, schema, wire)


ARCHIVE_ROWS = 500_000


def archived_frames(
    paths: Sequence[Path], begin: datetime, end: datetime, columns: Collection[str]
) -> Iterator[pl.DataFrame]:
    """The same of Parquet files in the order given (devices.recordings), frame by frame; UserError for what is none.

    Of `columns` those that a file has, besides ts and device_id.
    """
    for path in paths:
        try:
            lazy = pl.scan_parquet(path)
            schema = lazy.collect_schema()
            if schema.get("ts") != INSTANT or "device_id" not in schema:
                raise UserError(f"{path}: no recording: it needs ts, timestamp[us, UTC], and device_id")
            there = [name for name in schema.names() if name in {"ts", "device_id", *columns}]
            wanted = lazy.select(there).filter((pl.col("ts") >= begin) & (pl.col("ts") < end))
            yield from wanted.collect_batches(chunk_size=ARCHIVE_ROWS, maintain_order=True)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UserError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from None


def _within(box: tuple[float, float, float, float] | None) -> sql.Composable:
    if box is None:
        return sql.SQL("true")
    south, west, north, east = map(sql.Literal, box)
    return sql.SQL("lat BETWEEN {} AND {} AND lon BETWEEN {} AND {}").format(south, north, west, east)


def _on_the_wire(dtype: pl.DataType) -> pl.DataType:
    """Instants come as microseconds and switches as 0 and 1: both are read faster so, and exactly."""
    return _SOON if dtype in (INSTANT, pl.Boolean()) else dtype


def _selected(kind: DeviceKind, name: str, dtype: pl.DataType) -> sql.Composed:
    column = sql.Identifier("reading", name)
    if name == _BOUND[kind]:
        return sql.SQL("{}").format(sql.Identifier("device", "bound_to"))
    if dtype == INSTANT:
        # A double holds the microseconds of this century to within a fifth of one.
        return sql.SQL("round(date_part('epoch', {}) * 1000000)::bigint").format(column)
    if dtype == pl.Boolean():
        return sql.SQL("{}::int").format(column)
    return sql.SQL("{}").format(column)


def _frame(
    rows: list[bytes], schema: dict[str, pl.DataType] | Any, wire: dict[str, pl.DataType]
) -> pl.DataFrame:
    frame = pl.read_csv(b"".join(rows), has_header=False, schema=wire)
    return frame.with_columns(
        pl.from_epoch(pl.col(name), time_unit="us").dt.replace_time_zone("UTC").alias(name)
        if dtype == INSTANT
        else pl.col(name).cast(pl.Boolean)
        for name, dtype in schema.items()
        if dtype in (INSTANT, pl.Boolean())
    )
