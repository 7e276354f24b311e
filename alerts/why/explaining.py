"""Why an alert was opened: its stretch judged once more, fix by fix, by the engine's own functions.

The alert keeps what was measured and by which versions; the fixes are in the database. So the rest is not stored but
made when somebody asks: distance to the permitted routes at each fix, the sites around it, which filter took it out.
What comes out otherwise than the alert says is named, with the reasons it may have.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import dict_row

from alerts.catalogue import Catalogue
from alerts.episodes import Episode, fold, named_events
from alerts.presentation import alert_json, load_alert, plain
from alerts.why.stored_track import load_track
from alerts.writing import OF_KITCHENS, SAMPLES, episode_of
from analytics.district import Compiled, compile_district
from analytics.kernels.corridor import distance_to_route
from analytics.kernels.projection import to_plane
from analytics.kernels.zones import containing
from analytics.localtime import local_times
from analytics.records import DAY, KINDS, NO, OK, QUALITIES, UNKNOWN
from analytics.vehicles import judge_vehicles, new_vehicle_states, silent_vehicles
from devices.repository import load_registry, load_registry_at
from devices.types import Registry
from runtime.instants import instant

WARM_UP = timedelta(days=1)
"""Judged before the stretch, so that the engine knows sensors, stop and load when it begins."""
AROUND = timedelta(minutes=5)
"""Shown before and after."""
MOST_JUDGED = 200_000
MOST_SHOWN = 500

RULES_CHANGED = "other_rules"
REGISTER_CHANGED = "other_register"
READINGS_GONE = "readings_gone"
OTHERWISE = "came_out_otherwise"
OF_A_KITCHEN = "kitchen_not_judged_again"
OF_OTHERS = "told_by_another_system"
CAVEATS = (RULES_CHANGED, REGISTER_CHANGED, READINGS_GONE, OTHERWISE, OF_A_KITCHEN, OF_OTHERS)
"""What may keep an explanation from being the alert's own; codes with labels."""

CHANGES: LiteralString = "SELECT count(*) FROM registry_version WHERE version > %s AND at <= %s"


def explain(
    connection: Connection[Any], alert_id: int, catalogue: Catalogue, zone: ZoneInfo
) -> dict[str, Any] | None:
    """Everything there is to say of an alert; None: there is no such alert. JSON, instants as text."""
    alert = load_alert(connection, alert_id)
    if alert is None:
        return None
    evidence = alert["evidence"]
    last = max(moment for moment in (alert["updated_at"], alert["cleared_at"]) if moment is not None)
    begin, end = alert["started_at"] - AROUND, last + AROUND
    now = load_registry(connection)
    registry = load_registry_at(connection, now, alert["registry_version"])
    changed = connection.execute(CHANGES, (alert["registry_version"], last)).fetchone()
    caveats: list[str] = []
    if alert["kind"] not in KINDS:
        judged: dict[str, Any] = {"count": 0, "caveats": [OF_OTHERS], "left_out": {}}
    else:
        if alert["rule_version"] != catalogue.version:
            caveats.append(RULES_CHANGED)
        if changed and changed[0]:
            caveats.append(REGISTER_CHANGED)
        judged = (
            _readings_of_kitchen(connection, alert, begin, end)
            if alert["kind"] in OF_KITCHENS
            else _judged_again(connection, alert, registry, catalogue, zone, begin, end)
        )
    return {
        "alert": alert_json({**alert, "evidence": {}}),
        "rule": {
            "version": alert["rule_version"],
            "version_now": catalogue.version,
            "thresholds": _thresholds(evidence, alert["kind"], catalogue),
        },
        "register": _register(registry, evidence, alert),
        "values": evidence.get("values", {}),
        "copied_from": evidence.get("copied_from"),
        "score": {"value": alert["score"], "terms": evidence.get("score_terms", [])},
        "stretch": {"from": plain(begin), "to": plain(end), "readings": judged.pop("count")},
        "caveats": caveats + judged.pop("caveats"),
        **judged,
    }


def _thresholds(evidence: dict[str, Any], kind: str, catalogue: Catalogue) -> list[dict[str, Any]]:
    """Those the alert was judged by, with the unit and source that today's catalogue gives them."""
    known = catalogue.sections.get(kind, {})
    return [
        {
            "name": name,
            "value": value,
            "unit": known[name].unit if name in known else None,
            "source": known[name].source if name in known else None,
        }
        for name, value in evidence.get("rule", {}).get("thresholds", {}).items()
    ]


def _register(registry: Registry, evidence: dict[str, Any], alert: dict[str, Any]) -> dict[str, Any]:
    """What the alert was held against, as it was then."""
    permit = registry.permits.get(evidence.get("permit_id") or "")
    route = registry.routes.get((permit and permit.route_id) or "")
    site = registry.sites.get(evidence.get("site_id") or "")
    return {
        "version": alert["registry_version"],
        "permit": permit and {name: getattr(permit, name) for name in permit.__dataclass_fields__},
        "route": route and {"route_id": route.route_id, "name": route.name, "corridor_m": route.corridor_m},
        "site": site and {"site_id": site.site_id, "name": site.name, "kind": site.kind},
    }


