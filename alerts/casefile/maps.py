"""Map pictures of what happened, drawn from the register and the track alone: SVG, no tiles, no network.

A picture is a square of the ground around a centre, in planar metres, north up.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

_M_PER_DEGREE = 111_320.0
SIZE = 640
SCALES_M = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
SITE_COLOURS = {
    "source": "#8a5a1a", "disposal": "#2e7d4f", "transfer": "#4a7fb0", "parking": "#777777", "no_go": "#c62828",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What may be seen: geometry as GeoJSON, WGS-84."""

    sites: Sequence[Mapping[str, Any]] = ()
    """With `name`, `kind`, `geometry`, `radius_m`."""
    routes: Sequence[Mapping[str, Any]] = ()
    """With `geometry`, `corridor_m`."""
    roads: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    title: str
    scene: Scene
    centre: tuple[float, float]
    """lat, lon."""
    half_m: float
    """From the centre to each edge."""
    track: Sequence[tuple[float, float]] = ()
    """(lat, lon) of good fixes, in order."""
    place: tuple[float, float] | None = None
    """Where the alert says it happened."""
    doubted: Sequence[tuple[float, float]] = field(default=())
    """Fixes that were not believed."""


def frame_of(
    points: Sequence[tuple[float, float]], *, least_m: float = 250.0
) -> tuple[tuple[float, float], float]:
    """The centre of `points` (lat, lon; one or more) and half the side of the square around them, with a margin."""
    lats, lons = [p[0] for p in points], [p[1] for p in points]
    centre = ((min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2)
    east = (max(lons) - min(lons)) * _M_PER_DEGREE * math.cos(math.radians(centre[0])) / 2
    north = (max(lats) - min(lats)) * _M_PER_DEGREE / 2
    return centre, max(least_m, 1.15 * max(east, north))


def draw(picture: Picture) -> str:
    """The picture as SVG."""
    scale = SIZE / (2 * picture.half_m)
    across = _M_PER_DEGREE * math.cos(math.radians(picture.centre[0]))

    def at(lat: float, lon: float) -> tuple[float, float]:
        x = SIZE / 2 + (lon - picture.centre[1]) * across * scale
        y = SIZE / 2 - (lat - picture.centre[0]) * _M_PER_DEGREE * scale
        return round(x, 1), round(y, 1)

    def path(lines: Iterable[Sequence[Any]], *, closed: bool = False) -> str:
        parts = []
        for line in lines:
            points = [at(lat, lon) for lon, lat, *_ in line]
            parts.append("M" + " L".join(f"{x} {y}" for x, y in points) + (" Z" if closed else ""))
        return " ".join(parts)

    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}" width="{SIZE}" height="{SIZE}" '
            'font-family="Noto Sans SC, sans-serif" font-size="20">'
        ),
        f'<clipPath id="frame"><rect width="{SIZE}" height="{SIZE}"/></clipPath>',
        f'<rect width="{SIZE}" height="{SIZE}" fill="#f7f5ef"/><g clip-path="url(#frame)">',
    ]
    out += [
        f'<path d="{path(_lines(road["geometry"]))}" fill="none" stroke="#c9c2b2" stroke-width="5"/>'
        for road in picture.scene.roads
    ]
    for route in picture.scene.routes:
        shape, wide = path(_lines(route["geometry"])), max(2.0, 2 * float(route["corridor_m"]) * scale)
        out.append(
            f'<path d="{shape}" fill="none" stroke="#2f6fb3" stroke-opacity="0.13" stroke-width="{wide:.1f}" '
            'stroke-linejoin="round"/>'
            f'<path d="{shape}" fill="none" stroke="#2f6fb3" stroke-width="2" stroke-dasharray="7 4"/>'
        )
    out += [_site(site, at, path, scale) for site in picture.scene.sites]
    if picture.track:
        line = " L".join(f"{x} {y}" for x, y in (at(*point) for point in picture.track))
        out.append(
            f'<path d="M{line}" fill="none" stroke="#d84315" stroke-width="3" stroke-linejoin="round"/>'
        )
        out += [_dot(at(*point), 2.4, "#d84315") for point in picture.track]
        (x0, y0), (x1, y1) = at(*picture.track[0]), at(*picture.track[-1])
        out.append(f'<circle cx="{x0}" cy="{y0}" r="6" fill="#fff" stroke="#d84315" stroke-width="3"/>')
        out.append(f'<rect x="{x1 - 5}" y="{y1 - 5}" width="10" height="10" fill="#d84315"/>')
    out += [_dot(at(*point), 2.4, "#9e9e9e") for point in picture.doubted]
    if picture.place:
        x, y = at(*picture.place)
        out.append(
            f'<circle cx="{x}" cy="{y}" r="13" fill="none" stroke="#b71c1c" stroke-width="3"/>'
            f'<path d="M{x - 20} {y} H{x + 20} M{x} {y - 20} V{y + 20}" stroke="#b71c1c" stroke-width="1.5"/>'
        )
    out.append("</g>")
    out.append(_margin(picture, scale))
    return "".join(out) + "</svg>"


