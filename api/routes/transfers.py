"""双移交: hand-overs to and from other authorities, with receipt, answer, return, letter and package."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Depends, Query, Request
from psycopg import Connection
from pydantic import Field, StringConstraints
from starlette.responses import Response

from alerts.canonical import canonical
from alerts.casefile.dossier import make_package
from alerts.casework import transfers
from alerts.casework.leads import take_in
from alerts.outbox import take_turn
from alerts.presentation import plain
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.bodies import Body
from api.database import Database, rows
from api.paging import Page, pages
from api.parameters import Identity
from api.routes.alerts import Kind
from api.shapes import Shape, created, page_of

router = APIRouter(tags=["transfers"])

Party = Literal["police", "traffic_police", "procuratorate", "ecology", "other_district"]
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Officer = Annotated[Caller, Depends(allowed("duty", "squad", "reviewer"))]

PAGE: LiteralString = """
    SELECT *, CASE state WHEN 'sent' THEN due_on < %(today)s WHEN 'received' THEN coalesce(answer_due_on < %(today)s, false)
                  ELSE false END AS overdue
      FROM lead_transfer
     WHERE (%(lead_id)s::bigint IS NULL OR lead_id = %(lead_id)s)
       AND (%(direction)s::text IS NULL OR direction = %(direction)s)
       AND (%(state)s::text IS NULL OR state = %(state)s)
       AND (%(after)s::bigint IS NULL OR id < %(after)s)
     ORDER BY id DESC
     LIMIT %(fetch)s
