"""The registry files (contract, section 3): nine of them in one directory, read and written.

Reading checks everything before it says anything, so that one run names every bad row. A file that
is there replaces its noun whole; a file that is absent leaves its noun as it was.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from devices.cells import shown
from devices.checks import Problem, RegistryFilesError, dangling, dangling_cells, read_row
from devices.nouns import NOUNS, Noun
from devices.types import Registry
from runtime.errors import UserError

Wrong = Callable[..., None]
"""Adds a problem: its reason, and the row and the field where there are such."""


def read_directory(path: Path, base: Registry | None = None) -> Registry:
    """The register in `path`; nouns without a file there are those of `base` (default: none at all).

    Raises RegistryFilesError naming every bad row; UserError where there is nothing to read.
    """
    if not path.is_dir():
        raise UserError(f"{path} is not a directory")
    present = [noun for noun in NOUNS if (path / noun.file).exists()]
    if not present:
        raise UserError(f"{path} holds no registry file: none of {', '.join(noun.file for noun in NOUNS)}")
    problems: list[Problem] = []
    tables: dict[str, dict[str, Any]] = {}
    places: dict[tuple[str, str], tuple[str, str]] = {}
    named: set[tuple[str, str]] = set()
    """Keys of all rows: one with a fault of its own is not missed by those that refer to it as well."""
    unreadable: set[str] = set()
    """Nouns of which some rows could not even be told apart."""
    refused: list[tuple[Noun, str, dict[str, Any]]] = []
    for noun in present:
        table = tables[noun.name] = {}
        form = len(problems)
        records = list(_records(path / noun.file, noun, problems))
        faults = problems[form:]
        if faults and (not records or not all(fault.field for fault in faults)):
            unreadable.add(noun.name)
        for row, cells in records:
            named.add((noun.name, str(cells.get(noun.key)).strip()))
            value = read_row(noun, row, cells, problems)
            if value is None:
                refused.append((noun, row, cells))
                continue
            key = getattr(value, noun.key)
            if key in table:
                problems.append(
                    Problem(
                        noun.file, row, noun.key, f"{key!r} again; {places[noun.name, key][1]} has it already"
                    )
                )
            else:
                table[key] = value
                places[noun.name, key] = noun.file, row
    registry = replace(base or Registry(), **tables)  # type: ignore[arg-type]  # each noun by its name

    def exists(noun: str, key: str) -> bool:
        return noun in unreadable or key in getattr(registry, noun) or (noun, key) in named

    problems += dangling(registry, exists, places)
    for noun, row, cells in refused:
        problems += dangling_cells(noun, row, cells, exists)
    if problems:
        raise RegistryFilesError(problems)
    return registry


def read_table(path: Path, noun: Noun) -> list[tuple[str, Any]]:
    """One file alone, of a noun beside the register's: (row, its value). Raises RegistryFilesError naming every bad row."""
    problems: list[Problem] = []
    table: list[tuple[str, Any]] = []
    place: dict[str, str] = {}
    for row, record in _records(path, noun, problems):
        value = read_row(noun, row, record, problems)
        if value is None:
            continue
        key = getattr(value, noun.key)
        if key in place:
            problems.append(Problem(noun.file, row, noun.key, f"{key!r} again; {place[key]} has it already"))
        place[key] = row
        table.append((row, value))
    if problems:
        raise RegistryFilesError([replace(problem, file=path.name) for problem in problems])
    return table


