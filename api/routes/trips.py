"""Trips of loads, what permits have let through, and loaded passages on the listed roads."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Depends, Query, Request

from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, rows
from api.paging import Page, pages
from api.parameters import From, To
from api.shapes import Shape, page_of

router = APIRouter(tags=["trips"])

Outcome = Literal["under_way", "delivered", "dumped", "unknown"]

PAGE: LiteralString = """
    SELECT trip.*, company.name AS company_name, source.name AS source_site_name, target.name AS unloaded_site_name,
           on_route_m / nullif(distance_m, 0) AS on_route_share
      FROM trip
      LEFT JOIN company ON company.company_id = trip.company_id
      LEFT JOIN site source ON source.site_id = trip.source_site_id
      LEFT JOIN site target ON target.site_id = trip.unloaded_site_id
     WHERE (%(plate)s::text IS NULL OR trip.plate = %(plate)s)
       AND (%(permit_id)s::text IS NULL OR trip.permit_id = %(permit_id)s)
       AND (%(outcome)s::text[] IS NULL OR trip.outcome = ANY(%(outcome)s))
       AND (%(begin)s::timestamptz IS NULL OR trip.loaded_at >= %(begin)s)
       AND (%(end)s::timestamptz IS NULL OR trip.loaded_at < %(end)s)
       AND (%(after_at)s::timestamptz IS NULL OR (trip.loaded_at, trip.id) < (%(after_at)s, %(after_id)s))
     ORDER BY trip.loaded_at DESC, trip.id DESC
     LIMIT %(fetch)s
"""
PERMITS: LiteralString = """
    SELECT permit.permit_id, permit.company_id, company.name AS company_name, permit.source_site_id,
           permit.disposal_site_id, permit.volume_m3 AS approved_m3,
           count(trip.id) AS loads,
           count(trip.id) FILTER (WHERE trip.outcome = 'delivered') AS delivered,
           count(trip.id) FILTER (WHERE trip.outcome = 'dumped') AS dumped,
           coalesce(sum(trip.volume_m3) FILTER (WHERE trip.outcome = 'delivered'), 0) AS delivered_m3,
           count(trip.id) FILTER (WHERE trip.outcome = 'delivered' AND trip.volume_m3 IS NULL) AS unmeasured,
           coalesce(sum(trip.volume_m3) FILTER (WHERE trip.outcome = 'delivered'), 0)
             / nullif(permit.volume_m3, 0) AS share
      FROM permit
      LEFT JOIN company ON company.company_id = permit.company_id
      LEFT JOIN trip ON trip.permit_id = permit.permit_id
            AND (%(begin)s::timestamptz IS NULL OR trip.loaded_at >= %(begin)s)
            AND (%(end)s::timestamptz IS NULL OR trip.loaded_at < %(end)s)
     WHERE %(after)s::text IS NULL OR permit.permit_id > %(after)s
     GROUP BY permit.permit_id, company.name
     ORDER BY permit.permit_id
     LIMIT %(fetch)s
"""
# Hours begin on the local clock, as the working day does.
PASSAGES: LiteralString = """
    SELECT date_trunc('hour', passage.ts, %(zone)s) AS hour, passage.road_id, road.name AS road_name,
           count(*) AS passages, count(*) FILTER (WHERE passage.inferred) AS inferred,
           count(DISTINCT passage.device_id) AS vehicles
      FROM road_passage passage
      LEFT JOIN road ON road.road_id = passage.road_id
     WHERE passage.ts >= %(begin)s AND passage.ts < %(end)s
       AND (%(road_id)s::text IS NULL OR passage.road_id = %(road_id)s)
     GROUP BY 1, 2, 3
    HAVING %(after_hour)s::timestamptz IS NULL
           OR (date_trunc('hour', passage.ts, %(zone)s), passage.road_id) > (%(after_hour)s, %(after_road)s)
     ORDER BY 1, 2
     LIMIT %(fetch)s
"""
LATEST_PASSAGE: LiteralString = "SELECT max(ts) AS ts FROM road_passage"


class TripShape(Shape):
    id: int
    device_id: str
    plate: str | None
    company_id: str | None
    company_name: str | None
    permit_id: str | None
    source_site_id: str | None
    loaded_at: datetime
    left_at: datetime | None
    outcome: str
    ended_at: datetime | None
    unloaded_at: datetime | None
    unloaded_lat: float | None
    unloaded_lon: float | None
    unloaded_site_id: str | None
    distance_m: float | None
    on_route_share: float | None
    volume_m3: float | None


class PermitVolumeShape(Shape):
    permit_id: str
    company_id: str
    company_name: str | None
    approved_m3: float | None
    loads: int
    delivered: int
    dumped: int
    delivered_m3: float
    unmeasured: int
    share: float | None


class PassageShape(Shape):
    hour: datetime
    road_id: str
    road_name: str | None
    passages: int
    inferred: int
    vehicles: int


@router.get("/trips", response_model=page_of(TripShape))
def list_trips(
    _: AnyCaller,
    connection: Database,
    page: Annotated[Page, Depends(pages("trips", datetime, int))],
    plate: str | None = None,
    permit_id: str | None = None,
    outcome: Annotated[list[Outcome] | None, Query()] = None,
    begin: From = None,
    to: To = None,
) -> Answer:
    """Loads that have left their source, by when they were loaded, the newest first."""
    after_at, after_id = page.after or (None, None)
    parameters: dict[str, Any] = {
        "plate": plate, "permit_id": permit_id, "outcome": outcome, "begin": begin, "end": to,
        "after_at": after_at, "after_id": after_id, "fetch": page.fetch,
    }  # fmt: skip
    return Answer(page.answer(rows(connection, PAGE, parameters), lambda row: [row["loaded_at"], row["id"]]))


@router.get("/stats/permits", response_model=page_of(PermitVolumeShape))
def permit_volumes(
    _: AnyCaller,
    connection: Database,
    page: Annotated[Page, Depends(pages("permit-volumes", str))],
    begin: From = None,
    to: To = None,
) -> Answer:
    """What each permit has let through: loads, and the volume delivered (estimated) against the one approved.

    `unmeasured`: delivered loads of vehicles whose capacity the register does not know.
    """
    (after,) = page.after or (None,)
    parameters = {"begin": begin, "end": to, "after": after, "fetch": page.fetch}
    return Answer(page.answer(rows(connection, PERMITS, parameters), lambda row: [row["permit_id"]]))


@router.get("/stats/passages", response_model=page_of(PassageShape))
def passages(
    _: AnyCaller,
    request: Request,
    connection: Database,
    page: Annotated[Page, Depends(pages("passages", datetime, str))],
    road_id: str | None = None,
    begin: From = None,
    to: To = None,
) -> Answer:
    """Passages of loaded trucks on the listed roads, by hour; by default the last day there is anything of.

    `inferred`: of them those by the straight way between two fixes alone, along a road too short for two.
    """
    newest = rows(connection, LATEST_PASSAGE)[0]["ts"] or datetime.now(UTC)
    end = to or newest + timedelta(microseconds=1)
    after_hour, after_road = page.after or (None, None)
    parameters = {
        "zone": request.app.state.settings.timezone, "begin": begin or end - timedelta(days=1), "end": end,
        "road_id": road_id, "after_hour": after_hour, "after_road": after_road, "fetch": page.fetch,
    }  # fmt: skip
    return Answer(
        page.answer(rows(connection, PASSAGES, parameters), lambda row: [row["hour"], row["road_id"]])
    )
