"""A lead's case file, and the heads of the journal's days."""

from datetime import date, datetime
from typing import Annotated, LiteralString

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from alerts.casefile.dossier import make_package
from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, rows
from api.paging import Page, pages
from api.parameters import Identity
from api.routes.transfers import zipped
from api.shapes import Shape, page_of

router = APIRouter(tags=["leads"])

HEADS: LiteralString = """
    SELECT day, entries, prev_head, head, closed_at, stamped_at, authority AS stamped_by,
           translate(encode(token, 'base64'), E'\n', '') AS timestamp_base64
      FROM journal_head LEFT JOIN journal_head_stamp USING (day)
     WHERE (%(after)s::date IS NULL OR day < %(after)s)
     ORDER BY day DESC
     LIMIT %(fetch)s
"""


class HeadShape(Shape):
    day: date
    entries: int
    prev_head: str
    head: str
    closed_at: datetime
    stamped_at: datetime | None
    stamped_by: str | None
    timestamp_base64: str | None


@router.get("/leads/{lead_id}/evidence", response_class=Response)
def get_evidence(caller: AnyCaller, request: Request, connection: Database, lead_id: Identity) -> Response:
    """The evidence package as a ZIP; `fleetfume evidence verify` checks it anywhere. Its hash is written down."""
    content, digest = make_package(
        connection, lead_id, made_by=caller.name, zone=request.app.state.settings.zone, laws=request.app.state.laws,
        catalogue=request.app.state.catalogue, authority=request.app.state.authority,
    )  # fmt: skip
    return zipped(content, digest, f"lead-{lead_id}.zip")


@router.get("/journal-heads", response_model=page_of(HeadShape))
def list_heads(
    _: AnyCaller, connection: Database, page: Annotated[Page, Depends(pages("journal heads", date))]
) -> Answer:
    """One hash for each day over all that was written on it: publish them, and nobody can write a day anew."""
    (after,) = page.after or (None,)
    found = rows(connection, HEADS, {"after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["day"]]))
