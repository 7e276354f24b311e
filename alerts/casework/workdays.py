"""Working days in China: which days they are, and when a number of them has passed.

The holidays and the worked weekends are those of `chinesecalendar` (the State Council's yearly notices); rows of
`calendar_day` come first. Of a year that neither knows, only Saturdays and Sundays are days off, and `is_known`
says so: the notice for a year appears late in the year before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, LiteralString

import chinese_calendar
from psycopg import Connection

READ: LiteralString = "SELECT day, working FROM calendar_day"
DEADLINE: LiteralString = "SELECT days, counted, basis FROM deadline WHERE subject = %s"


@dataclass(frozen=True, slots=True)
class Calendar:
    changed: Mapping[date, bool] = field(default_factory=dict)
    """Days an administrator entered: whether they are worked."""

    def is_known(self, day: date) -> bool:
        """Whether a notice says of `day` what it is, rather than the weekday alone."""
        return day in self.changed or _in_library(day)

    def is_working(self, day: date) -> bool:
        if day in self.changed:
            return self.changed[day]
        return chinese_calendar.is_workday(day) if _in_library(day) else day.weekday() < 5

    def after(self, start: date, days: int) -> date:
        """The `days`-th working day after `start`, which does not count itself."""
        return _nth_day(start, days, self.is_working)


def _in_library(day: date) -> bool:
    try:
        chinese_calendar.is_workday(day)
    except NotImplementedError:
        return False
    return True


def _nth_day(start: date, days: int, counts: Callable[[date], bool]) -> date:
    day = start
    while days > 0:
        day += timedelta(days=1)
        days -= counts(day)
    return day


def load_calendar(connection: Connection[Any]) -> Calendar:
    return Calendar(dict(connection.execute(READ).fetchall()))


def due(connection: Connection[Any], subject: str, start: date) -> tuple[date, str] | None:
    """By which day `subject` (a row of `deadline`), begun on `start`, is due, and on what basis; None: no limit."""
    row = connection.execute(DEADLINE, (subject,)).fetchone()
    if row is None:
        return None
    days, counted, basis = row
    if counted == "calendar":
        return start + timedelta(days=days), basis
    return load_calendar(connection).after(start, days), basis
