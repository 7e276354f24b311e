"""Outlets: the register with each one's limit and last reading, and its readings."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Depends, HTTPException, Query, Request

from alerts.catalogue import Catalogue
from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, one, rows
from api.paging import Page, pages
from api.parameters import From, To, read_every
from api.register_shapes import MeanShape, OutletShape, OwnMeanShape, ReadingShape
from api.shapes import page_of

router = APIRouter(prefix="/outlets", tags=["outlets"])

OUTLETS: LiteralString = """
    SELECT outlet.*, monitor.device_id, latest.ts, latest.fume_mg_m3, latest.fan_on, latest.purifier_on,
           latest.quality, worst.severity AS alert
      FROM outlet
      LEFT JOIN LATERAL (SELECT device_id FROM device
                          WHERE kind = 'fume' AND bound_to = outlet.outlet_id
                          ORDER BY status = 'active' DESC, device_id LIMIT 1) monitor ON true
      LEFT JOIN fume_latest latest ON latest.device_id = monitor.device_id
      LEFT JOIN (SELECT DISTINCT ON (outlet_id) outlet_id, severity
                   FROM alert
                  WHERE state IN ('open', 'acked') AND outlet_id IS NOT NULL
                  ORDER BY outlet_id, array_position(ARRAY['critical', 'major', 'minor', 'info'], severity)
                ) worst ON worst.outlet_id = outlet.outlet_id
"""
PAGE: LiteralString = (
    OUTLETS
    + " WHERE (%(after)s::text IS NULL OR outlet.outlet_id > %(after)s) ORDER BY outlet.outlet_id LIMIT %(fetch)s"
)
ONE: LiteralString = OUTLETS + " WHERE outlet.outlet_id = %s"
LATEST = ("ts", "fume_mg_m3", "fan_on", "purifier_on", "quality")

READINGS_OF: LiteralString = """
      FROM fume_reading
     WHERE device_id IN (SELECT device_id FROM device WHERE kind = 'fume' AND bound_to = %(outlet_id)s)
"""
LAST_READING: LiteralString = "SELECT max(ts) AS ts" + READINGS_OF
READINGS: LiteralString = (
    """
    SELECT ts, fume_mg_m3, pm_mg_m3, nmhc_mg_m3, temp_c, rh_pct, fan_on, purifier_on, fan_a, purifier_a, flag,
           quality, device_id
    """
    + READINGS_OF
    + """
       AND ts >= %(begin)s AND ts < %(end)s
       AND (%(after_ts)s::timestamptz IS NULL OR (ts, device_id) > (%(after_ts)s, %(after_device)s))
     ORDER BY ts, device_id
     LIMIT %(fetch)s
    """
)
# Buckets begin on the local clock: a day is a day of FLEETFUME_TIMEZONE. From the readings: what is counted by ten
# minutes (alerts.kitchens.figures) is of those with the fan on, these are of all.
MEANS: LiteralString = (
    """
    SELECT {bucket} AT TIME ZONE %(zone)s AS ts,
           avg(fume_mg_m3) FILTER (WHERE quality = 'ok') AS fume_mg_m3,
           avg(pm_mg_m3) FILTER (WHERE quality = 'ok') AS pm_mg_m3,
           avg(nmhc_mg_m3) FILTER (WHERE quality = 'ok') AS nmhc_mg_m3,
           avg(temp_c) FILTER (WHERE quality = 'ok') AS temp_c,
           avg(rh_pct) FILTER (WHERE quality = 'ok') AS rh_pct,
           avg(fan_a) FILTER (WHERE quality = 'ok') AS fan_a,
           avg(purifier_a) FILTER (WHERE quality = 'ok') AS purifier_a,
           avg(fan_on::int::float8) FILTER (WHERE quality = 'ok') AS fan_on_share,
           avg(purifier_on::int::float8) FILTER (WHERE quality = 'ok') AS purifier_on_share,
           count(*) AS count,
           count(*) FILTER (WHERE quality = 'ok') AS valid_count
    """
    + READINGS_OF
    + """
       AND ts >= %(begin)s AND ts < %(end)s
     GROUP BY 1
    HAVING %(after_ts)s::timestamptz IS NULL OR {bucket_of_first} AT TIME ZONE %(zone)s > %(after_ts)s
     ORDER BY 1
     LIMIT %(fetch)s
    """
)
WIDTHS: LiteralString = "date_bin(%(every)s, {ts} AT TIME ZONE %(zone)s, timestamp '2000-01-01')"
MONTHS: LiteralString = "date_trunc('month', {ts} AT TIME ZONE %(zone)s)"


def means_by(bucket: LiteralString) -> LiteralString:
    return MEANS.replace("{bucket}", bucket.replace("{ts}", "ts")).replace(
        "{bucket_of_first}", bucket.replace("{ts}", "min(ts)")
    )


# What the monitor says of a period itself (HJ 212), beside its readings.
OWN_MEANS: LiteralString = """
    SELECT begins_at, period, fume_mg_m3, fume_min_mg_m3, fume_max_mg_m3, pm_mg_m3, nmhc_mg_m3, flag, device_id
      FROM fume_mean
     WHERE device_id IN (SELECT device_id FROM device WHERE kind = 'fume' AND bound_to = %(outlet_id)s)
       AND period = %(period)s
       AND (%(begin)s::timestamptz IS NULL OR begins_at >= %(begin)s)
       AND (%(end)s::timestamptz IS NULL OR begins_at < %(end)s)
       AND (%(after_ts)s::timestamptz IS NULL OR (begins_at, device_id) > (%(after_ts)s, %(after_device)s))
     ORDER BY begins_at, device_id
     LIMIT %(fetch)s
