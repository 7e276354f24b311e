"""Files of readings: what `export` writes, `replay` publishes and `reevaluate` judges.

One row a reading, in order of time. Columns are the fields of a reading (contract, section 2) behind `ts` and
`device_id`; then what we made of it: `quality` and `received_at`, and `plate` or `outlet_id`, the one the device is
bound to in the register of the day it was written. Readers ask for `ts`, `device_id` and a place; the rest may be absent.

Parquet      ts is timestamp[us, UTC]
NDJSON       an object a line, ts in RFC 3339 with Z; what is unknown is null
CSV          ts likewise; UTF-8 without a byte order mark, which most programs would take for part of the first
             column's name; text that a spreadsheet would take for a formula has an apostrophe before it, which
             readers take away again
GPX          a track is a vehicle (read only)
"""

import csv
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import msgspec
import polars as pl

from devices.topics import DEVICE_ID
from devices.types import DeviceKind
from devices.wire import FumeReading, VehicleReading
from runtime.errors import UserError
from runtime.instants import microseconds

INSTANT: Final = pl.Datetime("us", "UTC")
_TEXT, _SWITCH, _NUMBER, _COUNT = pl.String(), pl.Boolean(), pl.Float64(), pl.Int64()

SCHEMAS: Final[Mapping[DeviceKind, Mapping[str, pl.DataType]]] = {
    "vehicle": {
        "ts": INSTANT, "device_id": _TEXT, "plate": _TEXT, "lat": _NUMBER, "lon": _NUMBER, "speed_kmh": _NUMBER,
        "heading_deg": _NUMBER, "alt_m": _NUMBER, "hdop": _NUMBER, "sats": _COUNT, "fix": _SWITCH,
        "ignition": _SWITCH, "odometer_km": _NUMBER, "load": _NUMBER, "lift": _SWITCH, "cover": _TEXT,
        "seq": _COUNT, "quality": _TEXT, "received_at": INSTANT,
    },
    "fume": {
        "ts": INSTANT, "device_id": _TEXT, "outlet_id": _TEXT, "fume_mg_m3": _NUMBER, "pm_mg_m3": _NUMBER,
        "nmhc_mg_m3": _NUMBER, "temp_c": _NUMBER, "rh_pct": _NUMBER, "fan_on": _SWITCH, "purifier_on": _SWITCH,
        "fan_a": _NUMBER, "purifier_a": _NUMBER, "flag": _TEXT, "seq": _COUNT, "quality": _TEXT, "received_at": INSTANT,
    },
}  # fmt: skip
"""Columns of a recording by kind, in order."""

FIELDS: Final[Mapping[DeviceKind, frozenset[str]]] = {
    "vehicle": frozenset(field.encode_name for field in msgspec.structs.fields(VehicleReading)),
    "fume": frozenset(field.encode_name for field in msgspec.structs.fields(FumeReading)),
}
"""What a device itself says, `ts` with it."""

FORMATS: Final = (".parquet", ".ndjson", ".jsonl", ".csv")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SECONDS: Final = re.compile(r"[0-9]{9,10}(\.[0-9]+)?")
"""Since 1970, as a cell; not a day written without dashes."""
_SWITCHES: Final = {"true": True, "false": False, "1": True, "0": False}


class Recorded(NamedTuple):
    """One reading of a file."""

    ts_us: int
    kind: DeviceKind
    device_id: str
    fields: dict[str, Any]
    """As the device said them, without `ts`; nothing that is unknown."""


def check_format(path: Path) -> None:
    """Raises UserError unless `path` names a format that can be written."""
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{path}: write .parquet, .csv or .ndjson, by the file's name")


