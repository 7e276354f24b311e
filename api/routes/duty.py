"""The duty desk: time limits, what a shift leaves to the next, and how often alerts were none."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Depends, HTTPException, Request
from psycopg import Connection
from psycopg.types.json import Jsonb
from pydantic import Field, StringConstraints

from alerts.casework.duty import FALSE_ALARMS
from alerts.presentation import plain
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.bodies import Body
from api.database import Database, one, rows
from api.paging import Page, pages
from api.parameters import From, Identity, To
from api.shapes import Shape, created, page_of

router = APIRouter(tags=["duty"])

Severity = Literal["critical", "major", "minor", "info"]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]
Duty = Annotated[Caller, Depends(allowed("duty"))]


class LimitBody(Body):
    ack_within_s: Annotated[int, Field(ge=10, le=7 * 24 * 3600)]
    escalate_to: Literal["duty", "squad", "reviewer", "admin"]


class LimitShape(Shape):
    severity: str
    ack_within_s: int
    escalate_to: str


class BrakeBody(Body):
    alerts_per_min: Annotated[int, Field(ge=1, le=100_000)]


class HandoverBody(Body):
    note: Note = ""


class HandoverShape(Shape):
    id: int
    at: datetime
    given_by: str
    note: str
    items: dict[str, Any]
    taken_by: str | None
    taken_at: datetime | None


class DraftShape(Shape):
    since: datetime | None
    open: list[dict[str, Any]]
    acked: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    leads: list[dict[str, Any]]


class FalseAlarmShape(Shape):
    kind: str
    alerts: int
    withdrawn: int
    dismissed: int
    dismissed_by_code: dict[str, int]
    unfounded: int
    confirmed: int
    false_share: float | None


LIMITS: LiteralString = """
    SELECT severity, extract(epoch FROM ack_within)::int AS ack_within_s, escalate_to FROM alert_sla
     ORDER BY ack_within, severity
"""
PUT_LIMIT: LiteralString = """
    INSERT INTO alert_sla (severity, ack_within, escalate_to) VALUES (%(severity)s, %(within)s, %(to)s)
        ON CONFLICT (severity) DO UPDATE SET ack_within = excluded.ack_within, escalate_to = excluded.escalate_to
"""


@router.get("/office/time-limits", response_model=list[LimitShape])
def list_limits(_: AnyCaller, connection: Database) -> Answer:
    """Within what time alerts must be acknowledged, and who is told when they are not."""
    return Answer(rows(connection, LIMITS))


@router.put("/office/time-limits/{severity}", response_model=LimitShape)
def put_limit(
    _: Annotated[Caller, Depends(allowed())], connection: Database, severity: Severity, body: LimitBody
) -> Answer:
    within = timedelta(seconds=body.ack_within_s)
    connection.execute(PUT_LIMIT, {"severity": severity, "within": within, "to": body.escalate_to})
    return Answer({"severity": severity, **body.model_dump()})


@router.delete("/office/time-limits/{severity}", response_model=list[LimitShape])
def delete_limit(
    _: Annotated[Caller, Depends(allowed())], connection: Database, severity: Severity
) -> Answer:
    """Let alerts of this severity wait as long as they wait."""
    connection.execute("DELETE FROM alert_sla WHERE severity = %s", (severity,))
    return Answer(rows(connection, LIMITS))


@router.get("/office/storm-brake", response_model=BrakeBody)
def get_brake(_: AnyCaller, connection: Database) -> Answer:
    """How many alerts of one kind may open within a minute before the rest are held as a group."""
    return Answer(one(connection, "SELECT alerts_per_min FROM storm_brake"))


@router.put("/office/storm-brake", response_model=BrakeBody)
def put_brake(_: Annotated[Caller, Depends(allowed())], connection: Database, body: BrakeBody) -> Answer:
    connection.execute("UPDATE storm_brake SET alerts_per_min = %s", (body.alerts_per_min,))
    return Answer(body.model_dump())


LAST: LiteralString = "SELECT max(at) AS at FROM handover"
ALERTS: LiteralString = """
    SELECT id, kind, severity, plate, outlet_id, device_id, jurisdiction, opened_at, acked_by, escalated_at, lead_id
      FROM alert
     WHERE state = %s AND group_id IS NULL
     ORDER BY array_position(ARRAY['critical', 'major', 'minor', 'info'], severity), opened_at
     LIMIT 500
