"""What answers look like, for the OpenAPI description. Answers themselves are written from rows (`api.answers`)."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from api.answers import Answer


class Shape(BaseModel):
    model_config = ConfigDict(extra="allow")


def page_of(item: type) -> type[BaseModel]:
    """`{"items": […], "next_cursor": …}`."""
    return create_model(f"{item.__name__}Page", items=(list[item], ...), next_cursor=(str | None, None))  # type: ignore[valid-type]


class AlertShape(Shape):
    id: int
    kind: str
    severity: str
    score: float
    state: str
    device_id: str
    plate: str | None
    outlet_id: str | None
    company_id: str | None
    opened_at: datetime
    updated_at: datetime
    cleared_at: datetime | None
    started_at: datetime
    lat: float | None
    lon: float | None
    jurisdiction: str | None
    summary: str
    evidence: dict[str, Any]
    lead_id: int | None
    rule_version: str


class ReviewShape(Shape):
    round: int
    level: str
    verdict: str
    reviewer: str
    note: str
    at: datetime


class LeadShape(Shape):
    id: int
    state: str
    kind: str
    severity: str
    device_id: str | None
    plate: str | None
    outlet_id: str | None
    company_id: str | None
    jurisdiction: str | None
    squad: str | None
    assignee: str | None
    receiver: str | None
    decision: dict[str, Any] | None
    outcome: str | None
    due_on: date | None
    due_basis: str | None
    overdue: bool
    merged_into: int | None
    split_from: int | None
    handled_by: list[str]
    review_levels: list[str]
    review_round: int
    reviews: list[ReviewShape]
    next_level: str | None
    next: list[str]
    alerts: list[int]
    title: str
    opened_at: datetime
    updated_at: datetime
    created_by: str


class JournalShape(Shape):
    seq: int
    at: datetime
    actor: str
    action: str
    detail: dict[str, Any]
    prev_hash: str
    hash: str


class PhotoShape(Shape):
    hash: str
    content_type: str
    bytes: int
    name: str
    note: str
    uploaded_by: str
    uploaded_at: datetime
    taken_at: datetime | None
    lat: float | None
    lon: float | None
    from_place_m: float | None
    time_agrees: bool | None
    place_agrees: bool | None


def created(content: Any, location: str) -> Answer:
    """201, and where the new thing is."""
    answer = Answer(content, status_code=201)
    answer.headers["Location"] = location
    return answer