def write_recording(frames: pl.LazyFrame, path: Path) -> None:
    """Write `frames` (columns of a SCHEMA) as they come: memory holds a few batches, whatever the length.

    The file is there whole or not at all.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        match path.suffix.lower():
            case ".parquet":
                frames.sink_parquet(partial)
            case ".csv":
                frames.with_columns(*_instants_as_text(frames), *_harmless_text(frames)).sink_csv(partial)
            case _:
                frames.with_columns(*_instants_as_text(frames)).sink_ndjson(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _instants_as_text(frames: pl.LazyFrame) -> list[pl.Expr]:
    return [
        pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        for name, dtype in frames.collect_schema().items()
        if dtype == INSTANT
    ]


def _harmless_text(frames: pl.LazyFrame) -> list[pl.Expr]:
    return [
        pl.when(pl.col(name).str.slice(0, 1).is_in(_FORMULA)).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name, dtype in frames.collect_schema().items()
        if dtype == _TEXT
    ]  # fmt: skip


def read_recording(path: Path, *, device_id: str | None = None) -> Iterator[Recorded]:
    """The readings of a file in its own order; `device_id` names the device where the file does not.

    Raises UserError that names the file, the row and what is wrong with it.
    """
    readers: dict[str, Callable[[Path, str | None], Iterator[Recorded]]] = {
        ".parquet": _read_parquet, ".ndjson": _read_ndjson, ".jsonl": _read_ndjson, ".csv": _read_csv, ".gpx": _read_gpx,
    }  # fmt: skip
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: cannot be read by its name: .parquet, .ndjson, .csv or .gpx")
    try:
        yield from reader(path, device_id)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None


def _recorded(row: Mapping[str, Any], device_id: str | None, where: str) -> Recorded:
    """A row with values as JSON has them, or as text; raises UserError that begins with `where`."""
    ts = row.get("ts")
    if ts is None:
        raise UserError(f"{where}: no ts")
    name = row.get("device_id") or device_id
    if not isinstance(name, str) or DEVICE_ID.fullmatch(name) is None:
        raise UserError(f"{where}: device_id {name!r} is none; name the device with --device")
    kind: DeviceKind = "vehicle" if row.get("lat") is not None else "fume"
    if kind == "fume" and not any(row.get(n) is not None for n in ("fume_mg_m3", "fan_on", "purifier_on")):
        raise UserError(f"{where}: neither lat and lon, nor what a fume monitor says")
    return Recorded(
        _us(ts, where),
        kind,
        name,
        {n: v for n, v in row.items() if n != "ts" and n in FIELDS[kind] and v is not None},
    )


def _us(ts: object, where: str) -> int:
    try:
        if isinstance(ts, (int, float)) and not isinstance(ts, bool):
            datetime.fromtimestamp(ts, UTC)  # is one that a calendar has
            return round(ts * 1_000_000)
        moment = ts if isinstance(ts, datetime) else datetime.fromisoformat(str(ts))
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return microseconds(moment.astimezone(UTC))
    except (ValueError, OverflowError, OSError):
        raise UserError(f"{where}: ts {ts!r} is no instant; write it like 2026-11-23T00:00:10Z") from None


def _read_parquet(path: Path, device_id: str | None) -> Iterator[Recorded]:
    row = 0
    try:
        for frame in pl.scan_parquet(path).collect_batches(maintain_order=True):
            for fields in frame.iter_rows(named=True):
                row += 1
                yield _recorded(fields, device_id, f"{path}, row {row}")
    except pl.exceptions.PolarsError as error:
        raise UserError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from None


def _read_ndjson(path: Path, device_id: str | None) -> Iterator[Recorded]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    fields = decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    raise UserError(f"{path}, line {number}: not a JSON object") from None
                yield _recorded(fields, device_id, f"{path}, line {number}")


def _read_csv(path: Path, device_id: str | None) -> Iterator[Recorded]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        try:
            if reader.fieldnames is None or "ts" not in reader.fieldnames:
                raise UserError(f"{path}: its first line is no header with a column ts")
            for cells in reader:
                where = f"{path}, line {reader.line_num}"
                yield _recorded({n: _cell(n, cells[n], where) for n in reader.fieldnames}, device_id, where)
        except (csv.Error, UnicodeDecodeError) as error:
            raise UserError(f"{path}, line {reader.line_num + 1}: {error}") from None


def _cell(name: str, text: str | None, where: str) -> Any:
    dtype = SCHEMAS["vehicle"].get(name, SCHEMAS["fume"].get(name))
    if text is None or text == "" or dtype is None:
        return None
    if name == "ts" and _SECONDS.fullmatch(text):
        return float(text)
    if dtype in (_TEXT, INSTANT):
        return text[1:] if text.startswith("'") and text[1:2] in _FORMULA else text
    try:
        if dtype == _SWITCH:
            return _SWITCHES[text.lower()]
        return int(text) if dtype == _COUNT else float(text)
    except (KeyError, ValueError):
        raise UserError(
            f"{where}: {name} {text!r} is no {'switch' if dtype == _SWITCH else 'number'}"
        ) from None


def _read_gpx(path: Path, device_id: str | None) -> Iterator[Recorded]:
    """Points of each track with a time. Speeds, from an extension or GPX 1.0, are metres per second."""
    with path.open("rb") as source:
        try:
            yield from _gpx_points(source, path, device_id)
        except ET.ParseError as error:
            raise UserError(f"{path} is not GPX: {error}") from None


def _gpx_points(source: IO[bytes], path: Path, device_id: str | None) -> Iterator[Recorded]:
    name: str | None = None
    number = 0
    for _, element in ET.iterparse(source):  # noqa: S314 - expat 2.4.1 and newer refuses entities that explode
        tag = element.tag.rpartition("}")[2]
        if tag == "name" and number == 0:
            name = (element.text or "").strip()
        elif tag == "trk":
            name, number = None, 0
        elif tag == "trkpt":
            number += 1
            inside = {part.tag.rpartition("}")[2]: (part.text or "").strip() for part in element.iter()}
            where = f"{path}, point {number}"
            fields: dict[str, Any] = {
                "ts": inside.get("time"), "device_id": device_id or name or path.stem,
                "lat": _cell("lat", element.get("lat"), where), "lon": _cell("lon", element.get("lon"), where),
                "alt_m": _cell("alt_m", inside.get("ele"), where),
                "heading_deg": _cell("heading_deg", inside.get("course"), where),
                "hdop": _cell("hdop", inside.get("hdop"), where),
            }  # fmt: skip
            speed_ms = _cell("speed_kmh", inside.get("speed"), where)
            yield _recorded(
                fields | ({} if speed_ms is None else {"speed_kmh": round(speed_ms * 3.6, 3)}), None, where
            )
            element.clear()
