"""Each channel against a server of its own: robots that answer as their pages say, and a real SMTP server."""

import asyncio
import email
import email.policy
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import psycopg
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from psycopg.types.json import Jsonb

from alerts.telling import messages
from alerts.telling.channels import NotSent, send
from tests import builders
from tests.parts.certificates import Authority
from tests.parts.robots import SECRET, Robots, robots

TEXT = "[严重] 鲁A00000在明水街道疑似偷倒乱倒 #7"


@pytest.fixture(scope="module")
def them() -> Iterator[Robots]:
    with robots() as them:
        yield them


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=5) as client:
        yield client


def settings_of(them: Robots, kind: str) -> dict[str, Any]:
    settings: dict[str, dict[str, Any]] = {
        "wecom": {"url": f"{them.url}/cgi-bin/webhook/send?key=K"},
        "dingtalk": {"url": f"{them.url}/robot/send?access_token=T", "secret": SECRET},
        "feishu": {"url": f"{them.url}/open-apis/bot/v2/hook/T", "secret": SECRET},
        "sms": {"url": f"{them.url}/sms", "phones": ["13800000000"], "token": SECRET},
    }
    return settings[kind]


KINDS = ("wecom", "dingtalk", "feishu", "sms")


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_takes_a_message_that_is_signed_as_it_asks(
    them: Robots, client: httpx2.Client, kind: str
) -> None:
    send(client, kind, settings_of(them, kind), TEXT)
    assert them.taken[-1] == (kind, TEXT)


@pytest.mark.parametrize(
    ("kind", "wrong", "why"),
    [
        ("wecom", {"url": "/cgi-bin/webhook/send?key=X"}, "wecom: code 93000: invalid webhook url"),
        ("dingtalk", {"url": "/robot/send?access_token=X"}, "dingtalk: code 300005: token is not exist"),
        ("dingtalk", {"secret": "another"}, "dingtalk: code 310000: sign not match"),
        ("dingtalk", {"secret": ""}, "dingtalk: code 310000: sign not match"),
        ("feishu", {"url": "/open-apis/bot/v2/hook/X"}, "feishu: code 19001: param invalid"),
        ("feishu", {"secret": "another"}, "feishu: code 19021: sign match fail"),
        ("feishu", {"secret": ""}, "feishu: code 19021: sign match fail"),
        ("sms", {"token": "another"}, "sms: HTTP 401"),
    ],
)
def test_what_a_channel_refuses_is_not_sent_and_says_its_reason(
    them: Robots, client: httpx2.Client, kind: str, wrong: dict[str, str], why: str
) -> None:
    said = {
        **settings_of(them, kind),
        **{name: value if name != "url" else them.url + value for name, value in wrong.items()},
    }
    taken = len(them.taken)
    with pytest.raises(NotSent, match=why):
        send(client, kind, said, TEXT)
    assert len(them.taken) == taken


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def test_what_came_too_often_or_is_too_long_for_one_message_arrives_in_the_end(
    connection: psycopg.Connection, them: Robots, client: httpx2.Client
) -> None:
    them.taken.clear()
    said = {kind: [f"{kind} {n} " + "渣土" * 60 for n in range(12)] for kind in KINDS}
    for kind, texts in said.items():
        builders.insert(
            connection,
            "channel",
            name=kind,
            kind=kind,
            settings=Jsonb(settings_of(them, kind)),
            created_by="admin",
        )
        for n, text in enumerate(texts):
            builders.insert(
                connection, "message", channel=kind, key=str(n), text=text, due_at="2026-11-23T00:00:00Z"
            )
    them.busy = 3
    for _ in range(4):
        messages.send_due(connection, client)
        connection.execute("UPDATE message SET due_at = now() WHERE sent_at IS NULL")
    assert connection.execute("SELECT count(*) FROM message WHERE sent_at IS NULL").fetchone() == (0,)
    for kind, texts in said.items():
        arrived = "\n".join(text for one, text in them.taken if one == kind)
        assert [arrived.count(text) for text in texts] == [1] * len(texts)
        assert [arrived.index(text) for text in texts] == sorted(arrived.index(text) for text in texts)


# Mail, to a real SMTP server.


class Mailbox:
    def __init__(self) -> None:
        self.port = 0
        self.letters: list[tuple[list[str], email.message.EmailMessage]] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Any, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        self.letters.append(
            (envelope.rcpt_tos, email.message_from_bytes(content, policy=email.policy.default))
        )
        return "250 OK"


@contextmanager
def mailbox(
    context: ssl.SSLContext | None = None, *, implicit: bool = False, login: bool = False
) -> Iterator[Mailbox]:
    """An SMTP server on the loopback; with `context` it speaks TLS, from the beginning if `implicit`."""
    box = Mailbox()

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"fleetfume", b"secret")
        return AuthResult(success=good, handled=False)

    def make() -> SMTP:
        with warnings.catch_warnings():
            # It takes TLS from the beginning for none, and warns.
            warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
            return SMTP(
                box, tls_context=None if implicit else context, require_starttls=context is not None and not implicit,
                auth_required=login, auth_require_tls=not implicit, authenticator=authenticate if login else None,
            )  # fmt: skip

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(make, "127.0.0.1", 0, ssl=context if implicit else None)
    )
    box.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield box
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("mail"))


@pytest.fixture(scope="module")
def context(authority: Authority) -> ssl.SSLContext:
    made = authority.sign("mail")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.cert, made.key)
    return context


def mail(box: Mailbox, tls: str, **more: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1", "port": box.port, "sender": "fleetfume@bureau.example", "to": ["chief@bureau.example"],
        "tls": tls, **more,
    }  # fmt: skip


LOGIN = {"user": "fleetfume", "password": "secret"}


def test_a_letter_arrives_with_its_chinese(client: httpx2.Client) -> None:
    with mailbox() as box:
        send(
            client,
            "mail",
            mail(box, "none", to=["chief@bureau.example", "duty@bureau.example"]),
            f"{TEXT}\n第二行",
        )
    ((receivers, letter),) = box.letters
    assert receivers == ["chief@bureau.example", "duty@bureau.example"]
    assert (letter["Subject"], letter["From"]) == (TEXT, "fleetfume@bureau.example")
    assert letter.get_content().splitlines() == [TEXT, "第二行"]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_letter_goes_by_tls_to_a_server_we_believe_after_signing_in(
    client: httpx2.Client,
    authority: Authority,
    context: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    tls: str,
) -> None:
    with mailbox(context, implicit=tls == "implicit", login=True) as box:
        with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            send(client, "mail", mail(box, tls, **LOGIN), TEXT)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        with pytest.raises(NotSent, match="535"):
            send(client, "mail", mail(box, tls, user="fleetfume", password="wrong"), TEXT)
        assert box.letters == []
        send(client, "mail", mail(box, tls, **LOGIN), TEXT)
    assert [letter["Subject"] for _, letter in box.letters] == [TEXT]


def test_a_mailbox_that_is_not_there_is_said_and_does_not_keep_the_letter_from_others(
    client: httpx2.Client,
) -> None:
    with mailbox() as box:
        with pytest.raises(NotSent, match="550"):
            send(client, "mail", mail(box, "none", to=["nobody@bureau.example"]), TEXT)
        send(client, "mail", mail(box, "none", to=["nobody@bureau.example", "duty@bureau.example"]), TEXT)
    assert [receivers for receivers, _ in box.letters] == [["duty@bureau.example"]]
    with pytest.raises(NotSent, match="mail: ConnectionRefusedError"):
        send(client, "mail", mail(box, "none"), TEXT)
