"""How a message reaches people: WeCom, DingTalk and Feishu robots, an SMS gateway over HTTP, mail.

The robots answer HTTP 200 also when they refuse: what counts is the code in their answer.
"""

import base64
import hashlib
import hmac
import smtplib
import ssl
import time
from email.message import EmailMessage
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus

import httpx2
import msgspec
import structlog
from msgspec import Meta

from runtime.errors import FleetfumeError

log = structlog.get_logger(__name__)

Url = Annotated[str, Meta(pattern="^https?://", max_length=1000)]


class NotSent(FleetfumeError):
    """The message was not taken; says by what answer."""


class Robot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group robot of WeCom, DingTalk or Feishu."""

    url: Url
    secret: str = ""
    """DingTalk's and Feishu's signing secret, where the robot asks for one."""


class Sms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A gateway that takes JSON: `{"phones": […], "text": …}` with a bearer token."""

    url: Url
    phones: Annotated[list[str], Meta(min_length=1)]
    token: str = ""


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str
    sender: str
    to: Annotated[list[str], Meta(min_length=1)]
    port: int = 465
    user: str = ""
    password: str = ""
    tls: Literal["implicit", "starttls", "none"] = "implicit"


SETTINGS: dict[str, type[Robot] | type[Sms] | type[Mail]] = {
    "wecom": Robot, "dingtalk": Robot, "feishu": Robot, "sms": Sms, "mail": Mail,
}  # fmt: skip


MOST_BYTES = {"wecom": 2048, "dingtalk": 20_000, "feishu": 20_000}
"""Of one text, UTF-8, as their pages say (WeCom's `text.content`; the other two of the whole body: less than they allow)."""


def shortened(kind: str, text: str) -> str:
    """`text` as far as a channel of `kind` takes it, with an ellipsis where it was cut."""
    most = MOST_BYTES.get(kind)
    content = text.encode()
    if most is None or len(content) <= most:
        return text
    return content[: most - len("…".encode())].decode(errors="ignore") + "…"


def read_settings(kind: str, said: Any) -> Robot | Sms | Mail:
    """NotSent says which field is wrong."""
    try:
        return msgspec.convert(said, SETTINGS[kind])
    except msgspec.ValidationError as error:
        raise NotSent(f"settings of a {kind} channel: {error}") from None


def send(client: httpx2.Client, kind: str, said: Any, text: str) -> None:
    """Send `text`; NotSent unless the other side says that it has it."""
    settings = read_settings(kind, said)
    text = shortened(kind, text)
    if isinstance(settings, Mail):
        _mail(settings, text)
        return
    url, body, headers = request(kind, settings, text, time.time())
    try:
        answer = client.post(url, json=body, headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise NotSent(f"{kind}: {type(error).__name__}: {error}") from None
    if not answer.is_success:
        raise NotSent(f"{kind}: HTTP {answer.status_code}")
    if kind != "sms":
        check(kind, answer.content)


def request(
    kind: str, settings: Robot | Sms, text: str, now_s: float
) -> tuple[str, dict[str, Any], dict[str, str]]:
    """URL, JSON body and headers of the POST that says `text`."""
    if isinstance(settings, Sms):
        headers = {"Authorization": f"Bearer {settings.token}"} if settings.token else {}
        return settings.url, {"phones": settings.phones, "text": text}, headers
    match kind:
        case "dingtalk":
            url = settings.url
            if settings.secret:
                at_ms = str(int(now_s * 1000))
                digest = hmac.digest(
                    settings.secret.encode(), f"{at_ms}\n{settings.secret}".encode(), hashlib.sha256
                )
                url += f"&timestamp={at_ms}&sign={quote_plus(base64.b64encode(digest))}"
            return url, {"msgtype": "text", "text": {"content": text}}, {}
        case "feishu":
            body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
            if settings.secret:
                # Feishu signs nothing, with the time and the secret as the key.
                at_s = str(int(now_s))
                digest = hmac.digest(f"{at_s}\n{settings.secret}".encode(), b"", hashlib.sha256)
                body |= {"timestamp": at_s, "sign": base64.b64encode(digest).decode()}
            return settings.url, body, {}
        case _:
            return settings.url, {"msgtype": "text", "text": {"content": text}}, {}


def check(kind: str, content: bytes) -> None:
    """NotSent unless a robot's answer says that the message was taken."""
    try:
        said = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotSent(f"{kind}: answered without a code") from None
    code = next((said[name] for name in ("errcode", "code", "StatusCode") if name in said), None)
    if code != 0:
        raise NotSent(f"{kind}: code {code}: {said.get('errmsg') or said.get('msg') or ''}".rstrip(": "))


def _mail(settings: Mail, text: str) -> None:
    message = EmailMessage()
    message["Subject"] = text.splitlines()[0][:120]
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message.set_content(text)
    try:
        secure = ssl.create_default_context()
        if settings.tls == "implicit":
            server: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=20, context=secure)
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=20)
        with server:
            if settings.tls == "starttls":
                server.starttls(context=secure)
            if settings.user:
                server.login(settings.user, settings.password)
            if refused := server.send_message(message):
                log.warning("mail refused for some", receivers=sorted(refused))
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(f"mail: {type(error).__name__}: {error}") from None
