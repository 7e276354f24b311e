"""Cleanings of purifiers, as officers record them: the register's last one follows, and what is judged by it."""

from datetime import date, datetime
from typing import Annotated, LiteralString

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import Field

from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.bodies import Body, Hash, Note, Words
from api.database import Database, one, rows
from api.kitchen_shapes import CleaningShape
from api.parameters import Identity
from api.shapes import page_of
from devices.cleanings import follow_cleanings

router = APIRouter(tags=["kitchens"])

Officer = Annotated[Caller, Depends(allowed("duty", "squad"))]


class CleaningBody(Body):
    cleaned_on: date
    done_by: Note = ""
    note: Note = ""
    photo_sha256: list[Hash] = Field(default_factory=list)


class StrikeBody(Body):
    why: Words


CLEANINGS: LiteralString = """
    SELECT * FROM cleaning_record WHERE outlet_id = %s ORDER BY cleaned_on DESC, id DESC
"""
RECORD: LiteralString = """
    INSERT INTO cleaning_record (outlet_id, cleaned_on, done_by, note, photo_sha256, recorded_by)
    VALUES (%(outlet_id)s, %(cleaned_on)s, %(done_by)s, %(note)s, %(photo_sha256)s, %(by)s)
    RETURNING *
"""
STRIKE: LiteralString = """
    UPDATE cleaning_record SET struck_by = %(by)s, struck_at = now(), struck_why = %(why)s
     WHERE id = %(id)s AND struck_at IS NULL
    RETURNING *
"""


@router.get("/outlets/{outlet_id}/cleanings", response_model=page_of(CleaningShape))
def list_cleanings(_: AnyCaller, connection: Database, outlet_id: str) -> Answer:
    """Recorded cleanings, struck ones too, the newest first."""
    check_outlet(connection, outlet_id)
    return Answer({"items": rows(connection, CLEANINGS, (outlet_id,)), "next_cursor": None})


@router.post("/outlets/{outlet_id}/cleanings", response_model=CleaningShape, status_code=201)
def record_cleaning(
    officer: Officer, request: Request, connection: Database, outlet_id: str, body: CleaningBody
) -> Answer:
    """Record a cleaning: the register's `cleaned_on` follows, and an open `purifier_degraded` clears."""
    check_outlet(connection, outlet_id)
    today = datetime.now(request.app.state.settings.zone).date()
    if body.cleaned_on > today:
        raise HTTPException(
            422, f"cleaned_on={body.cleaned_on}: a cleaning cannot be recorded before it was done"
        )
    recorded = one(connection, RECORD, {"outlet_id": outlet_id, "by": officer.name, **body.model_dump()})
    follow_cleanings(connection, outlet_id, actor=officer.name)
    return Answer(recorded, status_code=201)


@router.post("/cleanings/{cleaning_id}/strike", response_model=CleaningShape)
def strike_cleaning(
    officer: Officer, connection: Database, cleaning_id: Identity, body: StrikeBody
) -> Answer:
    """Take a wrong record back, with the reason; it stays readable."""
    struck = one(connection, STRIKE, {"id": cleaning_id, "by": officer.name, "why": body.why})
    if struck is None:
        raise HTTPException(404, f"no cleaning {cleaning_id} that is not struck yet")
    follow_cleanings(connection, struck["outlet_id"], actor=officer.name, struck=struck["cleaned_on"])
    return Answer(struck)


def check_outlet(connection: Database, outlet_id: str) -> None:
    if one(connection, "SELECT FROM outlet WHERE outlet_id = %s", (outlet_id,)) is None:
        raise HTTPException(404, f"no outlet {outlet_id!r} in the register")
