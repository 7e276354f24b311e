"""Outlines and lines of the registry: GeoJSON geometry, WGS-84, lon before lat."""

import math
from typing import Any

import shapely
from shapely.geometry import shape
from shapely.validation import explain_validity

from devices.types import Geometry

_DEPTH = {"Point": 0, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
"""How many lists lie around a position."""
# Generous boxes; only a position that lies in China when turned round, and not as it is, is called swapped.
_CHINA_LON, _CHINA_LAT = (73, 136), (3, 54)


def looks_swapped(lon: float, lat: float) -> bool:
    """True for a place outside China whose lon and lat, exchanged, are inside."""
    return not _in_china(lon, lat) and _in_china(lat, lon)


def _in_china(lon: float, lat: float) -> bool:
    return _CHINA_LON[0] <= lon <= _CHINA_LON[1] and _CHINA_LAT[0] <= lat <= _CHINA_LAT[1]


def checked(geometry: Any, shapes: tuple[str, ...]) -> Geometry:
    """The geometry with its type and coordinates only, heights dropped; ValueError says what is wrong."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in shapes:
        raise ValueError(f"must be {' or '.join(shapes)}, not {kind or 'empty'}")
    coordinates = _coordinates(geometry.get("coordinates"), _DEPTH[kind])
    lines: list[Any] = []
    rings: list[Any] = []
    match kind:
        case "LineString":
            lines = [coordinates]
        case "MultiLineString":
            lines = coordinates
        case "Polygon":
            rings = coordinates
        case "MultiPolygon":
            rings = [ring for polygon in coordinates for ring in polygon]
    for line in lines:
        if len(line) < 2 or all(position == line[0] for position in line):
            raise ValueError("a line needs two different positions")
    for ring in rings:
        if len(ring) < 4:
            raise ValueError(f"a ring needs at least 4 positions, this one has {len(ring)}")
        if ring[0] != ring[-1]:
            raise ValueError(f"the ring is not closed: it starts at {ring[0]} and ends at {ring[-1]}")
    plain: Geometry = {"type": kind, "coordinates": coordinates}
    if rings:
        outline = shape(plain)
        if not outline.is_valid:
            raise ValueError(f"the outline encloses nothing properly: {explain_validity(outline)}")
        if shapely.area(outline) == 0:
            raise ValueError("the outline encloses nothing")
    return plain


def _coordinates(value: Any, depth: int) -> Any:
    if not isinstance(value, list) or not value:
        raise ValueError("has no coordinates" if not value else "has coordinates that are no list")
    return [_coordinates(part, depth - 1) for part in value] if depth else _position(value)


def _position(value: list[Any]) -> list[float]:
    if len(value) not in (2, 3) or not all(_is_number(part) for part in value):
        raise ValueError(f"{str(value)[:60]} is not a position: [lon, lat]")
    lon, lat = value[:2]
    if abs(lat) > 90 or looks_swapped(lon, lat):
        raise ValueError(f"{value[:2]} has lat before lon? GeoJSON writes [lon, lat]")
    if abs(lon) > 180:
        raise ValueError(f"{value[:2]} is not on Earth: lon is -180 to 180")
    return [lon, lat]


def _is_number(value: Any) -> bool:
    # Compared, because isfinite() cannot take the integers JSON can hold.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -math.inf < value < math.inf
