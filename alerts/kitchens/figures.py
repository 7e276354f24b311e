"""Figures of kitchens, kept by ten minutes and by local day, corrected by whatever comes late.

`touch`    marks the ten minutes that readings lie in, in the transaction that writes them.
`count`    counts marked ten minutes, and their days, from the readings; any process, any number at a time. A mark is
           locked by its writer until the writer's commit, so that no reading is counted before it is there, and
           none is forgotten.
Hours are sums of ten minutes, months of days. A reading stands for the monitor's interval; "cooking" are believed
readings with a fume and the fan not off; a window is valid from `valid_share` of the expected readings on. A switch that
was not sent is read from the current, where the register knows from which one on the unit works.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from threading import Lock
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection

from alerts.catalogue import Catalogue
from analytics.district import compile_district
from analytics.localtime import local_times
from analytics.records import DAY, MINUTE
from devices.hours import is_within, parse_hours
from devices.kitchens import Unit, load_kitchens
from devices.meals import Meals, load_meals
from devices.repository import current_version, load_registry
from devices.types import Device, Registry
from runtime.instants import instant, microseconds

TEN_MINUTES_US = 10 * MINUTE
AT_ONCE = 2000
EPOCH = date(1970, 1, 1)
DEFAULT_INTERVAL_S = 60.0

MARK: LiteralString = """
    INSERT INTO fume_due (device_id, begins_at)
    SELECT * FROM unnest(%s::text[], %s::timestamptz[]) AS touched (device_id, begins_at)
     ORDER BY device_id, begins_at
        ON CONFLICT (device_id, begins_at) DO UPDATE SET marked_at = now()
"""
TAKE: LiteralString = """
    DELETE FROM fume_due
     WHERE (device_id, begins_at) IN (
               SELECT device_id, begins_at FROM fume_due
                WHERE %(device_ids)s::text[] IS NULL OR device_id = ANY(%(device_ids)s)
                ORDER BY device_id, begins_at LIMIT %(at_once)s FOR UPDATE SKIP LOCKED)
    RETURNING device_id, begins_at
"""
COUNT: LiteralString = """
    INSERT INTO fume_10min (device_id, begins_at, open, meal, limit_mg_m3, expected, readings, valid, cooking, fume_sum,
                            fume_max, over, fan_on, both_on, fan_only, dithering)
    SELECT due.device_id, due.begins_at, due.open, due.meal, due.limit_mg_m3, due.expected, counted.*
      FROM unnest(%(device_id)s::text[], %(begins_at)s::timestamptz[], %(open)s::boolean[], %(meal)s::boolean[],
                  %(limit)s::float8[], %(expected)s::real[], %(fan_min_a)s::float8[], %(purifier_min_a)s::float8[])
           AS due (device_id, begins_at, open, meal, limit_mg_m3, expected, fan_min_a, purifier_min_a)
     CROSS JOIN LATERAL (
           SELECT count(*) AS readings,
                  count(*) FILTER (WHERE ok) AS valid,
                  count(*) FILTER (WHERE cooks) AS cooking,
                  coalesce(sum(fume_mg_m3) FILTER (WHERE cooks), 0) AS fume_sum,
                  max(fume_mg_m3) FILTER (WHERE cooks) AS fume_max,
                  count(*) FILTER (WHERE cooks AND fume_mg_m3 > due.limit_mg_m3) AS over,
                  count(*) FILTER (WHERE ok AND fan_on) AS fan_on,
                  count(*) FILTER (WHERE ok AND fan_on AND purifier_on) AS both_on,
                  count(*) FILTER (WHERE ok AND fan_on AND NOT purifier_on) AS fan_only,
                  count(*) FILTER (WHERE ok AND fan_on AND before IS DISTINCT FROM purifier_on AND before IS NOT NULL
                                     AND purifier_on IS NOT NULL) AS dithering
             FROM (SELECT fume_mg_m3, fan_on, purifier_on, ok,
                          ok AND fan_on IS NOT FALSE AND fume_mg_m3 IS NOT NULL AS cooks,
                          lag(purifier_on) OVER (ORDER BY ts) AS before
                     FROM (SELECT ts, fume_mg_m3, quality = 'ok' AS ok,
                                  coalesce(fan_on, fan_a >= due.fan_min_a) AS fan_on,
                                  coalesce(purifier_on, purifier_a >= due.purifier_min_a) AS purifier_on
                             FROM fume_reading
                            WHERE device_id = due.device_id AND ts >= due.begins_at
                              AND ts < due.begins_at + INTERVAL '10 minutes') AS sent) AS reading
           ) AS counted
        ON CONFLICT (device_id, begins_at) DO UPDATE
       SET open = EXCLUDED.open, meal = EXCLUDED.meal, limit_mg_m3 = EXCLUDED.limit_mg_m3, expected = EXCLUDED.expected,
           readings = EXCLUDED.readings, valid = EXCLUDED.valid, cooking = EXCLUDED.cooking,
           fume_sum = EXCLUDED.fume_sum, fume_max = EXCLUDED.fume_max, over = EXCLUDED.over,
           fan_on = EXCLUDED.fan_on, both_on = EXCLUDED.both_on, fan_only = EXCLUDED.fan_only,
           dithering = EXCLUDED.dithering
