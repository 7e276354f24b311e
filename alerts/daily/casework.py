"""Alerts that opened on a day, what was done about leads on it, and how the leads stood when it was over."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row

from alerts.casework.duty import FALSE_ALARMS
from alerts.casework.moves import STATES
from alerts.casework.workdays import due
from alerts.daily.tables import Period, Table, figures, table
from analytics.records import KINDS, SEVERITIES

WORST_FIRST = SEVERITIES[::-1]
ALERT_STATES = ("open", "acked", "cleared", "dismissed", "withdrawn")
ALERTS: LiteralString = """
    SELECT alert.kind, alert.severity, alert.jurisdiction, jurisdiction.name AS jurisdiction_name, alert.state,
           count(*) AS n, count(alert.escalated_at) AS escalated, count(alert.lead_id) AS with_lead
      FROM alert LEFT JOIN jurisdiction ON jurisdiction.code = alert.jurisdiction
     WHERE alert.opened_at >= %(since)s AND alert.opened_at < %(until)s
     GROUP BY 1, 2, 3, 4, 5
     ORDER BY 1, 2, 3, 4, 5
"""
# Where each lead had come to by the end of the day. `stands`: it has not moved since, so its due date is that of then.
STANDING: LiteralString = """
    WITH moved AS (
        SELECT lead_id, seq, at,
               CASE WHEN action IN ('opened', 'taken_in') THEN 'new' WHEN action = 'merged' THEN 'merged'
                    ELSE detail ->> 'to' END AS state
          FROM lead_journal
         WHERE action IN ('opened', 'taken_in', 'merged', 'transition')
    )
    SELECT DISTINCT ON (moved.lead_id) moved.state, moved.at, lead.squad, lead.due_on,
           NOT EXISTS (SELECT FROM moved later WHERE later.lead_id = moved.lead_id AND later.at >= %(until)s) AS stands
      FROM moved JOIN lead ON lead.id = moved.lead_id
     WHERE moved.at < %(until)s
     ORDER BY moved.lead_id, moved.seq DESC
"""
STEPS: LiteralString = """
    SELECT lead_id, action, detail FROM lead_journal WHERE at >= %(since)s AND at < %(until)s ORDER BY id
"""
TRANSFERS: LiteralString = """
    SELECT direction, party,
           count(*) FILTER (WHERE created_at >= %(since)s) AS sent,
           count(*) FILTER (WHERE received_at >= %(since)s AND received_at < %(until)s) AS received,
           count(*) FILTER (WHERE answered_at >= %(since)s AND answered_at < %(until)s) AS answered,
           count(*) FILTER (WHERE returned_at >= %(since)s AND returned_at < %(until)s) AS sent_back,
           count(*) FILTER (WHERE waits) AS pending,
           count(*) FILTER (WHERE waits AND CASE WHEN coalesce(received_at < %(until)s, false)
                                                 THEN answer_due_on ELSE due_on END < %(then)s) AS overdue
      FROM (SELECT *, NOT coalesce(answered_at < %(until)s, false) AND NOT coalesce(returned_at < %(until)s, false) AS waits
              FROM lead_transfer WHERE created_at < %(until)s) known
     WHERE waits OR greatest(created_at, received_at, answered_at, returned_at) >= %(since)s
     GROUP BY direction, party
     ORDER BY direction DESC, party
