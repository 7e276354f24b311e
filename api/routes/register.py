"""The register's other nouns as lists: companies, sites, routes, roads, jurisdictions, permits, devices."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from psycopg import sql

from api.answers import Answer
from api.auth import AnyCaller
from api.database import Database, rows
from api.paging import Page, pages
from api.register_shapes import (
    CompanyShape,
    DeviceShape,
    JurisdictionShape,
    PermitShape,
    RoadShape,
    RouteShape,
    SiteShape,
)  # fmt: skip
from api.shapes import Shape, page_of

router = APIRouter(tags=["register"])

DEVICES = sql.SQL("""(
    SELECT device.*, terminal_status.online, terminal_status.firmware,
           CASE WHEN online THEN since END AS online_since, CASE WHEN NOT online THEN since END AS offline_since
      FROM device LEFT JOIN terminal_status USING (device_id)
) AS device""")
"""With what a terminal said of itself last; null: nothing yet."""

NOUNS: dict[str, tuple[str | sql.SQL, str, type[Shape]]] = {
    "companies": ("company", "company_id", CompanyShape),
    "sites": ("site", "site_id", SiteShape),
    "routes": ("route", "route_id", RouteShape),
    "roads": ("road", "road_id", RoadShape),
    "jurisdictions": ("jurisdiction", "code", JurisdictionShape),
    "permits": ("permit", "permit_id", PermitShape),
    "devices": (DEVICES, "device_id", DeviceShape),
}
"""Path to table, or what stands for it, key and shape."""

PAGE = sql.SQL(
    "SELECT * FROM {table} WHERE (%(after)s::text IS NULL OR {key} > %(after)s) ORDER BY {key} LIMIT %(fetch)s"
)


def _lister(noun: str, table: str | sql.SQL, key: str) -> Callable[..., Answer]:
    source = sql.Identifier(table) if isinstance(table, str) else table
    query = PAGE.format(table=source, key=sql.Identifier(key))

    def list_noun(
        _: AnyCaller, connection: Database, page: Annotated[Page, Depends(pages(noun, str))]
    ) -> Answer:
        (after,) = page.after or (None,)
        found = rows(connection, query, {"after": after, "fetch": page.fetch})
        return Answer(page.answer(found, lambda row: [row[key]]))

    list_noun.__name__ = f"list_{noun}"
    list_noun.__doc__ = f"The register's {noun}, by {key}; shapes as GeoJSON in WGS-84."
    return list_noun


for _noun, (_table, _key, _shape) in NOUNS.items():
    router.get(f"/{_noun}", response_model=page_of(_shape))(_lister(_noun, _table, _key))
