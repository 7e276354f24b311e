"""The register compiled for the engine: arrays by row in a `District`, names by row in a `Compiled`.

A state keeps rows and places in the plane between batches, while the register changes. So both are given by a
`Frame` that only ever grows: the origin of the plane, and the ids of sites, routes, permits and roads by row. What has
left the register keeps its row, and nothing is in it, runs along it or is permitted by it any more.

Lines of routes and sides of zones are meant as they are drawn on a map, straight in degrees, and are cut into
pieces of at most STEP_M before they are laid into the plane.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.kernels.corridor import Line, Routes, build_routes
from analytics.kernels.projection import Plane, plane_at, to_plane
from analytics.kernels.roads import Roads, build_roads
from analytics.kernels.zones import Ring, Shape, Zones, build_zones, containing
from devices.hours import parse_hours
from devices.types import Geometry, Permit, Registry, Site

STEP_M = 500.0
"""At this length a line that is straight in degrees is at most 4 mm off a straight one (to 38° north)."""

SITE_KINDS = ("source", "disposal", "transfer", "parking", "no_go")
"""`District.site_kind` is the index."""
SOURCE, DISPOSAL, TRANSFER, PARKING, NO_GO = range(len(SITE_KINDS))

_EVER = np.iinfo(np.int32)
_ELSEWHERE = (36.7, 117.5)  # Zhangqiu: where nothing is drawn, no plane is better than another


class District(NamedTuple):
    """What the kernels read. Rows point into one another, -1 at none. Days: local, since 1970, inclusive."""

    plane: Plane
    zones: Zones  # the sites, by site row
    routes: Routes
    route_corridor_m: NDArray[np.float64]
    roads: Roads
    road_limit_kmh: NDArray[np.float64]  # NaN: none
    least_limit_kmh: float  # of all; inf: no road has one
    site_kind: NDArray[np.int8]
    site_from_day: NDArray[np.int32]
    site_to_day: NDArray[np.int32]
    site_hours_start: NDArray[np.int32]  # (sites + 1,) into site_hours; an empty range: always
    site_hours: NDArray[np.int32]  # (ranges, 2) minutes after local midnight, [from, to)
    vehicle_company: NDArray[np.int32]  # row of `Compiled.company_ids`
    vehicle_active: NDArray[np.bool_]  # it and its company
    vehicle_in_service: NDArray[np.bool_]  # it, whatever its company
    permit_source: NDArray[np.int32]
    permit_disposal: NDArray[np.int32]
    permit_route: NDArray[np.int32]
    permit_from_day: NDArray[np.int32]
    permit_to_day: NDArray[np.int32]
    permit_hours_start: NDArray[np.int32]
    permit_hours: NDArray[np.int32]
    permit_active: NDArray[np.bool_]  # its company is active
    vehicle_permits_start: NDArray[np.int32]  # (vehicles + 1,) into vehicle_permits
    vehicle_permits: NDArray[np.int32]  # permits that name the vehicle or, naming none, are its company's


@dataclass(frozen=True, slots=True)
class Frame:
    """What rows and places mean: kept with the states that use them."""

    lat: float
    """Origin of the plane, degrees; with `lon`."""
    lon: float
    site_ids: tuple[str, ...] = ()
    route_ids: tuple[str, ...] = ()
    permit_ids: tuple[str, ...] = ()
    road_ids: tuple[str, ...] = ()

    def grown(self, registry: Registry) -> "Frame":
        """This frame with rows for what is new in `registry`, at the end and in the order of the ids."""
        return Frame(
            self.lat,
            self.lon,
            _grown(self.site_ids, registry.sites),
            _grown(self.route_ids, registry.routes),
            _grown(self.permit_ids, registry.permits),
            _grown(self.road_ids, registry.roads),
        )


def _grown(known: tuple[str, ...], now: Mapping[str, object]) -> tuple[str, ...]:
    return known + tuple(sorted(set(now).difference(known)))


def first_frame(registry: Registry) -> Frame:
    """The frame of a register that nothing was judged by before."""
    return Frame(*_centre(registry)).grown(registry)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A district and the names of its rows, each in order."""

    version: int
    frame: Frame
    district: District
    company_ids: tuple[str, ...]
    site_ids: tuple[str, ...]
    route_ids: tuple[str, ...]
    permit_ids: tuple[str, ...]
    road_ids: tuple[str, ...]
    plates: tuple[str, ...]
    vehicle_rows: Mapping[str, int]
    """Row by plate."""
    jurisdiction_codes: tuple[str, ...]
    jurisdictions: Zones

    def jurisdiction_of(self, lat: float, lon: float) -> str | None:
        """The street or town that holds the place; on a border, or where two overlap, the first by code."""
        found = np.empty(self.jurisdictions.most, np.int32)
        x, y = to_plane(self.district.plane, lat, lon)
        return self.jurisdiction_codes[found[0]] if containing(self.jurisdictions, x, y, found) else None


