"""The register's other nouns, to read: companies, sites, routes, roads, jurisdictions, permits, devices."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from psycopg import sql

from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, one, rows
from api.paging import Page, pages
from api.shapes import page_of
from devices.nouns import NOUNS, Noun
from devices.repository import TABLES

router = APIRouter(tags=["register"])

DEVICES = sql.SQL("""(
    SELECT device.*, terminal_status.online, terminal_status.firmware,
           CASE WHEN online THEN since END AS online_since, CASE WHEN NOT online THEN since END AS offline_since
      FROM device LEFT JOIN terminal_status USING (device_id)
) AS device""")
"""With what a terminal said of itself last; null: nothing yet."""

WITH_MORE = ("vehicles", "outlets")
"""Nouns whose own modules show them, with their last state."""

PAGE = sql.SQL(
    "SELECT * FROM {table} WHERE (%(after)s::text IS NULL OR {key} > %(after)s) ORDER BY {key} LIMIT %(fetch)s"
)
ONE = sql.SQL("SELECT * FROM {table} WHERE {key} = %s")


def _source(noun: Noun) -> sql.SQL | sql.Identifier:
    return DEVICES if noun.name == "devices" else sql.Identifier(TABLES[noun.name])


def _lister(noun: Noun) -> Callable[..., Answer]:
    query = PAGE.format(table=_source(noun), key=sql.Identifier(noun.key))

    def list_noun(
        _: AnyCaller, connection: Database, page: Annotated[Page, Depends(pages(noun.name, str))]
    ) -> Answer:
        (after,) = page.after or (None,)
        found = rows(connection, query, {"after": after, "fetch": page.fetch})
        return Answer(page.answer(found, lambda row: [row[noun.key]]))

    list_noun.__name__ = f"list_{noun.name}"
    list_noun.__doc__ = f"The register's {noun.name}, by {noun.key}; shapes as GeoJSON in WGS-84."
    return list_noun


def _getter(noun: Noun) -> Callable[..., Answer]:
    query = ONE.format(table=_source(noun), key=sql.Identifier(noun.key))

    def get_one(_: AnyCaller, connection: Database, key: Annotated[str, Path(alias=noun.key)]) -> Answer:
        row = one(connection, query, (key,))
        if row is None:
            raise not_there(noun, key)
        return Answer(row)

    get_one.__name__ = f"get_{TABLES[noun.name]}"
    return get_one


def path_of_one(noun: Noun) -> str:
    """A key may hold a slash."""
    return f"/{noun.name}/{{{noun.key}:path}}"


def not_there(noun: Noun, key: str) -> HTTPException:
    return HTTPException(404, f"no {noun.key} {key!r} among the {noun.name} of the register")


for _noun in NOUNS:
    if _noun.name not in WITH_MORE:
        router.get(f"/{_noun.name}", response_model=page_of(_noun.row))(_lister(_noun))
        router.get(path_of_one(_noun), response_model=_noun.row)(_getter(_noun))
