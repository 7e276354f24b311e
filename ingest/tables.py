"""Where readings are kept: one table for each kind, and what a reading has for its columns."""

from typing import LiteralString, NamedTuple

from devices.types import DeviceKind


class Table(NamedTuple):
    """Where one kind's readings are kept: the columns taken from a reading, in order, with their types."""

    name: LiteralString
    columns: tuple[LiteralString, ...]
    types: tuple[str, ...]


VEHICLE_POSITION = Table(
    "vehicle_position",
    (
        "lat", "lon", "speed_kmh", "heading_deg", "alt_m", "hdop", "sats", "fix", "ignition", "odometer_km",
        "load", "lift", "cover", "seq",
    ),
    (
        "float8", "float8", "float8", "float8", "float8", "float8", "int4", "bool", "bool", "float8",
        "float8", "bool", "text", "int8",
    ),
)  # fmt: skip
FUME_READING = Table(
    "fume_reading",
    (
        "fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3", "temp_c", "rh_pct", "fan_on", "purifier_on", "fan_a", "purifier_a",
        "flag", "seq",
    ),
    ("float8", "float8", "float8", "float8", "float8", "bool", "bool", "float8", "float8", "text", "int8"),
)  # fmt: skip
TABLES: dict[DeviceKind, Table] = {"vehicle": VEHICLE_POSITION, "fume": FUME_READING}
