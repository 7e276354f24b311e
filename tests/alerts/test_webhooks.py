"""Webhooks: at least once, signed, in order for each lead; what keeps failing is put aside and can be sent again."""

import hashlib
import hmac
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2
import psycopg
import pytest

from alerts.outbox import publish
from alerts.presentation import publish_alert
from alerts.telling import webhooks
from tests import builders
from tests.parts.listener import Listener, listening

SECRET = "a secret of sixteen"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            builders.users(connection)
            builders.district(connection)
        yield connection


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=5) as client:
        yield client


def hook(connection: psycopg.Connection, url: str, *types: str) -> int:
    return int(
        builders.insert(
            connection, "webhook", name=f"hook {url}", url=url, secret=SECRET, types=list(types or webhooks.TYPES),
            last_id=0, created_by="admin",
        )
    )  # fmt: skip


def lead_event(connection: psycopg.Connection, lead_id: int, step: int) -> int:
    with connection.transaction():
        return publish(connection, "lead.changed", {"id": lead_id, "step": step}, lead_id=lead_id)


def later(connection: psycopg.Connection) -> None:
    """What waits for its next try is due."""
    connection.execute("UPDATE webhook_delivery SET next_at = now()")


def test_an_event_arrives_signed_as_the_stream_tells_it(
    connection: psycopg.Connection, listener: Listener, client: httpx2.Client
) -> None:
    hook(connection, listener.url)
    alert_id = builders.alert(connection, told=True)
    assert webhooks.spread(connection) == 1
    assert webhooks.spread(connection) == 0
    assert webhooks.deliver(connection, client) == 1
    ((path, headers, body),) = listener.heard
    (event,) = listener.bodies
    assert (path, event["type"], event["alert"]["id"]) == ("/hook", "alert.opened", alert_id)
    assert headers["X-Fleetfume-Event"] == str(event["id"])
    at, _, said = headers["X-Fleetfume-Signature"].partition(",")
    expected = hmac.new(
        SECRET.encode(), at.removeprefix("t=").encode() + b"." + body, hashlib.sha256
    ).hexdigest()
    assert said == f"v1={expected}"
    assert webhooks.deliver(connection, client) == 0


def test_of_one_lead_nothing_overtakes_and_others_do_not_wait(
    connection: psycopg.Connection, listener: Listener, client: httpx2.Client
) -> None:
    hook(connection, listener.url)
    one, other = builders.lead(connection), builders.lead(connection)
    for lead_id, step in ((one, 1), (other, 1), (one, 2), (other, 2)):
        lead_event(connection, lead_id, step)
    webhooks.spread(connection)
    listener.answers = [(500, {})]
    webhooks.deliver(connection, client)
    webhooks.deliver(connection, client)  # the first of `one` waits; `other` goes on
    assert [(said["lead"]["id"], said["lead"]["step"]) for said in listener.bodies[1:]] == [
        (other, 1),
        (other, 2),
    ]
    later(connection)
    webhooks.deliver(connection, client)
    assert [(said["lead"]["id"], said["lead"]["step"]) for said in listener.bodies[3:]] == [
        (one, 1),
        (one, 2),
    ]


def test_an_alert_of_a_lead_keeps_the_leads_order(
    connection: psycopg.Connection, listener: Listener, client: httpx2.Client
) -> None:
    hook(connection, listener.url)
    lead_id = builders.lead(connection)
    alert_id = builders.alert(connection, lead_id=lead_id)
    lead_event(connection, lead_id, 1)
    with connection.transaction():
        publish_alert(connection, alert_id, "alert.updated")
    webhooks.spread(connection)
    assert connection.execute("SELECT DISTINCT stream FROM webhook_delivery").fetchall() == [
        (f"lead:{lead_id}",)
    ]


def test_what_keeps_failing_waits_longer_is_put_aside_and_sent_again_when_asked(
    connection: psycopg.Connection, listener: Listener, client: httpx2.Client
) -> None:
    hook_id = hook(connection, listener.url)
    lead_id = builders.lead(connection)
    lead_event(connection, lead_id, 1)
    lead_event(connection, lead_id, 2)
    webhooks.spread(connection)
    listener.usual = (503, {})
    waits = []
    for _ in range(webhooks.MOST_ATTEMPTS):
        webhooks.deliver(connection, client)
        row = connection.execute(
            "SELECT round(extract(epoch FROM next_at - now())) FROM webhook_delivery ORDER BY outbox_id LIMIT 1"
        ).fetchone()
        assert row is not None
        waits.append(int(row[0]))
        later(connection)
    assert waits[:4] == [5, 10, 20, 40]
    assert max(waits) == 3600
    states = connection.execute("SELECT state, error FROM webhook_delivery ORDER BY outbox_id").fetchall()
    assert states == [("dead", "HTTP 503"), ("waiting", None)]
    listener.usual = (204, {})
    heard = len(listener.heard)
    assert webhooks.deliver(connection, client) == 0  # the second step waits behind the first
    assert webhooks.replay(connection, hook_id, None) == 1
    connection.execute("UPDATE webhook_delivery SET attempts = 3 WHERE state = 'waiting' AND attempts = 0")
    assert webhooks.deliver(connection, client) == 2
    assert [said["lead"]["step"] for said in listener.bodies[heard:]] == [1, 2]
    noted = connection.execute("SELECT type, stream, attempts FROM webhook_arrival ORDER BY id").fetchall()
    assert noted == [("lead.changed", f"lead:{lead_id}", 4)] * 2


