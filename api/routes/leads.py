"""Leads: lists, one, opening one from alerts, moving it on, merging and splitting, notes, and its journal."""

from datetime import datetime
from typing import Annotated, Any, LiteralString

from fastapi import APIRouter, Depends, Query, Request
from psycopg import Connection

from alerts.casework import moves, transfers
from alerts.casework.laws import as_data
from alerts.casework.leads import (
    NoSuchLead,
    hand_over,
    lock_lead,
    merge_leads,
    move_lead,
    note_on_lead,
    open_lead,
    split_lead,
)
from alerts.casework.reviews import distinct_people, load_levels, may_sign, sign
from alerts.outbox import take_turn
from alerts.presentation import LEAD, lead_json, load_lead, publish_alert
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.database import Database, rows
from api.lead_bodies import Assignment, Merger, Name, NewLead, Remark, Split, State, Transition
from api.paging import Page, pages
from api.parameters import Identity
from api.shapes import JournalShape, LeadShape, created, page_of

router = APIRouter(prefix="/leads", tags=["leads"])

PAGE: LiteralString = (
    LEAD
    + """
     WHERE (%(state)s::text[] IS NULL OR lead.state = ANY(%(state)s))
       AND (%(squad)s::text IS NULL OR lead.squad = %(squad)s)
       AND (%(assignee)s::text IS NULL OR lead.assignee = %(assignee)s)
       AND (%(plate)s::text IS NULL OR lead.plate = %(plate)s)
       AND (%(company_id)s::text IS NULL OR lead.company_id = %(company_id)s)
       AND (%(overdue)s::boolean IS NULL OR coalesce(lead.due_on < %(today)s, false) = %(overdue)s)
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

Officer = Annotated[Caller, Depends(allowed("duty", "squad"))]
Handler = Annotated[Caller, Depends(allowed("duty", "squad", "reviewer"))]


@router.get("", response_model=page_of(LeadShape))
def list_leads(
    caller: AnyCaller,
    request: Request,
    connection: Database,
    page: Annotated[Page, Depends(pages("leads", int))],
    state: Annotated[list[State] | None, Query()] = None,
    squad: Name | None = None,
    assignee: Name | None = None,
    plate: Name | None = None,
    company_id: Name | None = None,
    overdue: bool | None = None,  # noqa: FBT001 - a query parameter
) -> Answer:
    """Leads, the newest first. `next` is where the caller may move each."""
    (after,) = page.after or (None,)
    found = rows(
        connection,
        PAGE,
        {
            "state": state, "squad": squad, "assignee": assignee, "plate": plate, "company_id": company_id,
            "overdue": overdue, "today": _today(request), "after": after, "fetch": page.fetch,
        },
    )  # fmt: skip
    show = _shower(request, connection, caller)
    return Answer(page.answer(found, lambda row: [row["id"]], show))


@router.post("", status_code=201, responses={409: {}}, response_model=LeadShape)
def open_one(caller: Officer, request: Request, connection: Database, body: NewLead) -> Answer:
    """Open a lead from alerts that have none yet."""
    take_turn(connection)
    wanted = sorted(set(body.alerts))
    lead_id = open_lead(connection, wanted, created_by=caller.name, zone=request.app.state.settings.zone)
    assert lead_id is not None  # noqa: S101 - an officer is told why not
    if body.note:
        note_on_lead(connection, lead_id, "note", {"note": body.note}, actor=caller.name)
    for alert_id in wanted:
        publish_alert(connection, alert_id, "alert.updated")
    return _made(request, connection, lead_id, caller)


@router.get("/{lead_id}", response_model=LeadShape)
def get_lead(caller: AnyCaller, request: Request, connection: Database, lead_id: Identity) -> Answer:
    return _shown(request, connection, lead_id, caller)


@router.post("/{lead_id}/transitions", responses={403: {}, 409: {}}, response_model=LeadShape)
def move(
    caller: AnyCaller, request: Request, connection: Database, lead_id: Identity, body: Transition
) -> Answer:
    """Move a lead on, or sign it off. Which role may make which move: docs/leads.md; of two at once one is refused (409)."""
    take_turn(connection)
    if body.to == "review":
        sign(
            connection, lead_id, level=body.level or "", verdict=body.verdict or "", actor=caller.name,
            role=caller.role, note=body.note,
        )  # fmt: skip
    else:
        before = lock_lead(connection, lead_id)["state"]
        receiver = _receiver(request, connection, lead_id, body)
        zone = request.app.state.settings.zone
        move_lead(
            connection, lead_id, to=body.to, actor=caller.name, role=caller.role, note=body.note,
            assignee=body.assignee, receiver=receiver,
            decision=body.decision.model_dump() if body.decision else None, outcome=body.outcome,
            zone=zone,
        )  # fmt: skip
        if body.to == "transferred" and receiver is not None:
            transfers.send(
                connection, lead_id, party=receiver, by=caller.name, zone=zone, note=body.note, basis=body.basis,
                what="case" if before == "filed" else "lead",
            )  # fmt: skip
        transfers.followed(connection, lead_id, before=before, to=body.to, note=body.note, zone=zone)
    return _shown(request, connection, lead_id, caller)


@router.post("/{lead_id}/assignee", responses={403: {}, 409: {}}, response_model=LeadShape)
def reassign(
    caller: Annotated[Caller, Depends(allowed("duty"))], request: Request, connection: Database, lead_id: Identity,
    body: Assignment,
) -> Answer:  # fmt: skip
    """Give a lead that goes on to somebody else."""
    take_turn(connection)
    hand_over(connection, lead_id, to=body.assignee, actor=caller.name, note=body.note)
    return _shown(request, connection, lead_id, caller)


@router.post("/{lead_id}/merge", responses={409: {}}, response_model=LeadShape)
def merge(caller: Officer, request: Request, connection: Database, lead_id: Identity, body: Merger) -> Answer:
    """Take the alerts of other leads in, and close those."""
    take_turn(connection)
    merge_leads(connection, lead_id, body.leads, actor=caller.name, note=body.note)
    return _shown(request, connection, lead_id, caller)


@router.post("/{lead_id}/split", status_code=201, responses={409: {}}, response_model=LeadShape)
def split(caller: Officer, request: Request, connection: Database, lead_id: Identity, body: Split) -> Answer:
    """Make a lead of its own of some of the alerts; the answer is the new one."""
    take_turn(connection)
    made = split_lead(
        connection, lead_id, body.alerts, actor=caller.name, note=body.note, zone=request.app.state.settings.zone
    )  # fmt: skip
    return _made(request, connection, made, caller)


@router.post("/{lead_id}/notes", responses={403: {}}, response_model=LeadShape)
def remark(
    caller: Handler, request: Request, connection: Database, lead_id: Identity, body: Remark
) -> Answer:
    """Write a note or a finding into the journal."""
    take_turn(connection)
    lock_lead(connection, lead_id)
    note_on_lead(connection, lead_id, body.kind, {"note": body.text}, actor=caller.name)
    return _shown(request, connection, lead_id, caller)


@router.get("/{lead_id}/journal", response_model=page_of(JournalShape))
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


def _receiver(request: Request, connection: Connection[Any], lead_id: int, body: Transition) -> str | None:
    """Whom a transfer goes to: as the officer says, as receiver or assignee, else as the law table proposes."""
    if body.to != "transferred" or body.receiver is not None:
        return body.receiver
    if body.assignee in moves.RECEIVERS:
        return body.assignee
    kind = lock_lead(connection, lead_id)["kind"]
    proposed: str = request.app.state.laws.transfer_to.get(kind, "other_district")
    return proposed


def _made(request: Request, connection: Connection[Any], lead_id: int, caller: Caller) -> Answer:
    row = load_lead(connection, lead_id)
    assert row is not None  # noqa: S101 - made just now
    return created(_shower(request, connection, caller)(row), f"/api/v1/leads/{lead_id}")


def _shown(request: Request, connection: Connection[Any], lead_id: int, caller: Caller) -> Answer:
    row = load_lead(connection, lead_id)
    if row is None:
        raise NoSuchLead(f"there is no lead {lead_id}")
    laws = [as_data(law) for law in request.app.state.laws.of(row["kind"])]
    return Answer({**_shower(request, connection, caller)(row), "laws": laws})


def _today(request: Request) -> Any:
    return datetime.now(request.app.state.settings.zone).date()


def _shower(request: Request, connection: Connection[Any], caller: Caller) -> Any:
    """Shows rows of LEAD to `caller`: with the title in the service's language, and what he may do next."""
    language = request.app.state.language
    today = _today(request)
    distinct = distinct_people(connection)
    signers = {one.level: {*one.roles, "admin"} for one in load_levels(connection)}

    def show(row: dict[str, Any]) -> dict[str, Any]:
        said = lead_json(row)
        following = moves.next_states(row["state"], caller.role) if row["merged_into"] is None else []
        level = said["next_level"]
        if level is not None:
            following = [state for state in following if state != "decided"]
            mine = [one["reviewer"] for one in row["reviews"] if one["round"] == row["review_round"]]
            fits = may_sign(row, caller.name, mine, distinct=distinct)
            if fits and caller.role in signers.get(level, {"admin"}):
                following = [moves.REVIEW, *following]
        return {
            **said,
            "title": said[f"title_{language}"],
            "overdue": row["due_on"] is not None and row["due_on"] < today,
            "next": following,
        }

    return show