"""
READINGS_DEFAULT = timedelta(hours=24)


@router.get("", response_model=page_of(OutletShape))
def list_outlets(
    _: AnyCaller,
    request: Request,
    connection: Database,
    page: Annotated[Page, Depends(pages("outlets", str))],
) -> Answer:
    """Every outlet of the register, with the limit in force and its monitor's last reading."""
    (after,) = page.after or (None,)
    catalogue = request.app.state.catalogue
    found = rows(connection, PAGE, {"after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["outlet_id"]], lambda row: _outlet(row, catalogue)))


@router.get("/{outlet_id}", response_model=OutletShape)
def get_outlet(_: AnyCaller, request: Request, connection: Database, outlet_id: str) -> Answer:
    row = one(connection, ONE, (outlet_id,))
    if row is None:
        raise _no_outlet(outlet_id)
    return Answer(_outlet(row, request.app.state.catalogue))


@router.get("/{outlet_id}/readings", response_model=page_of(ReadingShape) | page_of(MeanShape))
def list_readings(
    _: AnyCaller,
    request: Request,
    connection: Database,
    outlet_id: str,
    page: Annotated[Page, Depends(pages("readings", datetime, str))],
    begin: From = None,
    to: To = None,
    every: Annotated[str | None, Query(description="average over this: 1m, 10m, 1h, 1d; or 1mo")] = None,
) -> Answer:
    """Readings by time, raw or averaged over `every`; by default the last day of its data.

    A mean is of good readings alone; `ts` is the beginning of its bucket.
    """
    width = read_every(every) if every not in (None, "1mo") else None
    if one(connection, "SELECT FROM outlet WHERE outlet_id = %s", (outlet_id,)) is None:
        raise _no_outlet(outlet_id)
    if begin is None or to is None:
        last = one(connection, LAST_READING, {"outlet_id": outlet_id})
        newest = (last and last["ts"]) or datetime.now(UTC)
        to = to if to is not None else max(newest, begin or newest) + timedelta(microseconds=1)
        begin = begin if begin is not None else to - READINGS_DEFAULT
    after_ts, after_device = page.after or (None, None)
    found = rows(
        connection,
        READINGS if every is None else means_by(MONTHS if width is None else WIDTHS),
        {
            "outlet_id": outlet_id, "begin": begin, "end": to, "after_ts": after_ts, "after_device": after_device,
            "fetch": page.fetch, "every": width, "zone": request.app.state.settings.timezone,
        },
    )  # fmt: skip
    return Answer(page.answer(found, lambda row: [row["ts"], row.get("device_id", "")], _reading))


@router.get("/{outlet_id}/means", response_model=page_of(OwnMeanShape))
def list_means(
    _: AnyCaller,
    connection: Database,
    outlet_id: str,
    page: Annotated[Page, Depends(pages("means", datetime, str))],
    begin: From = None,
    to: To = None,
    period: Annotated[
        Literal["minute", "hour", "day"], Query(description="minute: as set in the monitor")
    ] = "minute",
) -> Answer:
    """Means that the monitor made itself, by the beginning of their period: what is left where its readings never came."""
    if one(connection, "SELECT FROM outlet WHERE outlet_id = %s", (outlet_id,)) is None:
        raise _no_outlet(outlet_id)
    after_ts, after_device = page.after or (None, None)
    found = rows(
        connection,
        OWN_MEANS,
        {
            "outlet_id": outlet_id, "period": period, "begin": begin, "end": to, "after_ts": after_ts,
            "after_device": after_device, "fetch": page.fetch,
        },
    )  # fmt: skip
    return Answer(page.answer(found, lambda row: [row["begins_at"], row["device_id"]], _reading))


def _outlet(row: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    latest = {name: row.pop(name) for name in LATEST}
    registered = row["limit_mg_m3"]
    return {
        **row,
        "effective_limit_mg_m3": registered if registered is not None else catalogue.fume_limit(row["scale"]),
        "latest": latest if latest["ts"] is not None else None,
    }


def _reading(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "device_id"}


def _no_outlet(outlet_id: str) -> HTTPException:
    return HTTPException(404, f"no outlet {outlet_id!r} in the register")
