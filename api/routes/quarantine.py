"""What could not be read, and why."""

import base64
from typing import LiteralString

from fastapi import APIRouter

from api.auth import CurrentUser
from api.paging import Page
from api.replies import Json
from api.state import Database, Row, select

router = APIRouter(tags=["quarantine"])

LIST: LiteralString = """
    SELECT id, received_at, topic, substring(payload FROM 1 FOR %(shown)s) AS payload,
           length(payload) AS payload_bytes, reason, detail, device_id, readings
      FROM quarantine
     WHERE %(after)s::bigint IS NULL OR id < %(after)s
     ORDER BY id DESC
     LIMIT %(fetch)s
"""
# Payloads of up to 256 KiB: a page of a thousand could be a third of a gigabyte.
BYTES_SHOWN = 4096


@router.get("/quarantine")
def quarantine(_: CurrentUser, connection: Database, page: Page) -> Json:
    """Messages and readings that could not be read, newest first; of a long payload the beginning."""
    rows = select(connection, LIST, {"after": page.after(int), "fetch": page.fetch, "shown": BYTES_SHOWN})
    return page.page(rows, key=lambda row: row["id"], shown=_shown)


def _shown(row: Row) -> Row:
    kept = {name: value for name, value in row.items() if name != "payload"}
    return {**kept, "payload_base64": base64.b64encode(row["payload"]).decode()}
