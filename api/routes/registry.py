"""The register's lists, in the order of their keys; vehicles and outlets have modules of their own."""

from collections.abc import Callable
from typing import Final

from fastapi import APIRouter
from psycopg.sql import SQL, Identifier

from api.auth import CurrentUser
from api.paging import Page
from api.replies import Json
from api.state import Database, select
from devices.nouns import NOUN_OF
from devices.repository import TABLES

router = APIRouter(tags=["registry"])

NOUNS: Final = ("companies", "sites", "routes", "roads", "jurisdictions", "permits", "devices")

LIST = SQL("""
    SELECT * FROM {table} WHERE %(after)s::text IS NULL OR {key} > %(after)s ORDER BY {key} LIMIT %(fetch)s
""")


def _listing(noun: str) -> Callable[..., Json]:
    key = NOUN_OF[noun].key
    query = LIST.format(table=Identifier(TABLES[noun]), key=Identifier(key))

    def listing(_: CurrentUser, connection: Database, page: Page) -> Json:
        rows = select(connection, query, {"after": page.after(str), "fetch": page.fetch})
        return page.page(rows, key=lambda row: row[key])

    listing.__doc__ = f"The register's {noun}, by {key}."
    return listing


for _noun in NOUNS:
    router.add_api_route(f"/{_noun}", _listing(_noun), methods=["GET"], name=_noun)
