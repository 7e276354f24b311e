"""Leads: what officers make of alerts, step by step."""

from typing import Annotated, Any, LiteralString

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from alerts.leads import move_lead, next_states, open_lead
from alerts.presentation import LEAD, lead_json, load_lead
from api.auth import CurrentUser, User, require
from api.paging import Page
from api.problems import Problem
from api.replies import Json
from api.state import Database, Parts, Row, Shared, carry_out, select

router = APIRouter(tags=["leads"])

LIST: LiteralString = (
    LEAD
    + """
     WHERE (%(state)s::text IS NULL OR lead.state = %(state)s)
       AND (%(after)s::bigint IS NULL OR lead.id < %(after)s)
     ORDER BY lead.id DESC
     LIMIT %(fetch)s
"""
)
JOURNAL: LiteralString = """
    SELECT seq, at, actor, action, detail, prev_hash, hash
      FROM lead_journal
     WHERE lead_id = %(lead_id)s AND (%(after)s::integer IS NULL OR seq > %(after)s)
     ORDER BY seq
     LIMIT %(fetch)s
"""

Officer = Annotated[User, require("duty", "squad", "admin")]
Mover = Annotated[User, require("duty", "squad", "reviewer", "admin")]


class NewLead(BaseModel):
    alerts: Annotated[list[int], Field(min_length=1, max_length=1000)]


class Transition(BaseModel):
    to: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    note: Annotated[str, StringConstraints(max_length=5000)] = ""
    assignee: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


@router.get("/leads")
def leads(
    user: CurrentUser, connection: Database, parts: Parts, page: Page, state: str | None = None
) -> Json:
    """Leads, newest first."""
    rows = select(connection, LIST, {"state": state, "after": page.after(int), "fetch": page.fetch})
    return page.page(rows, key=lambda row: row["id"], shown=lambda row: _shown(row, parts, user))


@router.post("/leads", status_code=201)
def open_one(user: Officer, connection: Database, parts: Parts, body: NewLead) -> Json:
    """Open a lead from alerts that have none."""
    lead_id = carry_out(connection, lambda: open_lead(connection, body.alerts, created_by=user.name))
    assert lead_id is not None  # noqa: S101 - only the engine gets None
    return Json(
        _lead(connection, lead_id, parts, user), 201, headers={"Location": f"/api/v1/leads/{lead_id}"}
    )


@router.get("/leads/{lead_id}")
def lead(user: CurrentUser, connection: Database, parts: Parts, lead_id: int) -> Json:
    """One lead; `next` are the states to which the caller may move it now."""
    return Json(_lead(connection, lead_id, parts, user))


@router.post("/leads/{lead_id}/transitions")
def transition(user: Mover, connection: Database, parts: Parts, lead_id: int, body: Transition) -> Json:
    """Move a lead on; 409 if it is not where the move begins, as when a colleague was first."""
    carry_out(
        connection,
        lambda: move_lead(
            connection, lead_id, to=body.to, actor=user.name, role=user.role, note=body.note, assignee=body.assignee
        ),
    )  # fmt: skip
    return Json(_lead(connection, lead_id, parts, user))


@router.get("/leads/{lead_id}/journal")
def lead_journal(user: CurrentUser, connection: Database, parts: Parts, page: Page, lead_id: int) -> Json:
    """Every step of a lead, first to last; each entry holds the hash of the one before."""
    _lead(connection, lead_id, parts, user)
    rows = select(connection, JOURNAL, {"lead_id": lead_id, "after": page.after(int), "fetch": page.fetch})
    return page.page(rows, key=lambda row: row["seq"])


def _lead(connection: Database, lead_id: int, parts: Shared, user: User) -> dict[str, Any]:
    row = load_lead(connection, lead_id)
    if row is None:
        raise Problem(404, f"there is no lead {lead_id}")
    return _shown(row, parts, user)


def _shown(row: Row, parts: Shared, user: User) -> dict[str, Any]:
    shown = lead_json(row)
    return {**shown, "title": shown[f"title_{parts.language}"], "next": next_states(row["state"], user.role)}
