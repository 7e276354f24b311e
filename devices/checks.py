"""What a register must hold to be believed: every row by itself, and every reference among them."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final

from devices import geometry, types
from devices.nouns import AREA, NOUN_OF, Noun
from devices.types import Registry
from runtime.errors import UserError

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Problem:
    file: str
    row: str
    """`line 7`, `feature 3 (site_id S-12)`; empty: the file as a whole."""
    field: str
    reason: str

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, self.row, self.field) if part)
        return printable(f"{where}: {self.reason}")


def printable(text: str) -> str:
    """On one line, and so that every terminal can print it and every encoding hold it."""
    return _UNPRINTABLE.sub(lambda char: ascii(char.group())[1:-1], text)


class RegistryFilesError(UserError):
    """The registry files hold rows that cannot be taken; every one of them is in `problems`."""

    def __init__(self, problems: list[Problem]) -> None:
        files = len({problem.file for problem in problems})
        count = f"{len(problems)} problem{'s' * (len(problems) > 1)} in {files} file{'s' * (files > 1)}"
        super().__init__("\n".join([*map(str, problems), f"{count}; nothing was imported"]))
        self.problems = problems


def parse_row(noun: Noun, cells: Mapping[str, Any]) -> Any:
    """One row from its columns (and `geometry`), by the rules of its file, its references unchecked.

    Raises RegistryFilesError with all that is wrong.
    """
    problems: list[Problem] = []
    row = read_row(noun, "", cells, problems)
    if problems:
        raise RegistryFilesError(problems)
    return row


def check_references(registry: Registry) -> None:
    """Raises RegistryFilesError naming every row that refers to nothing."""
    problems = list(dangling(registry))
    if problems:
        raise RegistryFilesError(problems)


def read_row(noun: Noun, row: str, cells: Mapping[str, Any], problems: list[Problem]) -> Any:
    """The row, or None with what is wrong added to `problems`. `row` says where it stands in the file."""
    before = len(problems)

    def wrong(field: str, reason: str) -> None:
        problems.append(Problem(noun.file, row, field, reason))

    for name in cells:
        if name not in noun.columns and not (noun.shapes and name == "geometry"):
            wrong(name, f"is not known here; known are {', '.join(noun.columns)}")
    values: dict[str, Any] = {}
    for name, parse in noun.columns.items():
        cell = cells.get(name)
        if _is_empty(cell):
            if name in noun.required:
                wrong(name, "is empty, and must be known")
            continue
        try:
            values[name] = parse(cell.strip() if isinstance(cell, str) else cell)
        except ValueError as error:
            wrong(name, str(error))
    for name, reason in _together(noun, values, cells):
        wrong(name, reason)
    if noun.shapes:
        try:
            values["geometry"] = geometry.checked(cells.get("geometry"), noun.shapes)
        except ValueError as error:
            wrong("geometry", str(error))
    if len(problems) > before:
        return None
    unknown = {item.name: None for item in fields(noun.row) if item.default is MISSING}
    return noun.row(**unknown | values)


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _together(noun: Noun, values: Mapping[str, Any], cells: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(field, reason) where values are right each by itself, but not side by side."""
    if "valid_from" in values and "valid_to" in values and values["valid_from"] > values["valid_to"]:
        yield "valid_to", f"{values['valid_to']} is before valid_from, {values['valid_from']}"
    if noun.row is types.Outlet:
        for name, other in (("lat", "lon"), ("lon", "lat")):
            if _is_empty(cells.get(name)) and not _is_empty(cells.get(other)):
                yield name, f"is empty, and {other} is not"
        if "lat" in values and "lon" in values and geometry.looks_swapped(values["lon"], values["lat"]):
            yield "lat", f"{values['lat']}, with lon {values['lon']}: they look exchanged"
    if noun.row is types.Site and isinstance(shape := cells.get("geometry"), dict):
        if shape.get("type") == "Point" and _is_empty(cells.get("radius_m")):
            yield "radius_m", "is empty; a Point needs the radius of its circle"
        if shape.get("type") in AREA and not _is_empty(cells.get("radius_m")):
            yield "radius_m", "goes with a Point, not with an outline"


_REFERENCES: Final = (
    ("vehicles", "company_id", "companies"),
    ("permits", "company_id", "companies"),
    ("permits", "source_site_id", "sites"),
    ("permits", "disposal_site_id", "sites"),
    ("permits", "route_id", "routes"),
)

Exists = Callable[[str, str], bool]
"""Is there a row of this noun with this key?"""
Places = Mapping[tuple[str, str], tuple[str, str]]
"""(noun, key) of a row that was read, to its file and its place there."""


def dangling(
    registry: Registry, exists: Exists | None = None, places: Places | None = None
) -> Iterator[Problem]:
    """Every reference to a row that there is not. A row without a place is named by its key."""

    def is_there(noun: str, key: str) -> bool:
        return key in getattr(registry, noun)

    exists = exists or is_there
    for noun, key, field, target, wanted in _references(registry):
        if not exists(target, wanted):
            file, row = (places or {}).get((noun, key), (f"{noun} in the database", repr(key)))
            yield Problem(file, row, field, f"there is no {NOUN_OF[target].key} {wanted!r} in {target}")


def dangling_cells(noun: Noun, row: str, cells: Mapping[str, Any], exists: Exists) -> Iterator[Problem]:
    """As `dangling`, for a row that could not be taken: of those of its cells that can be read."""
    values: dict[str, Any] = {}
    for name, parse in noun.columns.items():
        if not _is_empty(cell := cells.get(name)):
            with contextlib.suppress(ValueError):
                values[name] = parse(cell.strip() if isinstance(cell, str) else cell)
    for field, target, wanted in _wanted(noun.name, values):
        if not exists(target, wanted):
            reason = f"there is no {NOUN_OF[target].key} {wanted!r} in {target}"
            yield Problem(noun.file, row, field, reason)


def _references(registry: Registry) -> Iterator[tuple[str, str, str, str, str]]:
    """(noun, key, field, noun it refers to, key it refers to)."""
    for noun in ("vehicles", "permits", "devices"):
        for key, row in getattr(registry, noun).items():
            values = {item.name: getattr(row, item.name) for item in fields(row)}
            for field, target, wanted in _wanted(noun, values):
                yield noun, key, field, target, wanted


def _wanted(noun: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(field, noun it refers to, key it refers to) of one row."""
    for owner, field, target in _REFERENCES:
        if owner == noun and values.get(field) is not None:
            yield field, target, values[field]
    if noun == "permits":
        for plate in values.get("plates") or ():
            yield "plates", "vehicles", plate
    if noun == "devices" and values.get("bound_to") is not None and values.get("kind") is not None:
        yield "bound_to", "vehicles" if values["kind"] == "vehicle" else "outlets", values["bound_to"]
