"""Leads: what officers do with alerts, as the few statements that carry it out.

Which moves there are stands in `moves`, who signs a filed case off in `reviews`. Every step goes to the journal and
the outbox in the caller's transaction. Callers take their turn (`alerts.outbox`) first.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from alerts import journal
from alerts.casework.assignees import check_assignee
from alerts.casework.moves import MERGEABLE, MoveRefused, check_move
from alerts.casework.workdays import due
from alerts.outbox import publish
from alerts.presentation import lead_json, load_lead, publish_alert
from runtime.errors import FleetfumeError

ENGINE = "engine"
SHANGHAI = ZoneInfo("Asia/Shanghai")


class NoSuchLead(FleetfumeError):
    """There is no lead of this number."""


class NoSuchAlert(FleetfumeError):
    """There is no alert of this number."""


class NothingToOpen(FleetfumeError):
    """A lead is opened from alerts that have none yet."""


ALERTS: LiteralString = """
    SELECT id, kind, severity, device_id, plate, outlet_id, company_id, jurisdiction, lat, lon, lead_id
      FROM alert WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""
OPEN: LiteralString = """
    INSERT INTO lead (kind, severity, device_id, plate, outlet_id, company_id, jurisdiction, lat, lon, created_by,
                      split_from, squad)
    VALUES (%(kind)s, %(severity)s, %(device_id)s, %(plate)s, %(outlet_id)s, %(company_id)s, %(jurisdiction)s,
            %(lat)s, %(lon)s, %(created_by)s, %(split_from)s,
            (SELECT squad FROM jurisdiction WHERE code = %(jurisdiction)s))
    RETURNING id
"""
JOIN: LiteralString = "UPDATE alert SET lead_id = %s WHERE id = ANY(%s)"
STATE: LiteralString = "SELECT * FROM lead WHERE id = %s FOR UPDATE"
MOVE: LiteralString = """
    UPDATE lead
       SET state = %(to)s, moved_by = %(actor)s, updated_at = now(),
           assignee = coalesce(%(assignee)s, assignee, CASE WHEN %(to)s = 'assigned' THEN squad END),
           receiver = coalesce(%(receiver)s, receiver),
           decision = coalesce(%(decision)s, decision),
           outcome = coalesce(%(outcome)s, outcome)
     WHERE id = %(id)s
"""
DUE: LiteralString = "UPDATE lead SET due_on = %s, due_basis = %s WHERE id = %s"
HAND: LiteralString = "UPDATE lead SET assignee = %s, updated_at = now() WHERE id = %s"
MERGE: LiteralString = """
    UPDATE lead SET state = 'closed', merged_into = %(into)s, moved_by = %(actor)s, updated_at = now(), due_on = NULL,
           due_basis = NULL
     WHERE id = %(id)s
"""
TOUCH: LiteralString = "UPDATE lead SET updated_at = now() WHERE id = %s"
ALERTS_OF: LiteralString = "SELECT id FROM alert WHERE lead_id = %s ORDER BY id FOR UPDATE"


