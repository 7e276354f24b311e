"""Alerts: lists, one with all its evidence, and an officer's word on it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from psycopg import Connection
from pydantic import AliasChoices, Field, StringConstraints

from alerts.casework import duty
from alerts.casework.leads import NoSuchAlert
from alerts.external import KINDS as EXTERNAL_KINDS
from alerts.outbox import take_turn
from alerts.presentation import ALERT, alert_json, load_alert
from analytics.records import KINDS, SEVERITIES
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.bodies import Body
from api.database import Database, one, rows
from api.paging import Page, pages
from api.parameters import From, Identity, To
from api.shapes import AlertShape, Shape, page_of

router = APIRouter(prefix="/alerts", tags=["alerts"])

Kind = StrEnum("Kind", {kind.upper(): kind for kind in (*KINDS, *EXTERNAL_KINDS.values())})  # type: ignore[misc]
Severity = StrEnum("Severity", {severity.upper(): severity for severity in SEVERITIES})  # type: ignore[misc]
State = Literal["open", "acked", "cleared", "dismissed", "withdrawn"]
Code = Literal[
    "permitted_place", "register_outdated", "position_error", "sensor_fault", "traffic", "maintenance", "not_unlawful",
    "duplicate", "other",
]  # fmt: skip
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]

PAGE: LiteralString = (
    ALERT
    + """
     WHERE (%(state)s::text[] IS NULL OR alert.state = ANY(%(state)s))
       AND (%(kind)s::text[] IS NULL OR alert.kind = ANY(%(kind)s))
       AND (%(severity)s::text[] IS NULL OR alert.severity = ANY(%(severity)s))
       AND (%(device_id)s::text IS NULL OR alert.device_id = %(device_id)s)
       AND (%(group_id)s::bigint IS NULL OR alert.group_id = %(group_id)s)
       AND (%(lead_id)s::bigint IS NULL OR alert.lead_id = %(lead_id)s)
       AND (%(escalated)s::boolean IS NULL OR (alert.escalated_at IS NOT NULL) = %(escalated)s)
       AND (%(begin)s::timestamptz IS NULL OR alert.opened_at >= %(begin)s)
       AND (%(end)s::timestamptz IS NULL OR alert.opened_at < %(end)s)
       AND (%(after_at)s::timestamptz IS NULL OR (alert.opened_at, alert.id) < (%(after_at)s, %(after_id)s))
     ORDER BY alert.opened_at DESC, alert.id DESC
     LIMIT %(fetch)s
    """
)
GROUPS: LiteralString = """
    SELECT alert_group.*,
           (SELECT count(*) FROM alert WHERE group_id = alert_group.id AND state IN ('open', 'acked')) AS active
      FROM alert_group
     WHERE (%(after)s::bigint IS NULL OR id < %(after)s)
     ORDER BY id DESC
     LIMIT %(fetch)s
