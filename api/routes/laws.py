"""处罚导图 and 裁量: the law table, and worksheets that keep what a proposal was made of."""

from datetime import datetime
from typing import Annotated, Any, LiteralString

from fastapi import APIRouter, Depends, HTTPException, Request
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.casework.laws import as_data, suggest
from alerts.casework.leads import lock_lead, note_on_lead
from alerts.outbox import take_turn
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.database import Database, one, rows
from api.parameters import Identity
from api.shapes import Shape

router = APIRouter(tags=["laws"])

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]

ADD: LiteralString = """
    INSERT INTO lead_worksheet (lead_id, made_by, law, factors, terms, share, suggested_yuan, amount_yuan, note)
    VALUES (%(lead_id)s, %(by)s, %(law)s, %(factors)s, %(terms)s, %(share)s, %(suggested)s, %(amount)s, %(note)s)
    RETURNING *
"""


class LawTableShape(Shape):
    as_of: str
    note: str
    law: list[dict[str, Any]]
    transfer_to: dict[str, str]
    discretion: dict[str, Any]


class WorksheetBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    law_id: Word
    factors: list[Word] = []
    amount_yuan: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""


class WorksheetShape(Shape):
    id: int
    lead_id: int
    made_by: str
    made_at: datetime
    law: dict[str, Any]
    factors: list[str]
    terms: dict[str, float]
    share: float
    suggested_yuan: float | None
    amount_yuan: float | None
    note: str


@router.get("/laws", response_model=LawTableShape)
def get_laws(_: AnyCaller, request: Request) -> Answer:
    """The law table in force. `confirmed` false: to be held against the text before it is quoted."""
    return Answer(as_data(request.app.state.laws))


@router.get("/leads/{lead_id}/worksheets", response_model=list[WorksheetShape])
def list_worksheets(_: AnyCaller, connection: Database, lead_id: Identity) -> Answer:
    lock_lead(connection, lead_id)
    return Answer(rows(connection, "SELECT * FROM lead_worksheet WHERE lead_id = %s ORDER BY id", (lead_id,)))


@router.post("/leads/{lead_id}/worksheets", status_code=201, response_model=WorksheetShape)
def add_worksheet(
    caller: Annotated[Caller, Depends(allowed("squad", "reviewer"))], request: Request, connection: Database,
    lead_id: Identity, body: WorksheetBody,
) -> Answer:  # fmt: skip
    """Where within a law's range these factors point; kept with the law and the weights as they are now."""
    take_turn(connection)
    lock_lead(connection, lead_id)
    laws = request.app.state.laws
    law = laws.find(body.law_id)
    if law is None:
        raise HTTPException(422, f"no law {body.law_id!r}; GET /laws lists them")
    suggestion = suggest(laws, law, body.factors)
    made = one(
        connection,
        ADD,
        {
            "lead_id": lead_id, "by": caller.name, "law": Jsonb(as_data(law)), "factors": sorted(set(body.factors)),
            "terms": Jsonb(dict(suggestion.terms)), "share": suggestion.share, "suggested": suggestion.amount_yuan,
            "amount": body.amount_yuan, "note": body.note,
        },
    )  # fmt: skip
    assert made is not None  # noqa: S101 - INSERT … RETURNING of one row
    said = {
        "law": law.id, "factors": made["factors"], "suggested_yuan": suggestion.amount_yuan,
        "amount_yuan": body.amount_yuan, "note": body.note,
    }  # fmt: skip
    note_on_lead(connection, lead_id, "worksheet", said, actor=caller.name)
    answer = Answer(made, status_code=201)
    answer.headers["Location"] = f"/api/v1/leads/{lead_id}/worksheets"
    return answer
