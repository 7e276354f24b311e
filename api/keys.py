"""The keys this service signs with: made once, kept in the database, the same for every API process."""

import secrets
from typing import Any, LiteralString

from psycopg import Connection

KEEP: LiteralString = "INSERT INTO service_secret (name, value) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING"
READ: LiteralString = "SELECT value FROM service_secret WHERE name = %s"
KEY_BYTES = 32


class Keys:
    """Each is read on first use, and made if it is not there; of two processes that make it, one wins."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def token(self, connection: Connection[Any]) -> bytes:
        return self._key(connection, "token")

    def cursor(self, connection: Connection[Any]) -> bytes:
        return self._key(connection, "cursor")

    def _key(self, connection: Connection[Any], name: str) -> bytes:
        if name not in self._known:
            row = connection.execute(READ, (name,)).fetchone()
            if row is None:
                connection.execute(KEEP, (name, secrets.token_bytes(KEY_BYTES)))
                # What another process kept in the meantime is seen only after our own transaction.
                connection.commit()
                row = connection.execute(READ, (name,)).fetchone()
            assert row is not None  # noqa: S101 - kept just now, or before
            self._known[name] = bytes(row[0])
        return self._known[name]
