"""Who and what can be drawn for an inspection, weighted by credit; and draws kept."""

from datetime import date
from typing import Any, Literal, LiteralString

from psycopg import Connection
from psycopg.types.json import Jsonb

from alerts.canonical import canonical, sha256
from alerts.casework.credit import by_subject, judge, load_records, load_scheme
from alerts.casework.draws import draw

Targets = Literal["companies", "vehicles", "outlets"]
WEIGHTS = {"A": 1.0, "B": 1.5, "C": 2.5, "D": 4.0}
"""How much more often a grade is drawn than the best one. Ours."""

POOLS: dict[Targets, tuple[str, LiteralString]] = {
    "companies": ("company_id", "SELECT company_id FROM company WHERE status = 'active'"),
    "vehicles": ("plate", "SELECT plate FROM vehicle WHERE status = 'active'"),
    "outlets": ("outlet_id", "SELECT outlet_id FROM outlet"),
}
OFFICERS: LiteralString = (
    "SELECT name FROM console_user WHERE role = 'squad' AND disabled_at IS NULL ORDER BY name"
)
KEEP: LiteralString = "INSERT INTO inspection_draw (made_by, record, hash) VALUES (%s, %s, %s) RETURNING id"


def pool(connection: Connection[Any], targets: Targets, *, zone: str, today: date) -> dict[str, float]:
    """Targets by name with their weights."""
    subject, query = POOLS[targets]
    scheme = load_scheme()
    known = by_subject(load_records(connection, zone), subject)
    return {
        name: WEIGHTS.get(judge(known.get(name, []), scheme, today).grade, 1.0)
        for (name,) in connection.execute(query)
    }


def make_draw(
    connection: Connection[Any], targets: Targets, *, seed: str, count: int, officers_each: int, made_by: str, zone: str,
    today: date,
) -> tuple[int, dict[str, Any]]:  # fmt: skip
    """Draw, and keep the record; its number and itself."""
    officers = [row[0] for row in connection.execute(OFFICERS)]
    about = {"targets": targets, "on": today.isoformat(), "made_by": made_by, "credit": load_scheme().edition}
    weighted = pool(connection, targets, zone=zone, today=today)
    record = draw(weighted, officers, seed=seed, count=count, officers_each=officers_each, about=about)
    row = connection.execute(KEEP, (made_by, Jsonb(record), sha256(canonical(record)))).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING of one row
    return int(row[0]), record
