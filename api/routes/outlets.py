"""Outlets: the register with what was last measured, and their readings, raw or averaged."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, LiteralString

from fastapi import APIRouter, Query

from api.auth import CurrentUser
from api.paging import Page
from api.positions import WORST_ALERT
from api.problems import Problem
from api.replies import Json
from api.state import Database, Parts, Row, select, select_one
from api.times import Instant

router = APIRouter(tags=["outlets"])

DEFAULT_RAW, DEFAULT_MEANS = timedelta(hours=24), timedelta(days=7)
EVERY = re.compile(r"([1-9][0-9]{0,3})([mhd])")
UNIT = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

LIST: LiteralString = """
    SELECT outlet.*, device.device_id, latest.ts, latest.fume_mg_m3, latest.fan_on, latest.purifier_on,
           latest.quality, {alert} AS alert
      FROM outlet
      LEFT JOIN LATERAL (
          SELECT device_id FROM device
           WHERE device.bound_to = outlet.outlet_id AND device.kind = 'fume'
           ORDER BY status, device_id LIMIT 1) AS device ON true
      LEFT JOIN fume_latest AS latest ON latest.device_id = device.device_id
     WHERE %(after)s::text IS NULL OR outlet.outlet_id > %(after)s
     ORDER BY outlet.outlet_id
     LIMIT %(fetch)s
""".replace("{alert}", WORST_ALERT)
LATEST = ("ts", "fume_mg_m3", "fan_on", "purifier_on", "quality")

DEVICES: LiteralString = """
    SELECT ARRAY(SELECT device_id FROM device WHERE bound_to = outlet_id AND kind = 'fume') AS device_ids
      FROM outlet WHERE outlet_id = %(outlet_id)s
"""
LAST: LiteralString = "SELECT max(ts) AS ts FROM fume_reading WHERE device_id = ANY(%(device_ids)s)"
RAW: LiteralString = """
    SELECT ts, fume_mg_m3, pm_mg_m3, nmhc_mg_m3, temp_c, rh_pct, fan_on, purifier_on, fan_a, purifier_a, quality,
           device_id
      FROM fume_reading
     WHERE device_id = ANY(%(device_ids)s) AND ts BETWEEN %(begin)s AND %(end)s
       AND (%(after_ts)s::timestamptz IS NULL
            OR (ts, device_id) > (%(after_ts)s::timestamptz, %(after_device)s::text))
     ORDER BY ts, device_id
     LIMIT %(fetch)s
"""
# Buckets begin at local midnight and count on from there.
MEANS: LiteralString = """
    SELECT date_bin(%(every)s, ts AT TIME ZONE %(zone)s, timestamp '2000-01-01') AT TIME ZONE %(zone)s AS ts,
           avg(fume_mg_m3) FILTER (WHERE quality = 'ok') AS fume_mg_m3,
           avg(pm_mg_m3) FILTER (WHERE quality = 'ok') AS pm_mg_m3,
           avg(nmhc_mg_m3) FILTER (WHERE quality = 'ok') AS nmhc_mg_m3,
           avg(temp_c) FILTER (WHERE quality = 'ok') AS temp_c,
           avg(rh_pct) FILTER (WHERE quality = 'ok') AS rh_pct,
           avg(fan_a) FILTER (WHERE quality = 'ok') AS fan_a,
           avg(purifier_a) FILTER (WHERE quality = 'ok') AS purifier_a,
           count(*) AS count,
           count(*) FILTER (WHERE quality = 'ok') AS valid_count,
           avg(fan_on::int) FILTER (WHERE quality = 'ok')::float8 AS fan_on_share,
           avg(purifier_on::int) FILTER (WHERE quality = 'ok')::float8 AS purifier_on_share
      FROM fume_reading
     WHERE device_id = ANY(%(device_ids)s) AND fume_reading.ts BETWEEN %(begin)s AND %(end)s
       AND (%(after)s::timestamptz IS NULL OR fume_reading.ts >= %(after)s::timestamptz + %(every)s)
     GROUP BY 1
     ORDER BY 1
     LIMIT %(fetch)s
"""


@router.get("/outlets")
def outlets(_: CurrentUser, connection: Database, parts: Parts, page: Page) -> Json:
    """The register's outlets with their limit and their last reading, by outlet_id."""

    def shown(row: Row) -> dict[str, Any]:
        latest = {name: row.pop(name) for name in LATEST}
        own = row["limit_mg_m3"]
        limit = own if own is not None else parts.catalogue.fume_limit(row["scale"])
        return {**row, "effective_limit_mg_m3": limit, "latest": latest if latest["ts"] else None}

    rows = select(connection, LIST, {"after": page.after(str), "fetch": page.fetch})
    return page.page(rows, key=lambda row: row["outlet_id"], shown=shown)


@router.get("/outlets/{outlet_id}/readings")
def readings(
    _: CurrentUser,
    connection: Database,
    parts: Parts,
    page: Page,
    outlet_id: str,
    begin: Annotated[Instant | None, Query(alias="from")] = None,
    end: Annotated[Instant | None, Query(alias="to")] = None,
    every: Annotated[str | None, Query(description="10m, 1h, 1d …", pattern=f"^{EVERY.pattern}$")] = None,
) -> Json:
    """Readings from `from` to `to`, or means of the good ones over `every`, aligned to local time.

    Without a stretch: the last day of readings there are, or the last seven days of means.
    """
    known = select_one(connection, DEVICES, {"outlet_id": outlet_id})
    if known is None:
        raise Problem(404, f"the register has no outlet {outlet_id!r}")
    end = end or _last(connection, known)
    if end is None:
        return page.page([], key=lambda row: row)
    begin = begin or end - (DEFAULT_RAW if every is None else DEFAULT_MEANS)
    stretch = {**known, "begin": begin, "end": end, "fetch": page.fetch}
    if every is None:
        after_ts, after_device = page.after(tuple[datetime, str]) or (None, None)
        rows = select(connection, RAW, {**stretch, "after_ts": after_ts, "after_device": after_device})
        return page.page(rows, key=lambda row: (row["ts"], row["device_id"]))
    zone = parts.settings.timezone
    rows = select(
        connection, MEANS, {**stretch, "every": _step(every), "zone": zone, "after": page.after(datetime)}
    )
    return page.page(rows, key=lambda row: row["ts"])


def _step(every: str) -> timedelta:
    found = EVERY.fullmatch(every)
    assert found is not None  # noqa: S101 - the query's pattern
    return int(found[1]) * UNIT[found[2]]


def _last(connection: Database, known: Row) -> datetime | None:
    row = select_one(connection, LAST, known)
    return row["ts"] if row else None
