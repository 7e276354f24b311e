"""The nightly examination of monitors: yesterday's readings into profiles, profiles against the days before, findings kept.

One at a time, whoever does it (an advisory lock of the transaction). A day can be examined again: its findings are
then those of the last time.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import structlog
from psycopg import Connection
from psycopg.types.json import Jsonb

from alerts.catalogue import Catalogue
from alerts.kitchens.figures import PROTECTED
from analytics.examination.detectors import HISTORY, Finding, Known, examine
from analytics.examination.profiles import READINGS, SLOTS, profiles_of
from analytics.localtime import local_times
from analytics.records import DAY, MINUTE
from devices.hours import is_within, parse_hours
from devices.kitchens import load_kitchens
from devices.meals import Meals, load_meals
from devices.repository import load_registry
from devices.types import Outlet, Registry

log = structlog.get_logger(__name__)

NOT_BEFORE = time(3, 30)
"""Local; by then most of what came late has come."""
AT_ONCE = 200
"""Monitors whose day is in memory at a time: 300,000 readings."""
PROTECTED_TIMES = 3
"""A day: from then on the purifier wants a look (ours)."""
VISITS_BACK = timedelta(days=HISTORY)
KEPT = timedelta(days=62)

LOCK: LiteralString = "SELECT pg_try_advisory_xact_lock(4715)"
EXAMINED: LiteralString = "SELECT count(*) FROM kitchen_examination WHERE day = %s"
READ: LiteralString = """
    SELECT device_id, (extract(epoch FROM ts) * 1000000)::bigint, quality = 'ok', fume_mg_m3, temp_c, rh_pct, fan_on,
           purifier_on
      FROM fume_reading
     WHERE device_id = ANY(%s) AND ts >= %s AND ts < %s
"""
KEEP: LiteralString = """
    INSERT INTO kitchen_profile (device_id, day, profile) SELECT *
      FROM unnest(%s::text[], %s::date[], %s::jsonb[])
        ON CONFLICT (device_id, day) DO UPDATE SET profile = EXCLUDED.profile
"""
DAYS: LiteralString = """
    SELECT device_id, day, profile
      FROM kitchen_profile
     WHERE device_id = ANY(%s) AND day > %s AND day <= %s
     ORDER BY device_id, day
"""
VISITS: LiteralString = """
    SELECT outlet_id, visited_at FROM inspection_result WHERE visited_at >= %s AND visited_at < %s
"""
# Two names, one source: the same pieces at the same instants.
CLONED: LiteralString = """
    SELECT one.device_id, min(other.device_id), count(*)
      FROM fume_piece AS one
      JOIN fume_piece AS other ON other.hash = one.hash AND other.ts = one.ts AND other.device_id <> one.device_id
     WHERE one.ts >= %s AND one.ts < %s
     GROUP BY one.device_id
"""
# Ten minutes in a row are one episode.
PROTECTIONS: LiteralString = """
    SELECT device_id, count(*) FILTER (WHERE protected AND before IS NOT TRUE), 10 * count(*) FILTER (WHERE protected)
      FROM (SELECT device_id, protected, lag(protected) OVER (PARTITION BY device_id ORDER BY begins_at) AS before
              FROM (SELECT device_id, begins_at, {protected} AS protected
                      FROM fume_10min WHERE begins_at >= %s AND begins_at < %s) AS piece) AS told
     GROUP BY device_id
    HAVING count(*) FILTER (WHERE protected AND before IS NOT TRUE) >= %s
     ORDER BY device_id
""".replace("{protected}", PROTECTED)
FORGET: LiteralString = "DELETE FROM kitchen_finding WHERE day = %s"
STORE: LiteralString = """
    INSERT INTO kitchen_finding (day, device_id, outlet_id, kind, score, explained)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
DONE: LiteralString = """
    INSERT INTO kitchen_examination (day, devices, findings) VALUES (%s, %s, %s)
        ON CONFLICT (day) DO UPDATE
       SET devices = EXCLUDED.devices, findings = EXCLUDED.findings, examined_at = now()
"""


def examine_if_due(connection: Connection[Any], catalogue: Catalogue, zone: ZoneInfo, now: datetime) -> None:
    """Examine yesterday, once it is late enough in the night and nobody has."""
    local = now.astimezone(zone)
    yesterday = local.date() - timedelta(days=1)
    if local.time() < NOT_BEFORE or (connection.execute(EXAMINED, (yesterday,)).fetchone() or (1,))[0]:
        return
    examine_day(connection, catalogue, zone, yesterday)


