"""The register's nouns, as they are inside the program.

Field names are the columns of the registry files (contract, section 3). Geometry is GeoJSON as
parsed (a dict), WGS-84, lon before lat. Days are inclusive and local to FLEETFUME_TIMEZONE.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Geometry = dict[str, Any]
HaulageKind = Literal["construction", "decoration"]
Standing = Literal["active", "suspended", "exited"]
SiteKind = Literal["source", "disposal", "transfer", "parking", "no_go"]
Scale = Literal["small", "medium", "large"]
DeviceKind = Literal["vehicle", "fume"]
DeviceStatus = Literal["active", "disabled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    company_id: str
    name: str
    kind: HaulageKind
    credit_code: str | None = None
    phone: str | None = None
    status: Standing
    review_due: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    plate: str
    company_id: str | None
    kind: HaulageKind
    vin: str | None = None
    capacity_m3: float | None = None
    tare_t: float | None = None
    gross_t: float | None = None
    status: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    site_id: str
    name: str
    kind: SiteKind
    geometry: Geometry
    """Polygon or MultiPolygon; or a Point, which `radius_m` makes a circle."""
    radius_m: float | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    hours: str | None = None
    capacity_m3: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    route_id: str
    name: str
    geometry: Geometry
    corridor_m: float = 100.0
    """How far from the line is still on the route, metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    road_id: str
    name: str
    geometry: Geometry
    corridor_m: float = 30.0
    speed_limit_kmh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Jurisdiction:
    code: str
    name: str
    squad: str | None = None
    geometry: Geometry


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    permit_id: str
    company_id: str
    source_site_id: str
    disposal_site_id: str | None = None
    route_id: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    hours: str | None = None
    plates: tuple[str, ...] = ()
    """Empty: every vehicle of the company."""
    volume_m3: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    outlet_id: str
    name: str
    address: str | None = None
    lat: float | None = None
    lon: float | None = None
    scale: Scale | None = None
    limit_mg_m3: float | None = None
    """None: the limit of its scale (rules.toml)."""
    hours: str | None = None
    cleaned_on: date | None = None
    cleaning_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    device_id: str
    kind: DeviceKind
    bound_to: str | None
    """Plate or outlet_id."""
    serial: str | None = None
    interval_s: float | None = None
    status: DeviceStatus
    installed_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The whole register at one version, each noun by its key."""

    version: int = 0
    companies: Mapping[str, Company] = field(default_factory=dict)
    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)
    sites: Mapping[str, Site] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    roads: Mapping[str, Road] = field(default_factory=dict)
    jurisdictions: Mapping[str, Jurisdiction] = field(default_factory=dict)
    permits: Mapping[str, Permit] = field(default_factory=dict)
    outlets: Mapping[str, Outlet] = field(default_factory=dict)
    devices: Mapping[str, Device] = field(default_factory=dict)
