"""Kitchens' figures: of one outlet by minutes to months, of all over a period, of the streets."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, LiteralString, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Query, Request

from alerts.kitchens.figures import PROTECTED, Counter
from alerts.kitchens.rates import OUTLETS, STREETS, rated
from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, rows
from api.kitchen_shapes import FiguresShape, KitchenMonthShape, StreetShape
from api.paging import Page, pages
from api.parameters import From, To
from api.shapes import page_of
from devices.repository import load_registry

router = APIRouter(tags=["kitchens"])

# A minute is seldom more than one reading: it is taken from the readings themselves, by the engine's definitions.
FIGURES_MINUTES: LiteralString = """
    SELECT date_trunc('minute', ts) AS ts,
           avg(fume_mg_m3) FILTER (WHERE cooks) AS fume_mg_m3, max(fume_mg_m3) FILTER (WHERE cooks) AS fume_max_mg_m3,
           count(*) AS readings, count(*) FILTER (WHERE ok) AS valid,
           sum(interval_s / 60) FILTER (WHERE cooks AND fume_mg_m3 > %(limit)s) AS over_min,
           sum(interval_s / 60) FILTER (WHERE ok AND fan_on) AS fan_on_min,
           sum(interval_s / 60) FILTER (WHERE ok AND fan_on AND purifier_on) AS both_on_min
      FROM (SELECT *, ok AND fan_on IS NOT FALSE AND fume_mg_m3 IS NOT NULL AS cooks
              FROM (SELECT ts, fume_mg_m3, quality = 'ok' AS ok, coalesce(interval_s, 60) AS interval_s,
                           coalesce(fan_on, fan_a >= fan_min_a) AS fan_on,
                           coalesce(purifier_on, purifier_a >= purifier_min_a) AS purifier_on
                      FROM fume_reading JOIN device USING (device_id) LEFT JOIN kitchen_unit USING (device_id)
                     WHERE device_id = ANY(%(device_ids)s) AND ts >= %(begin)s AND ts < %(end)s) AS sent) AS reading
     GROUP BY 1 ORDER BY 1
"""
# Sums of ten minutes, or of days, in buckets of the local clock.
FIGURES_10MIN: LiteralString = """
    SELECT {bucket} AT TIME ZONE %(zone)s AS ts,
           sum(fume_sum) / nullif(sum(cooking), 0) AS fume_mg_m3, max(fume_max) AS fume_max_mg_m3,
           sum(readings) AS readings, sum(valid) AS valid,
           sum(over * 10 / expected) AS over_min, sum(fan_on * 10 / expected) AS fan_on_min,
           sum(both_on * 10 / expected) AS both_on_min, 10 * count(*) FILTER (WHERE {protected}) AS power_protection_min,
           count(*) FILTER (WHERE cooking > 0 AND cooking >= %(valid_share)s * expected) AS windows,
           count(*) FILTER (WHERE cooking > 0 AND cooking >= %(valid_share)s * expected
                              AND fume_sum > limit_mg_m3 * cooking) AS windows_over,
           sum(valid / expected) FILTER (WHERE open) AS open_valid,
           count(*) FILTER (WHERE open AND readings > 0) AS open_heard,
           count(*) FILTER (WHERE open AND meal AND readings > 0) AS meal_heard
      FROM fume_10min
     WHERE device_id = ANY(%(device_ids)s) AND begins_at >= %(begin)s AND begins_at < %(end)s {only}
     GROUP BY 1 ORDER BY 1
""".replace("{protected}", PROTECTED)
TEN_MINUTES: LiteralString = "date_trunc('minute', begins_at AT TIME ZONE %(zone)s)"
HOURS: LiteralString = "date_trunc('hour', begins_at AT TIME ZONE %(zone)s)"
FIGURES_DAYS: LiteralString = """
    SELECT {bucket} AT TIME ZONE %(zone)s AS ts,
           sum(fume_sum) / nullif(sum(cooking), 0) AS fume_mg_m3, max(fume_max) AS fume_max_mg_m3,
           sum(readings) AS readings, sum(valid) AS valid,
           sum(over * interval_s / 60) AS over_min, sum(fan_on * interval_s / 60) AS fan_on_min,
           sum(both_on * interval_s / 60) AS both_on_min, 10 * sum(protected) AS power_protection_min,
           sum(windows) AS windows, sum(windows_over) AS windows_over,
           sum(valid * interval_s / 600) AS open_valid, sum(open_heard) AS open_heard, sum(meal_heard) AS meal_heard
      FROM fume_day
     WHERE device_id = ANY(%(device_ids)s)
       AND day >= (%(begin)s AT TIME ZONE %(zone)s)::date AND day < (%(end)s AT TIME ZONE %(zone)s)::timestamp
     GROUP BY 1 ORDER BY 1