def examine_day(
    connection: Connection[Any], catalogue: Catalogue, zone: ZoneInfo, day: date
) -> list[tuple[str, Finding]] | None:
    """Examine the monitors' local `day`, in one transaction; what was found, by device. None: somebody else is at it."""
    with connection.transaction():
        if not (connection.execute(LOCK).fetchone() or (False,))[0]:
            return None
        registry = load_registry(connection)
        device_ids = sorted(d.device_id for d in registry.devices.values() if d.kind == "fume")
        known = _known(connection, registry, zone, day)
        found: list[tuple[str, Finding]] = []
        for begin in range(0, len(device_ids), AT_ONCE):
            some = device_ids[begin : begin + AT_ONCE]
            _profile(connection, catalogue, registry, zone, day, some)
            found += _examine(connection, day, some, known)
        found += _clones(connection, zone, day)
        found += _protections(connection, zone, day)
        connection.execute(FORGET, (day,))
        for device_id, finding in found:
            outlet_id = registry.devices[device_id].bound_to if device_id in registry.devices else None
            connection.execute(
                STORE, (day, device_id, outlet_id, finding.kind, finding.score, Jsonb(finding.explained))
            )
        connection.execute(DONE, (day, len(device_ids), len(found)))
        connection.execute("DELETE FROM kitchen_profile WHERE day < %s", (day - KEPT,))
        within = timedelta(seconds=2 * catalogue.fume_rules().copied_within_s)
        connection.execute("DELETE FROM fume_piece WHERE ts < %s", (_midnight(day, zone) - within,))
    log.info("monitors examined", day=day.isoformat(), monitors=len(device_ids), findings=len(found))
    return found


def _profile(
    connection: Connection[Any],
    catalogue: Catalogue,
    registry: Registry,
    zone: ZoneInfo,
    day: date,
    device_ids: Sequence[str],
) -> None:
    begin, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(READ, (list(device_ids), begin, end)).fetchall()
    if not rows:
        return
    device, ts, ok, fume, temp, rh, fan, purifier = map(list, zip(*rows, strict=True))
    local = local_times(np.array(ts, np.int64), zone)
    outlets = {d: registry.outlets.get(registry.devices[d].bound_to or "") for d in device_ids}
    limits = {device_id: catalogue.limit_of(outlet) for device_id, outlet in outlets.items()}
    readings = pl.DataFrame(
        {
            "device_id": device,
            "minute": (local % DAY // MINUTE).astype(np.int32),
            "ok": ok,
            "fume_mg_m3": fume,
            "temp_c": temp,
            "rh_pct": rh,
            "fan_on": fan,
            "purifier_on": purifier,
            "limit_mg_m3": [limits[one] for one in device],
        },
        schema=READINGS,
    )
    profiles = profiles_of(readings).to_dicts()
    connection.execute(
        KEEP,
        (
            [profile.pop("device_id") for profile in profiles],
            [day] * len(profiles),
            [Jsonb(profile) for profile in profiles],
        ),
    )


def _examine(
    connection: Connection[Any], day: date, device_ids: Sequence[str], known: dict[str, Known]
) -> Iterator[tuple[str, Finding]]:
    histories: dict[str, list[dict[str, Any]]] = {}
    since = day - timedelta(days=HISTORY + 1)
    for device_id, on, profile in connection.execute(DAYS, (list(device_ids), since, day)):
        histories.setdefault(device_id, []).append({**profile, "day": on.toordinal()})
    for device_id, days in histories.items():
        if days[-1]["day"] == day.toordinal():
            for finding in examine(days, known.get(device_id, Known())):
                yield device_id, finding


def _known(connection: Connection[Any], registry: Registry, zone: ZoneInfo, day: date) -> dict[str, Known]:
    """By device."""
    end = _midnight(day + timedelta(days=1), zone)
    visits: dict[str, list[tuple[int, int]]] = {}
    for outlet_id, at in connection.execute(VISITS, (end - VISITS_BACK, end)):
        local = at.astimezone(zone)
        visits.setdefault(outlet_id, []).append(
            (local.date().toordinal(), local.hour * 2 + local.minute // 30)
        )
    cleanings = load_kitchens(connection).cleanings
    meals = load_meals(connection, registry.outlets.values())
    return {
        device.device_id: Known(
            frozenset(on.toordinal() for on in cleanings.get(device.bound_to or "", ())),
            tuple(visits.get(device.bound_to or "", ())),
            meal_slots(registry.outlets.get(device.bound_to or ""), meals, day),
        )
        for device in registry.devices.values()
        if device.kind == "fume"
    }


def _clones(connection: Connection[Any], zone: ZoneInfo, day: date) -> list[tuple[str, Finding]]:
    end = _midnight(day + timedelta(days=1), zone)
    return [
        (device_id, Finding("cloned", 0.9, {"of": other, "pieces": pieces}))
        for device_id, other, pieces in connection.execute(CLONED, (_midnight(day, zone), end))
    ]


def _protections(connection: Connection[Any], zone: ZoneInfo, day: date) -> list[tuple[str, Finding]]:
    end = _midnight(day + timedelta(days=1), zone)
    return [
        (device_id, Finding("power_protection", 0.5, {"episodes": episodes, "minutes": minutes}))
        for device_id, episodes, minutes in connection.execute(
            PROTECTIONS, (_midnight(day, zone), end, PROTECTED_TIMES)
        )
    ]


def meal_slots(outlet: Outlet | None, meals: Meals, day: date) -> frozenset[int]:
    """Half hours that lie in the meal hours while it is open."""
    found = meals.on(outlet.outlet_id, day) if outlet else None
    if outlet is None or found is None:
        return frozenset()
    opened, cooking = parse_hours(outlet.hours), parse_hours(found.hours)
    return frozenset(n for n in range(SLOTS) if is_within(opened, 30 * n) and is_within(cooking, 30 * n))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
