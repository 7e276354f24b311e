"""Messages to people: to whom, once, in which words, not in the night; and whether they arrived."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import psycopg
import pytest
from psycopg.types.json import Jsonb

from alerts import storms
from alerts.casework.duty import escalate
from alerts.casework.leads import open_lead
from alerts.presentation import publish_alert
from alerts.telling import messages
from alerts.telling.channels import NotSent, Robot, check, request, send
from alerts.telling.messages import due_at, together
from tests import builders
from tests.builders import NOON
from tests.parts.listener import Listener, listening

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(hour: int, minute: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("now", "quiet", "due"),
    [
        (at(12), (time(22), time(7)), at(12)),
        (at(23), (time(22), time(7)), at(7, day=24)),
        (at(3), (time(22), time(7)), at(7)),
        (at(22), (time(22), time(7)), at(7, day=24)),
        (at(7), (time(22), time(7)), at(7)),
        (at(13), (time(12), time(14)), at(14)),
        (at(14), (time(12), time(14)), at(14)),
        (at(3), (None, None), at(3)),
        (at(3), (time(7), time(7)), at(3)),
    ],
)
def test_what_falls_into_quiet_hours_waits_for_their_end(
    now: datetime, quiet: tuple[time | None, time | None], due: datetime
) -> None:
    assert due_at(now.astimezone(UTC), SHANGHAI, *quiet) == due


@pytest.mark.parametrize(
    ("kind", "answer", "taken"),
    [
        ("wecom", b'{"errcode":0,"errmsg":"ok"}', True),
        ("wecom", b'{"errcode":93000,"errmsg":"invalid webhook url"}', False),
        ("dingtalk", b'{"errcode":310000,"errmsg":"sign not match"}', False),
        ("feishu", b'{"code":0,"msg":"success"}', True),
        ("feishu", b'{"StatusCode":0,"StatusMessage":"success"}', True),
        ("feishu", b'{"code":19021,"msg":"sign match fail"}', False),
        ("wecom", b"<html>", False),
        ("wecom", b"{}", False),
    ],
)
def test_a_robot_that_answers_200_has_taken_it_only_if_its_code_says_so(
    kind: str, answer: bytes, taken: bool
) -> None:
    if taken:
        check(kind, answer)
    else:
        with pytest.raises(NotSent):
            check(kind, answer)


def test_each_robot_is_signed_its_own_way() -> None:
    robot = Robot(url="https://robot/send?access_token=x", secret="s")
    url, body, _ = request("dingtalk", robot, "字", 1764000000.5)
    digest = base64.b64encode(hmac.new(b"s", b"1764000000500\ns", hashlib.sha256).digest()).decode()
    assert httpx2.URL(url).params["sign"] == digest
    assert body == {"msgtype": "text", "text": {"content": "字"}}
    _, body, _ = request("feishu", robot, "字", 1764000000.5)
    assert body["sign"] == base64.b64encode(hmac.new(b"1764000000\ns", b"", hashlib.sha256).digest()).decode()
    assert (body["timestamp"], body["content"]) == ("1764000000", {"text": "字"})


def test_settings_that_lack_something_are_refused_by_name() -> None:
    with httpx2.Client() as client:
        for kind, said, wrong in (
            ("wecom", {}, "url"), ("sms", {"url": "https://x", "phones": []}, "phones"),
            ("mail", {"host": "h", "sender": "s"}, "to"), ("wecom", {"url": "ftp://x"}, "url"),
        ):  # fmt: skip
            with pytest.raises(NotSent, match=wrong):
                send(client, kind, said, "x")


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            builders.users(connection)
            builders.district(connection)
        messages.compose(connection, SHANGHAI)  # what was before is past
        yield connection


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        listener.usual = (200, {"errcode": 0})
        yield listener


def channel(connection: psycopg.Connection, url: str, *, name: str = "群", **columns: Any) -> None:
    builders.insert(
        connection, "channel",
        **{"name": name, "kind": "wecom", "settings": Jsonb({"url": url}), "created_by": "admin", **columns},
    )  # fmt: skip


def subscribe(connection: psycopg.Connection, *, name: str = "群", **columns: Any) -> None:
    builders.insert(
        connection,
        "subscription",
        **{"channel": name, "owner": "duty", "events": list(messages.EVENTS), **columns},
    )


def waiting(connection: psycopg.Connection, name: str = "群") -> list[str]:
    found = connection.execute("SELECT text FROM message WHERE channel = %s ORDER BY id", (name,))
    return [row[0] for row in found]


def test_one_is_told_what_one_asked_for_and_once(connection: psycopg.Connection) -> None:
    channel(connection, "https://x")
    channel(connection, "https://y", name="english", language="en")
    subscribe(connection, kinds=["off_route"], severities=["major"], events=["alert.opened"])
    subscribe(connection, name="english", jurisdictions=["370114001"], events=["alert.opened"])
    builders.alert(connection, told=True, severity="major")
    builders.alert(connection, told=True, place="b", severity="minor", jurisdiction="370114009")
    builders.alert(connection, told=True, place="c", kind="overspeed", severity="major")
    for _ in range(2):
        messages.compose(connection, SHANGHAI)
    assert waiting(connection) == ["[重要] 鲁A00000在明水街道偏离核准路线：最远偏离 420 米 #1"]
    assert [text.split(":")[0] for text in waiting(connection, "english")] == [
        "[Major] 鲁A00000",
        "[Major] 鲁A00000",
    ]


def test_a_group_of_one_cause_is_one_message(connection: psycopg.Connection) -> None:
    channel(connection, "https://x")
    subscribe(connection, events=["alert.opened"])
    connection.execute("UPDATE storm_brake SET alerts_per_min = 1")
    for n in range(5):
        with connection.transaction():
            alert_id = builders.alert(connection, place=str(n))
            storms.hold(connection, alert_id, "off_route", NOON)
            publish_alert(connection, alert_id, "alert.opened")
    messages.compose(connection, SHANGHAI)
    first, group = waiting(connection)
    assert "同因告警组" not in first
    assert "同因告警组" in group


def test_an_escalation_and_a_leads_steps_are_told(connection: psycopg.Connection) -> None:
    channel(connection, "https://x")
    subscribe(connection, events=["alert.escalated", "lead.opened"], squads=["一中队"])
    subscribe(connection, events=["alert.escalated"])
    alert_id = builders.alert(connection)
    connection.execute("UPDATE alert SET recorded_at = now() - interval '1 day'")
    escalate(connection)
    with connection.transaction():
        open_lead(connection, [alert_id])
    messages.compose(connection, SHANGHAI)
    escalated, opened = waiting(connection)
    assert escalated.startswith("[超时未签收 · 一般] 鲁A00000")
    assert opened.startswith("线索 1 · 新建：鲁A00000在明水街道偏离核准路线")


def test_several_go_as_one_text_and_what_was_refused_is_tried_again(
    connection: psycopg.Connection, listener: Listener
) -> None:
    channel(connection, listener.url)
    subscribe(connection, events=["alert.opened"])
    for n in range(3):
        builders.alert(connection, told=True, place=str(n))
    messages.compose(connection, SHANGHAI)
    listener.answers = [(200, {"errcode": 45009, "errmsg": "api freq out of limit"})]
    with httpx2.Client() as client:
        assert messages.send_due(connection, client) == 0
        errors = connection.execute("SELECT DISTINCT error, attempts FROM message").fetchall()
        assert errors == [("wecom: code 45009: api freq out of limit", 1)]
        assert messages.send_due(connection, client) == 0  # not due yet
        connection.execute("UPDATE message SET due_at = now()")
        assert messages.send_due(connection, client) == 3
        assert messages.send_due(connection, client) == 0
    text = listener.bodies[-1]["text"]["content"]
    assert text.splitlines()[0] == "3 条消息"
    assert len(text.splitlines()) == 4
    assert together([{"text": "x", "language": "en"}]) == "x"


def test_only_what_is_critical_is_told_in_the_night(connection: psycopg.Connection) -> None:
    channel(connection, "https://x", quiet_from=time(0), quiet_to=time(23, 59, 59))
    subscribe(connection, events=["alert.opened"])
    builders.alert(connection, told=True, place="a")
    builders.alert(connection, told=True, place="b", severity="critical")
    messages.compose(connection, SHANGHAI)
    due = connection.execute("SELECT due_at <= now() FROM message ORDER BY id").fetchall()
    assert due == [(False,), (True,)]
