"""Vehicles: the register with what was last heard, the map's picture, and tracks."""

import math
from datetime import datetime, timedelta
from typing import Annotated, Any, LiteralString

from fastapi import APIRouter, Query

from api.auth import CurrentUser
from api.paging import Page
from api.positions import POSITIONS, WORST_ALERT, position_json
from api.problems import Problem
from api.replies import Json
from api.state import Database, Row, select, select_one
from api.times import Instant

router = APIRouter(tags=["vehicles"])

DEFAULT_TRACK = timedelta(hours=2)
DEFAULT_POINTS, MOST_POINTS = 2000, 20_000

# Of several devices an active one counts: 'active' sorts before 'disabled'.
VEHICLES: LiteralString = """
    SELECT vehicle.*, company.name AS company_name, device.device_id, latest.ts, latest.lat, latest.lon,
           latest.speed_kmh, latest.heading_deg, latest.load, latest.lift, latest.cover, latest.ignition,
           latest.quality, latest.loaded, latest.site_id, {alert} AS alert
      FROM vehicle
      LEFT JOIN company USING (company_id)
      LEFT JOIN LATERAL (
          SELECT device_id FROM device
           WHERE device.bound_to = vehicle.plate AND device.kind = 'vehicle'
           ORDER BY status, device_id LIMIT 1) AS device ON true
      LEFT JOIN vehicle_latest AS latest ON latest.device_id = device.device_id
""".replace("{alert}", WORST_ALERT)
LIST: LiteralString = (
    VEHICLES
    + """
     WHERE %(after)s::text IS NULL OR vehicle.plate > %(after)s
     ORDER BY vehicle.plate LIMIT %(fetch)s
"""
)
ONE: LiteralString = VEHICLES + " WHERE vehicle.plate = %(plate)s"
CHANGING = (
    "ts", "lat", "lon", "speed_kmh", "heading_deg", "load", "lift", "cover", "ignition", "quality", "loaded",
    "site_id", "alert",
)  # fmt: skip

# One statement, one snapshot: every event up to event_id is in the picture.
NEWEST: LiteralString = "SELECT coalesce(max(id), 0) AS event_id, now() AS at FROM outbox"

DEVICES: LiteralString = """
    SELECT ARRAY(SELECT device_id FROM device WHERE bound_to = vehicle.plate AND kind = 'vehicle') AS device_ids
      FROM vehicle WHERE plate = %(plate)s
"""
LAST: LiteralString = "SELECT max(ts) AS ts FROM vehicle_position WHERE device_id = ANY(%(device_ids)s)"
COUNT: LiteralString = """
    SELECT count(*) AS fixes, count(*) FILTER (WHERE quality <> 'ok') AS doubted
      FROM vehicle_position
     WHERE device_id = ANY(%(device_ids)s) AND ts BETWEEN %(begin)s AND %(end)s
"""
TRACK: LiteralString = """
    SELECT ts, lat, lon, speed_kmh, load, lift, quality
      FROM (SELECT *, row_number() OVER (ORDER BY ts) AS number,
                   row_number() OVER (PARTITION BY quality <> 'ok' ORDER BY ts) AS doubt
              FROM vehicle_position
             WHERE device_id = ANY(%(device_ids)s) AND ts BETWEEN %(begin)s AND %(end)s) AS fix
     WHERE (number - 1) %% %(every)s = 0 OR number = %(fixes)s
        OR (quality <> 'ok' AND (doubt - 1) %% %(every_doubted)s = 0)
     ORDER BY ts
"""


@router.get("/vehicles/latest")
def latest(_: CurrentUser, connection: Database) -> Json:
    """The last state of every vehicle that has reported; the stream goes on from `event_id`."""
    # The event's id first: an event in between is told again, never left out.
    newest = select_one(connection, NEWEST)
    assert newest is not None  # noqa: S101 - an aggregate
    vehicles = [position_json(row) for row in select(connection, POSITIONS)]
    return Json({**newest, "vehicles": vehicles})


@router.get("/vehicles")
def vehicles(_: CurrentUser, connection: Database, page: Page) -> Json:
    """The register's vehicles with their last state, by plate."""
    rows = select(connection, LIST, {"after": page.after(str), "fetch": page.fetch})
    return page.page(rows, key=lambda row: row["plate"], shown=_vehicle)


@router.get("/vehicles/{plate}")
def vehicle(_: CurrentUser, connection: Database, plate: str) -> Json:
    """One vehicle."""
    row = select_one(connection, ONE, {"plate": plate})
    if row is None:
        raise _unknown(plate)
    return Json(_vehicle(row))


@router.get("/vehicles/{plate}/track")
def track(
    _: CurrentUser,
    connection: Database,
    plate: str,
    begin: Annotated[Instant | None, Query(alias="from")] = None,
    end: Annotated[Instant | None, Query(alias="to")] = None,
    max_points: Annotated[int, Query(ge=2, le=MOST_POINTS)] = DEFAULT_POINTS,
) -> Json:
    """Fixes from `from` to `to` as a GeoJSON line; without them, the last two hours there are.

    Thinned to about `max_points`: every n-th fix, the first, the last, and those that are not good.
    """
    known = select_one(connection, DEVICES, {"plate": plate})
    if known is None:
        raise _unknown(plate)
    end = end or _last(connection, known)
    if end is None:
        return Json(_feature(plate, [], truncated=False))
    stretch = {**known, "begin": begin or end - DEFAULT_TRACK, "end": end}
    counts = select_one(connection, COUNT, stretch)
    assert counts is not None  # noqa: S101 - an aggregate
    every = max(1, math.ceil(counts["fixes"] / max_points))
    every_doubted = max(1, math.ceil(counts["doubted"] / max_points))
    fixes = select(
        connection,
        TRACK,
        {**stretch, "fixes": counts["fixes"], "every": every, "every_doubted": every_doubted},
    )
    return Json(_feature(plate, fixes, truncated=every > 1))


def _last(connection: Database, known: Row) -> datetime | None:
    row = select_one(connection, LAST, known)
    return row["ts"] if row else None


def _unknown(plate: str) -> Problem:
    return Problem(404, f"the register has no vehicle {plate!r}")


def _vehicle(row: Row) -> dict[str, Any]:
    changing = {name: row[name] for name in CHANGING}
    shown = {name: value for name, value in row.items() if name not in CHANGING}
    return {**shown, "latest": changing if changing["ts"] is not None else None}


def _feature(plate: str, fixes: list[Row], *, truncated: bool) -> dict[str, Any]:
    columns = ("speed_kmh", "load", "lift", "quality")
    return {
        "type": "Feature",
        "geometry": {"type": "LineString", "coordinates": [(fix["lon"], fix["lat"]) for fix in fixes]},
        "properties": {
            "plate": plate,
            "times": [fix["ts"] for fix in fixes],
            **{column: [fix[column] for fix in fixes] for column in columns},
            "truncated": truncated,
        },
    }
