"""The daily report: one local day of the district, from what the database holds of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from alerts.catalogue import Catalogue
from alerts.daily.casework import casework
from alerts.daily.data import FIRST, data, heard_on
from alerts.daily.haulage import haulage
from alerts.daily.kitchens import kitchens
from alerts.daily.tables import Period, Table, figures
from alerts.journal import day_bounds
from runtime.errors import FleetfumeError


class NoReport(FleetfumeError):
    """There is nothing to report of this day; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    office: str
    period: Period
    tables: list[Table]


def daily_report(
    connection: Connection[Any],
    day: date,
    *,
    zone: ZoneInfo,
    catalogue: Catalogue,
    office: str,
    now: datetime,
) -> Report:
    """The report of local `day`; of today, up to `now`. NoReport: the day is to come, or before anything that is kept."""
    period = _period(connection, day, zone, now)
    heard = heard_on(connection, period)
    tables = [
        *haulage(connection, period, [one for one in heard if one["device_kind"] == "vehicle"]),
        *casework(connection, period),
        *kitchens(connection, period, catalogue),
        *data(connection, period, heard),
    ]
    return Report(office=office, period=period, tables=[_summary(tables), *tables])


def _period(connection: Connection[Any], day: date, zone: ZoneInfo, now: datetime) -> Period:
    today = now.astimezone(zone).date()
    if day > today:
        raise NoReport(f"{day} has not begun yet: today is {today} ({zone.key})")
    (first,) = connection.execute(FIRST).fetchone() or (None,)
    if first is None:
        raise NoReport(
            f"there is nothing to report of {day}: the database holds no readings, alerts or leads yet"
        )
    if day < (begun := first.astimezone(zone).date()):
        raise NoReport(f"there is nothing to report of {day}: what is kept begins on {begun} ({zone.key})")
    since, end = day_bounds(day, zone)
    return Period(day=day, zone=zone, since=since, until=min(end, now), whole=end <= now)


SUMMARY = {
    "vehicles": ("equipped", "reporting", "moving", "offline"),
    "loads": ("loads", "delivered", "delivered_m3", "dumped", "without_permit"),
    "leads": ("opened", "overdue", "filed", "amount_yuan"),
    "kitchens": ("online_rate", "valid_rate", "linkage_rate", "compliance_rate", "over_min"),
}
"""What the first page says, of the tables of one row."""


def _summary(tables: list[Table]) -> Table:
    by_code = {one.code: one for one in tables}

    def total(code: str, column: str) -> Any:
        return sum(record[column] for record in by_code[code].records())

    singles: dict[str, Mapping[str, Any]] = {code: by_code[code].records()[0] for code in SUMMARY}
    said = {
        code if name == code else f"{code}.{name}": singles[code][name]
        for code, names in SUMMARY.items()
        for name in names
    }
    said["alerts"] = total("alerts_by_severity", "alerts")
    said["alerts.critical"] = total("alerts_by_kind", "critical")
    said["quarantine.messages"] = total("quarantine", "messages")
    return figures("summary", said)
