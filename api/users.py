"""Console users and their passwords (argon2id)."""

from typing import Any, LiteralString

from psycopg import Connection, errors
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from runtime.errors import UserError

ROLES = ("duty", "squad", "reviewer", "admin", "viewer")
MIN_PASSWORD = 8
MAX_PASSWORD = 256
MAX_NAME = 64

ADD: LiteralString = "INSERT INTO console_user (name, role, password_hash, squad) VALUES (%s, %s, %s, %s)"
FIND: LiteralString = "SELECT role, password_hash FROM console_user WHERE name = %s AND disabled_at IS NULL"
ROLE: LiteralString = "SELECT role FROM console_user WHERE name = %s AND disabled_at IS NULL"

hasher = PasswordHash((Argon2Hasher(),))
NOBODY = f"$argon2id$v=19$m=65536,t=3,p=4${'A' * 22}${'A' * 43}"
"""Verified against when there is no such user, so that an unknown name takes as long as a wrong password. Written out, of
no password at all: making one takes every start of the program a fifth of a second.
"""


def add_user(
    connection: Connection[Any], name: str, role: str, password: str, squad: str | None = None
) -> None:
    """Raises UserError that says what to do differently."""
    if not (1 <= len(name) <= MAX_NAME and name.isprintable() and name == name.strip()):
        raise UserError(f"user name {name!r}: 1 to {MAX_NAME} printable characters, no blank at either end")
    if role not in ROLES:
        raise UserError(f"role {role!r}: must be one of {', '.join(ROLES)}")
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise UserError(f"the password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    try:
        connection.execute(ADD, (name, role, hasher.hash(password), squad))
    except errors.UniqueViolation:
        raise UserError(f"there is a user {name!r} already") from None
