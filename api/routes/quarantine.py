"""What could not be read, and why."""

from datetime import datetime
from typing import Annotated, Any, LiteralString

from fastapi import APIRouter, Depends

from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, rows
from api.paging import Page, pages

router = APIRouter(tags=["quarantine"])

# A payload may have 256 KiB and more, a list 1000 of them; the whole is in the table.
SHOWN_BYTES = 4096
PAGE: LiteralString = """
    SELECT id, received_at, topic, substring(payload FOR %(shown)s) AS payload_base64,
           octet_length(payload) AS payload_bytes, reason, detail, device_id
      FROM quarantine
     WHERE %(after_at)s::timestamptz IS NULL OR (received_at, id) < (%(after_at)s, %(after_id)s)
     ORDER BY received_at DESC, id DESC
     LIMIT %(fetch)s
"""


@router.get("/quarantine")
def list_quarantine(
    _: AnyCaller, connection: Database, page: Annotated[Page, Depends(pages("quarantine", datetime, int))]
) -> Answer:
    """What was quarantined, the newest first; of each payload the first 4 KiB (`payload_bytes` says how many it has)."""
    after_at, after_id = page.after or (None, None)
    parameters: dict[str, Any] = {
        "shown": SHOWN_BYTES, "after_at": after_at, "after_id": after_id, "fetch": page.fetch,
    }  # fmt: skip
    found = rows(connection, PAGE, parameters)
    return Answer(page.answer(found, lambda row: [row["received_at"], row["id"]]))
