"""What answers about kitchens look like, for the OpenAPI description: figures, findings, orders, inspections."""

from datetime import date, datetime
from typing import Any

from api.shapes import Shape


class FiguresShape(Shape):
    ts: datetime
    fume_mg_m3: float | None
    fume_max_mg_m3: float | None
    readings: int
    valid: int
    over_min: float
    fan_on_min: float
    both_on_min: float
    power_protection_min: int
    windows: int
    windows_over: int
    online_rate: float | None
    meal_online_rate: float | None
    valid_rate: float | None
    linkage_rate: float | None
    compliance_rate: float | None


class KitchenMonthShape(Shape):
    outlet_id: str
    name: str
    scale: str | None
    hours: str | None
    meal_hours: str | None
    jurisdiction: str | None
    fume_mg_m3: float | None
    fume_max_mg_m3: float | None
    over_min: float | None
    fan_on_min: float | None
    both_on_min: float | None
    dithering: int | None
    power_protection_min: int | None
    windows: int | None
    windows_over: int | None
    cleaned_on: date | None
    cleaning_days: int | None
    purifier_h_since_cleaning: float | None
    online_rate: float | None
    meal_online_rate: float | None
    valid_rate: float | None
    linkage_rate: float | None
    compliance_rate: float | None


class StreetShape(Shape):
    code: str | None
    name: str | None
    outlets: int
    measured: int
    never_over: int
    windows: int | None
    windows_over: int | None
    compliance_rate: float | None
    linkage_rate: float | None


class KitchenFindingShape(Shape):
    id: int
    day: date
    device_id: str
    outlet_id: str | None
    outlet_name: str | None
    kind: str
    score: float
    explained: dict[str, Any]
    examined_at: datetime


class UnitShape(Shape):
    device_id: str
    fan_min_a: float | None
    purifier_min_a: float | None
    source: str


class MealHoursShape(Shape):
    scope: str
    subject: str
    valid_from: date
    hours: str
    confirmed: bool
    source: str
    set_by: str
    set_at: datetime


class StandardsInForce(Shape):
    limits_mg_m3: dict[str, float]
    note: str


class StandardsShape(Shape):
    in_force: StandardsInForce
    items: list[dict[str, Any]]
    next_cursor: None


class CleaningShape(Shape):
    id: int
    outlet_id: str
    cleaned_on: date
    done_by: str
    note: str
    photo_sha256: list[str]
    recorded_by: str
    recorded_at: datetime
    struck_by: str | None
    struck_at: datetime | None
    struck_why: str | None


class RecheckShape(Shape):
    id: int
    passed: bool
    note: str
    photo_sha256: list[str]
    new_deadline: date | None
    checked_by: str
    checked_at: datetime


class OrderShape(Shape):
    id: int
    outlet_id: str
    outlet_name: str | None
    jurisdiction: str | None
    lead_id: int | None
    what: str
    deadline: date
    due_on: date
    state: str
    issued_by: str
    issued_at: datetime
    rechecks: list[RecheckShape]


class InspectionShape(Shape):
    id: int
    name: str
    begins_on: date
    ends_on: date
    partners: list[str]
    note: str
    created_by: str
    created_at: datetime
    visits: int
    outlets: int
    problems: int
    corrected: int


class ResultShape(Shape):
    id: int
    outlet_id: str
    visited_at: datetime
    officer: str
    problem: bool
    note: str
    photo_sha256: list[str]
    order_id: int | None
    recorded_by: str
    recorded_at: datetime


class InspectionWithResults(InspectionShape):
    results: list[ResultShape]


class ShopFrontShape(Shape):
    unit_id: str
    name: str
    trade: str | None
    address: str | None
    lat: float | None
    lon: float | None
    grid_cell: str | None
    outlet_id: str | None
    monitors: list[str]
    leads: list[int]
