"""The readings of one kind as arrays, made once: the engine takes them, and so does COPY.

A column is float64 with NaN, or int64 with -1, where a reading does not have it; a text is its place in TEXTS.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from analytics.records import OK, QUALITIES
from devices.wire import Flag
from ingest.batch import Run
from ingest.tables import Table

TEXTS: Final = ("open", "closed", *get_args(Flag))
OPEN: Final = 0
_PLACES: Final = {None: -1} | {text: place for place, text in enumerate(TEXTS)}

Column = NDArray[np.float64] | NDArray[np.int64]


@dataclass(slots=True)
class Rows:
    """Sorted by slot, then time, no time twice."""

    table: Table
    device_ids: Sequence[str]
    """By slot."""
    readings: Sequence[Any]
    """With the fields of a VehicleReading or a FumeReading."""
    slots: NDArray[np.int32]
    ts_us: NDArray[np.int64]
    received_us: NDArray[np.int64]
    columns: dict[str, Column]
    quality: NDArray[np.int8]
    """Codes: OK until they are judged."""

    def __len__(self) -> int:
        return len(self.readings)

    def only(self, wanted: NDArray[np.bool_]) -> "Rows":
        """Those rows (N,); the slots mean what they did."""
        if wanted.all():
            return self
        return Rows(
            self.table,
            self.device_ids,
            [self.readings[i] for i in np.flatnonzero(wanted).tolist()],
            self.slots[wanted],
            self.ts_us[wanted],
            self.received_us[wanted],
            {name: column[wanted] for name, column in self.columns.items()},
            self.quality[wanted],
        )

    def of_slots(self, slots: Sequence[int]) -> "Rows":
        """The rows of those slots (in ascending order), which are numbered anew."""
        if len(slots) == len(self.device_ids):
            return self
        number = np.full(len(self.device_ids), -1, np.int32)
        number[list(slots)] = np.arange(len(slots))
        rows = self.only(number[self.slots] >= 0)
        return Rows(
            rows.table, [self.device_ids[slot] for slot in slots], rows.readings, number[rows.slots], rows.ts_us,
            rows.received_us, rows.columns, rows.quality,
        )  # fmt: skip

    def keys(self) -> list[tuple[str, int]]:
        """Device and time (µs) of each."""
        ids = self.device_ids
        return [(ids[slot], ts) for slot, ts in zip(self.slots.tolist(), self.ts_us.tolist(), strict=True)]

    def newest(self) -> NDArray[np.intp]:
        """The last row of each slot that has any."""
        return np.flatnonzero(np.diff(self.slots, append=-1))

    def names_of_quality(self) -> list[str]:
        return [QUALITIES[code] for code in self.quality.tolist()]


def rows_of(table: Table, runs: Sequence[Run]) -> Rows:
    """The readings of `runs`, slot by slot."""
    lengths = [len(run.times) for run in runs]
    return make_rows(
        table,
        [run.device_id for run in runs],
        np.repeat(np.arange(len(runs), dtype=np.int32), lengths),
        [reading for run in runs for reading in run.readings],
        np.array([at for run in runs for at in run.received], np.int64),
    )


def make_rows(
    table: Table,
    device_ids: Sequence[str],
    slots: NDArray[np.int32],
    readings: Sequence[Any],
    received_us: NDArray[np.int64],
) -> Rows:
    """`slots` (N,) and `received_us` (N,) go with `readings`."""
    columns: dict[str, Column] = {}
    for name, kind in zip(table.columns, table.types, strict=True):
        values = list(map(attrgetter(name), readings))
        if kind == "text":
            columns[name] = np.array(list(map(_PLACES.__getitem__, values)), np.int64)
        elif kind == "int8":
            columns[name] = np.array([-1 if value is None else value for value in values], np.int64)
        else:
            columns[name] = np.array(values, np.float64)  # None becomes NaN
    return Rows(
        table,
        device_ids,
        readings,
        slots,
        np.array(list(map(attrgetter("ts_us"), readings)), np.int64),
        received_us,
        columns,
        np.full(len(readings), OK, np.int8),
    )
