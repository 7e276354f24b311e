"""Which fixes lie in an area that somebody drew, which ways between fixes meet it?  For "was any truck here last week?"."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.district import area_shape
from analytics.kernels._compile import kernel
from analytics.kernels.projection import Plane, plane_at, to_plane
from analytics.kernels.sweeping import meets
from analytics.kernels.zones import Zones, build_zones, containing


class Area(NamedTuple):
    plane: Plane
    zones: Zones
    south: float  # degrees: a box around it
    west: float
    north: float
    east: float


def compile_area(geometry: Mapping[str, Any]) -> Area:
    """Polygon or MultiPolygon, WGS-84. Raises ValueError for another."""
    if geometry.get("type") not in {"Polygon", "MultiPolygon"}:
        raise ValueError(f"a {geometry.get('type')} has no inside: draw a Polygon or a MultiPolygon")
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    corners = np.array([position[:2] for polygon in polygons for ring in polygon for position in ring])
    west, south = (float(least) for least in corners.min(axis=0))
    east, north = (float(most) for most in corners.max(axis=0))
    plane = plane_at((south + north) / 2, (west + east) / 2)
    return Area(plane, build_zones([area_shape(plane, dict(geometry))]), south, west, north, east)


def inside(area: Area, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N,) whether each place lies in the area; its border is inside, NaN is not."""
    held = np.empty(len(lat), np.bool_)
    found = np.empty(area.zones.most, np.int32)
    _inside(
        area.plane,
        area.zones,
        np.ascontiguousarray(lat, np.float64),
        np.ascontiguousarray(lon, np.float64),
        found,
        held,
    )
    return held


def crossed(
    area: Area,
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    next_lat: NDArray[np.float64],
    next_lon: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """(N,) whether the straight way from each place to the next meets the area; one with a NaN does not."""
    met = np.empty(len(lat), np.bool_)
    ends = np.array([lat, lon, next_lat, next_lon], np.float64)
    _crossed(area.plane, area.zones, ends, met)
    return met


@kernel
def _crossed(plane: Plane, zones: Zones, ends: NDArray[np.float64], met: NDArray[np.bool_]) -> None:
    for i in range(ends.shape[1]):
        ax, ay = to_plane(plane, ends[0, i], ends[1, i])
        bx, by = to_plane(plane, ends[2, i], ends[3, i])
        met[i] = meets(zones.outlines, 0, ax, ay, bx, by)


@kernel
def _inside(
    plane: Plane, zones: Zones, lat: NDArray[np.float64], lon: NDArray[np.float64], found: NDArray[np.int32],
    held: NDArray[np.bool_],
) -> None:  # fmt: skip
    for i in range(lat.shape[0]):
        x, y = to_plane(plane, lat[i], lon[i])
        held[i] = containing(zones, x, y, found) > 0