"""
PROTECTED: LiteralString = "(both_on > 0 AND fan_only > 2 * both_on AND dithering > 1)"
"""Ten minutes of `fume_10min` in power protection: the purifier works now and then, less than a third of the time, and
went on or off more than once (so that a late start is none). The thirds are a published patent's (unverified).
"""
SUM_DAYS: LiteralString = """
    INSERT INTO fume_day (device_id, day, expected, readings, valid, open_heard, meal_heard, cooking, fume_sum, fume_max,
                          over, fan_on, both_on, dithering, protected, windows, windows_over, interval_s)
    SELECT touched.device_id, touched.day,
           coalesce(sum(expected) FILTER (WHERE open AND readings > 0), 0),
           coalesce(sum(readings) FILTER (WHERE open), 0), coalesce(sum(valid) FILTER (WHERE open), 0),
           count(*) FILTER (WHERE open AND readings > 0), count(*) FILTER (WHERE open AND meal AND readings > 0),
           sum(cooking), sum(fume_sum), max(fume_max), sum(over), sum(fan_on), sum(both_on), sum(dithering),
           count(*) FILTER (WHERE {protected}),
           count(*) FILTER (WHERE cooking > 0 AND cooking >= %(valid_share)s * expected),
           count(*) FILTER (WHERE cooking > 0 AND cooking >= %(valid_share)s * expected
                              AND fume_sum > limit_mg_m3 * cooking),
           max(600 / expected)
      FROM (SELECT DISTINCT device_id, (begins_at AT TIME ZONE %(zone)s)::date AS day
              FROM unnest(%(device_id)s::text[], %(begins_at)s::timestamptz[]) AS due (device_id, begins_at)) AS touched
      JOIN fume_10min AS piece
        ON piece.device_id = touched.device_id
           AND piece.begins_at >= touched.day::timestamp AT TIME ZONE %(zone)s
           AND piece.begins_at < (touched.day + 1)::timestamp AT TIME ZONE %(zone)s
     GROUP BY touched.device_id, touched.day
        ON CONFLICT (device_id, day) DO UPDATE
       SET expected = EXCLUDED.expected, readings = EXCLUDED.readings, valid = EXCLUDED.valid,
           open_heard = EXCLUDED.open_heard, meal_heard = EXCLUDED.meal_heard, cooking = EXCLUDED.cooking,
           fume_sum = EXCLUDED.fume_sum, fume_max = EXCLUDED.fume_max, over = EXCLUDED.over, fan_on = EXCLUDED.fan_on,
           both_on = EXCLUDED.both_on, dithering = EXCLUDED.dithering, protected = EXCLUDED.protected,
           windows = EXCLUDED.windows, windows_over = EXCLUDED.windows_over, interval_s = EXCLUDED.interval_s
""".replace("{protected}", PROTECTED)
STREETS: LiteralString = """
    INSERT INTO outlet_street (outlet_id, jurisdiction) SELECT * FROM unnest(%s::text[], %s::text[])
        ON CONFLICT (outlet_id) DO UPDATE SET jurisdiction = EXCLUDED.jurisdiction
     WHERE outlet_street.jurisdiction IS DISTINCT FROM EXCLUDED.jurisdiction
"""
WITHOUT_STREET: LiteralString = """
    SELECT 1 FROM outlet
     WHERE NOT EXISTS (SELECT FROM outlet_street WHERE outlet_street.outlet_id = outlet.outlet_id) LIMIT 1
"""
MARK_ALL: LiteralString = """
    INSERT INTO fume_due (device_id, begins_at)
    SELECT DISTINCT device_id, date_bin('10 minutes', ts AT TIME ZONE %(zone)s, timestamp '2000-01-01') AT TIME ZONE %(zone)s
      FROM fume_reading
     WHERE ts >= %(begin)s AND ts < %(end)s
        ON CONFLICT (device_id, begins_at) DO UPDATE SET marked_at = now()
