"""What officers do about kitchens: corrections ordered and checked again, joint actions."""

from datetime import date, datetime
from typing import Annotated, Any, LiteralString

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import AwareDatetime, Field, model_validator

from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.bodies import Body, Hash, Note, Words
from api.database import Database, one, rows
from api.kitchen_shapes import (
    InspectionShape,
    InspectionWithResults,
    OrderShape,
    ResultShape,
)
from api.paging import Page, pages
from api.parameters import Identity
from api.routes.cleanings import check_outlet
from api.shapes import page_of

router = APIRouter(tags=["kitchens"])

Officer = Annotated[Caller, Depends(allowed("duty", "squad"))]


class OrderBody(Body):
    outlet_id: str
    what: Words
    deadline: date
    lead_id: int | None = None


class RecheckBody(Body):
    passed: bool
    note: Note = ""
    photo_sha256: list[Hash] = Field(default_factory=list)
    new_deadline: date | None = None

    @model_validator(mode="after")
    def _fits(self) -> "RecheckBody":
        if self.passed and self.new_deadline is not None:
            raise ValueError("a passed re-check has no new deadline")
        return self


class InspectionBody(Body):
    name: Words
    begins_on: date
    ends_on: date
    partners: list[Words] = Field(default_factory=list)
    note: Note = ""

    @model_validator(mode="after")
    def _fits(self) -> "InspectionBody":
        if self.ends_on < self.begins_on:
            raise ValueError("ends_on is before begins_on")
        return self


class ResultBody(Body):
    outlet_id: str
    visited_at: AwareDatetime
    officer: Words
    problem: bool
    note: Note = ""
    photo_sha256: list[Hash] = Field(default_factory=list)
    order_id: int | None = None


# The last re-check decides; a failed one may have moved the deadline.
ORDERS: LiteralString = """
    SELECT told.* FROM (
        SELECT correction_order.*, outlet.name AS outlet_name, outlet_street.jurisdiction,
               coalesce(moved.new_deadline, correction_order.deadline) AS due_on,
               CASE WHEN last.passed THEN 'corrected'
                    WHEN coalesce(moved.new_deadline, correction_order.deadline) < %(today)s THEN 'overdue'
                    ELSE 'open' END AS state,
               (SELECT coalesce(json_agg(r ORDER BY id), '[]') FROM correction_recheck r
                 WHERE r.order_id = correction_order.id) AS rechecks
          FROM correction_order
          LEFT JOIN outlet USING (outlet_id)
          LEFT JOIN outlet_street USING (outlet_id)
          LEFT JOIN LATERAL (SELECT passed FROM correction_recheck WHERE order_id = correction_order.id
                              ORDER BY id DESC LIMIT 1) last ON true
          LEFT JOIN LATERAL (SELECT new_deadline FROM correction_recheck
                              WHERE order_id = correction_order.id AND new_deadline IS NOT NULL
                              ORDER BY id DESC LIMIT 1) moved ON true) told
"""
ORDER_PAGE: LiteralString = (
    ORDERS
    + """
     WHERE (%(state)s::text IS NULL OR state = %(state)s)
       AND (%(outlet_id)s::text IS NULL OR outlet_id = %(outlet_id)s)
       AND (%(after)s::bigint IS NULL OR id < %(after)s)
     ORDER BY id DESC LIMIT %(fetch)s
    """
)
ONE_ORDER: LiteralString = ORDERS + " WHERE id = %(id)s"
ISSUE: LiteralString = """
    INSERT INTO correction_order (outlet_id, lead_id, what, deadline, issued_by)
    VALUES (%(outlet_id)s, %(lead_id)s, %(what)s, %(deadline)s, %(by)s)
    RETURNING id
"""
RECHECK: LiteralString = """
    INSERT INTO correction_recheck (order_id, passed, note, photo_sha256, new_deadline, checked_by)
    VALUES (%(id)s, %(passed)s, %(note)s, %(photo_sha256)s, %(new_deadline)s, %(by)s)
"""
INSPECTIONS: LiteralString = """
    SELECT inspection.*, count(result.id) AS visits, count(DISTINCT result.outlet_id) AS outlets,
           count(result.id) FILTER (WHERE problem) AS problems,
           count(result.id) FILTER (WHERE problem AND EXISTS (
               SELECT FROM correction_recheck WHERE correction_recheck.order_id = result.order_id AND passed)) AS corrected
      FROM inspection LEFT JOIN inspection_result result ON result.inspection_id = inspection.id
"""
INSPECTION_PAGE: LiteralString = (
    INSPECTIONS
    + """
     WHERE %(after)s::bigint IS NULL OR inspection.id < %(after)s
     GROUP BY inspection.id ORDER BY inspection.id DESC LIMIT %(fetch)s
    """
)
ONE_INSPECTION: LiteralString = INSPECTIONS + " WHERE inspection.id = %s GROUP BY inspection.id"
BEGIN_INSPECTION: LiteralString = """
    INSERT INTO inspection (name, begins_on, ends_on, partners, note, created_by)
    VALUES (%(name)s, %(begins_on)s, %(ends_on)s, %(partners)s, %(note)s, %(by)s)
        ON CONFLICT (name) DO NOTHING
    RETURNING id
"""
RESULTS: LiteralString = """
    SELECT inspection_result.*, outlet.name AS outlet_name
      FROM inspection_result LEFT JOIN outlet USING (outlet_id)
     WHERE inspection_id = %s ORDER BY id
"""
ADD_RESULT: LiteralString = """
    INSERT INTO inspection_result (inspection_id, outlet_id, visited_at, officer, problem, note, photo_sha256, order_id,
                                   recorded_by)
    VALUES (%(id)s, %(outlet_id)s, %(visited_at)s, %(officer)s, %(problem)s, %(note)s, %(photo_sha256)s, %(order_id)s,
            %(by)s)
    RETURNING *
"""