"""
GROUPS: LiteralString = """
    SELECT id, kind, cause, cause_value, first_at, last_at, alerts, lead_id,
           (SELECT count(*) FROM alert WHERE group_id = alert_group.id AND state = 'open') AS open
      FROM alert_group
     WHERE EXISTS (SELECT FROM alert WHERE group_id = alert_group.id AND state IN ('open', 'acked'))
     ORDER BY id
"""
LEADS: LiteralString = """
    SELECT id, kind, severity, state, plate, outlet_id, squad, assignee, due_on,
           coalesce(due_on < %(today)s, false) AS overdue
      FROM lead
     WHERE state IN ('new', 'assigned', 'verifying')
     ORDER BY due_on NULLS LAST, id
     LIMIT 500
"""
GIVE: LiteralString = """
    INSERT INTO handover (given_by, note, items) VALUES (%(by)s, %(note)s, %(items)s) RETURNING *
"""
TAKE: LiteralString = """
    UPDATE handover SET taken_by = %(by)s, taken_at = now()
     WHERE id = %(id)s AND taken_by IS NULL AND given_by <> %(by)s
    RETURNING *
"""
HANDOVERS: LiteralString = """
    SELECT * FROM handover WHERE (%(after)s::bigint IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(fetch)s
"""


@router.get("/handovers/draft", response_model=DraftShape)
def draft(_: AnyCaller, request: Request, connection: Database) -> Answer:
    """What the next shift has to know now: alerts that go on, groups, leads that wait for duty or squad."""
    return Answer(_items(request, connection))


@router.post("/handovers", status_code=201, response_model=HandoverShape)
def give(caller: Duty, request: Request, connection: Database, body: HandoverBody) -> Answer:
    """Leave the desk: keep the list as it stands, with a note."""
    items = {
        name: [{key: plain(value) for key, value in row.items()} for row in part] if isinstance(part, list) else plain(part)
        for name, part in _items(request, connection).items()
    }  # fmt: skip
    made = one(connection, GIVE, {"by": caller.name, "note": body.note, "items": Jsonb(items)})
    assert made is not None  # noqa: S101 - INSERT … RETURNING of one row
    return created(made, f"/api/v1/handovers/{made['id']}")


@router.post("/handovers/{handover_id}/take", responses={409: {}}, response_model=HandoverShape)
def take(caller: Duty, connection: Database, handover_id: Identity) -> Answer:
    """Take the desk over; another officer than the one who left it."""
    taken = one(connection, TAKE, {"id": handover_id, "by": caller.name})
    if taken is None:
        row = one(connection, "SELECT given_by, taken_by FROM handover WHERE id = %s", (handover_id,))
        if row is None:
            raise HTTPException(404, f"no hand-over {handover_id}")
        why = f"taken by {row['taken_by']} already" if row["taken_by"] else "yours: another officer takes it"
        raise HTTPException(409, f"hand-over {handover_id} is {why}")
    return Answer(taken)


@router.get("/handovers", response_model=page_of(HandoverShape))
def list_handovers(
    _: AnyCaller, connection: Database, page: Annotated[Page, Depends(pages("handovers", int))]
) -> Answer:
    (after,) = page.after or (None,)
    found = rows(connection, HANDOVERS, {"after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["id"]]))


def _items(request: Request, connection: Connection[Any]) -> dict[str, Any]:
    last = one(connection, LAST)
    today = datetime.now(request.app.state.settings.zone).date()
    return {
        "since": last["at"] if last else None,
        "open": rows(connection, ALERTS, ("open",)),
        "acked": rows(connection, ALERTS, ("acked",)),
        "groups": rows(connection, GROUPS),
        "leads": rows(connection, LEADS, {"today": today}),
    }


@router.get("/stats/false-alarms", response_model=list[FalseAlarmShape])
def false_alarms(_: AnyCaller, connection: Database, begin: From = None, to: To = None) -> Answer:
    """By kind: of the alerts that were judged, the share that was none, and the reasons officers gave."""
    return Answer(rows(connection, FALSE_ALARMS, {"begin": begin, "end": to}))
