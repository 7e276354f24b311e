"""Who saw and did what."""

from datetime import datetime
from typing import Annotated, LiteralString

from fastapi import APIRouter, Depends, Query

from api.answers import Answer
from api.auth import Caller, allowed
from api.database import Database, rows
from api.paging import Page, pages
from api.parameters import From, To
from api.shapes import Shape, page_of

router = APIRouter(tags=["audit"])

PAGE: LiteralString = """
    SELECT * FROM audit
     WHERE (%(who)s::text IS NULL OR who = %(who)s)
       AND (%(lead_id)s::bigint IS NULL OR lead_id = %(lead_id)s)
       AND (%(alert_id)s::bigint IS NULL OR alert_id = %(alert_id)s)
       AND (%(begin)s::timestamptz IS NULL OR at >= %(begin)s)
       AND (%(end)s::timestamptz IS NULL OR at < %(end)s)
       AND (%(after)s::bigint IS NULL OR id < %(after)s)
     ORDER BY id DESC
     LIMIT %(fetch)s
"""


class AuditShape(Shape):
    id: int
    at: datetime
    who: str
    role: str
    method: str
    path: str
    lead_id: int | None
    alert_id: int | None


@router.get("/audit", response_model=page_of(AuditShape))
def list_audit(
    _: Annotated[Caller, Depends(allowed("reviewer"))],
    connection: Database,
    page: Annotated[Page, Depends(pages("audit", int))],
    who: str | None = None,
    lead_id: Annotated[int | None, Query(ge=1)] = None,
    alert_id: Annotated[int | None, Query(ge=1)] = None,
    begin: From = None,
    to: To = None,
) -> Answer:
    """Every request that changed something, or looked at one lead, alert or transfer; the newest first."""
    (after,) = page.after or (None,)
    asked = {"who": who, "lead_id": lead_id, "alert_id": alert_id, "begin": begin, "end": to}
    found = rows(connection, PAGE, {**asked, "after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["id"]]))
