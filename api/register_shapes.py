"""What the register's answers look like, vehicles and outlets with their last state, for the OpenAPI description."""

from datetime import date, datetime
from typing import Literal

from api.shapes import Shape


class StateShape(Shape):
    """A vehicle's last good or doubted fix, what the engine makes of it, and its worst open alert's severity."""

    ts: datetime
    lat: float | None
    lon: float | None
    speed_kmh: float | None
    heading_deg: float | None
    load: float | None
    lift: bool | None
    cover: str | None
    ignition: bool | None
    quality: str
    loaded: bool | None
    site_id: str | None
    alert: str | None


class VehicleShape(Shape):
    plate: str
    company_id: str | None
    company_name: str | None
    kind: str
    vin: str | None
    capacity_m3: float | None
    tare_t: float | None
    gross_t: float | None
    status: str
    device_id: str | None
    latest: StateShape | None


class PositionShape(StateShape):
    device_id: str
    plate: str
    company_id: str | None
    kind: str


class PositionsShape(Shape):
    at: datetime
    event_id: int
    vehicles: list[PositionShape]


class TrackLine(Shape):
    type: Literal["LineString"]
    coordinates: list[tuple[float, float]]


class TrackProperties(Shape):
    plate: str
    times: list[datetime]
    speed_kmh: list[float | None]
    load: list[float | None]
    lift: list[bool | None]
    quality: list[str]
    truncated: bool


class TrackShape(Shape):
    type: Literal["Feature"]
    geometry: TrackLine
    properties: TrackProperties


class OutletStateShape(Shape):
    ts: datetime
    fume_mg_m3: float | None
    fan_on: bool | None
    purifier_on: bool | None
    quality: str


class OutletShape(Shape):
    outlet_id: str
    name: str
    address: str | None
    lat: float | None
    lon: float | None
    scale: str | None
    limit_mg_m3: float | None
    effective_limit_mg_m3: float | None
    hours: str | None
    cleaned_on: date | None
    cleaning_days: int | None
    device_id: str | None
    alert: str | None
    latest: OutletStateShape | None


class MeasuredShape(Shape):
    ts: datetime
    fume_mg_m3: float | None
    pm_mg_m3: float | None
    nmhc_mg_m3: float | None
    temp_c: float | None
    rh_pct: float | None
    fan_a: float | None
    purifier_a: float | None


class ReadingShape(MeasuredShape):
    fan_on: bool | None
    purifier_on: bool | None
    flag: str | None
    quality: str


class MeanShape(MeasuredShape):
    """`ts` is the beginning of the bucket; means and shares are of good readings."""

    fan_on_share: float | None
    purifier_on_share: float | None
    count: int
    valid_count: int


class OwnMeanShape(Shape):
    """What a monitor says of a period itself."""

    begins_at: datetime
    period: str
    fume_mg_m3: float | None
    fume_min_mg_m3: float | None
    fume_max_mg_m3: float | None
    pm_mg_m3: float | None
    nmhc_mg_m3: float | None
    flag: str | None
