"""How far is a point from a route?  Planar metres (see `projection`), bare arrays.

Layout   Route r has the segments route_start[r] to route_start[r + 1], in driving order; a row of `segments`
         is ax, ay, bx, by. Parts of a MultiLineString follow one another and are not joined. CHUNK segments
         at a time share a box (left, low, right, high), box_start[r] to box_start[r + 1] for route r.
Exact    The answer is the least distance to any segment, whatever the hint; the hint and the boxes only save
         time. By projection onto the segment: a point on the line is at 0, a segment without length is a
         point.
Ties     The hint wins, else the earliest looked at.
NaN      A point with a NaN coordinate is at NaN metres, on no segment (-1).
Tests    tests/analytics/test_corridor.py holds it against Shapely.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.kernels._compile import kernel
from analytics.kernels.pieces import square_distance

CHUNK = 16
_NEAR = 2  # segments looked at first on each side of the hint
_PAD_M = 0.001  # so that rounding never makes a box further than what is in it

Line = Sequence[NDArray[np.float64]]
"""The parts of a route: corners (N, 2) each, planar metres."""


class Routes(NamedTuple):
    route_start: NDArray[np.int32]  # (routes + 1,)
    segments: NDArray[np.float64]  # (segments, 4)
    box_start: NDArray[np.int32]  # (routes + 1,)
    boxes: NDArray[np.float64]  # (boxes, 4)


@kernel
def distance_to_route(routes: Routes, route: int, x: float, y: float, hint: int) -> tuple[float, int]:
    """Metres from (x, y) to the route, and the nearest segment: next time's `hint` (-1: none yet).

    A hint from another route, or from an older registry, costs time and nothing else. A route without
    segments is infinitely far.
    """
    if math.isnan(x) or math.isnan(y):
        return math.nan, -1
    first, last = routes.route_start[route], routes.route_start[route + 1]
    nearest, least = -1, math.inf
    if first <= hint < last:
        nearest, least = hint, square_distance(routes.segments, hint, x, y)
        for segment in range(max(first, hint - _NEAR), min(last, hint + _NEAR + 1)):
            square = square_distance(routes.segments, segment, x, y)
            if square < least:
                nearest, least = segment, square
    for box in range(routes.box_start[route], routes.box_start[route + 1]):
        across = max(0.0, routes.boxes[box, 0] - x, x - routes.boxes[box, 2])
        up = max(0.0, routes.boxes[box, 1] - y, y - routes.boxes[box, 3])
        if across * across + up * up >= least:
            continue
        start = first + (box - routes.box_start[route]) * CHUNK
        for segment in range(start, min(start + CHUNK, last)):
            square = square_distance(routes.segments, segment, x, y)
            if square < least:
                nearest, least = segment, square
    return math.sqrt(least), nearest


def build_routes(lines: Sequence[Line]) -> Routes:
    """Lay `lines`, one route each, end to end in their order."""
    segments: list[NDArray[np.float64]] = []
    boxes: list[list[float]] = []
    route_start, box_start = [0], [0]
    for line in lines:
        own = np.vstack([np.empty((0, 4)), *(np.hstack([part[:-1], part[1:]]) for part in line)])
        for start in range(0, len(own), CHUNK):
            ends = own[start : start + CHUNK].reshape(-1, 2)
            boxes.append([*(ends.min(axis=0) - _PAD_M), *(ends.max(axis=0) + _PAD_M)])
        segments.append(own)
        route_start.append(route_start[-1] + len(own))
        box_start.append(len(boxes))
    return Routes(
        np.array(route_start, np.int32),
        np.vstack([np.empty((0, 4)), *segments]),
        np.array(box_start, np.int32),
        np.array(boxes, np.float64).reshape(-1, 4),
    )
