"""Lists in pages: `limit`, and an opaque cursor that says after which row the next page begins.

A cursor is the last row's sorting key, bound to its list and signed, so that one that was cut, changed or
taken from another list is refused rather than read as some other place.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import HTTPException, Query, Request

from api.answers import encode
from api.database import Database

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
_MAC_BYTES = 9
_MAX_CURSOR = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """Which page of which list is wanted."""

    limit: int
    after: list[Any] | None
    """Sorting key of the row before; None: from the beginning."""
    list_name: str
    key: bytes

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than is shown tells whether there is another page."""
        return self.limit + 1

    def answer(
        self, rows: Sequence[dict[str, Any]], key: Callable[[dict[str, Any]], list[Any]],
        show: Callable[[dict[str, Any]], Any] = lambda row: row,
    ) -> dict[str, Any]:  # fmt: skip
        """The page of `rows` (up to `fetch` of them); `key` gives a row's sorting key."""
        more = len(rows) > self.limit
        shown = rows[: self.limit]
        cursor = _write(self.key, self.list_name, key(shown[-1])) if more else None
        return {"items": [show(row) for row in shown], "next_cursor": cursor}


def pages(list_name: str, *kinds: type) -> Callable[..., Page]:
    """A dependency that reads `limit` and `cursor`; `kinds` are the types of the sorting key's parts."""

    def page(
        request: Request,
        connection: Database,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
        cursor: Annotated[
            str | None, Query(max_length=_MAX_CURSOR, description="next_cursor of the page before")
        ] = None,
    ) -> Page:
        secret = request.app.state.keys.cursor(connection)
        after = None if cursor is None else _read(secret, list_name, cursor, kinds)
        return Page(limit, after, list_name, secret)

    return page


def _sign(key: bytes, list_name: str, said: bytes) -> bytes:
    return hmac.digest(key, list_name.encode() + b"\0" + said, hashlib.sha256)[:_MAC_BYTES]


def _write(key: bytes, list_name: str, values: list[Any]) -> str:
    said = encode(values)
    return base64.urlsafe_b64encode(_sign(key, list_name, said) + said).rstrip(b"=").decode()


def _read(key: bytes, list_name: str, cursor: str, kinds: tuple[type, ...]) -> list[Any]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    mac, said = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _sign(key, list_name, said)):
        raise HTTPException(400, "this cursor is not one that this list gave: begin again without it")
    return list(msgspec.json.decode(said, type=tuple.__class_getitem__(kinds)))
