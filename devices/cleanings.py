"""Cleanings of purifiers as recorded: read from a CSV file, and the register's last cleaning that follows them.

A record is never deleted, only struck. The register's `cleaned_on` is the later of its own and the last record's.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, LiteralString

from psycopg import Connection

from devices import cells
from devices.checks import Problem, RegistryFilesError
from devices.nouns import Noun
from devices.registry_files import read_table
from devices.repository import load_registry, lock_registry, put_row, raise_version, store_registry
from devices.types import Outlet


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    record: str
    """Its number in the record book."""
    outlet_id: str
    cleaned_on: date
    done_by: str | None = None
    note: str | None = None


CLEANINGS = Noun(
    "cleanings",
    Cleaning,
    {
        "record": cells.key,
        "outlet_id": cells.key,
        "cleaned_on": cells.day,
        "done_by": cells.text,
        "note": cells.text,
    },
)

LAST: LiteralString = """
    SELECT outlet_id, max(cleaned_on) FROM cleaning_record
     WHERE outlet_id = ANY(%s) AND struck_at IS NULL GROUP BY outlet_id
"""
KNOWN: LiteralString = "SELECT outlet_id, cleaned_on FROM cleaning_record WHERE struck_at IS NULL"
STORE: LiteralString = """
    INSERT INTO cleaning_record (outlet_id, cleaned_on, done_by, note, recorded_by) VALUES (%s, %s, %s, %s, %s)
"""


def import_cleanings(connection: Connection[Any], path: Path, *, today: date, actor: str) -> int:
    """Record the file's cleanings in the caller's transaction; how many were not recorded yet.

    RegistryFilesError names every bad row: what cannot be read, an outlet the register lacks, a day to come.
    """
    table = read_table(path, CLEANINGS)
    lock_registry(connection)
    registry = load_registry(connection)
    wrong = [
        Problem(path.name, row, "outlet_id", f"{one.outlet_id!r} is not in the register")
        for row, one in table
        if one.outlet_id not in registry.outlets
    ]
    wrong += [
        Problem(path.name, row, "cleaned_on", f"{one.cleaned_on} has not come yet")
        for row, one in table
        if one.cleaned_on > today
    ]
    if wrong:
        raise RegistryFilesError(wrong)
    known = set(connection.execute(KNOWN).fetchall())
    fresh = {
        (one.outlet_id, one.cleaned_on): one
        for _, one in table
        if (one.outlet_id, one.cleaned_on) not in known
    }
    with connection.cursor() as cursor:
        cursor.executemany(
            STORE, [(*key, one.done_by or "", one.note or "", actor) for key, one in fresh.items()]
        )
    days: dict[str, list[date]] = defaultdict(list)
    for outlet_id, on in fresh:
        days[outlet_id].append(on)
    outlets = {key: _cleaned(registry.outlets[key], max(found)) for key, found in days.items()}
    note = f"{len(fresh)} cleanings from {path.name}"
    if fresh:
        store_registry(
            connection, replace(registry, outlets={**registry.outlets, **outlets}), actor=actor, note=note
        )
        raise_version(
            connection, actor=actor, note=note
        )  # also where the register stays: older ones count too
    return len(fresh)


def follow_cleanings(
    connection: Connection[Any], outlet_id: str, *, actor: str, struck: date | None = None
) -> None:
    """Let the register's last cleaning be that of the records, and those who judge by it know."""
    lock_registry(connection)
    last = dict(connection.execute(LAST, ([outlet_id],)).fetchall()).get(outlet_id)
    outlet = load_registry(connection).outlets[outlet_id]
    followed = _cleaned(replace(outlet, cleaned_on=None) if outlet.cleaned_on == struck else outlet, last)
    note = f"cleaning of {outlet_id}"
    if followed != outlet:
        put_row(connection, "outlets", followed, actor=actor, note=note)
    else:
        raise_version(connection, actor=actor, note=note)


def _cleaned(outlet: Outlet, on: date | None) -> Outlet:
    known = [day for day in (outlet.cleaned_on, on) if day is not None]
    return replace(outlet, cleaned_on=max(known, default=None))
