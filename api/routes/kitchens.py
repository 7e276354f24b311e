"""What is known of kitchens: units' currents, meal hours, limits, shop-fronts; and what the nights found suspicious."""

from datetime import date
from typing import Annotated, LiteralString

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import Field, field_validator

from alerts.kitchens.fume_standards import fume_standards
from api.answers import Answer
from api.auth import AnyCaller, Caller, allowed
from api.bodies import Body, Words
from api.database import Database, one, rows
from api.kitchen_shapes import KitchenFindingShape, MealHoursShape, ShopFrontShape, StandardsShape, UnitShape
from api.paging import Page, pages
from api.shapes import page_of
from devices.hours import parse_hours
from devices.meals import Scope
from devices.repository import raise_version

router = APIRouter(tags=["kitchens"])

FINDINGS: LiteralString = """
    SELECT kitchen_finding.*, outlet.name AS outlet_name
      FROM kitchen_finding LEFT JOIN outlet USING (outlet_id)
     WHERE (%(begin)s::date IS NULL OR day >= %(begin)s) AND (%(end)s::date IS NULL OR day < %(end)s)
       AND (%(outlet_id)s::text IS NULL OR outlet_id = %(outlet_id)s)
       AND (%(kind)s::text IS NULL OR kitchen_finding.kind = %(kind)s)
       AND (%(after)s::bigint IS NULL OR id < %(after)s)
     ORDER BY id DESC
     LIMIT %(fetch)s
"""
PUT_UNIT: LiteralString = """
    INSERT INTO kitchen_unit (device_id, fan_min_a, purifier_min_a, source)
    VALUES (%(device_id)s, %(fan_min_a)s, %(purifier_min_a)s, %(source)s)
        ON CONFLICT (device_id) DO UPDATE
       SET fan_min_a = EXCLUDED.fan_min_a, purifier_min_a = EXCLUDED.purifier_min_a, source = EXCLUDED.source
    RETURNING *
"""

MEAL_HOURS: LiteralString = "SELECT * FROM meal_hours ORDER BY scope, subject, valid_from"
PUT_MEAL_HOURS: LiteralString = """
    INSERT INTO meal_hours (scope, subject, valid_from, hours, confirmed, source, set_by)
    VALUES (%(scope)s, %(subject)s, %(valid_from)s, %(hours)s, %(confirmed)s, %(source)s, %(by)s)
        ON CONFLICT (scope, subject, valid_from) DO UPDATE
       SET hours = EXCLUDED.hours, confirmed = EXCLUDED.confirmed, source = EXCLUDED.source, set_by = EXCLUDED.set_by,
           set_at = now()
    RETURNING *
"""
SHOP_FRONTS: LiteralString = """
    SELECT shop_front.*,
           ARRAY(SELECT device_id FROM device WHERE kind = 'fume' AND bound_to = shop_front.outlet_id
                  ORDER BY device_id) AS monitors,
           ARRAY(SELECT id FROM lead WHERE lead.outlet_id = shop_front.outlet_id ORDER BY id) AS leads
      FROM shop_front
     WHERE (%(after)s::text IS NULL OR unit_id > %(after)s)
       AND (%(grid_cell)s::text IS NULL OR grid_cell = %(grid_cell)s)
     ORDER BY unit_id LIMIT %(fetch)s
"""

Admin = Annotated[Caller, Depends(allowed())]
Amperes = Annotated[float, Field(gt=0, le=1000)]


class UnitBody(Body):
    fan_min_a: Amperes | None = None
    purifier_min_a: Amperes | None = None
    source: Words


class MealHoursBody(Body):
    scope: Scope
    subject: Annotated[str, Field(max_length=64)] = ""
    """An outlet's id, or a word of the trade; nothing for the default."""
    valid_from: date
    hours: Words
    confirmed: bool = False
    source: Words

    @field_validator("hours")
    @classmethod
    def _readable(cls, hours: str) -> str:
        if not parse_hours(hours):
            raise ValueError(f"{hours!r} is not HH:MM-HH:MM, several with ';'")
        return hours