"""
ENDED = {"unfounded", "closed", "merged"}


def casework(connection: Connection[Any], period: Period) -> list[Table]:
    return [*_alerts(connection, period), *_leads(connection, period), _transfers(connection, period)]


def _alerts(connection: Connection[Any], period: Period) -> list[Table]:
    with connection.cursor(row_factory=dict_row) as cursor:
        told = cursor.execute(ALERTS, period.parameters).fetchall()
        judged = cursor.execute(FALSE_ALARMS, {"begin": period.since, "end": period.until}).fetchall()
    kinds = {row["kind"]: row for row in judged}
    by_kind = [
        {**row, **{name: kinds[row["kind"]][name] for name in ("confirmed", "unfounded", "false_share")}}
        for row in _pivot(told, "kind", KINDS)
    ]
    streets = {row["jurisdiction"]: row["jurisdiction_name"] for row in told}
    by_street = [
        {**row, "jurisdiction_name": streets[row["jurisdiction"]]} for row in _pivot(told, "jurisdiction", ())
    ]
    counted = ("alerts", *WORST_FIRST)
    return [
        table(
            "alerts_by_kind", ("kind", *counted, *ALERT_STATES, "confirmed", "unfounded", "false_share"), by_kind
        ),
        table(
            "alerts_by_severity", ("severity", "alerts", *ALERT_STATES, "escalated", "with_lead"),
            _pivot(told, "severity", WORST_FIRST),
        ),
        table("alerts_by_street", ("jurisdiction", "jurisdiction_name", *counted, *ALERT_STATES, "with_lead"), by_street),
    ]  # fmt: skip


def _pivot(told: Iterable[dict[str, Any]], by: str, order: Sequence[str]) -> list[dict[str, Any]]:
    """Counts by `by`, in `order` and then by code, nowhere last: severities and states beside each other."""
    sums: dict[Any, Counter[str]] = defaultdict(Counter)
    for row in told:
        sums[row[by]].update(
            {"alerts": row["n"], row["severity"]: row["n"], row["state"]: row["n"], "escalated": row["escalated"],
             "with_lead": row["with_lead"]}
        )  # fmt: skip
    ranks = {code: rank for rank, code in enumerate(order)}
    names = ("alerts", *SEVERITIES, *ALERT_STATES, "escalated", "with_lead")
    return [
        {by: key, **{name: sums[key][name] for name in names}}
        for key in sorted(sums, key=lambda key: (key is None, ranks.get(key, len(ranks)), key or ""))
    ]


def _leads(connection: Connection[Any], period: Period) -> list[Table]:
    with connection.cursor(row_factory=dict_row) as cursor:
        standing = cursor.execute(STANDING, period.parameters).fetchall()
        steps = cursor.execute(STEPS, period.parameters).fetchall()
    overdue = _overdue(connection, period, standing)
    states = ("new", *(state for state in STATES if state != "new"), "merged")
    stood, late = Counter(row["state"] for row in standing), Counter(row["state"] for row in overdue)
    entered: Counter[str] = Counter()
    outcomes: dict[str, dict[str, Any]] = {}
    for step in steps:
        detail = step["detail"]
        state = {"opened": "new", "taken_in": "new", "merged": "merged"}.get(step["action"], detail.get("to"))
        if step["action"] in {"opened", "taken_in", "merged", "transition"}:
            entered[state] += 1
        amount = (detail.get("decision") or {}).get("amount_yuan") or 0
        for outcome in ((detail.get("decision") or {}).get("kind"), detail.get("outcome")):
            if outcome and step["action"] == "transition":
                row = outcomes.setdefault(outcome, {"outcome": outcome, "leads": 0, "amount_yuan": 0})
                row["leads"] += 1
                row["amount_yuan"] += amount
    squads = Counter(row["squad"] for row in standing if row["state"] not in ENDED)
    late_squads = Counter(row["squad"] for row in overdue)
    return [
        figures(
            "leads",
            {"opened": entered["new"], "going_on": sum(squads.values()), "overdue": len(overdue),
             "confirmed": entered["confirmed"], "unfounded": entered["unfounded"], "filed": entered["filed"],
             "decided": entered["decided"], "closed": entered["closed"],
             "amount_yuan": sum(row["amount_yuan"] for row in outcomes.values())},
        ),
        table(
            "leads_by_state", ("state", "entered", "standing", "overdue"),
            [{"state": one, "entered": entered[one], "standing": stood[one], "overdue": late[one]} for one in states],
        ),
        table(
            "leads_by_squad", ("squad", "going_on", "overdue"),
            [{"squad": one, "going_on": squads[one], "overdue": late_squads[one]}
             for one in sorted(squads, key=lambda one: (one is None, one or ""))],
        ),
        table("lead_outcomes", ("outcome", "leads", "amount_yuan"), (outcomes[one] for one in sorted(outcomes))),
    ]  # fmt: skip


def _overdue(
    connection: Connection[Any], period: Period, standing: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Those whose time was over by then. A lead that moved on since has its due date reckoned again."""
    known: dict[tuple[str, date], date | None] = {}

    def due_on(row: dict[str, Any]) -> date | None:
        if row["stands"]:
            found: date | None = row["due_on"]
            return found
        key = row["state"], row["at"].astimezone(period.zone).date()
        if key not in known:
            limit = due(connection, *key)
            known[key] = limit[0] if limit else None
        return known[key]

    return [
        row
        for row in standing
        if row["state"] not in ENDED and (until := due_on(row)) is not None and until < period.then
    ]


def _transfers(connection: Connection[Any], period: Period) -> Table:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(TRANSFERS, period.parameters).fetchall()
    return table(
        "transfers",
        ("direction", "party", "sent", "received", "answered", "sent_back", "pending", "overdue"),
        found,
    )
