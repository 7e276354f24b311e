"""From the plane to GeoJSON, and back."""

from collections.abc import Iterable

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from devices.types import Geometry, Site
from simulators.roads import Place, Points, to_degrees, to_plane


def centre_of(site: Site) -> Place:
    if site.geometry["type"] == "Point":
        lon, lat = site.geometry["coordinates"]
        return to_plane(lon, lat)
    middle = Polygon([to_plane(lon, lat) for lon, lat in site.geometry["coordinates"][0]]).centroid
    return middle.x, middle.y


def polygon(shape: BaseGeometry) -> Geometry:
    return {"type": "Polygon", "coordinates": [_positions(shapely.get_coordinates(shape).tolist())]}


def line(points: Points) -> Geometry:
    return {"type": "LineString", "coordinates": _positions(points)}


def _positions(points: Iterable[Iterable[float]]) -> list[list[float]]:
    return [list(to_degrees(*point)) for point in points]