@router.get("/correction-orders", response_model=page_of(OrderShape))
def list_orders(
    _: AnyCaller,
    request: Request,
    connection: Database,
    page: Annotated[Page, Depends(pages("correction_orders", int))],
    state: Annotated[str | None, Query(pattern="^(open|overdue|corrected)$")] = None,
    outlet_id: Annotated[str | None, Query()] = None,
) -> Answer:
    """Orders, the newest first: `open`, `overdue` or `corrected`."""
    (after,) = page.after or (None,)
    asked = {"state": state, "outlet_id": outlet_id, "after": after, "fetch": page.fetch}
    found = rows(connection, ORDER_PAGE, {**asked, "today": _today(request)})
    return Answer(page.answer(found, lambda row: [row["id"]]))


@router.post("/correction-orders", response_model=OrderShape, status_code=201)
def issue_order(officer: Officer, request: Request, connection: Database, body: OrderBody) -> Answer:
    check_outlet(connection, body.outlet_id)
    if (
        body.lead_id is not None
        and one(connection, "SELECT FROM lead WHERE id = %s", (body.lead_id,)) is None
    ):
        raise HTTPException(422, f"lead_id={body.lead_id}: there is no such lead")
    if body.deadline < _today(request):
        raise HTTPException(422, f"deadline={body.deadline}: the deadline is over already")
    issued = one(connection, ISSUE, {"by": officer.name, **body.model_dump()})
    assert issued is not None  # noqa: S101 - RETURNING of one row
    return Answer(_order(connection, request, issued["id"]), status_code=201)


@router.post("/correction-orders/{order_id}/rechecks", response_model=OrderShape, status_code=201)
def recheck_order(
    officer: Officer, request: Request, connection: Database, order_id: Identity, body: RecheckBody
) -> Answer:
    """A re-check: passed, the order is done; failed, it stays, until a new deadline if one is given."""
    connection.execute("SELECT FROM correction_order WHERE id = %s FOR UPDATE", (order_id,))
    if _order(connection, request, order_id)["state"] == "corrected":
        raise HTTPException(409, f"order {order_id} is corrected already")
    connection.execute(RECHECK, {"id": order_id, "by": officer.name, **body.model_dump()})
    return Answer(_order(connection, request, order_id), status_code=201)


@router.get("/inspections", response_model=page_of(InspectionShape))
def list_inspections(
    _: AnyCaller, connection: Database, page: Annotated[Page, Depends(pages("inspections", int))]
) -> Answer:
    """Joint actions, each with how many outlets were visited, problems found, and corrected."""
    (after,) = page.after or (None,)
    found = rows(connection, INSPECTION_PAGE, {"after": after, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["id"]]))


@router.post("/inspections", response_model=InspectionShape, status_code=201)
def begin_inspection(officer: Officer, connection: Database, body: InspectionBody) -> Answer:
    begun = one(connection, BEGIN_INSPECTION, {"by": officer.name, **body.model_dump()})
    if begun is None:
        raise HTTPException(409, f"there is an inspection {body.name!r} already")
    return Answer(_inspection(connection, begun["id"]), status_code=201)


@router.get("/inspections/{inspection_id}", response_model=InspectionWithResults)
def get_inspection(_: AnyCaller, connection: Database, inspection_id: Identity) -> Answer:
    """One joint action with its results."""
    return Answer(
        {**_inspection(connection, inspection_id), "results": rows(connection, RESULTS, (inspection_id,))}
    )


@router.post("/inspections/{inspection_id}/results", response_model=ResultShape, status_code=201)
def add_result(officer: Officer, connection: Database, inspection_id: Identity, body: ResultBody) -> Answer:
    _inspection(connection, inspection_id)
    check_outlet(connection, body.outlet_id)
    if body.order_id is not None:
        order = one(connection, "SELECT outlet_id FROM correction_order WHERE id = %s", (body.order_id,))
        if order is None or order["outlet_id"] != body.outlet_id:
            raise HTTPException(422, f"order_id={body.order_id}: no order of outlet {body.outlet_id!r}")
    added = one(connection, ADD_RESULT, {"id": inspection_id, "by": officer.name, **body.model_dump()})
    return Answer(added, status_code=201)


def _order(connection: Database, request: Request, order_id: int) -> dict[str, Any]:
    order = one(connection, ONE_ORDER, {"id": order_id, "today": _today(request)})
    if order is None:
        raise HTTPException(404, f"no correction order {order_id}")
    return order


def _inspection(connection: Database, inspection_id: int) -> dict[str, Any]:
    inspection = one(connection, ONE_INSPECTION, (inspection_id,))
    if inspection is None:
        raise HTTPException(404, f"no inspection {inspection_id}")
    return inspection


def _today(request: Request) -> date:
    return datetime.now(request.app.state.settings.zone).date()
