"""What we tell others: webhooks for systems, channels and subscriptions for people. For admins; officers subscribe."""

from datetime import datetime, time
from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Depends, HTTPException
from psycopg import errors
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from alerts.telling import webhooks
from alerts.telling.channels import read_settings
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.database import Database, one, rows
from api.paging import Page, pages
from api.parameters import Identity
from api.shapes import Shape, created, page_of

router = APIRouter(tags=["links"])

Admin = Annotated[Caller, Depends(allowed())]
Officer = Annotated[Caller, Depends(allowed("duty", "squad", "reviewer"))]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Url = Annotated[str, StringConstraints(pattern="^https?://", max_length=1000)]
EventType = Literal["alert.opened", "alert.updated", "alert.cleared", "alert.withdrawn", "lead.changed"]
Occasion = Literal["alert.opened", "alert.escalated", "lead.opened", "lead.moved"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class HookBody(_Body):
    name: Word
    url: Url
    secret: Annotated[str, StringConstraints(min_length=16, max_length=200)]
    types: Annotated[list[EventType], Field(min_length=1)] = ["alert.opened", "alert.updated", "alert.cleared",
                                                              "alert.withdrawn", "lead.changed"]  # fmt: skip


class HookShape(Shape):
    id: int
    name: str
    url: str
    types: list[str]
    last_id: int
    waiting: int
    dead: int
    arrived_at: datetime | None
    error: str | None


class ArrivedShape(Shape):
    id: int
    outbox_id: int
    type: str
    stream: str
    attempts: int
    arrived_at: datetime


class DeadShape(Shape):
    id: int
    outbox_id: int
    stream: str
    attempts: int
    error: str | None
    body: dict[str, Any]
    held: int


class Replay(_Body):
    from_id: Annotated[int, Field(ge=1)] | None = None


class Revived(Shape):
    revived: int


class ChannelBody(_Body):
    kind: Literal["wecom", "dingtalk", "feishu", "sms", "mail"]
    settings: dict[str, Any]
    language: Literal["zh", "en"] = "zh"
    quiet_from: time | None = None
    quiet_to: time | None = None


class ChannelShape(Shape):
    name: str
    kind: str
    language: str
    quiet_from: time | None
    quiet_to: time | None
    waiting: int
    error: str | None


class SubscriptionBody(_Body):
    channel: Word
    events: Annotated[list[Occasion], Field(min_length=1)]
    kinds: list[Word] = []
    severities: list[Literal["critical", "major", "minor", "info"]] = []
    jurisdictions: list[Word] = []
    squads: list[Word] = []


class SubscriptionShape(Shape):
    id: int
    channel: str
    owner: str
    events: list[str]
    kinds: list[str]
    severities: list[str]
    jurisdictions: list[str]
    squads: list[str]


HOOKS: LiteralString = """
    SELECT id, name, url, types, last_id, created_by, created_at,
           (SELECT count(*) FROM webhook_delivery WHERE webhook_id = webhook.id AND state = 'waiting') AS waiting,
           (SELECT count(*) FROM webhook_delivery WHERE webhook_id = webhook.id AND state = 'dead') AS dead,
           (SELECT arrived_at FROM webhook_arrival WHERE webhook_id = webhook.id ORDER BY id DESC LIMIT 1) AS arrived_at,
           (SELECT error FROM webhook_delivery WHERE webhook_id = webhook.id AND error IS NOT NULL
             ORDER BY outbox_id DESC LIMIT 1) AS error
      FROM webhook
     WHERE (%(id)s::bigint IS NULL OR id = %(id)s)
     ORDER BY id
"""
MAKE: LiteralString = """
    INSERT INTO webhook (name, url, secret, types, last_id, created_by)
    VALUES (%(name)s, %(url)s, %(secret)s, %(types)s, (SELECT coalesce(max(id), 0) FROM outbox), %(by)s)
    RETURNING id
"""
DEAD: LiteralString = """
    SELECT id, outbox_id, stream, attempts, error, body,
           (SELECT count(*) FROM webhook_delivery later
             WHERE (later.webhook_id, later.stream) = (dead.webhook_id, dead.stream)
               AND later.outbox_id > dead.outbox_id) AS held
      FROM webhook_delivery dead
     WHERE webhook_id = %(id)s AND state = 'dead' AND (%(after)s::bigint IS NULL OR outbox_id > %(after)s)
     ORDER BY outbox_id
     LIMIT %(fetch)s
"""

ARRIVED: LiteralString = """
    SELECT id, outbox_id, type, stream, attempts, arrived_at FROM webhook_arrival
     WHERE webhook_id = %(id)s AND (%(after)s::bigint IS NULL OR id < %(after)s)
     ORDER BY id DESC LIMIT %(fetch)s
"""


@router.get("/webhooks", response_model=list[HookShape])
def list_hooks(_: Admin, connection: Database) -> Answer:
    return Answer(rows(connection, HOOKS, {"id": None}))


@router.post("/webhooks", status_code=201, responses={409: {}}, response_model=HookShape)
def make_hook(caller: Admin, connection: Database, body: HookBody) -> Answer:
    """Tell `url` of events from now on, each signed with `secret`: docs/links.md."""
    try:
        with connection.transaction():
            made = one(connection, MAKE, {**body.model_dump(), "by": caller.name})
    except errors.UniqueViolation:
        raise HTTPException(409, f"there is a webhook {body.name!r} already") from None
    assert made is not None  # noqa: S101 - INSERT … RETURNING of one row
    return created(one(connection, HOOKS, made), f"/api/v1/webhooks/{made['id']}")


@router.delete("/webhooks/{webhook_id}", status_code=204, response_class=Response)
def delete_hook(_: Admin, connection: Database, webhook_id: Identity) -> Response:
    if not connection.execute("DELETE FROM webhook WHERE id = %s", (webhook_id,)).rowcount:
        raise HTTPException(404, f"no webhook {webhook_id}")
    return Response(status_code=204)


@router.get("/webhooks/{webhook_id}/dead", response_model=page_of(DeadShape))
def list_dead(
    _: Admin, connection: Database, webhook_id: Identity, page: Annotated[Page, Depends(pages("dead letters", int))]
) -> Answer:  # fmt: skip
    """What was put aside after too many tries; `held`: how much of its lead or alert waits behind it."""
    (after,) = page.after or (None,)
    found = rows(connection, DEAD, {"id": webhook_id, "after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["outbox_id"]]))


@router.get("/webhooks/{webhook_id}/arrived", response_model=page_of(ArrivedShape))
def list_arrived(
    _: Admin, connection: Database, webhook_id: Identity, page: Annotated[Page, Depends(pages("arrivals", int))]
) -> Answer:  # fmt: skip
    """What got through, the newest first; `attempts` counts the one that did. Kept as long as the outbox."""
    (after,) = page.after or (None,)
    found = rows(connection, ARRIVED, {"id": webhook_id, "after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["id"]]))


@router.delete("/webhooks/{webhook_id}/dead/{outbox_id}", status_code=204)
def discard(_: Admin, connection: Database, webhook_id: Identity, outbox_id: Identity) -> None:
    """Give one of them up: what waits behind it goes on without it."""
    if not webhooks.discard(connection, webhook_id, outbox_id):
        raise HTTPException(404, f"webhook {webhook_id} has no dead letter of event {outbox_id}")


@router.post("/webhooks/{webhook_id}/replay", response_model=Revived)
def replay(_: Admin, connection: Database, webhook_id: Identity, body: Replay) -> Answer:
    """Send again what was put aside; with `from_id` also every event from that one on."""
    if one(connection, HOOKS, {"id": webhook_id}) is None:
        raise HTTPException(404, f"no webhook {webhook_id}")
    return Answer({"revived": webhooks.replay(connection, webhook_id, body.from_id)})


CHANNELS: LiteralString = """
    SELECT name, kind, language, quiet_from, quiet_to,
           (SELECT count(*) FROM message WHERE channel = name AND sent_at IS NULL) AS waiting,
           (SELECT error FROM message WHERE channel = name AND error IS NOT NULL ORDER BY id DESC LIMIT 1) AS error
      FROM channel
     WHERE (%(name)s::text IS NULL OR name = %(name)s)
     ORDER BY name
"""
PUT_CHANNEL: LiteralString = """
    INSERT INTO channel (name, kind, settings, language, quiet_from, quiet_to, created_by)
    VALUES (%(name)s, %(kind)s, %(settings)s, %(language)s, %(quiet_from)s, %(quiet_to)s, %(by)s)
        ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, settings = excluded.settings, language = excluded.language,
                                         quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to
"""


@router.get("/channels", response_model=list[ChannelShape])
def list_channels(_: AnyCaller, connection: Database) -> Answer:
    """Where messages can go, and whether they do; addresses and secrets are shown to nobody."""
    return Answer(rows(connection, CHANNELS, {"name": None}))


@router.put("/channels/{name}", response_model=ChannelShape)
def put_channel(caller: Admin, connection: Database, name: Word, body: ChannelBody) -> Answer:
    """A robot of WeCom, DingTalk or Feishu, an SMS gateway, or mail: docs/links.md says which settings each needs."""
    if (body.quiet_from is None) != (body.quiet_to is None):
        raise HTTPException(422, "quiet hours have a beginning and an end: give both, or neither")
    read_settings(body.kind, body.settings)
    said = {**body.model_dump(), "settings": Jsonb(body.settings), "name": name, "by": caller.name}
    connection.execute(PUT_CHANNEL, said)
    return Answer(one(connection, CHANNELS, {"name": name}))


@router.delete("/channels/{name}", status_code=204, response_class=Response)
def delete_channel(_: Admin, connection: Database, name: Word) -> Response:
    if not connection.execute("DELETE FROM channel WHERE name = %s", (name,)).rowcount:
        raise HTTPException(404, f"no channel {name!r}")
    return Response(status_code=204)


SUBSCRIBE: LiteralString = """
    INSERT INTO subscription (channel, owner, events, kinds, severities, jurisdictions, squads)
    VALUES (%(channel)s, %(owner)s, %(events)s, %(kinds)s, %(severities)s, %(jurisdictions)s, %(squads)s)
    RETURNING *
"""


@router.get("/subscriptions", response_model=list[SubscriptionShape])
def list_subscriptions(_: AnyCaller, connection: Database) -> Answer:
    return Answer(rows(connection, "SELECT * FROM subscription ORDER BY id"))


@router.post("/subscriptions", status_code=201, responses={404: {}}, response_model=SubscriptionShape)
def subscribe(caller: Officer, connection: Database, body: SubscriptionBody) -> Answer:
    """Be told on a channel; an empty list means all."""
    if one(connection, CHANNELS, {"name": body.channel}) is None:
        raise HTTPException(404, f"no channel {body.channel!r}; GET /channels lists them")
    made = one(connection, SUBSCRIBE, {**body.model_dump(), "owner": caller.name})
    assert made is not None  # noqa: S101 - INSERT … RETURNING of one row
    return created(made, f"/api/v1/subscriptions/{made['id']}")


@router.delete("/subscriptions/{subscription_id}", status_code=204, response_class=Response)
def unsubscribe(caller: Officer, connection: Database, subscription_id: Identity) -> Response:
    """One's own; an admin any."""
    row = one(connection, "SELECT owner FROM subscription WHERE id = %s", (subscription_id,))
    if row is None:
        raise HTTPException(404, f"no subscription {subscription_id}")
    if caller.role != "admin" and row["owner"] != caller.name:
        raise HTTPException(403, f"subscription {subscription_id} is {row['owner']}'s")
    connection.execute("DELETE FROM subscription WHERE id = %s", (subscription_id,))
    return Response(status_code=204)


class MessageShape(Shape):
    id: int
    channel: str
    text: str
    at: datetime
    due_at: datetime
    attempts: int
    sent_at: datetime | None
    error: str | None


MESSAGES: LiteralString = """
    SELECT id, channel, text, at, due_at, attempts, sent_at, error FROM message
     WHERE (%(after)s::bigint IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(fetch)s
"""


@router.get("/messages", response_model=page_of(MessageShape))
def list_messages(
    _: AnyCaller, connection: Database, page: Annotated[Page, Depends(pages("messages", int))]
) -> Answer:
    """What was told to people, waits, or could not be sent and why."""
    (after,) = page.after or (None,)
    found = rows(connection, MESSAGES, {"after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["id"]]))
