"""Which file holds which noun of the register, and its columns (contract, section 3)."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Final

from devices import cells, types
from devices.cells import Parser

AREA = ("Polygon", "MultiPolygon")
LINE = ("LineString", "MultiLineString")


@dataclass(frozen=True, slots=True)
class Noun:
    """One kind of registry row: its file, its columns in their order, the first of them its key."""

    name: str
    """Its place in `Registry`."""
    row: type
    columns: Mapping[str, Parser]
    shapes: tuple[str, ...] = ()
    """GeoJSON types its geometry may have; empty: a CSV file."""

    @property
    def file(self) -> str:
        return f"{self.name}.geojson" if self.shapes else f"{self.name}.csv"

    @property
    def key(self) -> str:
        return next(iter(self.columns))

    @property
    def required(self) -> frozenset[str]:
        """Columns that may not be empty."""
        optional = {
            item.name for item in fields(self.row) if item.default is not MISSING or "None" in str(item.type)
        }
        return frozenset(self.columns) - optional


NOUNS: Final = (
    Noun(
        "companies",
        types.Company,
        {
            "company_id": cells.key,
            "name": cells.text,
            "kind": cells.choice(types.HaulageKind),
            "credit_code": cells.text,
            "phone": cells.text,
            "status": cells.choice(types.Standing),
            "review_due": cells.day,
        },
    ),
    Noun(
        "vehicles",
        types.Vehicle,
        {
            "plate": cells.plate,
            "company_id": cells.key,
            "kind": cells.choice(types.HaulageKind),
            "vin": cells.text,
            "capacity_m3": cells.quantity,
            "tare_t": cells.quantity,
            "gross_t": cells.quantity,
            "status": cells.choice(types.Standing),
        },
    ),
    Noun(
        "sites",
        types.Site,
        {
            "site_id": cells.key,
            "name": cells.text,
            "kind": cells.choice(types.SiteKind),
            "radius_m": cells.positive,
            "valid_from": cells.day,
            "valid_to": cells.day,
            "hours": cells.hours,
            "capacity_m3": cells.quantity,
        },
        (*AREA, "Point"),
    ),
    Noun(
        "routes", types.Route, {"route_id": cells.key, "name": cells.text, "corridor_m": cells.positive}, LINE
    ),
    Noun(
        "roads",
        types.Road,
        {
            "road_id": cells.key,
            "name": cells.text,
            "corridor_m": cells.positive,
            "speed_limit_kmh": cells.positive,
        },
        LINE,
    ),
    Noun(
        "jurisdictions",
        types.Jurisdiction,
        {"code": cells.key, "name": cells.text, "squad": cells.text},
        AREA,
    ),
    Noun(
        "permits",
        types.Permit,
        {
            "permit_id": cells.key,
            "company_id": cells.key,
            "source_site_id": cells.key,
            "disposal_site_id": cells.key,
            "route_id": cells.key,
            "valid_from": cells.day,
            "valid_to": cells.day,
            "hours": cells.hours,
            "plates": cells.plates,
            "volume_m3": cells.quantity,
        },
    ),
    Noun(
        "outlets",
        types.Outlet,
        {
            "outlet_id": cells.key,
            "name": cells.text,
            "address": cells.text,
            "lat": cells.degrees(90),
            "lon": cells.degrees(180),
            "scale": cells.choice(types.Scale),
            "limit_mg_m3": cells.positive,
            "hours": cells.hours,
            "cleaned_on": cells.day,
            "cleaning_days": cells.days,
        },
    ),
    Noun(
        "devices",
        types.Device,
        {
            "device_id": cells.device_id,
            "kind": cells.choice(types.DeviceKind),
            "bound_to": cells.key,
            "serial": cells.text,
            "interval_s": cells.positive,
            "status": cells.choice(types.DeviceStatus),
            "installed_on": cells.day,
        },
    ),
)
"""Every noun of the register, in an order in which none refers to a later one."""

NOUN_OF: Final = {noun.name: noun for noun in NOUNS}
