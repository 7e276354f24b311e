"""Credit of companies and vehicles: computed anew from confirmed leads whenever it is asked for, each point traced.

Nothing is stored and nothing follows by itself: a score orders work lists and weighs draws, a proposal to strike off
is for officers to decide.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, LiteralString

import msgspec
from psycopg import Connection
from psycopg.rows import class_row


class StrikeOff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    penalties: int
    window_days: int
    basis: str


class Penalty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    points: float


class Scheme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    edition: str
    note: str
    full: float
    window_days: int
    points: dict[str, float]
    penalty: Penalty
    grades: dict[str, float]
    strike_off: StrikeOff

    def grade(self, score: float) -> str:
        fitting = [(least, name) for name, least in self.grades.items() if score >= least]
        return max(fitting)[1] if fitting else min(self.grades, key=lambda name: self.grades[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A confirmed lead, as far as credit asks."""

    lead_id: int
    kind: str
    confirmed_on: date
    penalized_on: date | None
    company_id: str | None
    plate: str | None
    outlet_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    score: float
    grade: str
    traces: list[dict[str, Any]]
    """What took points: lead, why, how many, until when it counts."""
    penalties: int
    """Within the year that striking off asks about."""


@cache
def load_scheme() -> Scheme:
    return msgspec.convert(
        tomllib.loads(files("alerts.casework").joinpath("credit.toml").read_text("utf-8")), Scheme
    )


def judge(records: Iterable[Record], scheme: Scheme, today: date) -> Credit:
    """The credit that `records` (of one company, vehicle or outlet) leave today."""
    since = today - timedelta(days=scheme.window_days)
    year = today - timedelta(days=scheme.strike_off.window_days)
    traces: list[dict[str, Any]] = []
    penalties = 0
    for record in sorted(records, key=lambda one: (one.confirmed_on, one.lead_id)):
        reasons = [(record.confirmed_on, record.kind, scheme.points.get(record.kind, scheme.points["other"]))]
        if record.penalized_on is not None:
            reasons.append((record.penalized_on, "penalty", scheme.penalty.points))
            penalties += year < record.penalized_on <= today
        traces += [
            {
                "lead_id": record.lead_id, "why": why, "on": on, "points": points,
                "counts_until": on + timedelta(days=scheme.window_days),
            }
            for on, why, points in reasons
            if since < on <= today
        ]  # fmt: skip
    score = max(0.0, scheme.full - sum(trace["points"] for trace in traces))
    return Credit(score=score, grade=scheme.grade(score), traces=traces, penalties=penalties)


# Confirmed is what was and is not reopened; the day is that of the journal's entry.
RECORDS: LiteralString = """
    SELECT lead.id AS lead_id, lead.kind, lead.company_id, lead.plate, lead.outlet_id,
           (steps.confirmed_at AT TIME ZONE %(zone)s)::date AS confirmed_on,
           CASE WHEN lead.decision ->> 'kind' = 'penalty'
                THEN (steps.decided_at AT TIME ZONE %(zone)s)::date END AS penalized_on
      FROM lead
      JOIN LATERAL (
            SELECT max(at) FILTER (WHERE detail ->> 'to' = 'confirmed' AND detail ->> 'from' = 'verifying') AS confirmed_at,
                   max(at) FILTER (WHERE detail ->> 'to' = 'decided') AS decided_at
              FROM lead_journal WHERE lead_journal.lead_id = lead.id AND action = 'transition') steps
        ON steps.confirmed_at IS NOT NULL
     WHERE lead.state IN ('confirmed', 'filed', 'transferred', 'decided', 'closed') AND lead.merged_into IS NULL
       AND coalesce(lead.decision ->> 'kind', '') <> 'case_withdrawn'
"""


def load_records(connection: Connection[Any], zone: str) -> list[Record]:
    with connection.cursor(row_factory=class_row(Record)) as cursor:
        return cursor.execute(RECORDS, {"zone": zone}).fetchall()


def by_subject(records: Iterable[Record], subject: str) -> Mapping[str, list[Record]]:
    """Records by their `subject`: "company_id", "plate" or "outlet_id"."""
    found: dict[str, list[Record]] = {}
    for record in records:
        if (key := getattr(record, subject)) is not None:
            found.setdefault(key, []).append(record)
    return found
