"""Kitchens' figures: of one outlet over time, of all over a period, of the streets; what the nights found; the limits."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, LiteralString
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.fume_standards import fume_standards
from alerts.kitchen_figures import Counter
from alerts.kitchen_rates import OUTLETS, STREETS, over_period, rates
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.database import Database, one, rows
from api.kitchen_shapes import (
    FiguresShape,
    KitchenFindingShape,
    KitchenMonthShape,
    StandardsShape,
    StreetShape,
    UnitShape,
)
from api.paging import Page, pages
from api.parameters import From, To
from api.shapes import page_of
from devices.repository import raise_version

router = APIRouter(tags=["kitchens"])

OF_OUTLET: LiteralString = "SELECT device_id FROM device WHERE kind = 'fume' AND bound_to = %(outlet_id)s"
# Sums of ten minutes, or of days, in buckets of the local clock.
FIGURES_10MIN: LiteralString = """
    SELECT {bucket} AT TIME ZONE %(zone)s AS ts,
           sum(fume_sum) / nullif(sum(cooking), 0) AS fume_mg_m3, max(fume_max) AS fume_max_mg_m3,
           sum(readings) AS readings, sum(valid) AS valid,
           sum(over * 10 / expected) AS over_min, sum(fan_on * 10 / expected) AS fan_on_min,
           sum(both_on * 10 / expected) AS both_on_min,
           count(*) FILTER (WHERE cooking > 0 AND cooking >= %(valid_share)s * expected) AS windows,
           count(*) FILTER (WHERE cooking > 0 AND cooking >= %(valid_share)s * expected
                              AND fume_sum > limit_mg_m3 * cooking) AS windows_over
      FROM fume_10min
     WHERE device_id = ANY(%(device_ids)s) AND begins_at >= %(begin)s AND begins_at < %(end)s {only}
     GROUP BY 1 ORDER BY 1
"""
TEN_MINUTES: LiteralString = "date_trunc('minute', begins_at AT TIME ZONE %(zone)s)"
HOURS: LiteralString = "date_trunc('hour', begins_at AT TIME ZONE %(zone)s)"
FIGURES_DAYS: LiteralString = """
    SELECT {bucket} AT TIME ZONE %(zone)s AS ts,
           sum(fume_sum) / nullif(sum(cooking), 0) AS fume_mg_m3, max(fume_max) AS fume_max_mg_m3,
           sum(readings) AS readings, sum(valid) AS valid,
           sum(over * interval_s / 60) AS over_min, sum(fan_on * interval_s / 60) AS fan_on_min,
           sum(both_on * interval_s / 60) AS both_on_min, sum(windows) AS windows, sum(windows_over) AS windows_over
      FROM fume_day
     WHERE device_id = ANY(%(device_ids)s)
       AND day >= (%(begin)s AT TIME ZONE %(zone)s)::date AND day < (%(end)s AT TIME ZONE %(zone)s)::timestamp
     GROUP BY 1 ORDER BY 1
"""
QUERIES: dict[str, LiteralString] = {
    "10m": FIGURES_10MIN.replace("{bucket}", TEN_MINUTES).replace("{only}", ""),
    "1h": FIGURES_10MIN.replace("{bucket}", HOURS).replace("{only}", "AND open"),
    "1d": FIGURES_DAYS.replace("{bucket}", "day::timestamp"),
    "1mo": FIGURES_DAYS.replace("{bucket}", "date_trunc('month', day::timestamp)"),
}
SPAN = {
    "10m": timedelta(days=1),
    "1h": timedelta(days=7),
    "1d": timedelta(days=31),
    "1mo": timedelta(days=366),
}

FINDINGS: LiteralString = """
    SELECT kitchen_finding.*, outlet.name AS outlet_name
      FROM kitchen_finding LEFT JOIN outlet USING (outlet_id)
     WHERE (%(begin)s::date IS NULL OR day >= %(begin)s) AND (%(end)s::date IS NULL OR day < %(end)s)
       AND (%(outlet_id)s::text IS NULL OR outlet_id = %(outlet_id)s)
       AND (%(kind)s::text IS NULL OR kitchen_finding.kind = %(kind)s)
       AND (%(after)s::bigint IS NULL OR id < %(after)s)
     ORDER BY id DESC
     LIMIT %(fetch)s
"""
PUT_UNIT: LiteralString = """
    INSERT INTO kitchen_unit (device_id, fan_min_a, purifier_min_a, source)
    VALUES (%(device_id)s, %(fan_min_a)s, %(purifier_min_a)s, %(source)s)
        ON CONFLICT (device_id) DO UPDATE
       SET fan_min_a = EXCLUDED.fan_min_a, purifier_min_a = EXCLUDED.purifier_min_a, source = EXCLUDED.source
    RETURNING *
