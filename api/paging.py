"""Lists in pages: `limit`, and an opaque `cursor` that says after which key the next page begins.

A cursor carries a check sum over its list's path and its key, so that one that was cut, altered or
taken from another list is refused instead of silently leaving rows out.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends, Query, Request

from api.problems import Problem
from api.replies import Json

DEFAULT_LIMIT, MOST = 100, 1000
_SUM_BYTES = 6

K = TypeVar("K")


class Paging:
    """What a request says about the page it wants."""

    def __init__(
        self,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MOST)] = DEFAULT_LIMIT,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
    ) -> None:
        self.limit = limit
        self._list = request.url.path
        self._cursor = cursor

    @property
    def fetch(self) -> int:
        """How many rows to ask for: one more than wanted tells whether there is a next page."""
        return self.limit + 1

    def after(self, key: type[K]) -> K | None:
        """The key after which the page begins; None: the first page. Problem 400 for a cursor not ours."""
        if self._cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(self._cursor.encode("ascii") + b"==")
            body, carried = raw[:-_SUM_BYTES], raw[-_SUM_BYTES:]
            # Bits that base64 leaves unused could be altered unnoticed.
            if _write(raw) != self._cursor or self._sum(body) != carried:
                raise ValueError
            return msgspec.json.decode(body, type=key)
        except (ValueError, binascii.Error, msgspec.DecodeError):
            raise Problem(400, "the cursor is not one of this list; begin again without it") from None

    def page(
        self,
        rows: Sequence[dict[str, Any]],
        key: Callable[[dict[str, Any]], object],
        shown: Callable[[dict[str, Any]], Any] = lambda row: row,
    ) -> Json:
        """The answer: `rows` as fetched with `fetch`, each as `shown`; `key` of the last begins the next page."""
        kept = rows[: self.limit]
        more = len(rows) > self.limit
        return Json(
            {
                "items": [shown(row) for row in kept],
                "next_cursor": self._made(key(kept[-1])) if more else None,
            }
        )

    def _made(self, key: object) -> str:
        body = msgspec.json.encode(key)
        return _write(body + self._sum(body))

    def _sum(self, body: bytes) -> bytes:
        return hashlib.sha256(self._list.encode() + b"\n" + body).digest()[:_SUM_BYTES]


def _write(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


Page = Annotated[Paging, Depends()]