def test_what_is_given_up_lets_its_stream_go_on(
    connection: psycopg.Connection, listener: Listener, client: httpx2.Client
) -> None:
    hook_id = hook(connection, listener.url)
    lead_id = builders.lead(connection)
    first, second = (lead_event(connection, lead_id, step) for step in (1, 2))
    webhooks.spread(connection)
    connection.execute("UPDATE webhook_delivery SET state = 'dead' WHERE outbox_id = %s", (first,))
    assert webhooks.deliver(connection, client) == 0
    assert webhooks.discard(connection, hook_id, second) is False  # it is not put aside
    assert webhooks.discard(connection, hook_id, first) is True
    assert webhooks.deliver(connection, client) == 1
    assert [said["lead"]["step"] for said in listener.bodies] == [2]


@pytest.mark.parametrize("seed", range(6))
def test_however_the_other_side_fails_and_whenever_it_is_replayed_each_lead_arrives_whole_and_in_order(
    connection: psycopg.Connection,
    listener: Listener,
    client: httpx2.Client,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    dice = random.Random(seed)
    monkeypatch.setattr(webhooks, "MOST_ATTEMPTS", 1)
    hook_id = hook(connection, listener.url)
    leads = [builders.lead(connection) for _ in range(3)]
    steps: Counter[int] = Counter()
    arrived: list[tuple[int, int]] = []

    def look() -> None:
        heard = len(listener.heard)
        codes = [dice.choice([204, 204, 500]) for _ in range(60)]
        listener.answers = [(code, {}) for code in codes]
        webhooks.deliver(connection, client)
        for code, said in zip(codes, listener.bodies[heard:], strict=False):
            if code == 204:
                arrived.append((said["lead"]["id"], said["lead"]["step"]))

    for _ in range(40):
        match dice.choice(["event", "event", "deliver", "later", "replay"]):
            case "event":
                lead_id = dice.choice(leads)
                steps[lead_id] += 1
                lead_event(connection, lead_id, steps[lead_id])
                webhooks.spread(connection)
            case "deliver":
                look()
            case "later":
                later(connection)
            case _:
                webhooks.replay(connection, hook_id, None)
    while connection.execute("SELECT 1 FROM webhook_delivery LIMIT 1").fetchone():
        webhooks.replay(connection, hook_id, None)
        later(connection)
        look()
    for lead_id in leads:
        assert [step for one, step in arrived if one == lead_id] == list(range(1, steps[lead_id] + 1))


def test_a_replay_from_an_event_sends_everything_since(
    connection: psycopg.Connection, listener: Listener, client: httpx2.Client
) -> None:
    hook_id = hook(connection, listener.url, "lead.changed")
    lead_id = builders.lead(connection)
    builders.alert(connection, told=True)  # of a type the hook does not want
    ids = [lead_event(connection, lead_id, step) for step in range(3)]
    webhooks.spread(connection)
    webhooks.deliver(connection, client)
    webhooks.replay(connection, hook_id, ids[1])
    webhooks.spread(connection)
    webhooks.deliver(connection, client)
    assert [said["id"] for said in listener.bodies] == [*ids, *ids[1:]]


def test_nobody_there_is_no_reason_to_lose_anything(
    connection: psycopg.Connection, client: httpx2.Client
) -> None:
    hook(connection, "http://127.0.0.1:1/nobody")
    hook(connection, "http://[bad/")
    lead_event(connection, builders.lead(connection), 1)
    webhooks.spread(connection)
    assert webhooks.deliver(connection, client) == 0
    errors = connection.execute("SELECT error FROM webhook_delivery ORDER BY webhook_id").fetchall()
    assert len(errors) == 2
    assert all(error for (error,) in errors)


def test_the_outbox_keeps_what_a_hook_has_not_come_to_and_always_the_newest(
    connection: psycopg.Connection,
) -> None:
    lead_id = builders.lead(connection)
    ids = [lead_event(connection, lead_id, step) for step in range(5)]
    connection.execute("UPDATE outbox SET at = now() - interval '40 days' WHERE id <> %s", (ids[3],))
    hook_id = hook(connection, "http://127.0.0.1:1/")
    assert webhooks.prune(connection, 30) == 0
    connection.execute("UPDATE webhook SET last_id = %s WHERE id = %s", (ids[4], hook_id))
    assert webhooks.prune(connection, 30) == 3

    def left() -> list[Any]:
        return [row[0] for row in connection.execute("SELECT id FROM outbox ORDER BY id")]

    assert left() == ids[3:]
