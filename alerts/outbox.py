"""The outbox: what the live stream and other listeners are told, in the order of commits."""

from typing import Any, LiteralString

from psycopg import Connection
from psycopg.types.json import Jsonb

ORDER: LiteralString = "SELECT pg_advisory_xact_lock(4711)"
INSERT: LiteralString = """
    INSERT INTO outbox (type, alert_id, lead_id, body) VALUES (%s, %s, %s, %s) RETURNING id
"""
TELL: LiteralString = "SELECT pg_notify('fleetfume_outbox', '')"


def take_turn(connection: Connection[Any]) -> None:
    """Wait until no other writer of alerts, leads or events is within its transaction.

    Writers do so before they touch their first row: one that held a row and then waited for its turn could meet
    one that has the turn and waits for the row.
    """
    connection.execute(ORDER)


def publish(
    connection: Connection[Any],
    event_type: str,
    body: dict[str, Any],
    *,
    alert_id: int | None = None,
    lead_id: int | None = None,
) -> int:
    """Say it when the caller's transaction commits; return the event's id.

    The lock is held to the commit, so that a listener who has seen id n will never find a smaller one new.
    """
    take_turn(connection)
    row = connection.execute(INSERT, (event_type, alert_id, lead_id, Jsonb(body))).fetchone()
    connection.execute(TELL)
    assert row is not None  # noqa: S101 - INSERT … RETURNING of one row
    return int(row[0])
