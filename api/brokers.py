"""A broker asks who may connect, and who may do what: EMQX's HTTP authentication and authorisation.

POST /broker/auth   {"username", "clientid", "password", "peerhost"}   → {"result": "allow" | "deny"}
POST /broker/acl    {"username", "clientid", "action", "topic"}        → {"result": "allow" | "deny"}

The same rules as Mosquitto's two files (devices/access.py, devices/credentials.py). The broker shows
FLEETFUME_BROKER_AUTH_SECRET as bearer token; without that setting nobody is answered.
"""

import hmac
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, Field

from api.answers import Answer
from api.auth import CHALLENGE
from api.database import Database
from api.limiter import Limiter
from api.shapes import Shape
from devices.access import SERVICE_USER, is_allowed
from devices.credentials import is_device_secret
from runtime.settings import Settings

router = APIRouter(prefix="/broker", tags=["broker"])

# Failed ones count. A carrier's devices may share one address; one that fails does not lock the others out.
PER_DEVICE = (10, 60.0)
PER_ADDRESS = (300, 300.0)

Text = Annotated[str, Field(max_length=1024)]


class BrokerLimits:
    def __init__(self) -> None:
        self.by_device = Limiter(*PER_DEVICE)
        self.by_address = Limiter(*PER_ADDRESS)


class Connecting(BaseModel):
    username: Text = ""
    clientid: Text = ""
    password: Text = ""
    peerhost: Text = ""
    """Where it comes from; failed tries are counted by it too."""


class Doing(BaseModel):
    username: Text = ""
    clientid: Text = ""
    action: Literal["publish", "subscribe"]
    topic: Annotated[str, Field(max_length=65535)]


class VerdictShape(Shape):
    result: Literal["allow", "deny"]
    is_superuser: bool


def _is_a_broker(request: Request) -> None:
    settings: Settings = request.app.state.settings
    if settings.broker_auth_secret is None:
        raise HTTPException(404, "no broker is answered: FLEETFUME_BROKER_AUTH_SECRET is not set")
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(shown.encode(), settings.broker_auth_secret.get_secret_value().encode()):
        raise HTTPException(401, "this is for the broker, which shows its secret", headers=CHALLENGE)


@router.post(
    "/auth", dependencies=[Depends(_is_a_broker)], responses={401: {}, 404: {}}, response_model=VerdictShape
)
def authenticate(request: Request, connection: Database, asked: Connecting) -> Answer:
    """Whether it may connect: a device by its own secret, with its id as client id and as user name."""
    limits: BrokerLimits = request.app.state.broker_limits
    device = f"{asked.username}@{asked.peerhost}"
    if limits.by_device.take(device) > 0 or (asked.peerhost and limits.by_address.take(asked.peerhost) > 0):
        return _result(good=False)
    if asked.username == SERVICE_USER:
        good = _is_the_collector(request.app.state.settings, asked.password)
    else:
        good = (
            is_device_secret(connection, asked.username, asked.password) and asked.clientid == asked.username
        )
    if good:
        limits.by_device.give_back(device)
        limits.by_address.give_back(asked.peerhost)
    return _result(good=good)


@router.post(
    "/acl", dependencies=[Depends(_is_a_broker)], responses={401: {}, 404: {}}, response_model=VerdictShape
)
def authorise(request: Request, asked: Doing) -> Answer:
    """Whether it may publish to a topic, or subscribe to it."""
    settings: Settings = request.app.state.settings
    access: Literal["read", "write"] = "write" if asked.action == "publish" else "read"
    known = asked.username == SERVICE_USER or asked.clientid == asked.username != ""
    return _result(good=known and is_allowed(settings.topic_prefix, asked.username, access, asked.topic))


def _is_the_collector(settings: Settings, password: str) -> bool:
    """By the secret the collector itself goes by: that of FLEETFUME_MQTT_URL."""
    parts = urlsplit(settings.mqtt_url.get_secret_value() if settings.mqtt_url else "")
    ours = unquote(parts.password or "") if parts.username == SERVICE_USER else ""
    return hmac.compare_digest(password.encode(), ours.encode()) and ours != ""


def _result(*, good: bool) -> Answer:
    # Nobody is a superuser: the collector's rights are listed too.
    return Answer({"result": "allow" if good else "deny", "is_superuser": False})
