"""What a broker is told that asks who may connect, and who may do what."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import SecretStr
from starlette.testclient import TestClient

from api.brokers import PER_ADDRESS, PER_DEVICE
from api.server import create_app
from devices.credentials import issue_secrets
from devices.repository import put_row
from runtime.settings import Settings
from tests.small_district import registry

SHOWN = "what-the-broker-shows"


@pytest.fixture
def app(database_url: str, database: Connection[TupleRow]) -> FastAPI:
    return create_app(
        Settings(
            database_url=SecretStr(database_url),
            mqtt_url=SecretStr("mqtts://fleetfume:the%20collector@broker"),
            broker_auth_secret=SecretStr(SHOWN),
        ),
        role="api",
    )


@pytest.fixture
def broker(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(
        app, base_url="http://testserver/api/v1/broker", headers={"Authorization": f"Bearer {SHOWN}"}
    ) as client:
        yield client


@pytest.fixture
def secret(database: Connection[TupleRow]) -> str:
    return issue_secrets(database, ["V0"])["V0"]


Try = Callable[..., str]


@pytest.fixture
def connects(broker: TestClient) -> Try:
    def ask(username: str, password: str, clientid: str | None = None, peerhost: str = "192.0.2.1") -> str:
        answer = broker.post(
            "/auth",
            json={
                "username": username, "password": password, "peerhost": peerhost,
                "clientid": username if clientid is None else clientid,
            },
        )  # fmt: skip
        assert (answer.status_code, answer.json()["is_superuser"]) == (200, False)
        return str(answer.json()["result"])

    return ask


def test_a_device_connects_with_its_own_secret_under_its_own_name(connects: Try, secret: str) -> None:
    assert connects("V0", secret) == "allow"
    assert connects("V0", secret + "x") == "deny"
    assert connects("V0", "") == "deny"
    assert connects("V0", secret, clientid="V1") == "deny"
    assert connects("V1", secret) == "deny"
    assert connects("nobody", secret) == "deny"
    assert connects("", "") == "deny"


def test_a_disabled_device_is_refused_and_a_renewed_secret_ends_the_old_one(
    connects: Try, secret: str, database: Connection[TupleRow]
) -> None:
    renewed = issue_secrets(database, ["V0"])["V0"]
    assert (connects("V0", secret), connects("V0", renewed)) == ("deny", "allow")

    with database.transaction():
        put_row(database, "devices", replace(registry().devices["V0"], status="disabled"), actor="test")
    assert connects("V0", renewed) == "deny"


def test_the_collector_connects_with_the_secret_of_its_own_setting(
    connects: Try, database_url: str, database: Connection[TupleRow]
) -> None:
    assert connects("fleetfume", "the collector", clientid="fleetfume-1-1") == "allow"
    assert connects("fleetfume", "another") == "deny"

    for url in (None, "mqtt://fleetfume@broker", "mqtt://someone:secret@broker"):
        settings = Settings(
            database_url=SecretStr(database_url), mqtt_url=SecretStr(url) if url else None,
            broker_auth_secret=SecretStr(SHOWN),
        )  # fmt: skip
        with TestClient(
            create_app(settings, role="api"), headers={"Authorization": f"Bearer {SHOWN}"}
        ) as client:
            for password in ("", "secret"):
                asked = {"username": "fleetfume", "clientid": "x", "password": password}
                assert client.post("/api/v1/broker/auth", json=asked).json()["result"] == "deny"


def test_who_guesses_is_no_longer_listened_to_and_others_are(connects: Try, secret: str) -> None:
    for _ in range(PER_DEVICE[0]):
        assert connects("V0", "guess", peerhost="192.0.2.9") == "deny"

    assert connects("V0", secret, peerhost="192.0.2.9") == "deny"
    assert connects("V0", secret, peerhost="192.0.2.1") == "allow"


def test_who_guesses_for_many_devices_is_no_longer_listened_to(connects: Try, secret: str) -> None:
    for number in range(PER_ADDRESS[0]):
        connects(f"X{number}", "guess", peerhost="192.0.2.9")

    assert connects("V0", secret, peerhost="192.0.2.9") == "deny"
    assert connects("V0", secret, peerhost="192.0.2.1") == "allow"


def test_right_secrets_are_never_too_many(connects: Try, secret: str) -> None:
    assert {connects("V0", secret) for _ in range(PER_DEVICE[0] * 3)} == {"allow"}


@pytest.mark.parametrize(
    ("username", "clientid", "action", "topic", "result"),
    [
        ("V0", "V0", "publish", "ff/v1/vehicle/V0/telemetry", "allow"),
        ("V0", "V0", "subscribe", "ff/v1/vehicle/V0/cmd", "allow"),
        ("V0", "V0", "publish", "ff/v1/vehicle/V1/telemetry", "deny"),
        ("V0", "V0", "publish", "ff/v1/vehicle/V0/cmd", "deny"),
        ("V0", "V0", "subscribe", "ff/v1/vehicle/+/cmd", "deny"),
        ("V0", "V0", "subscribe", "#", "deny"),
        ("V0", "V1", "publish", "ff/v1/vehicle/V0/telemetry", "deny"),
        ("", "", "publish", "ff/v1/vehicle//telemetry", "deny"),
        ("fleetfume", "fleetfume-1-1", "subscribe", "$share/fleetfume-1/ff/v1/+/+/hj212", "allow"),
        ("fleetfume", "fleetfume-1-1", "publish", "ff/v1/fume/F0/cmd", "allow"),
        ("fleetfume", "fleetfume-1-1", "publish", "ff/v1/fume/F0/hj212", "deny"),
    ],
)
def test_what_each_may_do(
    broker: TestClient, username: str, clientid: str, action: str, topic: str, result: str
) -> None:
    asked = {"username": username, "clientid": clientid, "action": action, "topic": topic}
    assert broker.post("/acl", json=asked).json() == {"result": result, "is_superuser": False}


@pytest.mark.parametrize("path", ["auth", "acl"])
def test_nobody_else_is_answered(anyone: TestClient, path: str, as_role: Callable[[str], TestClient]) -> None:
    asked = {"username": "V0", "clientid": "V0", "action": "publish", "topic": "t"}
    for shown in (
        {},
        {"Authorization": f"Bearer {SHOWN}x"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer é"},
    ):
        headers = {name.encode(): value.encode() for name, value in shown.items()}
        assert anyone.post(f"/api/v1/broker/{path}", json=asked, headers=headers).status_code == 401
    assert as_role("admin").post(f"/broker/{path}", json=asked).status_code == 401


@pytest.mark.parametrize("path", ["auth", "acl"])
def test_without_a_secret_of_ours_nobody_is(
    database_url: str, database: Connection[TupleRow], path: str
) -> None:
    app = create_app(Settings(database_url=SecretStr(database_url)), role="api")
    with TestClient(app) as client:
        asked = {"username": "V0", "clientid": "V0", "action": "publish", "topic": "t"}
        answer = client.post(f"/api/v1/broker/{path}", json=asked, headers={"Authorization": "Bearer "})
    assert answer.status_code == 404
    assert "FLEETFUME_BROKER_AUTH_SECRET" in answer.json()["detail"]