def _records(path: Path, noun: Noun, problems: list[Problem]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(row, its cells by column) of one file; adds what is wrong with the file's form."""

    def wrong(reason: str, row: str = "", field: str = "") -> None:
        problems.append(Problem(noun.file, row, field, reason))

    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        wrong(f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        wrong(f"is not UTF-8 (byte {error.start + 1}); in a spreadsheet, save it as 'CSV UTF-8'")
    else:
        yield from (_features if noun.shapes else _lines)(text, noun, wrong)


def _lines(text: str, noun: Noun, wrong: Wrong) -> Iterator[tuple[str, dict[str, Any]]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    line = 1
    try:
        for cells in lines:
            row, line = f"line {line}", lines.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                if not _header_is_right(header, noun, row, wrong):
                    return
            elif len(cells) != len(header):
                wrong(f"has {len(cells)} cells, the header has {len(header)}", row)
            else:
                named = zip(header, cells, strict=True)
                yield row, {name: cell for name, cell in named if name in noun.columns}
    except csv.Error as error:
        wrong(f"is no CSV: {error}", f"line {line}")
    if not header:
        wrong(f"is empty; its first line must be {','.join(noun.columns)}")


def _header_is_right(header: list[str], noun: Noun, row: str, wrong: Wrong) -> bool:
    """Can the rows below be read? Any column may be absent, and is unknown then, but for those that every
    row must have; one too many is a fault, and leaves the others readable.
    """
    extra = [name for name in header if name not in noun.columns]
    twice = {name for name in header if header.count(name) > 1}
    missing = [name for name in noun.columns if name in noun.required and name not in header]
    for name in extra:
        wrong(f"is not known here; known are {', '.join(noun.columns)}", row, name or "(no name)")
    for name in sorted(twice.difference(extra)):
        wrong("the column is there more than once", row, name)
    for name in missing:
        wrong("the column is missing", row, name)
    return not (twice or missing)


def _features(text: str, noun: Noun, wrong: Wrong) -> Iterator[tuple[str, dict[str, Any]]]:
    whole: Any = None
    try:
        whole = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        wrong(f"is not JSON: {error.msg}", f"line {error.lineno}")
        return
    except (ValueError, RecursionError) as error:
        wrong(f"is not JSON: {error}")
        return
    features = whole.get("features") if isinstance(whole, dict) else None
    if not isinstance(features, list) or whole.get("type") != "FeatureCollection":
        wrong("is not a GeoJSON FeatureCollection")
        return
    if "crs" in whole and not re.search(r"CRS84|EPSG:+4326", json.dumps(whole["crs"])):
        wrong("is not in WGS-84", field="crs")
    for number, feature in enumerate(features, start=1):
        row = f"feature {number}"
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if (
            not isinstance(feature, dict)
            or feature.get("type") != "Feature"
            or not isinstance(properties, dict)
        ):
            wrong("is not a GeoJSON Feature with properties", row)
            continue
        if isinstance(properties.get(noun.key), str):
            row += f" ({noun.key} {shown(properties[noun.key])[1:-1]})"
        yield row, {**properties, "geometry": feature.get("geometry")}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} twice in one object")
    return whole


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def write_directory(registry: Registry, path: Path) -> dict[str, int]:
    """Write all nine files into `path`, made if need be; return how many rows each has.

    What was written reads back equal to `registry`.
    """
    path.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    for noun in NOUNS:
        rows = list(getattr(registry, noun.name).values())
        text = _as_geojson(noun, rows) if noun.shapes else _as_csv(noun, rows)
        (path / noun.file).write_text(text, encoding="utf-8", newline="")
        counts[noun.file] = len(rows)
    return counts


def _as_csv(noun: Noun, rows: Iterable[Any]) -> str:
    out = io.StringIO(newline="")
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(noun.columns)
    lines.writerows([_cell(getattr(row, name)) for name in noun.columns] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case float():
            return repr(value).removesuffix(".0")
        case tuple():
            return ";".join(value)
    return str(value)


def _as_geojson(noun: Noun, rows: Iterable[Any]) -> str:
    """One feature a line, so that two exports can be compared line by line."""
    features = [
        json.dumps(
            {
                "type": "Feature",
                "properties": {name: _property(getattr(row, name)) for name in noun.columns},
                "geometry": row.geometry,
            },
            ensure_ascii=False,
            allow_nan=False,
        )
        for row in rows
    ]
    return '{"type": "FeatureCollection", "features": [\n' + ",\n".join(features) + "\n]}\n"


def _property(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