"""


class TransferShape(Shape):
    id: int
    lead_id: int
    direction: str
    what: str
    party: str
    party_name: str
    basis: str
    note: str
    state: str
    created_by: str
    created_at: datetime
    due_on: date
    receipt_no: str | None
    answer_due_on: date | None
    answer: str | None
    return_reason: str | None
    overdue: bool


class Incoming(Body):
    """What another authority hands to us."""

    party: Party
    party_name: Text = ""
    what: Literal["lead", "case"] = "lead"
    kind: Kind | None = None
    plate: Text | None = None
    outlet_id: Text | None = None
    company_id: Text | None = None
    jurisdiction: Text | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    severity: Literal["critical", "major", "minor", "info"] = "major"
    basis: Text = ""
    note: Said


class Receipt(Body):
    receipt_no: Said


class AnswerBody(Body):
    answer: Said


class Return(Body):
    reason: Said


@router.get("/transfers", response_model=page_of(TransferShape))
def list_transfers(
    _: AnyCaller,
    request: Request,
    connection: Database,
    page: Annotated[Page, Depends(pages("transfers", int))],
    lead_id: Annotated[int | None, Query(ge=1)] = None,
    direction: Literal["out", "in"] | None = None,
    state: Literal["sent", "received", "answered", "sent_back"] | None = None,
) -> Answer:
    """Hand-overs, the newest first; `overdue`: no receipt, or no answer, by its day."""
    (after,) = page.after or (None,)
    asked = {"lead_id": lead_id, "direction": direction, "state": state, "after": after, "fetch": page.fetch}
    found = rows(connection, PAGE, {**asked, "today": _today(request)})
    return Answer(page.answer(found, lambda row: [row["id"]]))


@router.post("/transfers", status_code=201, response_model=TransferShape)
def take(caller: Officer, request: Request, connection: Database, body: Incoming) -> Answer:
    """Take a lead or case in from another authority: it becomes a lead of ours."""
    take_turn(connection)
    zone = request.app.state.settings.zone
    about = body.model_dump(
        include={"plate", "outlet_id", "company_id", "jurisdiction", "lat", "lon", "severity"}
    )
    lead_id = take_in(
        connection, {**about, "kind": body.kind or "handed_in"}, created_by=caller.name, note=body.note, zone=zone
    )  # fmt: skip
    transfer_id = transfers.send(
        connection, lead_id, direction="in", what=body.what, party=body.party, party_name=body.party_name,
        basis=body.basis, note=body.note, by=caller.name, zone=zone,
    )  # fmt: skip
    return created(_one(request, connection, transfer_id), f"/api/v1/transfers/{transfer_id}")


@router.get("/transfers/{transfer_id}", response_model=TransferShape)
def get_transfer(_: AnyCaller, request: Request, connection: Database, transfer_id: Identity) -> Answer:
    return Answer(_one(request, connection, transfer_id))


@router.post("/transfers/{transfer_id}/receipt", responses={409: {}}, response_model=TransferShape)
def receive(
    caller: Officer, request: Request, connection: Database, transfer_id: Identity, body: Receipt
) -> Answer:
    """It was received, under this number."""
    take_turn(connection)
    zone = request.app.state.settings.zone
    transfers.receive(connection, transfer_id, receipt_no=body.receipt_no, by=caller.name, zone=zone)
    return Answer(_one(request, connection, transfer_id))


@router.post("/transfers/{transfer_id}/answer", responses={409: {}}, response_model=TransferShape)
def answer(
    caller: Officer, request: Request, connection: Database, transfer_id: Identity, body: AnswerBody
) -> Answer:
    """What came of it."""
    take_turn(connection)
    transfers.answer(connection, transfer_id, text=body.answer, by=caller.name)
    return Answer(_one(request, connection, transfer_id))


@router.post("/transfers/{transfer_id}/return", responses={409: {}}, response_model=TransferShape)
def send_back(
    caller: Officer, request: Request, connection: Database, transfer_id: Identity, body: Return
) -> Answer:
    """It comes back, and why; a lead that was handed out is confirmed again."""
    take_turn(connection)
    zone = request.app.state.settings.zone
    transfers.send_back(
        connection, transfer_id, reason=body.reason, by=caller.name, role=caller.role, zone=zone
    )
    return Answer(_one(request, connection, transfer_id))


@router.get("/transfers/{transfer_id}/document", response_class=Response)
def get_document(_: AnyCaller, request: Request, connection: Database, transfer_id: Identity) -> Response:
    """The letter, PDF."""
    return Response(_document(request, connection, transfer_id), media_type="application/pdf")


@router.get("/transfers/{transfer_id}/package", response_class=Response)
def get_package(caller: AnyCaller, request: Request, connection: Database, transfer_id: Identity) -> Response:
    """The case file as a ZIP, with the letter and the hand-over as data in it."""
    transfer = transfers.load(connection, transfer_id)
    extra = {
        "transfer.json": canonical({name: plain(value) for name, value in transfer.items()}),
        "transfer.pdf": _document(request, connection, transfer_id),
    }
    content, digest = make_package(
        connection, transfer["lead_id"], made_by=caller.name, zone=request.app.state.settings.zone,
        laws=request.app.state.laws, catalogue=request.app.state.catalogue, authority=request.app.state.authority,
        extra=extra,
    )  # fmt: skip
    return zipped(content, digest, f"transfer-{transfer_id}.zip")


def zipped(content: bytes, digest: str, name: str) -> Response:
    """A package as a download that says its manifest's hash."""
    return Response(
        content,
        media_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Manifest-SHA256": digest},
    )


def _document(request: Request, connection: Connection[Any], transfer_id: int) -> bytes:
    settings = request.app.state.settings
    transfer = transfers.load(connection, transfer_id)
    return transfers.document(connection, transfer, zone=settings.zone, office=settings.office)


def _one(request: Request, connection: Connection[Any], transfer_id: int) -> dict[str, Any]:
    row = transfers.load(connection, transfer_id)
    until = {"sent": row["due_on"], "received": row["answer_due_on"]}.get(row["state"])
    return {**row, "overdue": until is not None and until < _today(request)}


def _today(request: Request) -> date:
    return datetime.now(request.app.state.settings.zone).date()