"""


class Every(NamedTuple):
    query: LiteralString
    width: timedelta
    span: timedelta
    """What is shown where no period is asked for."""


EVERY = {
    "1m": Every(FIGURES_MINUTES, timedelta(minutes=1), timedelta(hours=6)),
    "10m": Every(
        FIGURES_10MIN.replace("{bucket}", TEN_MINUTES).replace("{only}", ""),
        timedelta(minutes=10),
        timedelta(days=1),
    ),
    "1h": Every(
        FIGURES_10MIN.replace("{bucket}", HOURS).replace("{only}", "AND open"),
        timedelta(hours=1),
        timedelta(days=7),
    ),
    "1d": Every(FIGURES_DAYS.replace("{bucket}", "day::timestamp"), timedelta(days=1), timedelta(days=31)),
    "1mo": Every(
        FIGURES_DAYS.replace("{bucket}", "date_trunc('month', day::timestamp)"),
        timedelta(days=31),
        timedelta(days=366),
    ),
}
MOST_BUCKETS = 20_000

FromDay = Annotated[
    date | None, Query(alias="from", description="local day, inclusive; default the month's first")
]
ToDay = Annotated[date | None, Query(alias="to", description="local day, exclusive; default tomorrow")]


@router.get("/outlets/{outlet_id}/figures", response_model=page_of(FiguresShape))
def outlet_figures(
    _: AnyCaller,
    request: Request,
    connection: Database,
    outlet_id: str,
    every: Annotated[Literal["1m", "10m", "1h", "1d", "1mo"], Query()] = "1d",
    begin: From = None,
    to: To = None,
) -> Answer:
    """Means, maxima, minutes over the limit, with the fan and with both on, rates, by local time; hours: of those open."""
    outlet = load_registry(connection).outlets.get(outlet_id)
    if outlet is None:
        raise HTTPException(404, f"no outlet {outlet_id!r} in the register")
    chosen, to = EVERY[every], to or datetime.now(UTC)
    begin = begin or to - chosen.span
    if (to - begin) / chosen.width > MOST_BUCKETS:
        longest = f"{MOST_BUCKETS * chosen.width.total_seconds() / 86_400:.0f} days"
        raise HTTPException(422, f"from, to: with every={every} at most {longest} at a time")
    device_ids = [
        row["device_id"]
        for row in rows(
            connection, "SELECT device_id FROM device WHERE kind = 'fume' AND bound_to = %s", (outlet_id,)
        )
    ]
    kept = counter(request)
    kept.count(connection, device_ids)
    catalogue, zone = request.app.state.catalogue, kept.zone
    found = rows(
        connection,
        chosen.query,
        {
            "device_ids": device_ids, "begin": begin, "end": to, "zone": zone.key,
            "valid_share": catalogue.fume_rules().valid_share, "limit": catalogue.limit_of(outlet),
        },
    )  # fmt: skip
    if every == "1m":
        return Answer({"items": [_minute(row) for row in found], "next_cursor": None})
    now = datetime.now(zone).replace(tzinfo=None)
    first, last = (moment.astimezone(zone).replace(tzinfo=None) for moment in (begin, to))
    if every in ("1d", "1mo"):  # whole days are counted
        first, last = _midnight(first), _midnight(last + timedelta(days=1) - timedelta(microseconds=1))
    items = []
    for row in found:
        since = row["ts"].astimezone(zone).replace(tzinfo=None)
        until = since + chosen.width if every != "1mo" else (since + chosen.width).replace(day=1)
        meals = kept.meals.on(outlet_id, since.date())
        row |= {"hours": outlet.hours, "meal_hours": meals and meals.hours, "monitors": len(device_ids)}
        items.append(rated(row, max(since, first), min(until, last, now)))
    return Answer({"items": items, "next_cursor": None})


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
    kept = counter(request)
    kept.count(connection)
    (after,) = page.after or (None,)
    found = rows(connection, OUTLETS, {"begin": begin, "end": to, "after": after, "fetch": page.fetch})
    now = datetime.now(kept.zone).replace(tzinfo=None)
    period = datetime.combine(begin, time()), min(datetime.combine(to, time()), now)
    for row in found:
        meals = kept.meals.on(row["outlet_id"], period[1].date())
        row["meal_hours"] = meals and meals.hours
    return Answer(page.answer(found, lambda row: [row["outlet_id"]], lambda row: rated(row, *period)))


@router.get("/stats/streets", response_model=page_of(StreetShape))
def street_figures(
    _: AnyCaller, request: Request, connection: Database, begin: FromDay = None, to: ToDay = None
) -> Answer:
    """Per street or town: outlets, how many were measured and never over, the share of valid means that comply (达标率)."""
    begin, to = _days(request, begin, to)
    counter(request).count(connection)
    return Answer({"items": rows(connection, STREETS, {"begin": begin, "end": to}), "next_cursor": None})


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


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time())


def _minute(row: dict[str, Any]) -> dict[str, Any]:
    """A minute has no window and no rate of what should have come."""
    sums = {name: row[name] or 0.0 for name in ("over_min", "fan_on_min", "both_on_min")}
    unknown = dict.fromkeys(("online_rate", "meal_online_rate", "valid_rate", "compliance_rate"))
    linkage = sums["both_on_min"] / sums["fan_on_min"] if sums["fan_on_min"] else None
    return {
        **row, **sums, **unknown, "linkage_rate": linkage, "power_protection_min": 0, "windows": 0, "windows_over": 0,
    }  # fmt: skip
