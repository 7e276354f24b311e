"""Does the straight way between two points meet a zone?  Planar metres (see `projection`), bare arrays.

For what two fixes that follow one another leave out: a zone thinner than the way between them is in neither. A straight
line is a guess at what was driven, so what comes of it is *inferred*, and says so.

Border   Inside, as in `zones`: a way that comes within BORDER_M of a side meets the zone.
Ends     A way that begins or ends in the zone meets it; one without length is its point.
NaN      A way with a NaN coordinate meets nothing.
Tests    tests/analytics/test_sweeping.py holds it against Shapely.
"""

import math

import numpy as np
from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel
from analytics.kernels.pieces import square_between
from analytics.kernels.zones import BORDER_M, Outlines, holds


@inner_kernel
def meets(outlines: Outlines, zone: int, ax: float, ay: float, bx: float, by: float) -> bool:
    """Whether the way from a to b meets `zone`."""
    if math.isnan(ax) or math.isnan(ay) or math.isnan(bx) or math.isnan(by):
        return False
    radius = outlines.discs[zone, 2]
    if radius >= 0.0:
        x, y = outlines.discs[zone, 0], outlines.discs[zone, 1]
        return bool(square_between(ax, ay, bx, by, x, y) <= (radius + BORDER_M) * (radius + BORDER_M))
    if holds(outlines, zone, ax, ay):
        return True
    first, last = outlines.part_start[zone], outlines.part_start[zone + 1]
    for edge in range(outlines.edge_start[first], outlines.edge_start[last]):
        if _meets_edge(outlines.edges, edge, ax, ay, bx, by):
            return True
    return False


@inner_kernel
def _meets_edge(edges: NDArray[np.float64], edge: int, ax: float, ay: float, bx: float, by: float) -> bool:
    cx, cy, dx, dy = edges[edge, 0], edges[edge, 1], edges[edge, 2], edges[edge, 3]
    if min(ax, bx) > max(cx, dx) + BORDER_M or max(ax, bx) < min(cx, dx) - BORDER_M:
        return False
    if min(ay, by) > max(cy, dy) + BORDER_M or max(ay, by) < min(cy, dy) - BORDER_M:
        return False
    # Each has its ends on either side of the other.
    if (_side(cx, cy, dx, dy, ax, ay) > 0.0) != (_side(cx, cy, dx, dy, bx, by) > 0.0) and (
        _side(ax, ay, bx, by, cx, cy) > 0.0
    ) != (_side(ax, ay, bx, by, dx, dy) > 0.0):
        return True
    near = BORDER_M * BORDER_M
    return bool(
        square_between(cx, cy, dx, dy, ax, ay) <= near
        or square_between(cx, cy, dx, dy, bx, by) <= near
        or square_between(ax, ay, bx, by, cx, cy) <= near
        or square_between(ax, ay, bx, by, dx, dy) <= near
    )


@inner_kernel
def _side(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> float:
    """Above 0: (x, y) lies left of the line from a to b."""
    return (bx - ax) * (y - ay) - (by - ay) * (x - ax)
