"""Alerts: lists, one with all its evidence, and an officer's word on it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from psycopg import Connection
from pydantic import BaseModel, ConfigDict, StringConstraints

from alerts.explaining import explain
from alerts.leads import note_on_lead
from alerts.outbox import take_turn
from alerts.presentation import ALERT, alert_json, load_alert, publish_alert
from analytics.records import KINDS, SEVERITIES
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.database import Database, one, rows
from api.paging import Page, pages
from api.parameters import From, Identity, To

router = APIRouter(prefix="/alerts", tags=["alerts"])

Kind = StrEnum("Kind", {kind.upper(): kind for kind in KINDS})  # type: ignore[misc]
Severity = StrEnum("Severity", {severity.upper(): severity for severity in SEVERITIES})  # type: ignore[misc]
State = Literal["open", "acked", "cleared", "dismissed", "withdrawn"]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]

PAGE: LiteralString = (
    ALERT
    + """
     WHERE (%(state)s::text[] IS NULL OR alert.state = ANY(%(state)s))
       AND (%(kind)s::text[] IS NULL OR alert.kind = ANY(%(kind)s))
       AND (%(severity)s::text[] IS NULL OR alert.severity = ANY(%(severity)s))
       AND (%(device_id)s::text IS NULL OR alert.device_id = %(device_id)s)
       AND (%(begin)s::timestamptz IS NULL OR alert.opened_at >= %(begin)s)
       AND (%(end)s::timestamptz IS NULL OR alert.opened_at < %(end)s)
       AND (%(after_at)s::timestamptz IS NULL OR (alert.opened_at, alert.id) < (%(after_at)s, %(after_id)s))
     ORDER BY alert.opened_at DESC, alert.id DESC
     LIMIT %(fetch)s
    """
)
ACK: LiteralString = """
    UPDATE alert SET state = 'acked', acked_by = %(by)s, acked_at = now()
     WHERE id = %(id)s AND state = 'open'
    RETURNING lead_id
"""
DISMISS: LiteralString = """
    UPDATE alert SET state = 'dismissed', dismissed_by = %(by)s, dismissed_at = now(),
           note = coalesce(nullif(%(reason)s, ''), note)
     WHERE id = %(id)s AND state IN ('open', 'acked', 'cleared')
    RETURNING lead_id
"""

Officer = Annotated[Caller, Depends(allowed("duty", "squad"))]


class Dismissal(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


@router.get("")
def list_alerts(
    _: AnyCaller,
    request: Request,
    connection: Database,
    page: Annotated[Page, Depends(pages("alerts", datetime, int))],
    state: Annotated[list[State] | None, Query()] = None,
    kind: Annotated[list[Kind] | None, Query()] = None,
    severity: Annotated[list[Severity] | None, Query()] = None,
    device_id: str | None = None,
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
            "state": state, "kind": kind, "severity": severity, "device_id": device_id, "begin": begin, "end": to,
            "after_at": after_at, "after_id": after_id, "fetch": page.fetch,
        },
    )  # fmt: skip
    language = request.app.state.language

    def show(row: dict[str, Any]) -> dict[str, Any]:
        evidence = {name: part for name, part in row["evidence"].items() if name not in {"fixes", "samples"}}
        return alert_json({**row, "evidence": evidence}, language)

    return Answer(page.answer(found, lambda row: [row["opened_at"], row["id"]], show))


@router.get("/{alert_id}")
def get_alert(_: AnyCaller, request: Request, connection: Database, alert_id: Identity) -> Answer:
    return _shown(request, connection, alert_id)


@router.get("/{alert_id}/explanation")
def get_explanation(_: AnyCaller, request: Request, connection: Database, alert_id: Identity) -> Answer:
    """Why it was opened, judged once more: fixes with distances and sites, what was left out, thresholds, score.

    `caveats` says what may make it differ from the alert: rules or register changed, readings gone.
    """
    state = request.app.state
    said = explain(connection, alert_id, state.catalogue, state.settings.zone)
    if said is None:
        raise _no_alert(alert_id)
    return Answer(said)


@router.post("/{alert_id}/ack", responses={409: {}})
def acknowledge(caller: Officer, request: Request, connection: Database, alert_id: Identity) -> Answer:
    """An officer has seen it. Only what is open can be acknowledged."""
    take_turn(connection)
    _decide(connection, ACK, alert_id, caller, "acknowledged", "alert_acked", {})
    publish_alert(connection, alert_id, "alert.updated")
    return _shown(request, connection, alert_id)


@router.post("/{alert_id}/dismiss", responses={409: {}})
def dismiss(
    caller: Officer, request: Request, connection: Database, alert_id: Identity, body: Dismissal | None = None
) -> Answer:
    """An officer says that it is nothing, and why; also of what is over. What is withdrawn or dismissed already stays so."""
    take_turn(connection)
    reason = body.reason if body else ""
    _decide(connection, DISMISS, alert_id, caller, "dismissed", "alert_dismissed", {"reason": reason})
    publish_alert(connection, alert_id, "alert.updated")
    return _shown(request, connection, alert_id)


def _decide(
    connection: Connection[Any], statement: LiteralString, alert_id: int, caller: Caller, done: str, action: str,
    detail: dict[str, Any],
) -> None:  # fmt: skip
    """Carry the decision out and write it into the journal of the alert's lead."""
    decided = connection.execute(statement, {"id": alert_id, "by": caller.name, **detail}).fetchone()
    if decided is None:
        state = one(connection, "SELECT state FROM alert WHERE id = %s", (alert_id,))
        if state is None:
            raise _no_alert(alert_id)
        raise HTTPException(409, f"alert {alert_id} is {state['state']!r} and cannot be {done}")
    if decided[0] is not None:
        note_on_lead(connection, decided[0], action, {"alert_id": alert_id, **detail}, actor=caller.name)


def _shown(request: Request, connection: Connection[Any], alert_id: int) -> Answer:
    row = load_alert(connection, alert_id)
    if row is None:
        raise _no_alert(alert_id)
    return Answer(alert_json(row, request.app.state.language))


def _no_alert(alert_id: int) -> HTTPException:
    return HTTPException(404, f"no alert {alert_id}")