def compile_district(registry: Registry, frame: Frame | None = None) -> Compiled:
    """Lay the register into the plane, in the rows of `frame` (which holds all of it; None: a first one).

    Nothing need be there: an empty register judges as well. Raises ValueError, with the id, for what the
    importer should have refused: a geometry of another type, an hour that cannot be read.
    """
    frame = frame or first_frame(registry)
    plane = plane_at(frame.lat, frame.lon)
    companies, plates = sorted(registry.companies), sorted(registry.vehicles)
    codes = sorted(registry.jurisdictions)
    site_rows = [registry.sites.get(site_id) or _gone_site(site_id) for site_id in frame.site_ids]
    permit_rows = [
        registry.permits.get(permit_id) or _gone_permit(permit_id) for permit_id in frame.permit_ids
    ]
    vehicle_rows = [registry.vehicles[plate] for plate in plates]
    shapes = [_shape(plane, s.geometry, s.radius_m, f"site {s.site_id}") for s in site_rows]
    lines = [
        _line(plane, route.geometry, f"route {route_id}")
        if (route := registry.routes.get(route_id))
        else _NO_LINE
        for route_id in frame.route_ids
    ]
    corridors_m = [
        registry.routes[key].corridor_m if key in registry.routes else 0.0 for key in frame.route_ids
    ]
    roads = [registry.roads.get(road_id) for road_id in frame.road_ids]
    limits_kmh = [road.speed_limit_kmh if road and road.speed_limit_kmh else math.nan for road in roads]
    areas = [
        _shape(plane, registry.jurisdictions[code].geometry, None, f"jurisdiction {code}") for code in codes
    ]
    sites, routes = _by_name(frame.site_ids), _by_name(frame.route_ids)
    active = {key for key, company in registry.companies.items() if company.status == "active"}
    site_hours_start, site_hours = _hours([(s.site_id, s.hours) for s in site_rows])
    permit_hours_start, permit_hours = _hours([(p.permit_id, p.hours) for p in permit_rows])

    named: dict[str, list[int]] = {}
    companys: dict[str, list[int]] = {}
    for row, permit in enumerate(permit_rows):
        for plate in permit.plates:
            named.setdefault(plate, []).append(row)
        if not permit.plates:
            companys.setdefault(permit.company_id, []).append(row)
    of_vehicles = [
        sorted({*named.get(v.plate, ()), *companys.get(v.company_id or "", ())}) for v in vehicle_rows
    ]

    district = District(
        plane=plane,
        zones=build_zones(shapes),
        routes=build_routes(lines),
        route_corridor_m=np.array(corridors_m, np.float64),
        roads=build_roads(
            [_line(plane, road.geometry, f"road {road.road_id}") if road else _NO_LINE for road in roads],
            [road.corridor_m if road else 0.0 for road in roads],
        ),
        road_limit_kmh=np.array(limits_kmh, np.float64),
        least_limit_kmh=float(min((kmh for kmh in limits_kmh if kmh == kmh), default=math.inf)),  # noqa: PLR0124
        site_kind=np.array([SITE_KINDS.index(s.kind) for s in site_rows], np.int8),
        site_from_day=_days((s.valid_from for s in site_rows), _EVER.min),
        site_to_day=_days((s.valid_to for s in site_rows), _EVER.max),
        site_hours_start=site_hours_start,
        site_hours=site_hours,
        vehicle_company=_rows(_by_name(companies), (v.company_id for v in vehicle_rows)),
        vehicle_active=np.array(
            [v.status == "active" and (v.company_id is None or v.company_id in active) for v in vehicle_rows],
            np.bool_,
        ),
        vehicle_in_service=np.array([v.status == "active" for v in vehicle_rows], np.bool_),
        permit_source=_rows(sites, (p.source_site_id for p in permit_rows)),
        permit_disposal=_rows(sites, (p.disposal_site_id for p in permit_rows)),
        permit_route=_rows(routes, (p.route_id for p in permit_rows)),
        permit_from_day=_days((p.valid_from for p in permit_rows), _EVER.min),
        permit_to_day=_days((p.valid_to for p in permit_rows), _EVER.max),
        permit_hours_start=permit_hours_start,
        permit_hours=permit_hours,
        permit_active=np.array([p.company_id in active for p in permit_rows], np.bool_),
        vehicle_permits_start=_starts(of_vehicles),
        vehicle_permits=np.array([row for rows in of_vehicles for row in rows], np.int32),
    )
    return Compiled(
        version=registry.version,
        frame=frame,
        district=district,
        company_ids=tuple(companies),
        site_ids=frame.site_ids,
        route_ids=frame.route_ids,
        permit_ids=frame.permit_ids,
        road_ids=frame.road_ids,
        plates=tuple(plates),
        vehicle_rows=_by_name(plates),
        jurisdiction_codes=tuple(codes),
        jurisdictions=build_zones(areas),
    )


