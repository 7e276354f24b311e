"""Straight pieces of lines: what zones, corridors, roads and swept ways measure by.  Planar metres, bare arrays.

By projection onto the piece: a point on it is at 0, a piece without length is a point.
"""

import numpy as np
from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel


@inner_kernel
def square_distance(pieces: NDArray[np.float64], row: int, x: float, y: float) -> float:
    """Square metres from (x, y) to the piece ax, ay, bx, by in `row` of `pieces` (N, 4)."""
    return square_between(pieces[row, 0], pieces[row, 1], pieces[row, 2], pieces[row, 3], x, y)


@inner_kernel
def square_between(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> float:
    """Square metres from (x, y) to the piece from a to b."""
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    along = 0.0
    if square > 0.0:
        along = min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) / square))
    ex, ey = x - ax - along * dx, y - ay - along * dy
    return float(ex * ex + ey * ey)
