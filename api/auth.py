"""Who is asking, and may they: `POST /auth/token`, `GET /me`, and the roles that other routes ask for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, LiteralString

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.security import OAuth2PasswordBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from psycopg import Connection

from api.answers import Answer
from api.database import Database, one
from api.limiter import Limiter
from api.shapes import Shape
from api.users import FIND, MAX_NAME, MAX_PASSWORD, NOBODY, ROLE, hasher

TOKEN_LIFE_S = 12 * 3600  # a shift
PARALLEL_LOGINS = 2  # each takes 64 MiB and a tenth of a second of one core
ALGORITHM = "HS256"
CHALLENGE = {"WWW-Authenticate": "Bearer"}

# Failed ones count. A whole office may share one address.
PER_NAME = (10, 300.0)
PER_ADDRESS = (100, 300.0)

router = APIRouter(tags=["auth"])
_bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token", auto_error=False)


class UserShape(Shape):
    name: str
    role: str


class TokenShape(Shape):
    access_token: str
    token_type: str
    expires_in: int
    user: UserShape


@dataclass(frozen=True, slots=True)
class Caller:
    name: str
    role: str


class LoginLimits:
    def __init__(self) -> None:
        self.by_name = Limiter(*PER_NAME)
        self.by_address = Limiter(*PER_ADDRESS)


@dataclass(frozen=True, slots=True)
class Login:
    """A try that was admitted."""

    username: str
    password: str
    address: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    caller: Caller
    key: bytes
    """That the token is to be signed with."""


def _admitted(
    request: Request,
    username: Annotated[str, Form(max_length=MAX_NAME)],
    password: Annotated[str, Form(max_length=MAX_PASSWORD)],
) -> Login:
    address = request.client.host if request.client else ""
    limits: LoginLimits = request.app.state.login_limits
    wait_s = max(limits.by_address.take(address), limits.by_name.take(username))
    if wait_s > 0:
        raise HTTPException(
            429,
            f"too many failed logins: try again in {wait_s:.0f} s",
            headers={"Retry-After": f"{wait_s:.0f}"},
        )
    return Login(username, password, address)


def _signed_in(request: Request, login: Annotated[Login, Depends(_admitted)]) -> SignedIn:
    with request.app.state.pool.connection() as connection:
        user = one(connection, FIND, (login.username,))
        key = request.app.state.keys.token(connection)
    # Hashing keeps no connection waiting.
    good = hasher.verify(login.password, user["password_hash"] if user else NOBODY)
    if not (user and good):
        raise HTTPException(401, "user name or password is wrong", headers=CHALLENGE)
    limits: LoginLimits = request.app.state.login_limits
    limits.by_name.give_back(login.username)
    limits.by_address.give_back(login.address)
    return SignedIn(Caller(login.username, user["role"]), key)


@router.post("/auth/token", responses={401: {}, 429: {}}, response_model=TokenShape)
def make_token(
    signed_in: Annotated[SignedIn, Depends(_signed_in, max_concurrency=PARALLEL_LOGINS)],
) -> Answer:
    """Give a bearer token for a name and a password (form fields `username`, `password`)."""
    caller = signed_in.caller
    return Answer(
        {
            "access_token": issue_token(signed_in.key, caller.name),
            "token_type": "bearer",
            "expires_in": TOKEN_LIFE_S,
            "user": {"name": caller.name, "role": caller.role},
        },
        headers={"Cache-Control": "no-store"},
    )


def issue_token(key: bytes, name: str, now_s: float | None = None) -> str:
    now = int(time.time() if now_s is None else now_s)
    claims = {"sub": name, "iat": now, "exp": now + TOKEN_LIFE_S}
    return jwt.encode({"alg": ALGORITHM}, claims, OctKey.import_key(key))


@dataclass(frozen=True, slots=True)
class Token:
    name: str
    expires_at: float
    """Seconds since 1970."""


def read_token(key: bytes, token: str) -> Token | None:
    """None if it is not one of ours, or has expired."""
    try:
        claims = jwt.decode(token, OctKey.import_key(key), algorithms=[ALGORITHM]).claims
        jwt.JWTClaimsRegistry(sub={"essential": True}, exp={"essential": True}).validate(claims)
    except (JoseError, ValueError):
        return None
    return Token(str(claims["sub"]), float(claims["exp"]))


def find_caller(connection: Connection[Any], name: str) -> Caller | None:
    """The role as it is now: a token outlives neither a change of role nor a disabled user."""
    user = one(connection, ROLE, (name,))
    return Caller(name, user["role"]) if user else None


def _caller(request: Request, connection: Database, token: Annotated[str | None, Depends(_bearer)]) -> Caller:
    if token is None:
        raise HTTPException(401, "a bearer token is needed: POST /api/v1/auth/token", headers=CHALLENGE)
    known = read_token(request.app.state.keys.token(connection), token)
    caller = find_caller(connection, known.name) if known else None
    if caller is None:
        raise HTTPException(
            401, "the token is not valid, or no longer: sign in again",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )  # fmt: skip
    _note(request, connection, caller)
    return caller


AUDIT: LiteralString = """
    INSERT INTO audit (who, role, method, path, lead_id, alert_id)
    VALUES (%(who)s, %(role)s, %(method)s, %(path)s, %(lead_id)s, %(alert_id)s)
"""
LOOKED_AT = ("lead_id", "alert_id", "transfer_id")


def _note(request: Request, connection: Connection[Any], caller: Caller) -> None:
    """Write down who changes something, or looks at one lead, alert or transfer, in the request's own transaction:
    what is refused shows nothing and changes nothing.
    """
    about = {name: value for name, value in request.path_params.items() if name in LOOKED_AT}
    if request.method == "GET" and not about:
        return
    said = {"who": caller.name, "role": caller.role, "method": request.method, "path": request.url.path[:500]}
    numbers = {name: _number(about.get(name)) for name in ("lead_id", "alert_id")}
    connection.execute(AUDIT, {**said, **numbers})


def _number(value: Any) -> int | None:
    """A path's number as a column can hold it; the route itself refuses what is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and int(text) < 2**63 else None


AnyCaller = Annotated[Caller, Depends(_caller)]


def allowed(*roles: str) -> Callable[[Caller], Caller]:
    """A dependency: the caller, if one of `roles` or an admin."""
    admitted = {*roles, "admin"}

    def check(caller: AnyCaller) -> Caller:
        if caller.role not in admitted:
            raise HTTPException(403, f"this is for {' or '.join(sorted(admitted))}, not {caller.role!r}")
        return caller

    return check


@router.get("/me", response_model=UserShape)
def me(caller: AnyCaller) -> Answer:
    """Who the token is for."""
    return Answer({"name": caller.name, "role": caller.role})
