"""Messages to people: who subscribed to what is told once, in their language, and not in the night.

Events of the outbox become messages (`compose`); what is due goes out (`send_due`), several to one channel as one text.
Alerts that are held as a group are one message. Critical ones do not wait for the morning.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import httpx2
from psycopg import Connection
from psycopg.rows import class_row, dict_row

from alerts.labels import Language, label
from alerts.telling import channels

EVENTS = ("alert.opened", "alert.escalated", "lead.opened", "lead.moved")
READER = "messages"
AT_ONCE = 500
MOST_IN_ONE = 20
MOST_ATTEMPTS = 8
RETRY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    channel: str
    language: Language
    events: list[str]
    kinds: list[str]
    severities: list[str]
    jurisdictions: list[str]
    squads: list[str]
    quiet_from: time | None
    quiet_to: time | None

    def wants(self, event: str, about: Mapping[str, Any]) -> bool:
        """Whether the subscriber asked for `event` of this alert or lead. An empty list asks for all."""
        asked = (
            (self.kinds, about.get("kind")), (self.severities, about.get("severity")),
            (self.jurisdictions, about.get("jurisdiction")), (self.squads, about.get("squad")),
        )  # fmt: skip
        return event in self.events and all(not wanted or said in wanted for wanted, said in asked)


def occasion(kind: str, body: Mapping[str, Any]) -> tuple[str, str] | None:
    """What an event of the outbox is to a subscriber, and the key it is told once by; None: nothing."""
    if kind == "alert.opened":
        if body.get("group_id"):
            return "alert.opened", f"group:{body['group_id']}"
        return "alert.opened", f"alert:{body['id']}"
    if kind == "alert.updated" and body.get("escalated_at"):
        return "alert.escalated", f"escalated:{body.get('group_id') or body['id']}"
    if kind == "lead.changed":
        event = "lead.opened" if body["state"] == "new" else "lead.moved"
        return event, f"lead:{body['id']}:{body['state']}:{body.get('assignee')}:{body.get('next_level')}"
    return None


def wording(event: str, body: Mapping[str, Any], language: Language) -> str:
    zh = language == "zh"
    if event.startswith("lead"):
        said = f"{'线索' if zh else 'Lead'} {body['id']} · {label(body['state'], language)}：{body[f'title_{language}']}"
        return said + (f" → {body['assignee']}" if body.get("assignee") else "")
    head = label(body["severity"], language)
    if event == "alert.escalated":
        head = f"{'超时未签收' if zh else 'Not acknowledged'} · {head}"
    if body.get("group_id"):
        group = (
            f"（同因告警组 {body['group_id']}，其余见系统）"
            if zh
            else f" (group {body['group_id']} of one cause)"
        )
        return f"[{head}] {body[f'summary_{language}']}{group}"
    return f"[{head}] {body[f'summary_{language}']} #{body['id']}"


def due_at(now: datetime, zone: ZoneInfo, quiet_from: time | None, quiet_to: time | None) -> datetime:
    """When a message made now may go: now, or when the quiet hours it falls into are over."""
    if quiet_from is None or quiet_to is None or quiet_from == quiet_to:
        return now
    local = now.astimezone(zone)
    at = local.time()
    quiet = quiet_from <= at < quiet_to if quiet_from < quiet_to else at >= quiet_from or at < quiet_to
    if not quiet:
        return now
    end = datetime.combine(local.date(), quiet_to, zone)
    return (
        end if end > local else datetime.combine(local.date() + timedelta(days=1), quiet_to, zone)
    ).astimezone(UTC)


SUBSCRIPTIONS: LiteralString = """
    SELECT channel, language, events, kinds, severities, jurisdictions, squads, quiet_from, quiet_to
      FROM subscription JOIN channel ON channel.name = subscription.channel
     ORDER BY subscription.id
"""
BEGIN: LiteralString = """
    INSERT INTO outbox_reader (name, last_id) SELECT %s, coalesce(max(id), 0) FROM outbox ON CONFLICT DO NOTHING