def _lines(geometry: Mapping[str, Any]) -> list[Any]:
    """Lines of a LineString or MultiLineString; rings of a Polygon or MultiPolygon."""
    coordinates = geometry["coordinates"]
    match geometry["type"]:
        case "LineString":
            return [coordinates]
        case "MultiPolygon":
            return [ring for polygon in coordinates for ring in polygon]
        case "Point":
            return []
        case _:
            return list(coordinates)


def _site(site: Mapping[str, Any], at: Any, path: Any, scale: float) -> str:
    colour = SITE_COLOURS.get(site["kind"], "#777777")
    style = f'fill="{colour}" fill-opacity="0.16" fill-rule="evenodd" stroke="{colour}" stroke-width="2"'
    if site["geometry"]["type"] == "Point":
        lon, lat = site["geometry"]["coordinates"][:2]
        x, y = at(lat, lon)
        drawn = f'<circle cx="{x}" cy="{y}" r="{float(site["radius_m"] or 30) * scale:.1f}" {style}/>'
    else:
        rings = _lines(site["geometry"])
        drawn = f'<path d="{path(rings, closed=True)}" {style}/>'
        lons, lats = [p[0] for p in rings[0]], [p[1] for p in rings[0]]
        x, y = at((min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2)
    return (
        drawn
        + f'<text x="{x}" y="{y}" text-anchor="middle" fill="{colour}">{escape(str(site["name"]))}</text>'
    )


def _dot(point: tuple[float, float], radius: float, colour: str) -> str:
    return f'<circle cx="{point[0]}" cy="{point[1]}" r="{radius}" fill="{colour}"/>'


def _margin(picture: Picture, scale: float) -> str:
    """Title, scale bar, north, coordinates of the centre."""
    bar_m = next((m for m in reversed(SCALES_M) if m * scale <= SIZE / 4), SCALES_M[0])
    long = bar_m * scale
    said = f"{bar_m} m" if bar_m < 1000 else f"{bar_m // 1000} km"
    y = SIZE - 18
    lat, lon = picture.centre
    return (
        f'<rect width="{SIZE}" height="34" fill="#ffffff" fill-opacity="0.85"/>'
        f'<text x="10" y="24" fill="#222">{escape(picture.title)}</text>'
        f'<path d="M14 {y - 5} V{y} H{14 + long:.1f} V{y - 5}" fill="none" stroke="#222" stroke-width="2"/>'
        f'<text x="{20 + long:.1f}" y="{y}" fill="#222">{said}</text>'
        f'<text x="{SIZE - 10}" y="{y}" text-anchor="end" fill="#222">WGS-84 {lat:.5f}, {lon:.5f}</text>'
        f'<path d="M{SIZE - 24} 66 L{SIZE - 24} 40 M{SIZE - 29} 48 L{SIZE - 24} 38 L{SIZE - 19} 48" '
        f'fill="none" stroke="#222" stroke-width="2"/><text x="{SIZE - 24}" y="82" text-anchor="middle" fill="#222">N</text>'
        f'<rect width="{SIZE}" height="{SIZE}" fill="none" stroke="#888"/>'
    )