"""


def touch(connection: Connection[Any], readings: Iterable[tuple[str, int]], zone: ZoneInfo) -> None:
    """Mark the ten minutes of `readings` (device, µs), written in this transaction."""
    known = list(readings)
    if not known:
        return
    times = np.array([ts_us for _, ts_us in known], np.int64)
    begins = (times - local_times(times, zone) % TEN_MINUTES_US).tolist()
    marks = sorted({(device_id, begin) for (device_id, _), begin in zip(known, begins, strict=True)})
    connection.execute(MARK, ([device_id for device_id, _ in marks], [instant(begin) for _, begin in marks]))


def mark_all(connection: Connection[Any], begin: datetime, end: datetime, zone: ZoneInfo) -> None:
    """Have everything between two instants counted again."""
    connection.execute(MARK_ALL, {"begin": begin, "end": end, "zone": zone.key})


@dataclass(slots=True)
class Counter:
    """Counts by the register; keeps the one it has while it is the newest."""

    catalogue: Catalogue
    zone: ZoneInfo
    _registry: Registry | None = None
    _units: Mapping[str, Unit] = field(default_factory=dict)
    meals: Meals = field(default_factory=lambda: Meals({}))
    _lock: Lock = field(default_factory=Lock)

    def count(self, connection: Connection[Any], device_ids: Sequence[str] | None = None) -> int:
        """Count what is marked (of `device_ids`, or all), so many in a transaction; how many ten minutes it was."""
        total = 0
        with connection.transaction():
            self._register(connection)  # also where nothing is marked: the streets are the register's
        while True:
            with connection.transaction():
                taken = connection.execute(
                    TAKE,
                    {"at_once": AT_ONCE, "device_ids": list(device_ids) if device_ids is not None else None},
                ).fetchall()
                if not taken:
                    return total
                self._count(connection, taken)
            total += len(taken)

    def _count(self, connection: Connection[Any], taken: list[tuple[str, Any]]) -> None:
        registry = self._register(connection)
        local = local_times(np.array([microseconds(at) for _, at in taken], np.int64), self.zone)
        minutes, days = (local // MINUTE % (24 * 60)).tolist(), (local // DAY).tolist()
        opened, at_meals, limits, expected, units = [], [], [], [], []
        for (device_id, _), minute, day in zip(taken, minutes, days, strict=True):
            device = registry.devices.get(device_id)
            outlet = registry.outlets.get((device and device.bound_to) or "")
            meals = self.meals.on(outlet.outlet_id, EPOCH + timedelta(day)) if outlet else None
            opened.append(is_within(parse_hours(outlet.hours if outlet else None), minute))
            at_meals.append(meals is not None and is_within(parse_hours(meals.hours), minute))
            limits.append(self.catalogue.limit_of(outlet))
            expected.append(600 / _interval_s(device))
            units.append(self._units.get(device_id, Unit()))
        parameters = {
            "device_id": [device_id for device_id, _ in taken],
            "begins_at": [at for _, at in taken],
            "open": opened,
            "meal": at_meals,
            "limit": limits,
            "expected": expected,
            "fan_min_a": [unit.fan_min_a for unit in units],
            "purifier_min_a": [unit.purifier_min_a for unit in units],
            "zone": self.zone.key,
            "valid_share": self.catalogue.fume_rules().valid_share,
        }
        connection.execute(COUNT, parameters)
        connection.execute(SUM_DAYS, parameters)

    def _register(self, connection: Connection[Any]) -> Registry:
        """The newest register, for all threads that count. Who finds an outlet without its street writes it: another's
        transaction may not be over.
        """
        with self._lock:
            stale = self._registry is None or current_version(connection) != self._registry.version
            if stale:
                registry = load_registry(connection)
                self._units = load_kitchens(connection).units
                self.meals = load_meals(connection, registry.outlets.values())
                self._registry = registry
            known: Registry = self._registry  # type: ignore[assignment]  # it is there by now
        if stale or connection.execute(WITHOUT_STREET).fetchone():
            store_streets(connection, known)
        return known


def store_streets(connection: Connection[Any], registry: Registry) -> None:
    """Write down which street or town each outlet lies in."""
    street_of = compile_district(registry).jurisdiction_of
    streets = {
        outlet.outlet_id: street_of(outlet.lat, outlet.lon)
        if outlet.lat is not None and outlet.lon is not None
        else None
        for outlet in registry.outlets.values()
    }
    connection.execute(STREETS, (list(streets), list(streets.values())))
    connection.execute("DELETE FROM outlet_street WHERE NOT outlet_id = ANY(%s)", (list(streets),))


def open_ten_minutes(hours: str | None, begin: datetime, end: datetime, *, meals: str | None = None) -> int:
    """How many ten minutes of the opening hours (and of `meals`) lie in [begin, end), both of the local wall clock."""
    a_day = _open_day(hours, meals)
    first, last = _ten_minutes(begin), _ten_minutes(end)
    days, into = divmod(last, len(a_day))
    before, begun = divmod(first, len(a_day))
    return max(0, (days - before) * sum(a_day) + sum(a_day[:into]) - sum(a_day[:begun]))


@lru_cache(maxsize=1000)
def _open_day(hours: str | None, meals: str | None) -> tuple[bool, ...]:
    """A street has few different hours, and a page of figures 659 outlets."""
    ranges, cooking = parse_hours(hours), parse_hours(meals)
    return tuple(is_within(ranges, minute) and is_within(cooking, minute) for minute in range(0, 24 * 60, 10))


def _ten_minutes(at: datetime) -> int:
    return at.toordinal() * 144 + (at.hour * 60 + at.minute) // 10


def _interval_s(device: Device | None) -> float:
    return (device and device.interval_s) or DEFAULT_INTERVAL_S