def open_lead(
    connection: Connection[Any],
    alert_ids: Iterable[int],
    *,
    created_by: str = ENGINE,
    split_from: int | None = None,
    zone: ZoneInfo = SHANGHAI,
) -> int | None:
    """Open a lead from alerts, told by the first of them; return its number.

    Opened by the engine, an alert that has a lead already keeps it, and None comes back; an officer is told
    (NoSuchAlert, NothingToOpen). The squad is that of the place.
    """
    wanted = list(alert_ids)
    with connection.cursor(row_factory=dict_row) as cursor:
        alerts = cursor.execute(ALERTS, (wanted,)).fetchall()
    taken = [alert["id"] for alert in alerts if alert["lead_id"] not in {None, split_from}]
    if taken and created_by == ENGINE:
        return None
    if missing := sorted(set(wanted) - {alert["id"] for alert in alerts}):
        raise NoSuchAlert(f"there are no alerts {', '.join(map(str, missing))}")
    if taken:
        raise NothingToOpen(f"alerts {', '.join(map(str, taken))} have a lead already")
    if not alerts:
        raise NothingToOpen("no alert was named")
    row = connection.execute(
        OPEN, {**alerts[0], "created_by": created_by, "split_from": split_from}
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING of one row
    lead_id = int(row[0])
    connection.execute(JOIN, (lead_id, wanted))
    _set_due(connection, lead_id, "new", zone)
    detail: dict[str, Any] = {"alerts": sorted(wanted)}
    if split_from is not None:
        detail["split_from"] = split_from
    journal.append(connection, lead_id, actor=created_by, action="opened", detail=detail)
    tell_lead(connection, lead_id)
    return lead_id


def take_in(
    connection: Connection[Any],
    about: dict[str, Any],
    *,
    created_by: str,
    note: str,
    zone: ZoneInfo = SHANGHAI,
) -> int:
    """Open a lead that another authority hands over: no alert of ours stands behind it. `about` are its columns."""
    columns = dict.fromkeys(
        ("device_id", "plate", "outlet_id", "company_id", "jurisdiction", "lat", "lon", "split_from")
    )
    row = connection.execute(OPEN, {**columns, **about, "created_by": created_by}).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING of one row
    lead_id = int(row[0])
    _set_due(connection, lead_id, "new", zone)
    journal.append(connection, lead_id, actor=created_by, action="taken_in", detail={"note": note})
    tell_lead(connection, lead_id)
    return lead_id


def join_lead(connection: Connection[Any], lead_id: int, alert_id: int) -> bool:
    """Add an alert to a lead that nobody has begun to work on; False: it has gone on, and stays as it is."""
    lead = lock_lead(connection, lead_id)
    if lead["state"] not in {"new", "assigned"} or lead["merged_into"] is not None:
        return False
    connection.execute(JOIN, (lead_id, [alert_id]))
    note_on_lead(connection, lead_id, "joined", {"alerts": [alert_id]})
    return True


def move_lead(
    connection: Connection[Any],
    lead_id: int,
    *,
    to: str,
    actor: str,
    role: str,
    note: str = "",
    assignee: str | None = None,
    receiver: str | None = None,
    decision: dict[str, Any] | None = None,
    outcome: str | None = None,
    zone: ZoneInfo = SHANGHAI,
) -> None:
    """Move a lead on, in the caller's transaction. Of two at once the second finds it moved (MoveRefused).

    NoSuchAssignee: the assignee is disabled.
    """
    lead = lock_lead(connection, lead_id)
    state = lead["state"]
    if lead["merged_into"] is not None:
        raise MoveRefused(f"lead {lead_id} was merged into lead {lead['merged_into']}: go on there")
    check_move(state, to, role)
    if assignee is not None:
        check_assignee(connection, assignee)
    if to == "decided" and (missing := _unsigned(connection, lead)):
        raise MoveRefused(
            f"lead {lead_id} is not decided before every level has approved: {', '.join(missing)}"
        )
    connection.execute(
        MOVE,
        {
            "id": lead_id, "to": to, "actor": actor, "assignee": assignee, "receiver": receiver,
            "decision": Jsonb(decision) if decision else None, "outcome": outcome,
        },
    )  # fmt: skip
    _set_due(connection, lead_id, to, zone)
    said = {"from": state, "to": to, "note": note, "assignee": assignee, "role": role}
    more = {"receiver": receiver, "decision": decision, "outcome": outcome}
    journal.append(
        connection, lead_id, actor=actor, action="transition",
        detail=said | {name: value for name, value in more.items() if value},
    )  # fmt: skip
    tell_lead(connection, lead_id)


SIGNED: LiteralString = """
    SELECT level FROM lead_review WHERE lead_id = %s AND round = %s AND verdict = 'approve'
"""


def _unsigned(connection: Connection[Any], lead: dict[str, Any]) -> list[str]:
    signed = {row[0] for row in connection.execute(SIGNED, (lead["id"], lead["review_round"]))}
    return [level for level in lead["review_levels"] if level not in signed]


def lock_lead(connection: Connection[Any], lead_id: int) -> dict[str, Any]:
    """The lead's row, held to the end of the transaction. NoSuchLead."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(STATE, (lead_id,)).fetchone()
    if row is None:
        raise NoSuchLead(f"there is no lead {lead_id}")
    return row


def hand_over(connection: Connection[Any], lead_id: int, *, to: str, actor: str, note: str = "") -> None:
    """Give a lead that goes on to somebody else. NoSuchAssignee."""
    lead = lock_lead(connection, lead_id)
    if lead["state"] in {"new", "unfounded", "closed"}:
        raise MoveRefused(f"lead {lead_id} is {lead['state']!r}: assign it by moving it to 'assigned'")
    check_assignee(connection, to)
    connection.execute(HAND, (to, lead_id))
    detail = {"assignee": to, "assignee_before": lead["assignee"], "note": note}
    note_on_lead(connection, lead_id, "handed_over", detail, actor=actor)


def merge_leads(
    connection: Connection[Any], lead_id: int, others: Iterable[int], *, actor: str, note: str = ""
) -> None:
    """Close `others` into `lead_id`, which gets their alerts. Only what is not yet filed or passed on."""
    sources = sorted(set(others) - {lead_id})
    if not sources:
        raise MoveRefused("name at least one other lead to merge into this one")
    rows = {one: lock_lead(connection, one) for one in sorted({lead_id, *sources})}  # one order for all
    for one, lead in rows.items():
        if lead["state"] not in MERGEABLE:
            raise MoveRefused(
                f"lead {one} is {lead['state']!r}: only {', '.join(sorted(MERGEABLE))} are merged"
            )
    for source in sources:
        moved = [row[0] for row in connection.execute(ALERTS_OF, (source,))]
        connection.execute(JOIN, (lead_id, moved))
        connection.execute(MERGE, {"id": source, "into": lead_id, "actor": actor})
        detail = {
            "from": rows[source]["state"],
            "to": "closed",
            "into": lead_id,
            "alerts": moved,
            "note": note,
        }
        note_on_lead(connection, source, "merged", detail, actor=actor)
        taken = {"lead_id": source, "alerts": moved, "note": note}
        note_on_lead(connection, lead_id, "took_in", taken, actor=actor)
        for alert_id in moved:
            publish_alert(connection, alert_id, "alert.updated")


def split_lead(
    connection: Connection[Any],
    lead_id: int,
    alert_ids: Iterable[int],
    *,
    actor: str,
    note: str = "",
    zone: ZoneInfo = SHANGHAI,
) -> int:
    """Make a lead of its own of some of the lead's alerts; return its number."""
    wanted = sorted(set(alert_ids))
    lead = lock_lead(connection, lead_id)
    if lead["state"] not in MERGEABLE:
        raise MoveRefused(
            f"lead {lead_id} is {lead['state']!r}: only {', '.join(sorted(MERGEABLE))} are split"
        )
    here = {row[0] for row in connection.execute(ALERTS_OF, (lead_id,))}
    if strangers := sorted(set(wanted) - here):
        raise NoSuchAlert(f"alerts {', '.join(map(str, strangers))} do not belong to lead {lead_id}")
    if here == set(wanted):
        raise MoveRefused(f"these are all alerts of lead {lead_id}: leave it at least one")
    made = open_lead(connection, wanted, created_by=actor, split_from=lead_id, zone=zone)
    assert made is not None  # noqa: S101 - an officer is told why not
    note_on_lead(connection, lead_id, "split", {"lead_id": made, "alerts": wanted, "note": note}, actor=actor)
    for alert_id in wanted:
        publish_alert(connection, alert_id, "alert.updated")
    return made


def note_on_lead(
    connection: Connection[Any], lead_id: int, action: str, detail: dict[str, Any], *, actor: str = ENGINE
) -> None:
    """Write into the journal what was done to the lead or one of its alerts, and tell."""
    journal.append(connection, lead_id, actor=actor, action=action, detail=detail)
    connection.execute(TOUCH, (lead_id,))
    tell_lead(connection, lead_id)


def tell_lead(connection: Connection[Any], lead_id: int) -> None:
    row = load_lead(connection, lead_id)
    if row is not None:
        publish(connection, "lead.changed", lead_json(row), lead_id=lead_id)


def _set_due(connection: Connection[Any], lead_id: int, state: str, zone: ZoneInfo) -> None:
    until = due(connection, state, datetime.now(zone).date())
    connection.execute(DUE, (*(until or (None, None)), lead_id))
