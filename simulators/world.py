"""The register as the simulated drivers know it: sites in the plane, streets, and spots off the map."""

import random
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point, Polygon, shape
from shapely.geometry.base import BaseGeometry

from devices.hours import parse_hours
from devices.types import Permit, Registry, Site
from simulators.roads import (
    Place,
    Points,
    Streets,
    nearest_piece,
    outline,
    plane_points,
    sample_streets,
    to_plane,
)
from simulators.witnessing import LimitedRoad

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Area:
    """A site in the plane."""

    site: Site
    shape: BaseGeometry
    centre: Place


@dataclass(frozen=True, slots=True)
class Haul:
    """A permit with what is needed to drive it."""

    permit: Permit
    points: Points
    """The permitted route, from the source to the disposal site."""
    way: list[int]
    """The same as nodes of the streets; empty where it does not follow them."""
    corridor_m: float
    length_m: float

    @property
    def source(self) -> str:
        return self.permit.source_site_id

    @property
    def disposal(self) -> str:
        """Nobody drives a permit without one (`_haul`)."""
        return self.permit.disposal_site_id or ""


@dataclass(frozen=True, slots=True)
class World:
    registry: Registry
    zone: ZoneInfo
    streets: Streets
    areas: dict[str, Area]
    hauls: dict[str, Haul]
    """By permit id."""
    hauls_of: dict[str, list[Haul]]
    """By company id."""
    hidden_spots: list[str]
    """Places some hundred metres off a street, far from every site."""
    estates: list[str]
    """Places beside a street where people renovate."""
    limited_roads: list[LimitedRoad]
    """Listed roads with a limit."""
    _all_sites: BaseGeometry

    def local_s(self, at_s: float) -> float:
        """Seconds since 1970 on the wall clock."""
        offset = datetime.fromtimestamp(at_s, self.zone).utcoffset()
        return at_s + (offset.total_seconds() if offset else 0.0)

    def inside_any_site(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        return shapely.contains_xy(self._all_sites, x, y)

    def barred_at(self, area: Area, at_s: float) -> bool:
        """May nobody drive into this no-go site at that time?"""
        minute = self.local_s(at_s) % DAY_S / 60
        ranges = parse_hours(area.site.hours)
        return not ranges or any(start <= minute < end for start, end in ranges)

    def leg(self, start: str, end: str, through: str | None = None) -> Points:
        """The way between two places by street, without the first point."""
        places = self.streets.places
        if through is None:
            way = self.streets.path(places[start], places[end])
        else:
            middle = self.node_inside(through)
            way = self.streets.path(places[start], middle, through)
            way += self.streets.path(middle, places[end], through)[1:]
        return self.streets.line(way)[1:]

    def node_inside(self, zone: str) -> int:
        """A street's node in a no-go site; raises ValueError where no street runs through it."""
        for node, place in enumerate(self.streets.nodes):
            if self.areas[zone].shape.contains(Point(place)):
                return node
        raise ValueError(f"no street runs through {zone}")


def build_world(registry: Registry, zone: ZoneInfo) -> World:
    streets = sample_streets()
    areas = {site.site_id: _area(site) for site in registry.sites.values()}
    for area in areas.values():
        if area.site.kind == "no_go":
            streets.bar(area.site.site_id, area.shape)
    for area in areas.values():
        if area.site.kind != "no_go":
            streets.attach(area.site.site_id, area.centre)
    everything = shapely.unary_union([area.shape for area in areas.values()])
    dice = random.Random(len(registry.sites))
    hidden = _spots(streets, "spot", 90, (260, 520), everything.buffer(350), dice)
    estates = _spots(streets, "estate", 90, (60, 110), everything.buffer(250), dice)
    hauls = {
        permit.permit_id: haul
        for permit in registry.permits.values()
        if (haul := _haul(permit, registry, streets)) is not None
    }
    hauls_of: dict[str, list[Haul]] = {}
    for haul in hauls.values():
        hauls_of.setdefault(haul.permit.company_id, []).append(haul)
    roads = [
        LimitedRoad(
            shapely.transform(shape(road.geometry), _to_plane_array), road.corridor_m, road.speed_limit_kmh
        )
        for road in registry.roads.values()
        if road.speed_limit_kmh
    ]
    return World(registry, zone, streets, areas, hauls, hauls_of, hidden, estates, roads, everything)


def _area(site: Site) -> Area:
    if site.geometry["type"] == "Point":
        place = to_plane(*site.geometry["coordinates"])
        return Area(site, Point(place).buffer(site.radius_m or 0), place)
    laid = shapely.transform(shape(site.geometry), _to_plane_array)
    middle = laid.centroid if laid.contains(laid.centroid) else laid.representative_point()
    return Area(site, laid, (middle.x, middle.y))


def _to_plane_array(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    return plane_points(degrees.tolist())


def _haul(permit: Permit, registry: Registry, streets: Streets) -> Haul | None:
    """None: the permit names no route or no disposal site, so nobody can drive it."""
    route = registry.routes.get(permit.route_id or "")
    if route is None or permit.disposal_site_id is None or route.geometry["type"] != "LineString":
        return None
    points = plane_points(route.geometry["coordinates"])
    way = streets.path(streets.places[permit.source_site_id], streets.places[permit.disposal_site_id])
    drawn = LineString(points)
    follows = max(drawn.distance(Point(streets.nodes[node])) for node in way) < 5
    return Haul(permit, points, way if follows else [], route.corridor_m, drawn.length)


def _spots(
    streets: Streets,
    name: str,
    count: int,
    off_m: tuple[float, float],
    keep_out: BaseGeometry,
    dice: random.Random,
) -> list[str]:
    """Attach `count` places between `off_m` metres from their street, outside `keep_out`."""
    shapely.prepare(keep_out)
    pieces = [piece for piece in streets.pieces() if frozenset(piece) not in streets.barred]
    lines = shapely.STRtree([LineString([streets.nodes[a], streets.nodes[b]]) for a, b in pieces])
    inner: Polygon = outline().buffer(-400)
    found: list[Place] = []
    while len(found) < count:
        a, b = dice.choice(pieces)
        (ax, ay), (bx, by) = streets.nodes[a], streets.nodes[b]
        length = float(np.hypot(bx - ax, by - ay))
        off, share = dice.uniform(*off_m) * dice.choice((-1, 1)), dice.uniform(0.3, 0.7)
        spot = (
            ax + share * (bx - ax) - off * (by - ay) / length,
            ay + share * (by - ay) + off * (bx - ax) / length,
        )
        clear = Point(spot).buffer(abs(off) * 0.9)
        if (
            inner.contains(clear)
            and not keep_out.intersects(LineString([spot, nearest_piece(streets, [(a, b)], spot)[2]]))
            and not len(lines.query(clear, "intersects"))
        ):
            found.append(spot)
    for number, spot in enumerate(found):
        streets.attach(f"{name} {number}", spot)
    return [f"{name} {number}" for number in range(count)]