def _judged_again(
    connection: Connection[Any], alert: dict[str, Any], registry: Registry, catalogue: Catalogue, zone: ZoneInfo,
    begin: datetime, end: datetime,
) -> dict[str, Any]:  # fmt: skip
    fixes = load_track(connection, alert["device_id"], begin - WARM_UP, end, zone, most=MOST_JUDGED)
    compiled = compile_district(registry)
    device = registry.devices.get(alert["device_id"])
    vehicle = compiled.vehicle_rows.get((device and device.bound_to) or "", -1)
    said = episode_of(alert)
    rules, vehicles = catalogue.vehicle_rules(), np.array([vehicle], np.int32)
    after, quality, events = judge_vehicles(compiled.district, rules, vehicles, new_vehicle_states(1), fixes)
    # A silence that nothing has ended yet.
    _, silences = silent_vehicles(compiled.district, rules, vehicles, after, said.opened)
    events = np.concatenate([events, silences])
    names = {"site_ids": compiled.site_ids, "permit_ids": compiled.permit_ids, "road_ids": compiled.road_ids}
    told = fold([], named_events(events, **names))
    around = np.flatnonzero(fixes["ts"] >= round(begin.timestamp() * 1e6))
    causes = {int(event["index"]) for event in events if int(event["started"]) == said.started}
    shown = _bounded(around, causes)
    removed = Counter(QUALITIES[code] for code in quality[around].tolist() if code != OK)
    permits = _permits_in_force(compiled, vehicle, said, zone)
    readings_there = bool(len(around)) and int(fixes["ts"][around[-1]]) >= said.opened
    caveats = [] if _same(told.get(said.key), said) else [OTHERWISE if readings_there else READINGS_GONE]
    return {
        "count": len(around),
        "caveats": caveats,
        "left_out": dict(removed),
        "fixes": [
            _fix(compiled, permits, fixes[i], QUALITIES[quality[i]], said, told=int(i) in causes)
            for i in shown.tolist()
        ],
    }


def _same(told: Episode | None, said: Episode) -> bool:
    """Whether the same was found: when, how grave, with which values, to the rounding of JSON."""
    return (
        told is not None
        and (told.opened, told.severity, told.permit_id) == (said.opened, said.severity, said.permit_id)
        and abs(told.score - said.score) < 1e-6
    )


def _bounded(around: NDArray[np.int64], causes: set[int]) -> NDArray[np.int64]:
    """At most MOST_SHOWN rows, evenly, with those that made the alert."""
    if len(around) <= MOST_SHOWN:
        return around
    evenly = np.linspace(0, len(around) - 1, MOST_SHOWN // 2).astype(int)
    kept = [row for row in sorted(causes) if row >= around[0]][: MOST_SHOWN // 2]
    return np.union1d(around[evenly], np.array(kept, np.int64))


def _permits_in_force(compiled: Compiled, vehicle: int, said: Episode, zone: ZoneInfo) -> list[int]:
    """Rows of the vehicle's permits for the load's source on the day the episode began."""
    district = compiled.district
    if vehicle < 0 or said.site_id not in compiled.site_ids:
        return []
    source = compiled.site_ids.index(said.site_id)
    day = int(local_times(np.array([said.started]), zone)[0]) // DAY
    own = district.vehicle_permits[
        district.vehicle_permits_start[vehicle] : district.vehicle_permits_start[vehicle + 1]
    ]
    return [
        int(permit)
        for permit in own
        if district.permit_source[permit] == source
        and district.permit_from_day[permit] <= day <= district.permit_to_day[permit]
        and district.permit_active[permit]
    ]


def _fix(
    compiled: Compiled, permits: list[int], fix: np.void, quality: str, said: Episode, *, told: bool
) -> dict[str, Any]:
    district = compiled.district
    x, y = to_plane(district.plane, fix["lat"], fix["lon"])
    found = np.empty(district.zones.most, np.int32)
    sites = [compiled.site_ids[found[i]] for i in range(containing(district.zones, x, y, found))]
    distances = [
        (distance_to_route(district.routes, route, x, y, -1)[0], route)
        for route in (int(district.permit_route[permit]) for permit in permits)
        if route >= 0
    ]
    metres, route = min(distances, default=(None, -1))
    good = quality == QUALITIES[OK]
    return {
        "ts": plain(instant(int(fix["ts"]))),
        "lat": float(fix["lat"]),
        "lon": float(fix["lon"]),
        "speed_kmh": _number(fix["speed_kmh"]),
        "load": _number(fix["load"]),
        "lift": None if fix["lift"] == UNKNOWN else bool(fix["lift"] != NO),
        "quality": quality,
        "used": good and said.started <= int(fix["ts"]) <= said.last,
        "told": told,
        "sites": sites,
        "distance_m": round(metres, 1) if good and metres is not None else None,
        "corridor_m": float(district.route_corridor_m[route]) if route >= 0 else None,
    }


def _number(value: float) -> float | None:
    return float(value) if value == value else None  # noqa: PLR0124 - NaN


def _readings_of_kitchen(
    connection: Connection[Any], alert: dict[str, Any], begin: datetime, end: datetime
) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        parameters = {
            "device_id": alert["device_id"],
            "begin": begin,
            "end": end.astimezone(UTC),
            "limit": MOST_SHOWN,
        }
        samples = cursor.execute(SAMPLES, parameters).fetchall()
    removed = Counter(sample["quality"] for sample in samples if sample["quality"] != QUALITIES[OK])
    return {
        "count": len(samples),
        "caveats": [OF_A_KITCHEN],
        "left_out": dict(removed),
        "samples": [{name: plain(value) for name, value in sample.items()} for sample in samples],
    }