"""
NEW: LiteralString = """
    SELECT id, type, body FROM outbox WHERE id > (SELECT last_id FROM outbox_reader WHERE name = %s) ORDER BY id LIMIT %s
"""
COME_TO: LiteralString = "UPDATE outbox_reader SET last_id = %s WHERE name = %s"
ADD: LiteralString = """
    INSERT INTO message (channel, key, text, due_at) VALUES (%s, %s, %s, %s) ON CONFLICT (channel, key) DO NOTHING
"""


def compose(connection: Connection[Any], zone: ZoneInfo) -> int:
    """Make messages of what the outbox has that is new; return how many. What was before the first time is past."""
    made = 0
    with connection.transaction():
        connection.execute(BEGIN, (READER,))
        events = connection.execute(NEW, (READER, AT_ONCE)).fetchall()
        if not events:
            return 0
        with connection.cursor(row_factory=class_row(Subscription)) as cursor:
            subscriptions = cursor.execute(SUBSCRIPTIONS).fetchall()
        now = datetime.now(UTC)
        for _, kind, body in events:
            if (found := occasion(kind, body)) is None:
                continue
            event, key = found
            for one in subscriptions:
                if one.wants(event, body):
                    urgent = body.get("severity") == "critical"
                    at = now if urgent else due_at(now, zone, one.quiet_from, one.quiet_to)
                    text = wording(event, body, one.language)
                    made += connection.execute(ADD, (one.channel, key, text, at)).rowcount
        connection.execute(COME_TO, (events[-1][0], READER))
    return made


DUE: LiteralString = """
    SELECT message.id, message.channel, message.text, channel.kind, channel.settings, channel.language
      FROM message JOIN channel ON channel.name = message.channel
     WHERE message.sent_at IS NULL AND message.due_at <= now() AND message.attempts < %s
     ORDER BY message.channel, message.id
     LIMIT %s
"""
SENT: LiteralString = "UPDATE message SET sent_at = now(), error = NULL WHERE id = ANY(%s)"
FAILED: LiteralString = """
    UPDATE message SET attempts = attempts + 1, error = %s, due_at = now() + make_interval(secs => %s * 2 ^ attempts)
     WHERE id = ANY(%s)
"""


def send_due(connection: Connection[Any], client: httpx2.Client) -> int:
    """Send what is due, of each channel together; return how many messages went."""
    with connection.cursor(row_factory=dict_row) as cursor:
        due = cursor.execute(DUE, (MOST_ATTEMPTS, AT_ONCE)).fetchall()
    sent = 0
    by_channel: dict[str, list[dict[str, Any]]] = {}
    for one in due:
        by_channel.setdefault(one["channel"], []).append(one)
    for waiting in by_channel.values():
        for part in parted(waiting):
            ids = [one["id"] for one in part]
            try:
                channels.send(client, part[0]["kind"], part[0]["settings"], together(part))
            except channels.NotSent as refused:
                connection.execute(FAILED, (str(refused)[:500], RETRY_S, ids))
                break  # the rest of this channel waits for the next round
            connection.execute(SENT, (ids,))
            sent += len(ids)
    return sent


def parted(waiting: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Messages to one channel, in their order, as many together as it takes in one text."""
    most = channels.MOST_BYTES.get(waiting[0]["kind"], sys.maxsize)
    part: list[dict[str, Any]] = []
    for one in waiting:
        if part and (len(part) == MOST_IN_ONE or len(together([*part, one]).encode()) > most):
            yield part
            part = []
        part.append(one)
    yield part


def together(part: Sequence[Mapping[str, Any]]) -> str:
    """Several messages as one text."""
    if len(part) == 1:
        return str(part[0]["text"])
    head = f"{len(part)} 条消息" if part[0]["language"] == "zh" else f"{len(part)} messages"
    return "\n".join([head, *(str(one["text"]) for one in part)])
