"""Shop-fronts (门前五包): every unit along a street, read from one CSV file and stored whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import msgspec
from psycopg import Connection

from devices import cells
from devices.checks import Problem, RegistryFilesError
from devices.nouns import Noun
from devices.registry_files import read_table


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopFront:
    unit_id: str
    name: str
    trade: str | None = None
    address: str | None = None
    lat: float | None = None
    lon: float | None = None
    grid_cell: str | None = None
    outlet_id: str | None = None
    """The outlet behind it, if it has a kitchen."""


SHOP_FRONTS = Noun(
    "shop_fronts",
    ShopFront,
    {
        "unit_id": cells.key,
        "name": cells.text,
        "trade": cells.text,
        "address": cells.text,
        "lat": cells.degrees(90),
        "lon": cells.degrees(180),
        "grid_cell": cells.key,
        "outlet_id": cells.key,
    },
)

STORE: LiteralString = """
    INSERT INTO shop_front SELECT * FROM json_populate_recordset(NULL::shop_front, %s)
        ON CONFLICT (unit_id) DO UPDATE
       SET name = EXCLUDED.name, trade = EXCLUDED.trade, address = EXCLUDED.address, lat = EXCLUDED.lat,
           lon = EXCLUDED.lon, grid_cell = EXCLUDED.grid_cell, outlet_id = EXCLUDED.outlet_id
"""


def import_shop_fronts(connection: Connection[Any], path: Path) -> int:
    """Put the file's units in the place of those there are, in the caller's transaction; how many they are.

    RegistryFilesError names every bad row: those that cannot be read, and those of an outlet the register lacks.
    """
    table = read_table(path, SHOP_FRONTS)
    outlets = {row[0] for row in connection.execute("SELECT outlet_id FROM outlet")}
    lost = [
        Problem(path.name, row, "outlet_id", f"{unit.outlet_id!r} is not in the register")
        for row, unit in table
        if unit.outlet_id is not None and unit.outlet_id not in outlets
    ]
    if lost:
        raise RegistryFilesError(lost)
    units = [unit for _, unit in table]
    connection.execute("DELETE FROM shop_front WHERE NOT unit_id = ANY(%s)", ([u.unit_id for u in units],))
    connection.execute(STORE, (msgspec.json.encode(units).decode(),))
    return len(units)
