"""What could not be read, and why."""

from datetime import datetime
from typing import Annotated, Any, LiteralString

from fastapi import APIRouter, Depends, Query

from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, rows
from api.paging import Page, pages
from api.parameters import From, To
from api.shapes import Shape, page_of
from devices.reasons import Reason

router = APIRouter(tags=["quarantine"])

# A payload may have 256 KiB and more, a list 1000 of them; the whole is in the table.
SHOWN_BYTES = 4096
TEXT_CHARACTERS = 500
COLUMNS: LiteralString = """
    id, received_at, topic, substring(payload FOR %(shown)s) AS payload_base64,
    octet_length(payload) AS payload_bytes, reason, detail, device_id, readings, resolved_at, resolution
"""
PAGE: LiteralString = (
    "SELECT"
    + COLUMNS
    + """
      FROM quarantine
     WHERE (%(after_at)s::timestamptz IS NULL OR (received_at, id) < (%(after_at)s, %(after_id)s))
       AND (%(device_id)s::text IS NULL OR device_id = %(device_id)s)
       AND (%(reasons)s::text[] IS NULL OR reason = ANY(%(reasons)s))
       AND (%(resolved)s::boolean IS NULL OR (resolved_at IS NOT NULL) = %(resolved)s)
       AND (%(begin)s::timestamptz IS NULL OR received_at >= %(begin)s)
       AND (%(end)s::timestamptz IS NULL OR received_at < %(end)s)
     ORDER BY received_at DESC, id DESC
     LIMIT %(fetch)s
"""
)


class QuarantinedShape(Shape):
    id: int
    received_at: datetime
    topic: str
    payload_base64: str
    payload_bytes: int
    payload_text: str
    reason: str
    detail: str | None
    device_id: str | None
    readings: int | None
    resolved_at: datetime | None
    resolution: str | None


@router.get("/quarantine", response_model=page_of(QuarantinedShape))
def list_quarantine(
    _: AnyCaller,
    connection: Database,
    page: Annotated[Page, Depends(pages("quarantine", datetime, int))],
    device_id: str | None = None,
    reason: Annotated[list[Reason] | None, Query()] = None,
    resolved: Annotated[
        bool | None, Query(description="true: could be read since; false: still cannot")
    ] = None,
    begin: From = None,
    to: To = None,
) -> Answer:
    """What was quarantined, the newest first; of each payload the first 4 KiB (`payload_bytes` says how many it has)
    and, as `payload_text`, its beginning with nothing in it that does not print.
    """
    after_at, after_id = page.after or (None, None)
    parameters: dict[str, Any] = {
        "shown": SHOWN_BYTES, "after_at": after_at, "after_id": after_id, "fetch": page.fetch,
        "device_id": device_id, "reasons": reason, "resolved": resolved, "begin": begin, "end": to,
    }  # fmt: skip
    found = rows(connection, PAGE, parameters)
    return Answer(page.answer(found, lambda row: [row["received_at"], row["id"]], shown))


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its payload also as harmless text: whoever shows it runs nothing and moves no cursor."""
    text = bytes(row["payload_base64"]).decode("utf-8", "replace")[:TEXT_CHARACTERS]
    printable = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return {**row, "payload_text": printable}
