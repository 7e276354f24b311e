"""Pictures of a lead: taken in with their hash, held against the alert's time and place, given back as they came."""

from typing import Annotated, LiteralString

from fastapi import APIRouter, Depends, File, Form, HTTPException, Path, Request, UploadFile
from pydantic import StringConstraints
from starlette.responses import Response

from alerts.casework.leads import NoSuchLead
from alerts.casework.photos import MAX_BYTES, add_photo, read_photo
from alerts.outbox import take_turn
from alerts.presentation import load_lead
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.database import Database, one, rows
from api.parameters import Identity
from api.shapes import PhotoShape, created

router = APIRouter(prefix="/leads/{lead_id}/photos", tags=["leads"])

PHOTOS: LiteralString = """
    SELECT lead_photo.*, attachment.content_type, length(attachment.content) AS bytes
      FROM lead_photo JOIN attachment USING (hash)
     WHERE lead_id = %(lead_id)s AND (%(hash)s::text IS NULL OR hash = %(hash)s)
     ORDER BY uploaded_at, hash
"""
CONTENT: LiteralString = """
    SELECT content_type, content FROM lead_photo JOIN attachment USING (hash) WHERE lead_id = %s AND hash = %s
"""
FORM_BYTES = MAX_BYTES + 16 * 1024
"""The picture, and the form around it."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.post(
    "", status_code=201, max_body_size=FORM_BYTES, responses={403: {}, 413: {}}, response_model=PhotoShape
)
def add(
    caller: Annotated[Caller, Depends(allowed("duty", "squad"))],
    request: Request,
    connection: Database,
    lead_id: Identity,
    file: Annotated[UploadFile, File()],
    note: Annotated[Text, Form()] = "",
) -> Answer:
    """Keep a picture (JPEG, PNG or WebP by its bytes, at most 12 MiB); the same one again changes nothing."""
    photo = read_photo(file.file.read(MAX_BYTES + 1), request.app.state.settings.zone)
    take_turn(connection)
    digest = add_photo(
        connection, lead_id, photo, actor=caller.name, name=(file.filename or "")[:200], note=note
    )
    kept = one(connection, PHOTOS, {"lead_id": lead_id, "hash": digest})
    return created(kept, f"/api/v1/leads/{lead_id}/photos/{digest}")


@router.get("", response_model=list[PhotoShape])
def list_photos(_: AnyCaller, connection: Database, lead_id: Identity) -> Answer:
    if load_lead(connection, lead_id) is None:
        raise NoSuchLead(f"there is no lead {lead_id}")
    return Answer(rows(connection, PHOTOS, {"lead_id": lead_id, "hash": None}))


@router.get("/{digest}", response_class=Response)
def get_photo(_: AnyCaller, connection: Database, lead_id: Identity, digest: Hash) -> Response:
    """The bytes as they were uploaded."""
    found = one(connection, CONTENT, (lead_id, digest))
    if found is None:
        raise HTTPException(404, f"lead {lead_id} has no picture {digest}")
    return Response(found["content"], media_type=found["content_type"])
