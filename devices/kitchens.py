"""What is known of kitchens beyond the register's files: from which currents on a unit works, and recorded cleanings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, LiteralString

from psycopg import Connection


@dataclass(frozen=True, slots=True)
class Unit:
    """From which current on a unit works, amperes; None: not known."""

    fan_min_a: float | None = None
    purifier_min_a: float | None = None


@dataclass(frozen=True, slots=True)
class Kitchens:
    units: Mapping[str, Unit] = field(default_factory=dict)
    """By device."""
    cleanings: Mapping[str, tuple[date, ...]] = field(default_factory=dict)
    """By outlet, the newest first."""


UNITS: LiteralString = "SELECT device_id, fan_min_a, purifier_min_a FROM kitchen_unit"
CLEANINGS: LiteralString = """
    SELECT outlet_id, array_agg(DISTINCT cleaned_on ORDER BY cleaned_on DESC)
      FROM (SELECT outlet_id, cleaned_on FROM cleaning_record WHERE struck_at IS NULL
             UNION ALL
            SELECT outlet_id, cleaned_on FROM outlet WHERE cleaned_on IS NOT NULL) AS known
     GROUP BY outlet_id
"""


def load_kitchens(connection: Connection[Any]) -> Kitchens:
    return Kitchens(
        {device_id: Unit(fan, purifier) for device_id, fan, purifier in connection.execute(UNITS)},
        {outlet_id: tuple(days) for outlet_id, days in connection.execute(CLEANINGS)},
    )
