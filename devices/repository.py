"""The register in the database: the only module that knows the columns of its tables.

A register has a version, which every change raises; triggers keep each row's history by version.
Readers see one version whole, writers take turns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString, NamedTuple

import msgspec
from psycopg import Connection, sql

from devices.checks import check_references
from devices.nouns import NOUN_OF, NOUNS, Noun
from devices.types import (
    Company,
    Device,
    Jurisdiction,
    Outlet,
    Permit,
    Registry,
    Road,
    Route,
    Site,
    Vehicle,
)

CHANNEL: Final = "fleetfume_registry"
"""NOTIFY goes here with the new version when it commits."""

# One statement, so that all tables are of one snapshot, whatever the caller's isolation.
LOAD: LiteralString = """
    SELECT json_build_object(
        'version', (SELECT coalesce(max(version), 0) FROM registry_version),
        'companies', (SELECT coalesce(json_agg(t ORDER BY company_id), '[]') FROM company t),
        'vehicles', (SELECT coalesce(json_agg(t ORDER BY plate), '[]') FROM vehicle t),
        'sites', (SELECT coalesce(json_agg(t ORDER BY site_id), '[]') FROM site t),
        'routes', (SELECT coalesce(json_agg(t ORDER BY route_id), '[]') FROM route t),
        'roads', (SELECT coalesce(json_agg(t ORDER BY road_id), '[]') FROM road t),
        'jurisdictions', (SELECT coalesce(json_agg(t ORDER BY code), '[]') FROM jurisdiction t),
        'permits', (SELECT coalesce(json_agg(t ORDER BY permit_id), '[]') FROM permit t),
        'outlets', (SELECT coalesce(json_agg(t ORDER BY outlet_id), '[]') FROM outlet t),
        'devices', (SELECT coalesce(json_agg(t ORDER BY device_id), '[]') FROM device t)
    )::text
"""

TABLES: Final[Mapping[str, str]] = {
    "companies": "company",
    "vehicles": "vehicle",
    "sites": "site",
    "routes": "route",
    "roads": "road",
    "jurisdictions": "jurisdiction",
    "permits": "permit",
    "outlets": "outlet",
    "devices": "device",
}


class _Stored(msgspec.Struct):
    version: int
    companies: list[Company]
    vehicles: list[Vehicle]
    sites: list[Site]
    routes: list[Route]
    roads: list[Road]
    jurisdictions: list[Jurisdiction]
    permits: list[Permit]
    outlets: list[Outlet]
    devices: list[Device]


_STORED = msgspec.json.Decoder(_Stored)


def load_registry(connection: Connection[Any]) -> Registry:
    """The register as it is now, each noun in the order of its keys; version 0 before the first import."""
    row = connection.execute(LOAD).fetchone()
    assert row is not None  # noqa: S101  # an aggregate
    stored = _STORED.decode(row[0])
    return Registry(
        version=stored.version,
        **{noun.name: {getattr(row, noun.key): row for row in getattr(stored, noun.name)} for noun in NOUNS},
    )


class Period(NamedTuple):
    """From when on a version of the register was in force."""

    since_us: int
    version: int


# `at` is when a writer began; one that had to wait for another came into force after it.
PERIODS: LiteralString = """
    SELECT round(date_part('epoch', max(at) OVER (ORDER BY version)) * 1000000)::bigint, version
      FROM registry_version
     ORDER BY version
"""
# A row's last entry up to a version; deleted rows too, without their content.
THEN: LiteralString = """
    SELECT entity, json_agg(key), json_agg(row) FILTER (WHERE row IS NOT NULL)
      FROM (SELECT DISTINCT ON (entity, key) entity, key, row
              FROM registry_history
             WHERE version <= %(version)s
             ORDER BY entity, key, id DESC) AS known
     GROUP BY entity
"""
# Every row there ever was, as it was last.
EVER: LiteralString = """
    SELECT entity, json_agg(row)
      FROM (SELECT DISTINCT ON (entity, key) entity, key, row
              FROM registry_history
             WHERE row IS NOT NULL
             ORDER BY entity, key, id DESC) AS known
     GROUP BY entity
"""


def registry_periods(connection: Connection[Any]) -> list[Period]:
    """When each version came into force, the oldest first."""
    return [Period(*row) for row in connection.execute(PERIODS)]


def load_registry_at(connection: Connection[Any], now: Registry, version: int) -> Registry:
    """The register as it was at `version`; `now` is the one of today.

    What had never been in it by then counts as it is today: it was registered late, and says by its own
    `valid_from` since when it holds. So version 0, before the first, is the register of today.
    """
    found = {entity: (keys, rows) for entity, keys, rows in connection.execute(THEN, {"version": version})}
    nouns: dict[str, Any] = {}
    for noun in NOUNS:
        keys, rows = found.get(TABLES[noun.name], ((), ()))
        late = {key: row for key, row in getattr(now, noun.name).items() if key not in set(keys)}
        then = {getattr(row, noun.key): row for row in msgspec.convert(rows or (), list[noun.row])}  # type: ignore[name-defined]
        nouns[noun.name] = late | then
    return Registry(version=version, **nouns)


def load_ever_registered(connection: Connection[Any]) -> Registry:
    """Every row the register ever had, as it was last: for whoever must give each of them a number."""
    found = dict(connection.execute(EVER))
    nouns: dict[str, Any] = {
        noun.name: {
            getattr(row, noun.key): row
            for row in msgspec.convert(found.get(TABLES[noun.name], ()), list[noun.row])  # type: ignore[name-defined]
        }
        for noun in NOUNS
    }
    return Registry(**nouns)


def current_version(connection: Connection[Any]) -> int:
    """The newest version; 0 before the first import."""
    row = connection.execute("SELECT coalesce(max(version), 0) FROM registry_version").fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What makes one noun of one register into another's."""

    added: list[Any] = field(default_factory=list)
    changed: list[Any] = field(default_factory=list)
    """As they are to be."""
    removed: list[str] = field(default_factory=list)
    """Keys."""


