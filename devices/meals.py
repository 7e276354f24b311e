"""When a kitchen cooks: dated hours for an outlet, for a trade, or for all. Not in the register's files.

The outlet's own go before its trade's, those before the default; of each the newest that is valid on the day. A trade
is a word of the outlet's name or of its shop-front's trade; where several are, the longest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, LiteralString

from psycopg import Connection
from psycopg.rows import class_row

from devices.types import Outlet

Scope = Literal["default", "trade", "outlet"]


@dataclass(frozen=True, slots=True)
class MealHours:
    scope: Scope
    subject: str
    valid_from: date
    hours: str
    """As `parse_hours` reads them."""
    confirmed: bool
    source: str


KNOWN: LiteralString = """
    SELECT scope, subject, valid_from, hours, confirmed, source FROM meal_hours ORDER BY valid_from
"""
TRADES: LiteralString = """
    SELECT outlet_id, string_agg(trade, ' ') FROM shop_front
     WHERE outlet_id IS NOT NULL AND trade IS NOT NULL GROUP BY outlet_id
"""


class Meals:
    """Whose meals are when, on any day."""

    def __init__(self, words: Mapping[str, str], known: Iterable[MealHours] = ()) -> None:
        """`words`: by outlet, its name and trade. `known`: in order of `valid_from`."""
        self._words = words
        self._known: dict[tuple[str, str], list[MealHours]] = {}
        for one in known:
            self._known.setdefault((one.scope, one.subject), []).append(one)
        self._trades = sorted((subject for scope, subject in self._known if scope == "trade"), key=len)

    def on(self, outlet_id: str, day: date) -> MealHours | None:
        """Of an outlet on a local day; None where nothing is said of it."""
        words = self._words.get(outlet_id, "")
        trades = [("trade", word) for word in reversed(self._trades) if word in words]
        for key in (("outlet", outlet_id), *trades, ("default", "")):
            valid = [one for one in self._known.get(key, ()) if one.valid_from <= day]
            if valid:
                return valid[-1]
        return None


def load_meals(connection: Connection[Any], outlets: Iterable[Outlet]) -> Meals:
    with connection.cursor(row_factory=class_row(MealHours)) as cursor:
        known = cursor.execute(KNOWN).fetchall()
    trades = dict(connection.execute(TRADES).fetchall())
    return Meals({o.outlet_id: f"{o.name} {trades.get(o.outlet_id, '')}" for o in outlets}, known)
