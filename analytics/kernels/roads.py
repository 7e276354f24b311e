"""Which road is a point on, and which lies along a way?  Planar metres (see `projection`), bare arrays.

Layout   Segments of all roads end to end; a row of `segments` is ax, ay, bx, by, `segment_road` its road.
Index    A grid. A cell lists the segments whose road may be met in it: those whose box, grown by the road's corridor,
         meets the cell.
Border   Exactly `corridor_m` away is on the road.
Along    A road lies along a way whose corridor holds all its corners. For roads so short that two fixes jump over them: what
         comes of a straight way is *inferred* (see `sweeping`).
Ties     The road first by its row.
NaN      A point with a NaN or infinite coordinate is on no road.
Tests    tests/analytics/test_roads.py holds it against Shapely.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel, kernel
from analytics.kernels.corridor import Line
from analytics.kernels.pieces import square_between, square_distance

_MOST_CELLS_A_SIDE = 512
_LEAST_CELL_M = 100.0
_MARGIN_M = 0.01


class Roads(NamedTuple):
    x0: float  # lower left corner of the grid
    y0: float
    cell_m: float
    columns: int
    rows: int
    cell_start: NDArray[np.int32]  # (rows * columns + 1,), rows from the south
    cell_segment: NDArray[np.int32]  # ascending within a cell
    segments: NDArray[np.float64]  # (segments, 4)
    segment_road: NDArray[np.int32]
    road_start: NDArray[np.int32]  # (roads + 1,), rows of segments
    corridor_m: NDArray[np.float64]  # by road
    extent_m: NDArray[np.float64]  # by road: the longer side of its box


@kernel
def nearest_road(roads: Roads, x: float, y: float) -> int:
    """The nearest road whose corridor holds (x, y): its row; -1: there is none."""
    column, row = (x - roads.x0) / roads.cell_m, (y - roads.y0) / roads.cell_m
    if not (0.0 <= column < roads.columns and 0.0 <= row < roads.rows):
        return -1
    cell = int(row) * roads.columns + int(column)
    nearest, least = -1, math.inf
    for entry in range(roads.cell_start[cell], roads.cell_start[cell + 1]):
        segment = roads.cell_segment[entry]
        square = square_distance(roads.segments, segment, x, y)
        if square < least:
            road = roads.segment_road[segment]
            if math.sqrt(square) <= roads.corridor_m[road]:
                nearest, least = road, square
    return nearest


@inner_kernel
def lies_along(
    roads: Roads, road: int, ax: float, ay: float, bx: float, by: float, cx: float, cy: float
) -> bool:
    """Whether `road` lies along the way from a over b to c."""
    first, last = roads.road_start[road], roads.road_start[road + 1]
    corridor_m = roads.corridor_m[road]
    for row in range(first, last):
        for end in (0, 2):
            x, y = roads.segments[row, end], roads.segments[row, end + 1]
            square = min(square_between(ax, ay, bx, by, x, y), square_between(bx, by, cx, cy, x, y))
            if not square <= corridor_m * corridor_m:
                return False
    return bool(last > first)


def build_roads(lines: Sequence[Line], corridors_m: Sequence[float]) -> Roads:
    """Index `lines`, one road each, in their order."""
    own = [
        np.vstack([np.empty((0, 4)), *(np.hstack([part[:-1], part[1:]]) for part in line)]) for line in lines
    ]
    segments = np.vstack([np.empty((0, 4)), *own])
    road = np.repeat(np.arange(len(own)), [len(pieces) for pieces in own]).astype(np.int32)
    corridor_m = np.array(corridors_m, np.float64)
    grow = (corridor_m[road] + _MARGIN_M)[:, None]
    road_start = np.concatenate([[0], np.cumsum([len(pieces) for pieces in own])]).astype(np.int32)
    extent_m = np.array([float(np.ptp(p.reshape(-1, 2), axis=0).max()) if len(p) else 0.0 for p in own])
    low = np.minimum(segments[:, :2], segments[:, 2:]) - grow
    high = np.maximum(segments[:, :2], segments[:, 2:]) + grow
    x0, y0 = low.min(axis=0, initial=0.0) if len(low) else (0.0, 0.0)
    x1, y1 = high.max(axis=0, initial=0.0) if len(high) else (0.0, 0.0)
    cell_m = max((x1 - x0) / _MOST_CELLS_A_SIDE, (y1 - y0) / _MOST_CELLS_A_SIDE, _LEAST_CELL_M)
    columns, rows = int((x1 - x0) / cell_m) + 1, int((y1 - y0) / cell_m) + 1
    cells: list[NDArray[np.int64]] = []
    for (left, down), (right, up) in zip(low.tolist(), high.tolist(), strict=True):
        across = np.arange(int((left - x0) / cell_m), int((right - x0) / cell_m) + 1)
        along = np.arange(int((down - y0) / cell_m), int((up - y0) / cell_m) + 1)
        cells.append((along[:, None] * columns + across[None, :]).ravel())
    cell = np.concatenate(cells) if cells else np.empty(0, np.int64)
    order = np.argsort(cell, kind="stable")
    entry = np.repeat(np.arange(len(cells)), [len(each) for each in cells]).astype(np.int32)
    count = np.bincount(cell, minlength=rows * columns)
    return Roads(
        x0=float(x0), y0=float(y0), cell_m=float(cell_m), columns=columns, rows=rows,
        cell_start=np.concatenate([[0], np.cumsum(count)]).astype(np.int32), cell_segment=entry[order],
        segments=np.ascontiguousarray(segments), segment_road=road, road_start=road_start, corridor_m=corridor_m,
        extent_m=extent_m,
    )  # fmt: skip