"""

Admin = Annotated[Caller, Depends(allowed())]
FromDay = Annotated[
    date | None, Query(alias="from", description="local day, inclusive; default the month's first")
]
ToDay = Annotated[date | None, Query(alias="to", description="local day, exclusive; default tomorrow")]
Amperes = Annotated[float, Field(gt=0, le=1000)]


class UnitBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    fan_min_a: Amperes | None = None
    purifier_min_a: Amperes | None = None
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


@router.get("/outlets/{outlet_id}/figures", response_model=page_of(FiguresShape))
def outlet_figures(
    _: AnyCaller,
    request: Request,
    connection: Database,
    outlet_id: str,
    every: Annotated[Literal["10m", "1h", "1d", "1mo"], Query()] = "1d",
    begin: From = None,
    to: To = None,
) -> Answer:
    """Means, maxima, minutes over the limit, with the fan and with both on, by local time; hours: opening hours only."""
    if one(connection, "SELECT FROM outlet WHERE outlet_id = %s", (outlet_id,)) is None:
        raise HTTPException(404, f"no outlet {outlet_id!r} in the register")
    device_ids = [row["device_id"] for row in rows(connection, OF_OUTLET, {"outlet_id": outlet_id})]
    counter(request).count(connection, device_ids)
    to = to or datetime.now(UTC)
    found = rows(
        connection,
        QUERIES[every],
        {
            "device_ids": device_ids, "begin": begin or to - SPAN[every], "end": to,
            "zone": _zone(request).key, "valid_share": request.app.state.catalogue.fume_rules().valid_share,
        },
    )  # fmt: skip
    return Answer({"items": [{**row, **rates(row)} for row in found], "next_cursor": None})


@router.get("/stats/kitchens", response_model=page_of(KitchenMonthShape))
def kitchen_figures(
    _: AnyCaller,
    request: Request,
    connection: Database,
    page: Annotated[Page, Depends(pages("kitchen_figures", str))],
    begin: FromDay = None,
    to: ToDay = None,
) -> Answer:
    """Every outlet's figures over a period of local days; this month by default."""
    begin, to = _days(request, begin, to)
    counter(request).count(connection)
    (after,) = page.after or (None,)
    found = rows(connection, OUTLETS, {"begin": begin, "end": to, "after": after, "fetch": page.fetch})
    now = datetime.now(_zone(request)).replace(tzinfo=None)
    period = datetime.combine(begin, time()), min(datetime.combine(to, time()), now)
    return Answer(page.answer(found, lambda row: [row["outlet_id"]], lambda row: over_period(row, *period)))


@router.get("/stats/streets", response_model=page_of(StreetShape))
def street_figures(
    _: AnyCaller, request: Request, connection: Database, begin: FromDay = None, to: ToDay = None
) -> Answer:
    """Per street or town: outlets, how many were measured and never over, the share of valid means that comply (达标率)."""
    begin, to = _days(request, begin, to)
    counter(request).count(connection)
    return Answer({"items": rows(connection, STREETS, {"begin": begin, "end": to}), "next_cursor": None})


@router.get("/kitchen-findings", response_model=page_of(KitchenFindingShape))
def list_findings(
    _: AnyCaller,
    connection: Database,
    page: Annotated[Page, Depends(pages("kitchen_findings", int))],
    begin: Annotated[date | None, Query(alias="from")] = None,
    to: Annotated[date | None, Query()] = None,
    outlet_id: Annotated[str | None, Query()] = None,
    kind: Annotated[str | None, Query()] = None,
) -> Answer:
    """What the nightly examination found suspicious, the newest first, with its reasons. Suspicious is not guilty."""
    (after,) = page.after or (None,)
    found = rows(
        connection,
        FINDINGS,
        {
            "begin": begin,
            "end": to,
            "outlet_id": outlet_id,
            "kind": kind,
            "after": after,
            "fetch": page.fetch,
        },
    )
    return Answer(page.answer(found, lambda row: [row["id"]]))


@router.put("/kitchen-units/{device_id}", response_model=UnitShape)
def put_unit(admin: Admin, connection: Database, device_id: str, body: UnitBody) -> Answer:
    """From which current on a unit works, where its monitor reports no switch."""
    if one(connection, "SELECT FROM device WHERE device_id = %s AND kind = 'fume'", (device_id,)) is None:
        raise HTTPException(404, f"no fume monitor {device_id!r} in the register")
    raise_version(connection, actor=admin.name, note=f"unit of {device_id}")
    return Answer(one(connection, PUT_UNIT, {"device_id": device_id, **body.model_dump()}))


@router.get("/kitchen-units", response_model=page_of(UnitShape))
def list_units(_: AnyCaller, connection: Database) -> Answer:
    return Answer(
        {"items": rows(connection, "SELECT * FROM kitchen_unit ORDER BY device_id"), "next_cursor": None}
    )


@router.get("/fume-standards", response_model=StandardsShape)
def list_standards(_: AnyCaller, request: Request) -> Answer:
    """Limits by standard and scale, each with what is known of its source; and the ones in force here."""
    catalogue = request.app.state.catalogue
    return Answer(
        {
            "in_force": {"limits_mg_m3": dict(catalogue.limits_mg_m3), "note": catalogue.limits_note},
            "items": fume_standards(),
            "next_cursor": None,
        }
    )


def counter(request: Request) -> Counter:
    state = request.app.state
    if not hasattr(state, "kitchen_counter"):
        state.kitchen_counter = Counter(state.catalogue, _zone(request))
    found: Counter = state.kitchen_counter
    return found


def _zone(request: Request) -> ZoneInfo:
    zone: ZoneInfo = request.app.state.settings.zone
    return zone


def _days(request: Request, begin: date | None, to: date | None) -> tuple[date, date]:
    today = datetime.now(_zone(request)).date()
    to = to or today + timedelta(days=1)
    return begin or (to - timedelta(days=1)).replace(day=1), to
