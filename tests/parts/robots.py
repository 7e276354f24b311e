"""WeCom's, DingTalk's and Feishu's group robots and an SMS gateway, as their published pages say they answer: HTTP 200
also when they refuse, with a code in the body. What they check (key, signature, length) is written here anew.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.parts.posts import answering

SECRET = "SEC-of-the-robot"
HOUR_S = 3600


Answer = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    path: str
    query: dict[str, str]
    authorization: str | None
    body: dict[str, Any]


def wecom(asked: Asked) -> Answer:
    if asked.query.get("key") != "K":
        return 200, {"errcode": 93000, "errmsg": "invalid webhook url, hint: [1]"}
    if len(asked.body["text"]["content"].encode()) > 2048:
        return 200, {
            "errcode": 40058,
            "errmsg": "text.content exceed max length 2048. invalid Request Parameter",
        }
    return 200, {"errcode": 0, "errmsg": "ok"}


def dingtalk(asked: Asked) -> Answer:
    if asked.query.get("access_token") != "T":
        return 200, {"errcode": 300005, "errmsg": "token is not exist"}
    at_ms = asked.query.get("timestamp", "0")
    sign = hmac.new(SECRET.encode(), (at_ms + "\n" + SECRET).encode(), hashlib.sha256).digest()
    good = asked.query.get("sign") == base64.b64encode(sign).decode()
    if not good or abs(time.time() - int(at_ms) / 1000) > HOUR_S:
        return 200, {"errcode": 310000, "errmsg": "sign not match, more: [https://ding-doc.dingtalk.com/doc]"}
    return 200, {"errcode": 0, "errmsg": "ok"}


def feishu(asked: Asked) -> Answer:
    if asked.path != "/open-apis/bot/v2/hook/T":
        return 200, {"code": 19001, "msg": "param invalid: incoming webhook access token invalid", "data": {}}
    at_s = asked.body.get("timestamp", "0")
    sign = hmac.new((at_s + "\n" + SECRET).encode(), digestmod=hashlib.sha256).digest()
    if asked.body.get("sign") != base64.b64encode(sign).decode() or abs(time.time() - int(at_s)) > HOUR_S:
        said = "sign match fail or timestamp is not within one hour from current time"
        return 200, {"code": 19021, "msg": said, "data": {}}
    return 200, {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}


def sms(asked: Asked) -> Answer:
    if asked.authorization != f"Bearer {SECRET}":
        return 401, {"error": "unknown token"}
    return 200, {"sent": len(asked.body["phones"])}


KINDS: dict[str, Callable[[Asked], Answer]] = {
    "wecom": wecom,
    "dingtalk": dingtalk,
    "feishu": feishu,
    "sms": sms,
}
PATHS = {"/cgi-bin/webhook/send": "wecom", "/robot/send": "dingtalk", "/sms": "sms"}


@dataclass
class Robots:
    url: str = ""
    taken: list[tuple[str, str]] = field(default_factory=list)
    """Which, and the text it took."""
    busy: int = 0
    """So many requests from now on come too often."""

    def answer(self, asked: Asked) -> Answer:
        kind = PATHS.get(asked.path, "feishu")
        if self.busy:
            self.busy -= 1
            return BUSY[kind]
        status, said = KINDS[kind](asked)
        if status == 200 and not any(said.get(name) for name in ("errcode", "code")):
            text = asked.body.get("text") or asked.body["content"]
            self.taken.append((kind, text if kind == "sms" else text.get("content") or text["text"]))
        return status, said


BUSY: dict[str, Answer] = {
    "wecom": (200, {"errcode": 45009, "errmsg": "api freq out of limit"}),
    "dingtalk": (200, {"errcode": 660026, "errmsg": "send too fast, exceed 20 times per minute"}),
    "feishu": (200, {"code": 11232, "msg": "frequency limited", "data": {}}),
    "sms": (429, {}),
}


@contextmanager
def robots() -> Iterator[Robots]:
    them = Robots()

    def answer(path: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        asked = urlsplit(path)
        assert headers["Content-Type"] == "application/json"
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        status, said = them.answer(Asked(asked.path, query, headers["Authorization"], json.loads(body)))
        return status, json.dumps(said).encode()

    with answering(answer) as url:
        them.url = url
        yield them