def compare(before: Registry, after: Registry) -> dict[str, Changes]:
    """The changes by noun; a noun that stays as it was is not in it."""
    found: dict[str, Changes] = {}
    for noun in NOUNS:
        old, new = getattr(before, noun.name), getattr(after, noun.name)
        changes = Changes(
            [row for key, row in new.items() if key not in old],
            [row for key, row in new.items() if key in old and old[key] != row],
            [key for key in old if key not in new],
        )
        if changes != Changes():
            found[noun.name] = changes
    return found


def lock_registry(connection: Connection[Any]) -> None:
    """Keep other writers out until the caller's transaction ends; readers go on.

    To be taken before `load_registry` by whoever stores what was made from it.
    """
    connection.execute("LOCK TABLE registry_version IN SHARE ROW EXCLUSIVE MODE")


def store_registry(connection: Connection[Any], registry: Registry, *, actor: str, note: str = "") -> int:
    """Make the database's register equal to `registry`; return its version, a new one if a row changed.

    Rows that are equal are not touched, and rows that `registry` lacks are deleted. It counts when the
    caller's transaction commits; outside one, PostgreSQL refuses. Raises RegistryFilesError where a row
    refers to nothing.
    """
    check_references(registry)
    lock_registry(connection)
    before = load_registry(connection)
    changes = compare(before, registry)
    if not changes:
        return before.version
    version = _new_version(connection, actor, note)
    for name, change in changes.items():
        _upsert(connection, NOUN_OF[name], [*change.added, *change.changed])
        _delete(connection, NOUN_OF[name], change.removed)
    return version


def put_row(connection: Connection[Any], noun: str, row: Any, *, actor: str, note: str = "") -> int:
    """Add the row, or put it in the place of the one with its key; return the register's version.

    Raises RegistryFilesError where it refers to nothing.
    """
    return _edit_row(connection, noun, getattr(row, NOUN_OF[noun].key), row, actor=actor, note=note)


def delete_row(connection: Connection[Any], noun: str, key: str, *, actor: str, note: str = "") -> int:
    """Remove the row; return the register's version, the same if there was no such row.

    Raises RegistryFilesError naming the rows that refer to it.
    """
    return _edit_row(connection, noun, key, None, actor=actor, note=note)


def _edit_row(connection: Connection[Any], noun: str, key: str, row: Any, *, actor: str, note: str) -> int:
    lock_registry(connection)
    registry = load_registry(connection)
    rows = {**getattr(registry, noun), key: row}
    if row is None:
        del rows[key]
    edited: dict[str, Any] = {
        item.name: rows if item.name == noun else getattr(registry, item.name) for item in NOUNS
    }
    return store_registry(connection, Registry(**edited), actor=actor, note=note)


def raise_version(connection: Connection[Any], *, actor: str, note: str) -> int:
    """A new version though no row of the register's own changed: something that is read with it did."""
    lock_registry(connection)
    return _new_version(connection, actor, note)


NEW_VERSION: LiteralString = (
    "INSERT INTO registry_version (actor, note) VALUES (%(actor)s, %(note)s) RETURNING version"
)
# The first is for the trigger that keeps the history, the second for whoever judges by the register.
ANNOUNCE: LiteralString = """
    SELECT set_config('fleetfume.registry_version', %(version)s::text, true),
           pg_notify(%(channel)s, %(version)s::text)
"""


def _new_version(connection: Connection[Any], actor: str, note: str) -> int:
    row = connection.execute(NEW_VERSION, {"actor": actor, "note": note}).fetchone()
    assert row is not None  # noqa: S101  # RETURNING of one row
    connection.execute(ANNOUNCE, {"version": row[0], "channel": CHANNEL})
    return int(row[0])


def _upsert(connection: Connection[Any], noun: Noun, rows: list[Any]) -> None:
    if not rows:
        return
    columns = [*noun.columns, *(["geometry"] if noun.shapes else [])]
    statement = sql.SQL("""
        INSERT INTO {table} ({columns})
        SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s)
            ON CONFLICT ({key}) DO UPDATE SET ({columns}) = ROW ({excluded})
    """).format(
        table=sql.Identifier(TABLES[noun.name]),
        key=sql.Identifier(noun.key),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        excluded=sql.SQL(", ").join(sql.Identifier("excluded", column) for column in columns),
    )
    connection.execute(statement, [msgspec.json.encode(rows).decode()])


def _delete(connection: Connection[Any], noun: Noun, keys: list[str]) -> None:
    if keys:
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(
                sql.Identifier(TABLES[noun.name]), sql.Identifier(noun.key)
            ),
            [keys],
        )
