"""Alerts, and the two things an officer says about one."""

from datetime import datetime
from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Query
from pydantic import BaseModel, StringConstraints

from alerts import journal
from alerts.presentation import ALERT, alert_json, load_alert, publish_alert
from analytics.records import KINDS
from api.auth import CurrentUser, User, require
from api.paging import Page
from api.problems import Problem
from api.replies import Json
from api.state import Database, Parts, Shared, carry_out, select
from api.times import Instant

router = APIRouter(tags=["alerts"])

State = Literal["open", "acked", "cleared", "dismissed", "withdrawn"]
Severity = Literal["critical", "major", "minor", "info"]
Kind = Literal[*KINDS]  # type: ignore[valid-type]

LIST: LiteralString = (
    ALERT
    + """
     WHERE (%(state)s::text IS NULL OR alert.state = %(state)s)
       AND (%(kind)s::text IS NULL OR alert.kind = %(kind)s)
       AND (%(severity)s::text IS NULL OR alert.severity = %(severity)s)
       AND (%(device_id)s::text IS NULL OR alert.device_id = %(device_id)s)
       AND (%(begin)s::timestamptz IS NULL OR alert.opened_at >= %(begin)s)
       AND (%(end)s::timestamptz IS NULL OR alert.opened_at < %(end)s)
       AND (%(after_at)s::timestamptz IS NULL
            OR (alert.opened_at, alert.id) < (%(after_at)s::timestamptz, %(after_id)s::bigint))
     ORDER BY alert.opened_at DESC, alert.id DESC
     LIMIT %(fetch)s
"""
)
LOCK: LiteralString = "SELECT state, lead_id FROM alert WHERE id = %s FOR UPDATE"
ACK: LiteralString = "UPDATE alert SET state = 'acked', acked_by = %s, acked_at = now() WHERE id = %s"
DISMISS: LiteralString = """
    UPDATE alert SET state = 'dismissed', dismissed_by = %s, dismissed_at = now(), note = %s WHERE id = %s
"""
MAY_ACK = frozenset({"open"})
MAY_DISMISS = frozenset({"open", "acked", "cleared"})

Officer = Annotated[User, require("duty", "squad", "admin")]


class Dismissal(BaseModel):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


@router.get("/alerts")
def alerts(
    _: CurrentUser,
    connection: Database,
    parts: Parts,
    page: Page,
    state: State | None = None,
    kind: Kind | None = None,
    severity: Severity | None = None,
    device_id: str | None = None,
    begin: Annotated[Instant | None, Query(alias="from")] = None,
    end: Annotated[Instant | None, Query(alias="to")] = None,
) -> Json:
    """Alerts, newest first; `from` and `to` (exclusive) go by `opened_at`."""
    after_at, after_id = page.after(tuple[datetime, int]) or (None, None)
    rows = select(
        connection,
        LIST,
        {
            "state": state, "kind": kind, "severity": severity, "device_id": device_id,
            "begin": begin, "end": end, "after_at": after_at, "after_id": after_id, "fetch": page.fetch,
        },
    )  # fmt: skip
    return page.page(
        rows, key=lambda row: (row["opened_at"], row["id"]), shown=lambda row: alert_json(row, parts.language)
    )


@router.get("/alerts/{alert_id}")
def alert(_: CurrentUser, connection: Database, parts: Parts, alert_id: int) -> Json:
    """One alert with its evidence."""
    return Json(_shown(connection, parts, alert_id))


@router.post("/alerts/{alert_id}/ack")
def acknowledge(user: Officer, connection: Database, parts: Parts, alert_id: int) -> Json:
    """Say that an open alert has been seen and is being dealt with."""

    def work() -> None:
        _locked(connection, alert_id, MAY_ACK, "acknowledged")
        connection.execute(ACK, [user.name, alert_id])
        publish_alert(connection, alert_id, "alert.updated")

    carry_out(connection, work)
    return Json(_shown(connection, parts, alert_id))


@router.post("/alerts/{alert_id}/dismiss")
def dismiss(user: Officer, connection: Database, parts: Parts, alert_id: int, body: Dismissal) -> Json:
    """Say that an alert is unfounded, and why. A lead it belongs to keeps the word in its journal."""

    def work() -> None:
        lead_id = _locked(connection, alert_id, MAY_DISMISS, "dismissed")
        connection.execute(DISMISS, [user.name, body.reason, alert_id])
        if lead_id is not None:
            detail = {"alert_id": alert_id, "reason": body.reason}
            journal.append(connection, lead_id, actor=user.name, action="alert_dismissed", detail=detail)
        publish_alert(connection, alert_id, "alert.updated")

    carry_out(connection, work)
    return Json(_shown(connection, parts, alert_id))


def _locked(connection: Database, alert_id: int, allowed: frozenset[str], wanted: str) -> int | None:
    """Lock the alert; its lead. Problem 404 if there is none, 409 if its state forbids what is wanted."""
    row = connection.execute(LOCK, [alert_id]).fetchone()
    if row is None:
        raise _unknown(alert_id)
    state, lead_id = row
    if state not in allowed:
        raise Problem(409, f"alert {alert_id} is {state!r} and cannot be {wanted}", state=state)
    return int(lead_id) if lead_id is not None else None


def _shown(connection: Database, parts: Shared, alert_id: int) -> dict[str, Any]:
    row = load_alert(connection, alert_id)
    if row is None:
        raise _unknown(alert_id)
    return alert_json(row, parts.language)


def _unknown(alert_id: int) -> Problem:
    return Problem(404, f"there is no alert {alert_id}")
