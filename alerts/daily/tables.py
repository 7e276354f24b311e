"""What a report is made of: a local day, and tables of figures about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

DIGITS = 4
"""Of a figure: a sum of floats may differ in its last digits from one query plan to the next, a report may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A local day, from `since` to `until` (not included): its end, or the moment of asking while it goes on."""

    day: date
    zone: ZoneInfo
    since: datetime
    until: datetime
    whole: bool

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "since": self.since,
            "until": self.until,
            "day": self.day,
            "zone": self.zone.key,
            "then": self.then,
        }

    @property
    def then(self) -> date:
        """The local day it is at `until`: what was due before it is overdue."""
        return self.until.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class Table:
    """`code` and `columns` are labelled in alerts/labels.json; a column's name carries its unit."""

    code: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    single: bool = False
    """One row by nature: shown as a list of figures."""

    def records(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def table(code: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Table:
    """`columns` of `rows`, which may hold more."""
    return Table(code, tuple(columns), [tuple(_said(row[name]) for name in columns) for row in rows])


def figures(code: str, row: Mapping[str, Any]) -> Table:
    """A table of the one row `row`."""
    return Table(code, tuple(row), [tuple(_said(value) for value in row.values())], single=True)


def share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _said(value: Any) -> Any:
    if isinstance(value, Decimal):  # what PostgreSQL makes of a sum of whole numbers
        value = int(value) if value == value.to_integral_value() else float(value)
    return round(value, DIGITS) if isinstance(value, float) else value
