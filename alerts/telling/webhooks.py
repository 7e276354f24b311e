"""Outgoing webhooks: the outbox told to other systems, at least once, signed, in order for each lead and alert.

The outbox is the truth. For each hook the clerk makes a delivery of every event it wants (`spread`), and sends what is
due (`deliver`), of each stream the oldest first: what has not arrived holds back what comes after it. A delivery that
keeps failing is put aside (`dead`), and its stream waits with it until somebody has it sent again (`replay`) or gives it
up (`discard`): a lead's later steps never arrive before an earlier one. Other streams go on. What has arrived is noted
(`webhook_arrival`) for as long as the outbox is kept.
"""

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import httpx2
from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from alerts.canonical import canonical

TYPES = ("alert.opened", "alert.updated", "alert.cleared", "alert.withdrawn", "lead.changed")
TIMEOUT_S = 10.0
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 3600.0
MOST_ATTEMPTS = 12
"""About three hours after the first."""
AT_ONCE = 200
SIGNATURE = "X-Fleetfume-Signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    id: int
    webhook_id: int
    url: str
    secret: str
    outbox_id: int
    body: dict[str, Any]
    attempts: int


def sign(secret: str, at_s: int, body: bytes) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA256 with the hook's secret over the seconds, a dot and the body."""
    digest = hmac.digest(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hex()
    return f"t={at_s},v1={digest}"


HOOKS: LiteralString = "SELECT id, last_id, types FROM webhook ORDER BY id FOR UPDATE"
EVENTS: LiteralString = """
    SELECT id, at, type, alert_id, lead_id, body FROM outbox WHERE id > %s ORDER BY id LIMIT %s
"""
ADD: LiteralString = """
    INSERT INTO webhook_delivery (webhook_id, outbox_id, stream, body) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
COME_TO: LiteralString = "UPDATE webhook SET last_id = %s WHERE id = %s"


def spread(connection: Connection[Any]) -> int:
    """Make deliveries of what the outbox has that is new to the hooks; return how many."""
    made = 0
    with connection.transaction():
        for hook_id, last_id, types in connection.execute(HOOKS).fetchall():
            events = connection.execute(EVENTS, (last_id, AT_ONCE)).fetchall()
            for event_id, at, kind, alert_id, lead_id, body in events:
                if kind in types:
                    noun = kind.partition(".")[0]
                    stream = f"lead:{body['lead_id']}" if noun == "alert" and body.get("lead_id") else (
                        f"lead:{lead_id}" if lead_id is not None else f"alert:{alert_id}"
                    )  # fmt: skip
                    said = {
                        "id": event_id,
                        "type": kind,
                        "at": at.isoformat().replace("+00:00", "Z"),
                        noun: body,
                    }
                    connection.execute(ADD, (hook_id, event_id, stream, Jsonb(said)))
                    made += 1
            if events:
                connection.execute(COME_TO, (events[-1][0], hook_id))
    return made


# Of each stream only the oldest, and that when it is due and not put aside.
DUE: LiteralString = """
    SELECT first.id, first.webhook_id, webhook.url, webhook.secret, first.outbox_id, first.body, first.attempts
      FROM (SELECT DISTINCT ON (webhook_id, stream) * FROM webhook_delivery
             ORDER BY webhook_id, stream, outbox_id) first
      JOIN webhook ON webhook.id = first.webhook_id
     WHERE first.state = 'waiting' AND first.next_at <= now()
     ORDER BY first.outbox_id
     LIMIT %s
"""
DONE: LiteralString = """
    WITH done AS (DELETE FROM webhook_delivery WHERE id = %s RETURNING *)
    INSERT INTO webhook_arrival (webhook_id, outbox_id, type, stream, attempts)
    SELECT webhook_id, outbox_id, body ->> 'type', stream, attempts + 1 FROM done
"""
FAILED: LiteralString = """
    UPDATE webhook_delivery
       SET attempts = attempts + 1, error = %(error)s, next_at = now() + make_interval(secs => %(wait_s)s),
           state = CASE WHEN attempts + 1 >= %(most)s THEN 'dead' ELSE 'waiting' END
     WHERE id = %(id)s
"""


def deliver(connection: Connection[Any], client: httpx2.Client) -> int:
    """Send what is due until nothing is; return how many arrived. A hook that fails is left alone for this time."""
    arrived = 0
    failed: set[int] = set()
    while due := [one for one in _due(connection) if one.webhook_id not in failed]:
        for delivery in due:
            if delivery.webhook_id in failed:
                continue
            if _send(connection, client, delivery):
                arrived += 1
            else:
                failed.add(delivery.webhook_id)
    return arrived


def _due(connection: Connection[Any]) -> Sequence[Delivery]:
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        return cursor.execute(DUE, (AT_ONCE,)).fetchall()


def _send(connection: Connection[Any], client: httpx2.Client, delivery: Delivery) -> bool:
    body = canonical(delivery.body)
    headers = {
        "Content-Type": "application/json",
        "X-Fleetfume-Event": str(delivery.outbox_id),
        SIGNATURE: sign(delivery.secret, int(time.time()), body),
    }
    try:
        answer = client.post(delivery.url, content=body, headers=headers)
        error = "" if answer.is_success else f"HTTP {answer.status_code}"
    except (httpx2.HTTPError, httpx2.InvalidURL) as failure:
        error = f"{type(failure).__name__}: {failure}"
    if error:
        wait_s = min(FIRST_WAIT_S * 2**delivery.attempts, LONGEST_WAIT_S)
        connection.execute(
            FAILED, {"id": delivery.id, "error": error[:500], "wait_s": wait_s, "most": MOST_ATTEMPTS}
        )
    else:
        connection.execute(DONE, (delivery.id,))
    return not error


REVIVE: LiteralString = """
    UPDATE webhook_delivery SET state = 'waiting', attempts = 0, next_at = now() WHERE webhook_id = %s AND state = 'dead'
"""
DISCARD: LiteralString = """
    DELETE FROM webhook_delivery WHERE webhook_id = %s AND outbox_id = %s AND state = 'dead'
"""
AGAIN: LiteralString = "UPDATE webhook SET last_id = least(last_id, %s) WHERE id = %s"


def replay(connection: Connection[Any], webhook_id: int, from_id: int | None) -> int:
    """Send again what was put aside, and, with `from_id`, every event from that one on that the outbox still has."""
    revived = connection.execute(REVIVE, (webhook_id,)).rowcount
    if from_id is not None:
        connection.execute(AGAIN, (from_id - 1, webhook_id))
    return revived


def discard(connection: Connection[Any], webhook_id: int, outbox_id: int) -> bool:
    """Give up one delivery that was put aside, so that its stream goes on; False: there is none of this event."""
    return connection.execute(DISCARD, (webhook_id, outbox_id)).rowcount == 1


# The newest stays: numbers go on from it. What readers have not come to stays too.
PRUNE: LiteralString = """
    DELETE FROM outbox
     WHERE id IN (SELECT id FROM outbox
                   WHERE at < now() - make_interval(days => %(days)s)
                     AND id < (SELECT max(id) FROM outbox)
                     AND id <= least((SELECT coalesce(min(last_id), 9223372036854775807) FROM webhook),
                                     (SELECT coalesce(min(last_id), 9223372036854775807) FROM outbox_reader))
                   ORDER BY id LIMIT 5000)
"""


def prune(connection: Connection[Any], days: int) -> int:
    """Delete what everybody has heard and is older than `days`; return how many rows."""
    gone = 0
    while n := connection.execute(PRUNE, {"days": days}).rowcount:
        gone += n
    return gone
