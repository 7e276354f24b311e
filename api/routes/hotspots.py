"""Hotspots of suspected dumping and loaded stops."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database
from api.paging import DEFAULT_LIMIT, MAX_LIMIT
from api.parameters import From, To
from api.shapes import Shape, page_of

router = APIRouter(tags=["hotspots"])

DEFAULT_SPAN = timedelta(days=30)


class HotspotShape(Shape):
    rank: int
    weight: int
    lat: float
    lon: float
    radius_m: float
    dumpings: int
    stops: int
    vehicles: dict[str, int]
    days: list[date]
    hours: dict[str, int]
    patrol_hours: list[str]
    first_at: datetime
    last_at: datetime
    jurisdiction: str | None
    alerts: list[int]


@router.get("/hotspots", response_model=page_of(HotspotShape))
def hotspots(
    _: AnyCaller,
    request: Request,
    connection: Database,
    begin: From = None,
    to: To = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
) -> Answer:
    """Where it keeps happening, the weightiest first; by default of the last 30 days there is anything of.

    There is no next page: the list is made as a whole. `patrol_hours` are the three local hours with most of it.
    """
    from alerts.hotspots import busiest_hours, find_hotspots, newest_event  # noqa: PLC0415 - engine and scipy

    end = to or (newest_event(connection) or datetime.now(UTC)) + timedelta(microseconds=1)
    found = find_hotspots(connection, begin or end - DEFAULT_SPAN, end, request.app.state.settings.zone)
    items = [
        {
            **asdict(spot),
            "rank": rank,
            "weight": spot.weight,
            "hours": {f"{hour:02d}": count for hour, count in spot.hours.items()},
            "patrol_hours": [f"{hour:02d}:00" for hour in busiest_hours(spot.hours)],
        }
        for rank, spot in enumerate(found[:limit], start=1)
    ]
    return Answer({"items": items, "next_cursor": None})