@router.get("/kitchen-findings", response_model=page_of(KitchenFindingShape))
def list_findings(
    _: AnyCaller,
    connection: Database,
    page: Annotated[Page, Depends(pages("kitchen_findings", int))],
    begin: Annotated[date | None, Query(alias="from")] = None,
    to: Annotated[date | None, Query()] = None,
    outlet_id: Annotated[str | None, Query()] = None,
    kind: Annotated[str | None, Query()] = None,
) -> Answer:
    """What the nightly examination found suspicious, the newest first, with its reasons. Suspicious is not guilty."""
    (after,) = page.after or (None,)
    found = rows(
        connection,
        FINDINGS,
        {
            "begin": begin,
            "end": to,
            "outlet_id": outlet_id,
            "kind": kind,
            "after": after,
            "fetch": page.fetch,
        },
    )
    return Answer(page.answer(found, lambda row: [row["id"]]))


@router.put("/kitchen-units/{device_id}", response_model=UnitShape)
def put_unit(admin: Admin, connection: Database, device_id: str, body: UnitBody) -> Answer:
    """From which current on a unit works, where its monitor reports no switch."""
    if one(connection, "SELECT FROM device WHERE device_id = %s AND kind = 'fume'", (device_id,)) is None:
        raise HTTPException(404, f"no fume monitor {device_id!r} in the register")
    raise_version(connection, actor=admin.name, note=f"unit of {device_id}")
    return Answer(one(connection, PUT_UNIT, {"device_id": device_id, **body.model_dump()}))


@router.get("/kitchen-units", response_model=page_of(UnitShape))
def list_units(_: AnyCaller, connection: Database) -> Answer:
    return Answer(
        {"items": rows(connection, "SELECT * FROM kitchen_unit ORDER BY device_id"), "next_cursor": None}
    )


@router.get("/fume-standards", response_model=StandardsShape)
def list_standards(_: AnyCaller, request: Request) -> Answer:
    """Limits by standard and scale, each with what is known of its source; and the ones in force here."""
    catalogue = request.app.state.catalogue
    return Answer(
        {
            "in_force": {"limits_mg_m3": dict(catalogue.limits_mg_m3), "note": catalogue.limits_note},
            "items": fume_standards(),
            "next_cursor": None,
        }
    )


@router.get("/meal-hours", response_model=page_of(MealHoursShape))
def list_meal_hours(_: AnyCaller, connection: Database) -> Answer:
    """When kitchens cook: for all, for a trade, for an outlet, each from a day on; whether somebody has seen it there."""
    return Answer({"items": rows(connection, MEAL_HOURS), "next_cursor": None})


@router.put("/meal-hours", response_model=MealHoursShape)
def put_meal_hours(admin: Admin, connection: Database, body: MealHoursBody) -> Answer:
    """Set meal hours from a day on; those of before stay. The same scope, subject and day again: in its place."""
    if (body.scope == "default") != (body.subject == ""):
        raise HTTPException(
            422, f"subject={body.subject!r}: names a trade or an outlet; the default has none"
        )
    if (
        body.scope == "outlet"
        and one(connection, "SELECT FROM outlet WHERE outlet_id = %s", (body.subject,)) is None
    ):
        raise HTTPException(404, f"no outlet {body.subject!r} in the register")
    raise_version(connection, actor=admin.name, note=f"meal hours of {body.subject or 'all'}")
    return Answer(one(connection, PUT_MEAL_HOURS, {"by": admin.name, **body.model_dump()}))


@router.get("/shop-fronts", response_model=page_of(ShopFrontShape))
def list_shop_fronts(
    _: AnyCaller,
    connection: Database,
    page: Annotated[Page, Depends(pages("shop_fronts", str))],
    grid_cell: Annotated[str | None, Query()] = None,
) -> Answer:
    """Units along the streets, each with its grid cell, monitors and leads."""
    (after,) = page.after or (None,)
    found = rows(connection, SHOP_FRONTS, {"after": after, "grid_cell": grid_cell, "fetch": page.fetch})
    return Answer(page.answer(found, lambda row: [row["unit_id"]]))
