"""Rows to PostgreSQL's binary COPY, compiled: making a Python value of each field cost as much as the server's part.

Format  PostgreSQL's documentation of COPY, "Binary Format": a header; for each row the number of fields, and each
        field's length (-1: null) and bytes, big-endian; -1 at the end.
"""

from collections.abc import Iterator
from typing import Any, Final, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql

from analytics.kernels._compile import kernel
from analytics.records import QUALITIES
from ingest.rows import TEXTS, Rows

KEY_COLUMNS: Final = ("ts", "device_id", "quality", "received_at")
PIECE_ROWS: Final = 4096
PG_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01 in Unix microseconds: a binary timestamptz is an int8 counted from there."""

_HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END: Final = b"\xff\xff"
_WIDTHS: Final = {"float8": 8, "int8": 8, "int4": 4, "bool": 1, "text": 0}
_KEY_WIDTHS: Final = (8, 0, 0, 8)


def copy_rows(connection: Connection, target: LiteralString, rows: Rows) -> None:
    """COPY `rows` into `target`, which has the columns of their table."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(target), sql.SQL(", ").join(map(sql.Identifier, KEY_COLUMNS + rows.table.columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for part in binary_rows(rows):
            copy.write(part)


def binary_rows(rows: Rows) -> Iterator[bytes | memoryview]:
    """A COPY's data, piece by piece: the server stores one while the next is made."""
    names = [text.encode() for text in (*rows.device_ids, *QUALITIES, *TEXTS)]
    text, ends = np.frombuffer(b"".join(names), np.uint8), np.cumsum([0, *map(len, names)])
    widths = np.array([*_KEY_WIDTHS, *(_WIDTHS[kind] for kind in rows.table.types)], np.int64)
    most = 2 + 12 * len(widths) + int(np.count_nonzero(widths == 0)) * max(map(len, names))
    out = np.empty(PIECE_ROWS * most, np.uint8)
    yield _HEADER
    for begin in range(0, len(rows), PIECE_ROWS):
        words, null = _fields(rows, slice(begin, begin + PIECE_ROWS))
        yield out[: _write_rows(out, words, null, widths, text, ends)].data
    yield _END


def _fields(rows: Rows, piece: slice) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """What `_write_rows` takes of a piece of `rows`: (N, C) values, and which of them are null."""
    first_quality = len(rows.device_ids)
    first_text = first_quality + len(QUALITIES)
    ts_us = rows.ts_us[piece]
    words = np.empty((len(ts_us), len(KEY_COLUMNS) + len(rows.table.columns)), np.int64)
    null = np.zeros(words.shape, np.bool_)
    words[:, 0] = ts_us - PG_EPOCH_US
    words[:, 1] = rows.slots[piece]
    words[:, 2] = rows.quality[piece] + np.int64(first_quality)
    words[:, 3] = rows.received_us[piece] - PG_EPOCH_US
    for at, (name, kind) in enumerate(zip(rows.table.columns, rows.table.types, strict=True), 4):
        column = rows.columns[name][piece]
        null[:, at] = column < 0 if kind in ("int8", "text") else np.isnan(column)
        if kind == "float8":
            words[:, at] = column.view(np.int64)
        elif kind == "text":
            words[:, at] = column + first_text
        else:
            words[:, at] = np.where(null[:, at], 0, column)
    return words, null


@kernel
def _write_rows(
    out: NDArray[np.uint8],
    words: NDArray[np.int64],
    null: NDArray[np.bool_],
    widths: NDArray[np.int64],
    names: NDArray[np.uint8],
    ends: NDArray[np.int64],
) -> Any:
    """Each of `words` (N, C) as a field of its width (C,), or, of width 0, as that one of `names`, which end at `ends`.

    Returns how much of `out` is used.
    """
    fields = words.shape[1]
    at = 0
    for row in range(words.shape[0]):
        out[at], out[at + 1] = fields >> 8, fields & 0xFF
        at += 2
        for field in range(fields):
            if null[row, field]:
                for byte in range(4):
                    out[at + byte] = 0xFF
                at += 4
                continue
            word, width = words[row, field], widths[field]
            begin = ends[word] if width == 0 else 0
            length = ends[word + 1] - begin if width == 0 else width
            for byte in range(4):
                out[at + byte] = (length >> (24 - 8 * byte)) & 0xFF
            at += 4
            if width == 0:
                for byte in range(length):
                    out[at + byte] = names[begin + byte]
            else:
                for byte in range(length):
                    out[at + byte] = (word >> (8 * (width - 1 - byte))) & 0xFF
            at += length
    return at
