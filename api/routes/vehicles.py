"""Vehicles: the register with each one's last state, the map's positions, and tracks."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, LiteralString

from fastapi import APIRouter, Depends, HTTPException, Query

from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, one, rows
from api.paging import Page, pages
from api.parameters import From, To
from api.positions import CHANGING, NEWEST_EVENT, POSITIONS, position
from api.register_shapes import PositionsShape, TrackShape, VehicleShape
from api.shapes import page_of

router = APIRouter(prefix="/vehicles", tags=["vehicles"])

# Of several terminals on one vehicle, the active one speaks for it.
VEHICLES: LiteralString = f"""
    SELECT vehicle.*, company.name AS company_name, terminal.device_id, {", ".join(f"latest.{name}" for name in CHANGING)}
      FROM vehicle
      LEFT JOIN company ON company.company_id = vehicle.company_id
      LEFT JOIN LATERAL (SELECT device_id FROM device
                          WHERE kind = 'vehicle' AND bound_to = vehicle.plate
                          ORDER BY status = 'active' DESC, device_id LIMIT 1) terminal ON true
      LEFT JOIN ({POSITIONS}) latest ON latest.device_id = terminal.device_id
"""  # noqa: S608
PAGE: LiteralString = (
    VEHICLES + " WHERE (%(after)s::text IS NULL OR vehicle.plate > %(after)s) ORDER BY plate LIMIT %(fetch)s"
)
ONE: LiteralString = VEHICLES + " WHERE vehicle.plate = %s"
FIXES_OF: LiteralString = """
      FROM vehicle_position
     WHERE device_id IN (SELECT device_id FROM device WHERE kind = 'vehicle' AND bound_to = %(plate)s)
"""
LAST_FIX: LiteralString = "SELECT max(ts) AS ts" + FIXES_OF
TRACK: LiteralString = (
    "SELECT ts, lat, lon, speed_kmh, load, lift, quality"
    + FIXES_OF
    + " AND ts >= %(begin)s AND ts < %(end)s ORDER BY ts, device_id LIMIT %(most)s"
)

TRACK_DEFAULT = timedelta(hours=2)
TRACK_MOST_FIXES = 100_000  # eleven days at a fix every ten seconds
TRACK_POINTS = 2_000


@router.get("", response_model=page_of(VehicleShape))
def list_vehicles(
    _: AnyCaller, connection: Database, page: Annotated[Page, Depends(pages("vehicles", str))]
) -> Answer:
    """Every vehicle of the register, by plate, with its last state."""
    (after,) = page.after or (None,)
    found = rows(connection, PAGE, {"after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["plate"]], _vehicle))


@router.get("/latest", response_model=PositionsShape)
def latest(_: AnyCaller, connection: Database) -> Answer:
    """The last state of all vehicles, and the number of the newest event it may already show."""
    # The number first: what happens in between is then told again, rather than never.
    event = connection.execute(NEWEST_EVENT).fetchone()
    assert event is not None  # noqa: S101 - an aggregate has a row
    at = datetime.now(UTC)
    found = rows(connection, POSITIONS + " ORDER BY latest.device_id")
    return Answer({"at": at, "event_id": event[0], "vehicles": [position(row) for row in found]})


@router.get("/{plate}", response_model=VehicleShape)
def get_vehicle(_: AnyCaller, connection: Database, plate: str) -> Answer:
    row = one(connection, ONE, (plate,))
    if row is None:
        raise _no_vehicle(plate)
    return Answer(_vehicle(row))


@router.get("/{plate}/track", response_model=TrackShape)
def get_track(
    _: AnyCaller,
    connection: Database,
    plate: str,
    begin: From = None,
    to: To = None,
    max_points: Annotated[int, Query(ge=2, le=TRACK_MOST_FIXES)] = TRACK_POINTS,
) -> Answer:
    """The track as a GeoJSON LineString, thinned to `max_points`; by default the last two hours of its data.

    `properties` holds `times`, `speed_kmh`, `load`, `lift` and `quality`, one entry for each point. `truncated`:
    the range holds more fixes than are read at once, and the track ends before its end.
    """
    if one(connection, "SELECT FROM vehicle WHERE plate = %s", (plate,)) is None:
        raise _no_vehicle(plate)
    if begin is None or to is None:
        last = one(connection, LAST_FIX, {"plate": plate})
        newest = (last and last["ts"]) or datetime.now(UTC)
        to = to if to is not None else max(newest, begin or newest) + timedelta(microseconds=1)
        begin = begin if begin is not None else to - TRACK_DEFAULT
    fixes = rows(connection, TRACK, {"plate": plate, "begin": begin, "end": to, "most": TRACK_MOST_FIXES + 1})
    truncated = len(fixes) > TRACK_MOST_FIXES
    kept = thin(fixes[:TRACK_MOST_FIXES], max_points)
    return Answer(
        {
            "type": "Feature",
            "geometry": {"type": "LineString", "coordinates": [[fix["lon"], fix["lat"]] for fix in kept]},
            "properties": {
                "plate": plate,
                "times": [fix["ts"] for fix in kept],
                **{name: [fix[name] for fix in kept] for name in ("speed_kmh", "load", "lift", "quality")},
                "truncated": truncated,
            },
        }
    )


def thin(fixes: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """At most `most` (2 or more) of `fixes`, in order: the first, the last, those that are not good as far as
    half the room goes, and good ones evenly between.
    """
    if len(fixes) <= most:
        return list(fixes)
    last = len(fixes) - 1
    doubted = [n for n, fix in enumerate(fixes) if fix["quality"] != "ok" and 0 < n < last]
    kept = {0, last, *_evenly(doubted, (most - 2) // 2)}
    others = [n for n in range(1, last) if n not in kept and fixes[n]["quality"] == "ok"]
    kept.update(_evenly(others, most - len(kept)))
    return [fixes[n] for n in sorted(kept)]


def _evenly(indices: Sequence[int], most: int) -> list[int]:
    if len(indices) <= most:
        return list(indices)
    return [indices[n * len(indices) // most] for n in range(most)]


def _vehicle(row: dict[str, Any]) -> dict[str, Any]:
    """The register's columns, and beside them the last state (null if nothing was heard)."""
    state = {name: row.pop(name) for name in CHANGING}
    return {**row, "latest": state if state["ts"] is not None else None}


def _no_vehicle(plate: str) -> HTTPException:
    return HTTPException(404, f"no vehicle {plate!r} in the register")
