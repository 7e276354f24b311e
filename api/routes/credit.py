"""Credit, the directory's reviews and standings, proposals to strike off, and random inspections."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, LiteralString

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import Field, StringConstraints

from alerts.casework.credit import Scheme, by_subject, judge, load_records, load_scheme
from alerts.casework.inspections import make_draw
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.bodies import Body
from api.database import Database, one, rows
from api.paging import Page, pages
from api.parameters import Identity
from api.shapes import Shape, created, page_of
from devices.repository import load_registry, lock_registry, put_row

router = APIRouter(tags=["credit"])

Subject = Literal["companies", "vehicles", "outlets"]
Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Officer = Annotated[Caller, Depends(allowed("reviewer"))]

KEY = {"companies": "company_id", "vehicles": "plate", "outlets": "outlet_id"}
NAMES: dict[str, LiteralString] = {
    "companies": "SELECT company_id AS id, name, status FROM company ORDER BY company_id",
    "vehicles": "SELECT plate AS id, plate AS name, status FROM vehicle ORDER BY plate",
    "outlets": "SELECT outlet_id AS id, name, NULL AS status FROM outlet ORDER BY outlet_id",
}
REVIEWS: LiteralString = """
    SELECT company_id, name, kind, status, review_due, review_due < %(today)s AS overdue
      FROM company
     WHERE status <> 'exited' AND review_due <= %(until)s
     ORDER BY review_due, company_id
"""


class CreditShape(Shape):
    id: str
    name: str
    status: str | None
    score: float
    grade: str
    penalties: int
    traces: list[dict[str, Any]]


class SchemeShape(Shape):
    edition: str
    note: str
    full: float
    window_days: int
    points: dict[str, float]
    grades: dict[str, float]


class ProposalShape(Shape):
    subject: str
    id: str
    name: str
    penalties: int
    leads: list[int]
    basis: str


class DueShape(Shape):
    company_id: str
    name: str
    review_due: date
    overdue: bool


class Standing(Body):
    status: Literal["active", "suspended", "exited"]
    reason: Said


class DrawBody(Body):
    targets: Subject
    seed: Said
    count: Annotated[int, Field(ge=1, le=1000)]
    officers_each: Annotated[int, Field(ge=0, le=10)] = 2


class DrawShape(Shape):
    id: int
    at: datetime
    made_by: str
    record: dict[str, Any]
    hash: str


class StandingShape(Shape):
    id: str
    status: str
    reason: str
    registry_version: int


@router.get("/credit/scheme", response_model=SchemeShape)
def get_scheme(_: AnyCaller) -> Answer:
    """What takes how many points."""
    return Answer(msgspec.to_builtins(load_scheme()))


@router.get("/credit/proposals", response_model=list[ProposalShape])
def proposals(_: AnyCaller, request: Request, connection: Database) -> Answer:
    """Companies and vehicles with so many penalties within a year that striking off is to be considered. By officers."""
    scheme, today = load_scheme(), _today(request)
    records = load_records(connection, request.app.state.settings.timezone)
    found = []
    for subject in ("companies", "vehicles"):
        names = {
            row["id"]: row["name"] for row in rows(connection, NAMES[subject]) if row["status"] != "exited"
        }
        for key, own in sorted(by_subject(records, KEY[subject]).items()):
            credit = judge(own, scheme, today)
            if credit.penalties >= scheme.strike_off.penalties and key in names:
                found.append(
                    {
                        "subject": subject, "id": key, "name": names[key], "penalties": credit.penalties,
                        "leads": [trace["lead_id"] for trace in credit.traces if trace["why"] == "penalty"],
                        "basis": scheme.strike_off.basis,
                    }
                )  # fmt: skip
    return Answer(found)


@router.get("/credit/{subject}", response_model=list[CreditShape])
def list_credit(_: AnyCaller, request: Request, connection: Database, subject: Subject) -> Answer:
    """Everybody's score, the lowest first, each point with its lead."""
    scheme, today = load_scheme(), _today(request)
    known = by_subject(load_records(connection, request.app.state.settings.timezone), KEY[subject])
    found = [
        {**row, **_credit(known.get(row["id"], []), scheme, today)}
        for row in rows(connection, NAMES[subject])
    ]
    return Answer(sorted(found, key=lambda one: (one["score"], one["id"])))


def _credit(records: Any, scheme: Scheme, today: date) -> dict[str, Any]:
    credit = judge(records, scheme, today)
    return {
        "score": credit.score, "grade": credit.grade, "penalties": credit.penalties, "traces": credit.traces
    }  # fmt: skip


@router.get("/directory/reviews-due", response_model=list[DueShape])
def reviews_due(
    _: AnyCaller,
    request: Request,
    connection: Database,
    within_days: Annotated[int, Query(ge=0, le=400)] = 30,
) -> Answer:
    """Companies whose yearly review is due within these days, or overdue."""
    today = _today(request)
    return Answer(rows(connection, REVIEWS, {"today": today, "until": today + timedelta(days=within_days)}))


@router.post("/directory/companies/{company_id}/standing", response_model=StandingShape)
def put_company(caller: Officer, connection: Database, company_id: str, body: Standing) -> Answer:
    """Suspend, let out or take back in, with a reason: what its permits allow changes at once."""
    return _put(connection, "companies", company_id, caller, body)


@router.post("/directory/vehicles/{plate}/standing", response_model=StandingShape)
def put_vehicle(caller: Officer, connection: Database, plate: str, body: Standing) -> Answer:
    """As of a company."""
    return _put(connection, "vehicles", plate, caller, body)


def _put(connection: Any, noun: str, key: str, caller: Caller, body: Standing) -> Answer:
    lock_registry(connection)
    row = getattr(load_registry(connection), noun).get(key)
    if row is None:
        raise HTTPException(404, f"no {key!r} among the {noun} of the register")
    changed = msgspec.convert({**msgspec.to_builtins(row), "status": body.status}, type(row))
    version = put_row(connection, noun, changed, actor=caller.name, note=f"{body.status}: {body.reason}")
    return Answer({"id": key, "status": body.status, "reason": body.reason, "registry_version": version})


DRAWS: LiteralString = """
    SELECT * FROM inspection_draw WHERE (%(after)s::bigint IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(fetch)s
"""


@router.post("/draws", status_code=201, response_model=DrawShape)
def post_draw(caller: Officer, request: Request, connection: Database, body: DrawBody) -> Answer:
    """Draw targets and officers by a public seed; `fleetfume draw verify` repeats it from the record."""
    draw_id, _ = make_draw(
        connection, body.targets, seed=body.seed, count=body.count, officers_each=body.officers_each,
        made_by=caller.name, zone=request.app.state.settings.timezone, today=_today(request),
    )  # fmt: skip
    made = one(connection, "SELECT * FROM inspection_draw WHERE id = %s", (draw_id,))
    return created(made, f"/api/v1/draws/{draw_id}")


@router.get("/draws", response_model=page_of(DrawShape))
def list_draws(
    _: AnyCaller, connection: Database, page: Annotated[Page, Depends(pages("draws", int))]
) -> Answer:
    (after,) = page.after or (None,)
    found = rows(connection, DRAWS, {"after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["id"]]))


@router.get("/draws/{draw_id}", response_model=DrawShape)
def get_draw(_: AnyCaller, connection: Database, draw_id: Identity) -> Answer:
    found = one(connection, "SELECT * FROM inspection_draw WHERE id = %s", (draw_id,))
    if found is None:
        raise HTTPException(404, f"no draw {draw_id}")
    return Answer(found)


def _today(request: Request) -> date:
    return datetime.now(request.app.state.settings.zone).date()