"""
HELD: LiteralString = "SELECT id FROM alert WHERE group_id = %s AND state = ANY(%s) ORDER BY id"

Officer = Annotated[Caller, Depends(allowed("duty", "squad"))]


class Dismissal(Body):
    code: Code = "other"
    reason: Annotated[Reason, Field(validation_alias=AliasChoices("reason", "note"))] = ""
    """Also taken as `note`, as everything else an officer says is called."""


class ExplanationShape(Shape):
    alert: dict[str, Any]
    rule: dict[str, Any]
    judged_by: Annotated[dict[str, Any], Field(alias="register")]
    values: dict[str, Any]
    copied_from: dict[str, Any] | None
    """Of a copy: whose readings it repeats, from when to when."""
    score: dict[str, Any]
    stretch: dict[str, Any]
    caveats: list[str]
    left_out: dict[str, Any]


class GroupShape(Shape):
    id: int
    kind: str
    cause: str
    cause_value: str | None
    first_at: datetime
    last_at: datetime
    alerts: int
    active: int
    lead_id: int | None


class Decided(Shape):
    alerts: list[int]


@router.get("", response_model=page_of(AlertShape))
def list_alerts(
    _: AnyCaller,
    request: Request,
    connection: Database,
    page: Annotated[Page, Depends(pages("alerts", datetime, int))],
    state: Annotated[list[State] | None, Query()] = None,
    kind: Annotated[list[Kind] | None, Query()] = None,
    severity: Annotated[list[Severity] | None, Query()] = None,
    device_id: str | None = None,
    group_id: Annotated[int | None, Query(ge=1)] = None,
    lead_id: Annotated[int | None, Query(ge=1)] = None,
    escalated: bool | None = None,  # noqa: FBT001 - a query parameter
    begin: From = None,
    to: To = None,
) -> Answer:
    """Alerts by when they were opened, the newest first. A filter may be given several times: any of them.

    Of the evidence, a list leaves out the readings; `GET /alerts/{id}` has them.
    """
    after_at, after_id = page.after or (None, None)
    found = rows(
        connection,
        PAGE,
        {
            "state": state, "kind": kind, "severity": severity, "device_id": device_id, "group_id": group_id,
            "lead_id": lead_id, "escalated": escalated, "begin": begin, "end": to,
            "after_at": after_at, "after_id": after_id, "fetch": page.fetch,
        },
    )  # fmt: skip
    language = request.app.state.language

    def show(row: dict[str, Any]) -> dict[str, Any]:
        evidence = {name: part for name, part in row["evidence"].items() if name not in {"fixes", "samples"}}
        return alert_json({**row, "evidence": evidence}, language)

    return Answer(page.answer(found, lambda row: [row["opened_at"], row["id"]], show))


@router.get("/groups", response_model=page_of(GroupShape))
def list_groups(
    _: AnyCaller, connection: Database, page: Annotated[Page, Depends(pages("alert groups", int))]
) -> Answer:
    """Alerts that one cause opened too many of, the newest first; `GET /alerts?group_id=` has them one by one."""
    (after,) = page.after or (None,)
    found = rows(connection, GROUPS, {"after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["id"]]))


@router.post("/groups/{group_id}/ack", response_model=Decided)
def acknowledge_group(caller: Officer, connection: Database, group_id: Identity) -> Answer:
    """Acknowledge all that the group holds and that are open."""
    take_turn(connection)
    held = _held(connection, group_id, ["open"])
    for alert_id in held:
        duty.acknowledge(connection, alert_id, by=caller.name)
    return Answer({"alerts": held})


@router.post("/groups/{group_id}/dismiss", response_model=Decided)
def dismiss_group(caller: Officer, connection: Database, group_id: Identity, body: Dismissal) -> Answer:
    """Dismiss all that the group holds and that go on, for one reason."""
    take_turn(connection)
    held = _held(connection, group_id, ["open", "acked"])
    for alert_id in held:
        duty.dismiss(connection, alert_id, by=caller.name, code=body.code, reason=body.reason)
    return Answer({"alerts": held})


def _held(connection: Connection[Any], group_id: int, states: list[str]) -> list[int]:
    if one(connection, "SELECT FROM alert_group WHERE id = %s", (group_id,)) is None:
        raise HTTPException(404, f"no group {group_id} of alerts")
    return [row["id"] for row in rows(connection, HELD, (group_id, states))]


@router.get("/{alert_id}", response_model=AlertShape)
def get_alert(_: AnyCaller, request: Request, connection: Database, alert_id: Identity) -> Answer:
    return _shown(request, connection, alert_id)


@router.get("/{alert_id}/explanation", response_model=ExplanationShape)
def get_explanation(_: AnyCaller, request: Request, connection: Database, alert_id: Identity) -> Answer:
    """Why it was opened, judged once more: fixes with distances and sites, what was left out, thresholds, score.

    `caveats` says what may make it differ from the alert: rules or register changed, readings gone.
    """
    from alerts.why.explaining import explain  # noqa: PLC0415 - the engine, for whoever asks why

    state = request.app.state
    said = explain(connection, alert_id, state.catalogue, state.settings.zone)
    if said is None:
        raise NoSuchAlert(f"no alert {alert_id}")
    return Answer(said)


@router.post("/{alert_id}/ack", responses={409: {}}, response_model=AlertShape)
def acknowledge(caller: Officer, request: Request, connection: Database, alert_id: Identity) -> Answer:
    """An officer has seen it. Only what is open can be acknowledged."""
    take_turn(connection)
    duty.acknowledge(connection, alert_id, by=caller.name)
    return _shown(request, connection, alert_id)


@router.post("/{alert_id}/dismiss", responses={409: {}}, response_model=AlertShape)
def dismiss(
    caller: Officer, request: Request, connection: Database, alert_id: Identity, body: Dismissal | None = None
) -> Answer:
    """An officer says that it is nothing, and why; also of what is over. What is withdrawn or dismissed already stays so."""
    take_turn(connection)
    said = body or Dismissal()
    duty.dismiss(connection, alert_id, by=caller.name, code=said.code, reason=said.reason)
    return _shown(request, connection, alert_id)


def _shown(request: Request, connection: Connection[Any], alert_id: int) -> Answer:
    row = load_alert(connection, alert_id)
    if row is None:
        raise NoSuchAlert(f"no alert {alert_id}")
    return Answer(alert_json(row, request.app.state.language))
