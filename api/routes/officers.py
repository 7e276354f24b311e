"""Whom work can be given to."""

from typing import LiteralString

from fastapi import APIRouter

from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, rows
from api.shapes import Shape

router = APIRouter(tags=["leads"])

OFFICERS: LiteralString = """
    SELECT name, role, squad FROM console_user WHERE disabled_at IS NULL AND role <> 'viewer' ORDER BY squad, name
"""


class OfficerShape(Shape):
    name: str
    role: str
    squad: str | None


@router.get("/officers", response_model=list[OfficerShape])
def list_officers(_: AnyCaller, connection: Database) -> Answer:
    """The console's users who can do something, by squad: those a lead can be assigned to. Not whoever is disabled."""
    return Answer(rows(connection, OFFICERS))
