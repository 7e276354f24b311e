"""What the duty desk does with alerts: acknowledge, dismiss with a reason, and let time limits speak.

Callers take their turn (`alerts.outbox`) first; every decision is told, and stands in the journal of the alert's lead.
"""

from typing import Any, LiteralString

from psycopg import Connection

from alerts.casework.leads import NoSuchAlert, note_on_lead
from alerts.outbox import take_turn
from alerts.presentation import publish_alert
from runtime.errors import FleetfumeError

DISMISS_CODES = (
    "permitted_place", "register_outdated", "position_error", "sensor_fault", "traffic", "maintenance", "not_unlawful",
    "duplicate", "other",
)  # fmt: skip
"""Why an alert was none. What the false-alarm figures count by."""

ACK: LiteralString = """
    UPDATE alert SET state = 'acked', acked_by = %(by)s, acked_at = now()
     WHERE id = %(id)s AND state = 'open'
    RETURNING lead_id
"""
DISMISS: LiteralString = """
    UPDATE alert SET state = 'dismissed', dismissed_by = %(by)s, dismissed_at = now(), dismiss_code = %(code)s,
           note = coalesce(nullif(%(reason)s, ''), note)
     WHERE id = %(id)s AND state IN ('open', 'acked', 'cleared')
    RETURNING lead_id
"""
STATE: LiteralString = "SELECT state FROM alert WHERE id = %s"
ANY_LATE: LiteralString = """
    SELECT FROM alert JOIN alert_sla USING (severity)
     WHERE alert.state = 'open' AND alert.escalated_at IS NULL AND alert.recorded_at < now() - alert_sla.ack_within
     LIMIT 1
"""
ESCALATE: LiteralString = """
    UPDATE alert SET escalated_at = now(), escalated_to = late.escalate_to
      FROM (SELECT alert.id, alert_sla.escalate_to
              FROM alert JOIN alert_sla USING (severity)
             WHERE alert.state = 'open' AND alert.escalated_at IS NULL
               AND alert.recorded_at < now() - alert_sla.ack_within
             ORDER BY alert.recorded_at LIMIT %s) late
     WHERE alert.id = late.id
    RETURNING alert.id, alert.lead_id, alert.escalated_to
"""
# Judged are alerts that an officer dismissed, and those whose lead was found unfounded or confirmed.
FALSE_ALARMS: LiteralString = """
    WITH told AS (
        SELECT alert.kind, alert.state, alert.dismiss_code,
               alert.state = 'dismissed' AS dismissed,
               alert.state <> 'dismissed' AND lead.state = 'unfounded' AS unfounded,
               alert.state NOT IN ('dismissed', 'withdrawn')
                   AND lead.state IN ('confirmed', 'filed', 'transferred', 'decided', 'closed') AS confirmed
          FROM alert LEFT JOIN lead ON lead.id = alert.lead_id
         WHERE (%(begin)s::timestamptz IS NULL OR alert.opened_at >= %(begin)s)
           AND (%(end)s::timestamptz IS NULL OR alert.opened_at < %(end)s)
    ), codes AS (
        SELECT kind, json_object_agg(code, n) AS by_code
          FROM (SELECT kind, coalesce(dismiss_code, 'other') AS code, count(*) AS n
                  FROM told WHERE dismissed GROUP BY 1, 2) t
         GROUP BY kind
    )
    SELECT kind, count(*) AS alerts, count(*) FILTER (WHERE state = 'withdrawn') AS withdrawn,
           count(*) FILTER (WHERE dismissed) AS dismissed,
           coalesce((SELECT by_code FROM codes WHERE codes.kind = told.kind), '{}') AS dismissed_by_code,
           count(*) FILTER (WHERE unfounded) AS unfounded,
           count(*) FILTER (WHERE confirmed) AS confirmed,
           count(*) FILTER (WHERE dismissed OR unfounded)::float8
               / nullif(count(*) FILTER (WHERE dismissed OR unfounded OR confirmed), 0) AS false_share
      FROM told
     GROUP BY kind
     ORDER BY kind
"""
AT_ONCE = 50
"""Escalations in one transaction: collectors wait for their turn meanwhile."""


class AlertDecided(FleetfumeError):
    """The alert is no longer in a state this can be said of: somebody was first."""


def acknowledge(connection: Connection[Any], alert_id: int, *, by: str) -> None:
    """An officer has seen it. Only what is open can be acknowledged (AlertDecided)."""
    _decide(connection, ACK, alert_id, by, "acknowledged", "alert_acked", {})


def dismiss(connection: Connection[Any], alert_id: int, *, by: str, code: str, reason: str) -> None:
    """An officer says that it is nothing, and why; not of what is withdrawn or dismissed already (AlertDecided)."""
    _decide(
        connection, DISMISS, alert_id, by, "dismissed", "alert_dismissed", {"code": code, "reason": reason}
    )


def _decide(
    connection: Connection[Any], statement: LiteralString, alert_id: int, by: str, done: str, action: str,
    detail: dict[str, Any],
) -> None:  # fmt: skip
    decided = connection.execute(statement, {"id": alert_id, "by": by, **detail}).fetchone()
    if decided is None:
        state = connection.execute(STATE, (alert_id,)).fetchone()
        if state is None:
            raise NoSuchAlert(f"no alert {alert_id}")
        raise AlertDecided(f"alert {alert_id} is {state[0]!r} and cannot be {done}")
    if decided[0] is not None:
        note_on_lead(connection, decided[0], action, {"alert_id": alert_id, **detail}, actor=by)
    publish_alert(connection, alert_id, "alert.updated")


def escalate(connection: Connection[Any]) -> list[int]:
    """Say of alerts whose time to be acknowledged is over whom they go to now; return them. Once for each."""
    if connection.execute(ANY_LATE).fetchone() is None:
        return []
    with connection.transaction():
        take_turn(connection)
        late = connection.execute(ESCALATE, (AT_ONCE,)).fetchall()
        for alert_id, lead_id, to in late:
            if lead_id is not None:
                note_on_lead(
                    connection, lead_id, "alert_escalated", {"alert_id": alert_id, "escalated_to": to}
                )
            publish_alert(connection, alert_id, "alert.updated")
    return [row[0] for row in late]
