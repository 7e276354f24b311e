"""Which zones hold a point?  Planar metres (see `projection`), bare arrays.

Layout   Zone z has the parts part_start[z] to part_start[z + 1], part p the edges edge_start[p] to
         edge_start[p + 1]; a row of `edges` is ax, ay, bx, by of one side of a ring. A part is a polygon:
         its outline and its holes, by even-odd. A point in any part is in the zone. `discs[z]` is x, y,
         radius of a circle; radius -1: the zone is its parts.
Border   Inside, for holes too: what lies within BORDER_M of a side counts as lying on it. A centimetre is
         what the plane is good for, and what the seventh decimal of a degree is worth.
Index    A grid. A cell lists, ascending, the zones it meets; a negative entry -z - 1 says that zone z covers
         the whole cell, so that no edge is looked at. Points outside the grid are in no zone.
NaN      A point with a NaN or infinite coordinate is in no zone.
Source   Even-odd crossings: Hormann & Agathos (2001), Computational Geometry 20(3), 131-144. Cells known to
         lie inside: Kipf et al. (2018), arXiv:1802.09488.
Tests    tests/analytics/test_zones.py holds it against Shapely.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel, kernel
from analytics.kernels.pieces import square_distance

BORDER_M = 0.01
_MARGIN_M = 2 * BORDER_M  # around a cell: what a point in it may touch, rounding included
_MOST_CELLS_A_SIDE = 1024
_LEAST_CELL_M = 20.0
_NONE, _EDGE, _WHOLE = 0, 1, 2

Ring = NDArray[np.float64]
"""Corners (N, 2), planar metres, the last one the same as the first."""
Polygon = Sequence[Ring]
"""Outline, then holes."""
Disc = tuple[float, float, float]
Shape = Sequence[Polygon] | Disc


class Outlines(NamedTuple):
    part_start: NDArray[np.int32]  # (zones + 1,)
    edge_start: NDArray[np.int32]  # (parts + 1,)
    edges: NDArray[np.float64]  # (edges, 4)
    discs: NDArray[np.float64]  # (zones, 3)


class Zones(NamedTuple):
    x0: float  # lower left corner of the grid
    y0: float
    cell_m: float
    columns: int
    rows: int
    most: int  # no point is in more zones than this; at least 1
    cell_start: NDArray[np.int32]  # (rows * columns + 1,), rows from the south
    cell_zone: NDArray[np.int32]
    outlines: Outlines


@kernel
def containing(zones: Zones, x: float, y: float, out: NDArray[np.int32]) -> int:
    """Write the rows of the zones that hold (x, y) into `out`, ascending, and return how many they are.

    `out` is at least `zones.most` long.
    """
    column, row = (x - zones.x0) / zones.cell_m, (y - zones.y0) / zones.cell_m
    if not (0.0 <= column < zones.columns and 0.0 <= row < zones.rows):
        return 0
    cell = int(row) * zones.columns + int(column)
    found = 0
    for entry in range(zones.cell_start[cell], zones.cell_start[cell + 1]):
        zone = zones.cell_zone[entry]
        if zone < 0:
            out[found] = -zone - 1
            found += 1
        elif holds(zones.outlines, zone, x, y):
            out[found] = zone
            found += 1
    return found


@inner_kernel
def holds(outlines: Outlines, zone: int, x: float, y: float) -> bool:
    """Whether the zone holds (x, y), its border included."""
    radius = outlines.discs[zone, 2]
    if radius >= 0.0:
        across, up = x - outlines.discs[zone, 0], y - outlines.discs[zone, 1]
        return bool(across * across + up * up <= (radius + BORDER_M) * (radius + BORDER_M))
    edges = outlines.edges
    for part in range(outlines.part_start[zone], outlines.part_start[zone + 1]):
        inside = False
        for edge in range(outlines.edge_start[part], outlines.edge_start[part + 1]):
            ax, ay, bx, by = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
            if (ay > y + BORDER_M and by > y + BORDER_M) or (ay < y - BORDER_M and by < y - BORDER_M):
                continue
            if ax < x - BORDER_M and bx < x - BORDER_M:
                continue
            if square_distance(edges, edge, x, y) <= BORDER_M * BORDER_M:
                return True
            if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
                inside = not inside
        if inside:
            return True
    return False


def build_zones(shapes: Sequence[Shape]) -> Zones:
    """Index `shapes`, one zone each, in their order; one without polygons holds nothing."""
    discs = np.full((len(shapes), 3), -1.0)
    part_start, edge_start = [0], [0]
    edges: list[NDArray[np.float64]] = []
    for zone, shape in enumerate(shapes):
        if isinstance(shape, tuple):
            discs[zone] = shape
        else:
            for polygon in shape:
                sides = [np.hstack([ring[:-1], ring[1:]]) for ring in polygon]
                edges += sides
                edge_start.append(edge_start[-1] + sum(map(len, sides)))
        part_start.append(len(edge_start) - 1)
    all_edges = np.ascontiguousarray(np.vstack(edges) if edges else np.empty((0, 4)))
    parts, starts = np.array(part_start, np.int32), np.array(edge_start, np.int32)
    outlines = Outlines(parts, starts, all_edges, discs)
    boxes = {zone: box for zone in range(len(shapes)) if (box := _box(outlines, zone)) is not None}

    x0, y0 = (min((box[i] for box in boxes.values()), default=0.0) for i in (0, 1))
    x1, y1 = (max((box[i] for box in boxes.values()), default=0.0) for i in (2, 3))
    cell_m = max((x1 - x0) / _MOST_CELLS_A_SIDE, (y1 - y0) / _MOST_CELLS_A_SIDE, _LEAST_CELL_M)
    columns, rows = int((x1 - x0) / cell_m) + 1, int((y1 - y0) / cell_m) + 1

    cells: list[NDArray[np.int64]] = []
    entries: list[NDArray[np.int32]] = []
    for zone, (left, low, right, high) in boxes.items():
        first_column, first_row = int((left - x0) / cell_m), int((low - y0) / cell_m)
        marks = np.zeros(
            (int((high - y0) / cell_m) - first_row + 1, int((right - x0) / cell_m) - first_column + 1),
            np.int8,
        )
        corner = np.array([x0 + first_column * cell_m, y0 + first_row * cell_m])
        _mark(marks, corner, cell_m, outlines, zone)
        row, column = np.nonzero(marks)
        cells.append((row + first_row) * columns + column + first_column)
        entries.append(np.where(marks[row, column] == _WHOLE, -zone - 1, zone).astype(np.int32))
    cell = np.concatenate(cells) if cells else np.empty(0, np.int64)
    order = np.argsort(cell, kind="stable")  # zones were appended ascending, and stay so within a cell
    count = np.bincount(cell, minlength=rows * columns)
    return Zones(
        x0=x0,
        y0=y0,
        cell_m=cell_m,
        columns=columns,
        rows=rows,
        most=max(1, int(count.max())),
        cell_start=np.concatenate([[0], np.cumsum(count)]).astype(np.int32),
        cell_zone=(np.concatenate(entries) if entries else np.empty(0, np.int32))[order],
        outlines=outlines,
    )


def _box(outlines: Outlines, zone: int) -> tuple[float, float, float, float] | None:
    """Around what the zone may touch; None: there is nothing of it."""
    x, y, reach = map(float, outlines.discs[zone])
    if reach >= 0:
        left, low, right, high = x - reach, y - reach, x + reach, y + reach
    else:
        first, last = outlines.edge_start[outlines.part_start[zone : zone + 2]]
        ends = outlines.edges[first:last].reshape(-1, 2)
        if not len(ends):
            return None
        (left, low), (right, high) = ends.min(axis=0).tolist(), ends.max(axis=0).tolist()
    return left - _MARGIN_M, low - _MARGIN_M, right + _MARGIN_M, high + _MARGIN_M


@kernel
def _mark(
    marks: NDArray[np.int8],
    corner: NDArray[np.float64],
    cell_m: float,
    outlines: Outlines,
    zone: int,
) -> None:
    """Say of each cell, the first at `corner`: the zone covers it, its border meets it, or neither."""
    rows, columns = marks.shape
    half = cell_m / 2 + _MARGIN_M
    edges, discs = outlines.edges, outlines.discs
    radius = discs[zone, 2]
    if radius >= 0.0:
        for row in range(rows):
            for column in range(columns):
                across = abs(corner[0] + (column + 0.5) * cell_m - discs[zone, 0])
                up = abs(corner[1] + (row + 0.5) * cell_m - discs[zone, 1])
                if math.hypot(across + half, up + half) <= radius:
                    marks[row, column] = _WHOLE
                elif math.hypot(max(0.0, across - half), max(0.0, up - half)) <= radius + BORDER_M:
                    marks[row, column] = _EDGE
        return
    first, last = outlines.part_start[zone], outlines.part_start[zone + 1]
    for edge in range(outlines.edge_start[first], outlines.edge_start[last]):
        ax, ay = edges[edge, 0] - corner[0], edges[edge, 1] - corner[1]
        bx, by = edges[edge, 2] - corner[0], edges[edge, 3] - corner[1]
        dx, dy = bx - ax, by - ay
        reach = half * (abs(dx) + abs(dy))
        for row in range(
            max(0, int((min(ay, by) - _MARGIN_M) / cell_m)),
            min(rows, int((max(ay, by) + _MARGIN_M) / cell_m) + 1),
        ):
            for column in range(
                max(0, int((min(ax, bx) - _MARGIN_M) / cell_m)),
                min(columns, int((max(ax, bx) + _MARGIN_M) / cell_m) + 1),
            ):
                cx, cy = (column + 0.5) * cell_m, (row + 0.5) * cell_m
                if abs((cx - ax) * dy - (cy - ay) * dx) <= reach:
                    marks[row, column] = _EDGE
    for row in range(rows):
        inside, known = False, False
        for column in range(columns):
            if marks[row, column] == _EDGE:
                known = False
                continue
            if not known:  # beside a cell without border lies nothing else
                cx, cy = corner[0] + (column + 0.5) * cell_m, corner[1] + (row + 0.5) * cell_m
                inside = holds(outlines, zone, cx, cy)
                known = True
            if inside:
                marks[row, column] = _WHOLE
