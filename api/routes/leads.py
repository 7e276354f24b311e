"""Leads: lists, one, opening one from alerts, moving it on, and its journal."""

from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Depends, Query, Request
from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alerts.leads import NoSuchLead, move_lead, next_states, note_on_lead, open_lead
from alerts.outbox import take_turn
from alerts.presentation import LEAD, lead_json, load_lead, publish_alert
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.database import Database, rows
from api.paging import Page, pages
from api.parameters import Identity

router = APIRouter(prefix="/leads", tags=["leads"])

State = Literal[
    "new", "assigned", "verifying", "unfounded", "confirmed", "filed", "transferred", "decided", "closed"
]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]

PAGE: LiteralString = (
    LEAD
    + """
     WHERE (%(state)s::text[] IS NULL OR lead.state = ANY(%(state)s))
       AND (%(after)s::bigint IS NULL OR lead.id < %(after)s)
     ORDER BY lead.id DESC
     LIMIT %(fetch)s
    """
)
JOURNAL: LiteralString = """
    SELECT seq, at, actor, action, detail, prev_hash, hash
      FROM lead_journal
     WHERE lead_id = %(id)s AND (%(after)s::int IS NULL OR seq > %(after)s)
     ORDER BY seq
     LIMIT %(fetch)s
"""


class NewLead(BaseModel):
    model_config = ConfigDict(extra="forbid")

    alerts: list[Annotated[int, Field(ge=1, le=2**63 - 1)]] = Field(min_length=1, max_length=1000)
    note: Note = ""


class Transition(BaseModel):
    model_config = ConfigDict(extra="forbid")

    to: State
    note: Note = ""
    assignee: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)] | None = (
        None
    )


@router.get("")
def list_leads(
    caller: AnyCaller,
    request: Request,
    connection: Database,
    page: Annotated[Page, Depends(pages("leads", int))],
    state: Annotated[list[State] | None, Query()] = None,
) -> Answer:
    """Leads, the newest first. `next` is where the caller may move each."""
    (after,) = page.after or (None,)
    found = rows(connection, PAGE, {"state": state, "after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["id"]], lambda row: _lead(row, request, caller)))


@router.post("", status_code=201, responses={409: {}})
def open_one(
    caller: Annotated[Caller, Depends(allowed("duty", "squad"))],
    request: Request,
    connection: Database,
    body: NewLead,
) -> Answer:
    """Open a lead from alerts that have none yet."""
    take_turn(connection)
    lead_id = open_lead(connection, sorted(set(body.alerts)), created_by=caller.name)
    assert lead_id is not None  # noqa: S101 - an officer is told why not
    if body.note:
        note_on_lead(connection, lead_id, "note", {"note": body.note}, actor=caller.name)
    for alert_id in sorted(set(body.alerts)):
        publish_alert(connection, alert_id, "alert.updated")
    answer = _shown(request, connection, lead_id, caller)
    answer.status_code = 201
    answer.headers["Location"] = f"/api/v1/leads/{lead_id}"
    return answer


@router.get("/{lead_id}")
def get_lead(caller: AnyCaller, request: Request, connection: Database, lead_id: Identity) -> Answer:
    return _shown(request, connection, lead_id, caller)


@router.post("/{lead_id}/transitions", responses={403: {}, 409: {}})
def move(
    caller: AnyCaller, request: Request, connection: Database, lead_id: Identity, body: Transition
) -> Answer:
    """Move a lead on. Which role may make which move: docs/api.md; of two at once one is refused (409)."""
    take_turn(connection)
    move_lead(
        connection, lead_id, to=body.to, actor=caller.name, role=caller.role, note=body.note, assignee=body.assignee
    )  # fmt: skip
    return _shown(request, connection, lead_id, caller)


@router.get("/{lead_id}/journal")
def list_journal(
    _: AnyCaller,
    connection: Database,
    lead_id: Identity,
    page: Annotated[Page, Depends(pages("journal", int))],
) -> Answer:
    """Every step, the first one first; each entry holds the hash of the one before."""
    if load_lead(connection, lead_id) is None:
        raise NoSuchLead(f"there is no lead {lead_id}")
    (after,) = page.after or (None,)
    found = rows(connection, JOURNAL, {"id": lead_id, "after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["seq"]]))


def _shown(request: Request, connection: Connection[Any], lead_id: int, caller: Caller) -> Answer:
    row = load_lead(connection, lead_id)
    if row is None:
        raise NoSuchLead(f"there is no lead {lead_id}")
    return Answer(_lead(row, request, caller))


def _lead(row: dict[str, Any], request: Request, caller: Caller) -> dict[str, Any]:
    said = lead_json(row)
    return {
        **said,
        "title": said[f"title_{request.app.state.language}"],
        "next": next_states(row["state"], caller.role),
    }