def _centre(registry: Registry) -> tuple[float, float]:
    """Of the jurisdictions, else of the sites, else of the routes; to a tenth of a degree.

    The median, so that one place far off moves nothing, and rounded, so that a new site moves the plane
    seldom.
    """
    nouns: Iterable[Mapping[str, Any]] = (registry.jurisdictions, registry.sites, registry.routes)
    for table in nouns:
        middles = [_middle(noun.geometry) for noun in table.values()]
        if middles:
            lon, lat = np.median(np.array(middles), axis=0)
            return round(float(lat), 1), round(float(lon), 1)
    return _ELSEWHERE


def _middle(geometry: Geometry) -> NDArray[np.float64]:
    positions = geometry["coordinates"]
    while geometry["type"] != "Point" and not isinstance(positions[0][0], (int, float)):
        positions = [position for part in positions for position in part]
    corners = np.array(
        [position[:2] for position in (positions if geometry["type"] != "Point" else [positions])]
    )
    middle: NDArray[np.float64] = (corners.min(axis=0) + corners.max(axis=0)) / 2
    return middle


def _shape(plane: Plane, geometry: Geometry, radius_m: float | None, name: str) -> Shape:
    match geometry["type"]:
        case "Point" if radius_m is not None:
            lon, lat = geometry["coordinates"][:2]
            return (*to_plane(plane, lat, lon), float(radius_m))
        case "Polygon":
            return [[_corners(plane, ring) for ring in geometry["coordinates"]]]
        case "MultiPolygon":
            return [[_corners(plane, ring) for ring in polygon] for polygon in geometry["coordinates"]]
        case other:
            raise ValueError(f"{name} is a {other}: draw a Polygon, a MultiPolygon, or a Point with radius_m")


def area_shape(plane: Plane, geometry: Geometry) -> Shape:
    """A Polygon or MultiPolygon laid into the plane; ValueError for another."""
    return _shape(plane, geometry, None, "the area")


def _line(plane: Plane, geometry: Geometry, name: str) -> Line:
    match geometry["type"]:
        case "LineString":
            return [_corners(plane, geometry["coordinates"])]
        case "MultiLineString":
            return [_corners(plane, part) for part in geometry["coordinates"]]
        case other:
            raise ValueError(f"{name} is a {other}: draw a LineString or a MultiLineString")


def _corners(plane: Plane, positions: Sequence[Sequence[float]]) -> Ring:
    """The line in the plane, with corners added so that no piece is longer than STEP_M."""
    corners = [to_plane(plane, positions[0][1], positions[0][0])]
    for (lon0, lat0), (lon1, lat1) in ((a[:2], b[:2]) for a, b in pairwise(positions)):
        end = to_plane(plane, lat1, lon1)
        pieces = max(1, math.ceil(math.dist(corners[-1], end) / STEP_M))
        for piece in range(1, pieces):
            share = piece / pieces
            corners.append(to_plane(plane, lat0 + share * (lat1 - lat0), lon0 + share * (lon1 - lon0)))
        corners.append(end)
    return np.array(corners, np.float64)


def _days(days: Iterable[date | None], open_end: int) -> NDArray[np.int32]:
    epoch = date(1970, 1, 1)
    return np.array([open_end if day is None else (day - epoch).days for day in days], np.int32)


def _hours(hours: Iterable[tuple[str, str | None]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    ranges = []
    for name, text in hours:
        try:
            ranges.append(parse_hours(text))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return _starts(ranges), np.array([r for own in ranges for r in own], np.int32).reshape(-1, 2)


def _starts(lists: Sequence[Sequence[object]]) -> NDArray[np.int32]:
    return np.cumsum([0, *map(len, lists)]).astype(np.int32)


def _by_name(names: Sequence[str]) -> dict[str, int]:
    return {name: row for row, name in enumerate(names)}


def _rows(by_name: Mapping[str, int], wanted: Iterable[str | None]) -> NDArray[np.int32]:
    return np.array([-1 if name is None else by_name.get(name, -1) for name in wanted], np.int32)


_NO_LINE: Line = []


def _gone_site(site_id: str) -> Site:
    nowhere = {"type": "MultiPolygon", "coordinates": []}
    return Site(
        site_id=site_id, name="", kind="source", geometry=nowhere, valid_from=date.max, valid_to=date.min
    )


def _gone_permit(permit_id: str) -> Permit:
    return Permit(
        permit_id=permit_id, company_id="", source_site_id="", valid_from=date.max, valid_to=date.min
    )
