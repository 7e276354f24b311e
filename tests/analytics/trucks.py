"""Trucks in the small district: fixes by the clock, and what the engine says of them, in names.

Clocks are local (UTC+8), on 2026-11-23 unless a day is added: "07:00", "07:00:30", "25:10" is ten past one the next day.
Places are metres east and north of the small district's origin.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.district import compile_district
from analytics.evidence import VALUE_NAMES
from analytics.records import (
    ACTIONS,
    FIX,
    HOUR,
    KINDS,
    NO,
    QUALITIES,
    REASONS,
    REFUSED,
    SECOND,
    SEVERITIES,
    UNKNOWN,
    YES,
)  # fmt: skip
from analytics.rules import VehicleRules
from analytics.vehicles import judge_vehicles, new_vehicle_states, silent_vehicles
from devices.types import Permit, Registry, Road, Route, Site
from tests import small_district
from tests.small_district import place, square

MIDNIGHT_US = round(np.datetime64("2026-11-23T00:00:00", "us").astype(np.int64)) - 8 * HOUR
TODAY = date(2026, 11, 23)

PIT, TIP, YARD, SPRING, FIELD = (0, 0), (6000, 0), (4000, 1000), (3000, -2000), (2000, 800)
DEPOT, ROADSIDE = (3000, 1500), (2000, 0)
Place = tuple[float, float]
Fixes = list[tuple[Any, ...]]


def clock(text: str) -> int:
    hours, minutes, *seconds = text.split(":")
    return (
        MIDNIGHT_US
        + (int(hours) * 3600 + int(minutes) * 60) * SECOND
        + round(float(*seconds or ["0"]) * SECOND)
    )


def reads(us: int) -> str:
    seconds = (us - MIDNIGHT_US) // SECOND
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}".removesuffix(":00")


def fix(
    at: str | int, where: Place, *, kmh: float = 0.0, load: float | None = None, lift: bool | None = None,
    hdop: float | None = None, fixed: bool | None = True, cover: str | None = None,
) -> tuple[Any, ...]:  # fmt: skip
    ts = clock(at) if isinstance(at, str) else at
    lat, lon = place(*where)
    return (
        0, ts, ts + 8 * HOUR, lat, lon, kmh, math.nan, _number(hdop), math.nan, _number(load),
        _switch(fixed), UNKNOWN, _switch(lift), _switch(None if cover is None else cover == "open"),
    )  # fmt: skip


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _switch(value: bool | None) -> int:
    return UNKNOWN if value is None else YES if value else NO


def refused(at: str | int) -> tuple[Any, ...]:
    """Word of a reading that was refused for its time, and when it came."""
    row = list(fix(at, (0, 0)))
    row[3] = row[4] = row[5] = math.nan
    row[10] = REFUSED
    return tuple(row)


def stand(start: str, end: str, where: Place, *, every_s: int = 30, **sent: Any) -> Fixes:
    """From `start` to `end`, both included."""
    return [fix(ts, where, **sent) for ts in range(clock(start), clock(end) + 1, every_s * SECOND)]


def drive(start: str, end: str, begin: Place, finish: Place, *, every_s: int = 10, **sent: Any) -> Fixes:
    """Straight and even from place to place, both included."""
    first, last = clock(start), clock(end)
    kmh = math.dist(begin, finish) / ((last - first) / SECOND) * 3.6
    fixes = []
    for ts in range(first, last + 1, every_s * SECOND):
        share = (ts - first) / (last - first)
        where = begin[0] + share * (finish[0] - begin[0]), begin[1] + share * (finish[1] - begin[1])
        fixes.append(fix(ts, where, kmh=kmh, **sent))
    return fixes


@dataclass(frozen=True)
class Told:
    """An event in names."""

    action: str
    kind: str
    severity: str
    at: str
    started: str
    score: float
    reason: str
    place: str | None
    site: str | None
    permit: str | None
    lat: float
    lon: float
    values: dict[str, float]
    road: str | None = None


def district(*more: Site, without: Iterable[str] = (), **changes: Any) -> Registry:
    """The small district with a depot (transfer), more sites, and permits changed or left out."""
    base = small_district.registry()
    depot = Site(site_id="DEPOT", name="示例中转站", kind="transfer", geometry=square(*DEPOT, 100))
    sites = {**base.sites, "DEPOT": depot, **{site.site_id: site for site in more}}
    return replace(
        base, sites=sites, permits={k: v for k, v in base.permits.items() if k not in without}, **changes
    )


def site(site_id: str, kind: Any, where: Place, half_m: float = 100, **more: Any) -> Site:
    return Site(site_id=site_id, name=site_id, kind=kind, geometry=square(*where, half_m), **more)


def route(route_id: str, *places: Place, corridor_m: float = 100) -> Route:
    line = [list(reversed(place(*where))) for where in places]
    return Route(
        route_id=route_id,
        name=route_id,
        geometry={"type": "LineString", "coordinates": line},
        corridor_m=corridor_m,
    )


def road(road_id: str, *places: Place, limit_kmh: float | None = 60, corridor_m: float = 30) -> Road:
    line = [list(reversed(place(*where))) for where in places]
    return Road(
        road_id=road_id,
        name=road_id,
        geometry={"type": "LineString", "coordinates": line},
        corridor_m=corridor_m,
        speed_limit_kmh=limit_kmh,
    )


def permit(permit_id: str, **fields: Any) -> Permit:
    return Permit(**{
        "permit_id": permit_id, "company_id": "C1", "source_site_id": "PIT", "disposal_site_id": "TIP", "route_id": "ROAD",
        **fields,
    })  # fmt: skip


_COMPILED: dict[int, Any] = {}


def compiled(registry: Registry) -> Any:
    if id(registry) not in _COMPILED:
        _COMPILED[id(registry)] = (registry, compile_district(registry))
    return _COMPILED[id(registry)][1]


USUAL = district()


def judge(
    fixes: Fixes | NDArray[np.void], registry: Registry = USUAL, *, states: Any = None, vehicles: Any = (0,),
    rules: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    return judge_vehicles(
        compiled(registry).district,
        rules or VehicleRules(),
        np.array(vehicles, np.int32),
        new_vehicle_states(len(vehicles)) if states is None else states,
        np.array(fixes, FIX),
    )


def silence(fixes: Fixes, at: str, registry: Registry = USUAL, *, vehicles: Any = (0,)) -> list["Told"]:
    """What the stream clock makes of it at `at` that nothing has come since the last fix."""
    after, _, _ = judge(fixes, registry, vehicles=vehicles)
    return named(silent(after, clock(at), registry, vehicles=vehicles)[1], registry)


def silent(states: Any, us: int, registry: Registry = USUAL, *, vehicles: Any = (0,)) -> tuple[Any, Any]:
    district = compiled(registry).district
    return silent_vehicles(district, VehicleRules(), np.array(vehicles, np.int32), states, us)


def qualities(*fixes: tuple[Any, ...]) -> list[str]:
    return [QUALITIES[q] for q in judge(list(fixes))[1]]


def told(fixes: Fixes, registry: Registry = USUAL, **more: Any) -> list[Told]:
    return named(judge(fixes, registry, **more)[2], registry)


def named(events: Any, registry: Registry) -> list[Told]:
    names = compiled(registry)
    return [
        Told(
            action=ACTIONS[e["action"]],
            kind=KINDS[e["kind"]],
            severity=SEVERITIES[e["severity"]],
            at=reads(int(e["ts"])),
            started=reads(int(e["started"])),
            score=round(float(e["score"]), 6),
            reason=REASONS[e["reason"]],
            place=names.site_ids[e["place"]] if e["place"] >= 0 else None,
            site=names.site_ids[e["site"]] if e["site"] >= 0 else None,
            permit=names.permit_ids[e["permit"]] if e["permit"] >= 0 else None,
            lat=float(e["lat"]),
            lon=float(e["lon"]),
            values={
                name: round(float(value), 6)
                for name, value in zip(VALUE_NAMES[int(e["kind"])], e["values"], strict=False)
                if not math.isnan(value)
            },
            road=names.road_ids[e["road"]] if e["road"] >= 0 else None,
        )
        for e in events
    ]


def story(fixes: Fixes, registry: Registry = USUAL, **more: Any) -> list[tuple[str, str, str]]:
    """What was said, shortly: when, what, of which episode (kind and when it began)."""
    return [
        (e.at, e.action, f"{e.kind} {e.started}")
        for e in told(fixes, registry, **more)
        if e.action != "updated"
    ]
