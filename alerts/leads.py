"""Leads: what officers do with an alert, as a table of moves, and the few statements that carry a move out.

    new -> assigned (duty) -> verifying (squad) -> unfounded | confirmed (squad)

An officer with the role a move asks for makes it, an admin may make any. Every move goes to the journal and
the outbox in the same transaction.
"""

from collections.abc import Iterable
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection
from psycopg.rows import dict_row

from alerts import journal
from alerts.outbox import publish
from alerts.presentation import lead_json, load_lead
from runtime.errors import FleetfumeError

ENGINE = "engine"


class Move(NamedTuple):
    before: str
    after: str
    roles: frozenset[str]


MOVES = (
    Move("new", "assigned", frozenset({"duty", "admin"})),
    Move("assigned", "verifying", frozenset({"squad", "admin"})),
    Move("verifying", "unfounded", frozenset({"squad", "admin"})),
    Move("verifying", "confirmed", frozenset({"squad", "admin"})),
)


class NoSuchLead(FleetfumeError):
    """There is no lead of this number."""


class MoveRefused(FleetfumeError):
    """The lead is not where this move begins: reload it, somebody may have been first."""


class RoleRefused(FleetfumeError):
    """The move is for another role."""


class NoSuchAlert(FleetfumeError):
    """There is no alert of this number."""


class NothingToOpen(FleetfumeError):
    """A lead is opened from alerts that have none yet."""


def next_states(state: str, role: str) -> list[str]:
    """Where someone with `role` may move a lead in `state`."""
    return [move.after for move in MOVES if move.before == state and role in move.roles]


def check_move(state: str, to: str, role: str) -> None:
    """MoveRefused or RoleRefused, unless `role` may move a lead from `state` to `to`."""
    move = next((move for move in MOVES if (move.before, move.after) == (state, to)), None)
    if move is None:
        possible = ", ".join(m.after for m in MOVES if m.before == state) or "nothing"
        raise MoveRefused(f"a lead that is {state!r} cannot become {to!r}; it can become {possible}")
    if role not in move.roles:
        raise RoleRefused(f"moving a lead to {to!r} is for {' or '.join(sorted(move.roles))}, not {role!r}")


ALERTS: LiteralString = """
    SELECT id, kind, severity, device_id, plate, outlet_id, company_id, jurisdiction, lat, lon, lead_id
      FROM alert WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""
OPEN: LiteralString = """
    INSERT INTO lead (kind, severity, device_id, plate, outlet_id, company_id, jurisdiction, lat, lon, created_by)
    VALUES (%(kind)s, %(severity)s, %(device_id)s, %(plate)s, %(outlet_id)s, %(company_id)s, %(jurisdiction)s,
            %(lat)s, %(lon)s, %(created_by)s)
    RETURNING id
"""
JOIN: LiteralString = "UPDATE alert SET lead_id = %s WHERE id = ANY(%s)"
STATE: LiteralString = "SELECT state, assignee FROM lead WHERE id = %s FOR UPDATE"
MOVE: LiteralString = """
    UPDATE lead SET state = %(to)s, assignee = coalesce(%(assignee)s, assignee), updated_at = now()
     WHERE id = %(id)s
"""


def open_lead(
    connection: Connection[Any], alert_ids: Iterable[int], *, created_by: str = ENGINE
) -> int | None:
    """Open a lead from alerts, told by the first of them; return its number.

    Opened by the engine, an alert that has a lead already keeps it, and None comes back; an officer is told
    (NoSuchAlert, NothingToOpen).
    """
    wanted = list(alert_ids)
    with connection.cursor(row_factory=dict_row) as cursor:
        alerts = cursor.execute(ALERTS, (wanted,)).fetchall()
    taken = [alert["id"] for alert in alerts if alert["lead_id"] is not None]
    if taken and created_by == ENGINE:
        return None
    if missing := sorted(set(wanted) - {alert["id"] for alert in alerts}):
        raise NoSuchAlert(f"there are no alerts {', '.join(map(str, missing))}")
    if taken:
        raise NothingToOpen(f"alerts {', '.join(map(str, taken))} have a lead already")
    if not alerts:
        raise NothingToOpen("no alert was named")
    row = connection.execute(OPEN, {**alerts[0], "created_by": created_by}).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING of one row
    lead_id = int(row[0])
    connection.execute(JOIN, (lead_id, wanted))
    journal.append(connection, lead_id, actor=created_by, action="opened", detail={"alerts": sorted(wanted)})
    _tell(connection, lead_id)
    return lead_id


def move_lead(
    connection: Connection[Any],
    lead_id: int,
    *,
    to: str,
    actor: str,
    role: str,
    note: str = "",
    assignee: str | None = None,
) -> None:
    """Move a lead on, in the caller's transaction. Of two at once the second finds it moved (MoveRefused)."""
    row = connection.execute(STATE, (lead_id,)).fetchone()
    if row is None:
        raise NoSuchLead(f"there is no lead {lead_id}")
    state = row[0]
    check_move(state, to, role)
    connection.execute(MOVE, {"id": lead_id, "to": to, "assignee": assignee})
    detail = {"from": state, "to": to, "note": note, "assignee": assignee, "role": role}
    journal.append(connection, lead_id, actor=actor, action="transition", detail=detail)
    _tell(connection, lead_id)


def note_on_lead(
    connection: Connection[Any], lead_id: int, action: str, detail: dict[str, Any], *, actor: str = ENGINE
) -> None:
    """Write into the journal what was done to one of the lead's alerts, or an officer's note."""
    journal.append(connection, lead_id, actor=actor, action=action, detail=detail)
    _tell(connection, lead_id)


def _tell(connection: Connection[Any], lead_id: int) -> None:
    row = load_lead(connection, lead_id)
    if row is not None:
        publish(connection, "lead.changed", lead_json(row), lead_id=lead_id)
