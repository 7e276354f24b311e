"""Events of other systems: each becomes an alert of its own kind."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import AwareDatetime, Field, StringConstraints

from alerts import external
from alerts.outbox import take_turn
from alerts.presentation import alert_json, load_alert
from api.answers import Answer
from api.auth import Caller, allowed
from api.bodies import Body
from api.database import Database
from api.shapes import AlertShape, created

router = APIRouter(tags=["events"])

MAX_AHEAD = timedelta(minutes=10)
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class EventBody(Body):
    source: Literal["camera", "hotline", "shopfront"]
    event_id: Word
    at: AwareDatetime
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    device: Annotated[str, StringConstraints(max_length=64)] = ""
    kind: Annotated[str, StringConstraints(max_length=64)] = ""
    text: Annotated[str, StringConstraints(max_length=2000)] = ""
    plate: Annotated[str, StringConstraints(max_length=16)] | None = None
    outlet_id: Word | None = None
    severity: Literal["critical", "major", "minor", "info"] = "minor"
    picture_sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    link: Annotated[str, StringConstraints(max_length=500, pattern="^https?://")] | None = None


@router.post("/events", status_code=201, responses={200: {"model": AlertShape}}, response_model=AlertShape)
def take(
    _: Annotated[Caller, Depends(allowed("duty", "squad"))], request: Request, connection: Database, body: EventBody
) -> Answer:  # fmt: skip
    """Take an event in; the answer is its alert. The same `source` and `event_id` again change nothing (200)."""
    now = datetime.now(UTC)
    if body.at > now + MAX_AHEAD:
        raise HTTPException(422, f"at={body.at.isoformat()} is more than 10 min ahead of the clock")
    take_turn(connection)
    event = msgspec.convert(body.model_dump(), external.Event)
    alert_id, is_new = external.take(connection, event, received_at=now)
    row = load_alert(connection, alert_id)
    assert row is not None  # noqa: S101 - a foreign key holds it
    shown = alert_json(row, request.app.state.language)
    return created(shown, f"/api/v1/alerts/{alert_id}") if is_new else Answer(shown)
