"""Who is asking: passwords, bearer tokens, roles.

A token is a JWT (HS256) signed with a key that the database keeps, so that every API process knows every
token. It ends after 12 hours, or as soon as its user is disabled or removed.
"""

import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Final, Literal, LiteralString, NamedTuple, get_args

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from psycopg import Connection
from psycopg.rows import TupleRow
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.problems import Problem
from api.state import Database, Pool

Role = Literal["duty", "squad", "reviewer", "admin", "viewer"]
ROLES: Final[tuple[str, ...]] = get_args(Role)

TOKEN_LIFE_S: Final = 12 * 3600
PASSWORD_LEAST, PASSWORD_MOST, NAME_MOST = 10, 1024, 100
ATTEMPTS, ATTEMPTS_WITHIN_S = 10, 60.0

SELECT_KEY: LiteralString = "SELECT value FROM service_secret WHERE name = 'token_key'"
MAKE_KEY: LiteralString = (
    "INSERT INTO service_secret (name, value) VALUES ('token_key', %s) ON CONFLICT DO NOTHING"
)
USER: LiteralString = """
    SELECT name, role, password_hash FROM console_user WHERE name = %s AND disabled_at IS NULL
"""

_passwords = PasswordHash((Argon2Hasher(),))
# A hash takes 64 MiB and 0.1 s of a core on purpose; a flood of sign-ins must not take them all.
_two_at_a_time = threading.BoundedSemaphore(2)


class User(NamedTuple):
    name: str
    role: str


class Token(NamedTuple):
    user: User
    expires_at: float
    """Seconds since 1970."""


def hash_password(password: str) -> str:
    with _two_at_a_time:
        return _passwords.hash(password)


@cache
def _nobodys_hash() -> str:
    return hash_password(secrets.token_urlsafe())


def sign_in(pool: Pool, name: str, password: str) -> tuple[User, str] | None:
    """The user of that name and password, and a token; for an unknown name it takes as long to say no."""
    with pool.connection() as connection:
        row = connection.execute(USER, [name]).fetchone()
    # No connection is held while hashing: those who wait for their turn would keep all of them.
    hashed = row[2] if row else _nobodys_hash()
    with _two_at_a_time:
        matches = _passwords.verify(password, hashed)
    if row is None or not matches:
        return None
    user = User(row[0], row[1])
    with pool.connection() as connection:
        return user, issue_token(connection, user)


def token_key(connection: Connection[TupleRow]) -> OctKey:
    """The key that signs tokens, made by whoever asks first."""
    row = connection.execute(SELECT_KEY).fetchone()
    if row is None:
        connection.execute(MAKE_KEY, [secrets.token_bytes(32)])
        row = connection.execute(SELECT_KEY).fetchone()
    assert row is not None  # noqa: S101 - just made
    return OctKey.import_key(row[0])


def issue_token(connection: Connection[TupleRow], user: User) -> str:
    now = int(time.time())
    claims = {"sub": user.name, "iat": now, "exp": now + TOKEN_LIFE_S}
    return jwt.encode({"alg": "HS256"}, claims, token_key(connection), algorithms=["HS256"])


def read_token(connection: Connection[TupleRow], text: str) -> Token:
    """Whose token it is, with the role the user has now. Problem 401 if it is not, or no longer, good."""
    try:
        claims = jwt.decode(text, token_key(connection), algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(exp={"essential": True}, sub={"essential": True}).validate(claims)
    except (JoseError, ValueError):
        raise _unauthorized("the token is not valid, or has expired; sign in again") from None
    row = connection.execute(USER, [claims["sub"]]).fetchone()
    if row is None:
        raise _unauthorized("the token's user is not active any more")
    return Token(User(row[0], row[1]), claims["exp"])


def _unauthorized(detail: str) -> Problem:
    return Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})


def current_user(
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
    connection: Database,
) -> User:
    """The user whose token the request carries."""
    if given is None:
        raise _unauthorized("a bearer token is needed; POST /api/v1/auth/token gives one")
    return read_token(connection, given.credentials).user


CurrentUser = Annotated[User, Depends(current_user, scope="function")]


def require(*roles: Role) -> Any:
    """A dependency: the user, who must have one of `roles`."""

    def allowed(user: CurrentUser) -> User:
        if user.role not in roles:
            raise Problem(403, f"this is for {' or '.join(roles)}, not {user.role}")
        return user

    return Depends(allowed, scope="function")


class Attempts:
    """Counts failed sign-ins per key within a sliding minute; each process counts for itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._made: dict[str, deque[float]] = defaultdict(deque)

    def begin(self, *keys: str) -> float | None:
        """Count an attempt under every key and return None; or, if one has too many, the seconds to wait.

        Counted before it is tried, so that many at once gain nothing.
        """
        now = self._clock()
        with self._lock:
            self._forget(now)
            waits = [made[0] + ATTEMPTS_WITHIN_S - now for key in keys
                     if len(made := self._made.get(key, deque())) >= ATTEMPTS]  # fmt: skip
            if waits:
                return max(waits)
            for key in keys:
                self._made[key].append(now)
            return None

    def succeeded(self, *keys: str) -> None:
        """Take the newest attempt back: it was no guess."""
        with self._lock:
            for key in keys:
                if self._made.get(key):
                    self._made[key].pop()

    def _forget(self, now: float) -> None:
        for key, made in list(self._made.items()):
            while made and made[0] <= now - ATTEMPTS_WITHIN_S:
                made.popleft()
            if not made:
                del self._made[key]
