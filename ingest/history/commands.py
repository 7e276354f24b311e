"""`fleetfume export`, `reevaluate`, `search-area`."""

import contextlib
import json
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from psycopg import Connection

from alerts.catalogue import load_catalogue
from alerts.episodes import Episode, Event, Key, named_events
from alerts.presentation import plain
from devices.recordings import check_format, write_recording
from devices.registry_files import read_directory
from devices.types import DeviceKind
from ingest.clock import heard_until
from ingest.copies import recall_pieces
from ingest.history.area_search import COLUMNS, box_around, found_in, read_area, visits_of
from ingest.history.differences import difference_rows, difference_text, trips_text
from ingest.history.reevaluation import (
    Compared,
    Stretch,
    apply,
    compare_device,
    devices_told_of,
    refused_readings,
)
from ingest.history.retelling import Retelling, columns_of
from ingest.history.stored import archived_frames, stored_frames, stored_readings
from ingest.judging import JUDGES, Records
from ingest.registers import Registers
from runtime.database import connect
from runtime.errors import UserError
from runtime.instants import instant, microseconds, read_instant
from runtime.parts import database
from runtime.settings import Settings, load_settings

WORKERS = 2


class What(StrEnum):
    POSITIONS = "positions"
    READINGS = "readings"


KINDS: dict[What, DeviceKind] = {What.POSITIONS: "vehicle", What.READINGS: "fume"}

From = Annotated[str, typer.Option("--from", metavar="T", help="From then on, like 2026-11-23T00:00:00Z.")]
To = Annotated[str, typer.Option("--to", metavar="T", help="Until then, not included.")]
Archive = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Read the Parquet that 'export' writes instead of the database; several in order of time.",
    ),
]


def export(
    from_: From,
    to: To,
    out: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help=".parquet, .csv or .ndjson, by its name.")
    ],
    what: Annotated[
        What, typer.Option(help="Positions of vehicles, or readings of fume monitors.")
    ] = What.POSITIONS,
    device: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only of this device; may be given several times.")
    ] = None,
) -> None:
    """Write stored positions or readings to a file, in order of time, whatever their number."""
    begin, end = _span(from_, to)
    check_format(out)
    with _connected(load_settings()) as (connection, _):
        try:
            write_recording(stored_readings(connection, KINDS[what], begin, end, device), out)
        except OSError as error:
            raise UserError(f"{out} cannot be written: {error.strerror or error}") from None
    typer.echo(f"{out}: {out.stat().st_size:,} bytes")


def reevaluate(
    from_: From,
    to: To,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Other rules. [default: FLEETFUME_RULES_FILE]")
    ] = None,
    registry: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Judge all of it by today's register with the files of DIR in it. "
            "[default: each reading by the register of its time]",
        ),
    ] = None,
    archive: Archive = None,
    what: Annotated[
        What | None,
        typer.Option(help="Only vehicles, or only fume monitors. [default: both; of an archive, positions]"),
    ] = None,
    apply_: Annotated[  # noqa: FBT002
        bool,
        typer.Option("--apply", help="Change the alerts, and say so on them and in their leads' journals."),
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002
) -> None:
    """Judge history again and print which alerts would appear, vanish or change.

    Counted is what was opened from --from to --to; judged is a day more on both sides.
    """
    begin, end = _span(from_, to)
    if apply_ and registry is not None:
        raise UserError(
            "--apply stores what the register says: import the files first, then leave --registry out"
        )
    settings = load_settings()
    stretch = Stretch(begin, end)
    kinds = [KINDS[what]] if what else [KINDS[What.POSITIONS]] if archive else list(KINDS.values())
    catalogue = load_catalogue(rules or settings.rules_file)
    with _connected(settings) as (connection, reading):
        with connection.transaction():
            registers = Registers.load(connection, catalogue)
        if registry is not None:
            supposed = read_directory(registry, base=registers.newest.registry)
            registers = Registers(registers.newest.supposing(supposed))
        compared: dict[str, Compared] = {}
        trips = Counter[str]()
        for kind in kinds:
            frames = (
                archived_frames(archive, stretch.judged_from, stretch.judged_to, columns_of(JUDGES[kind]))
                if archive
                else stored_frames(reading, kind, stretch.judged_from, stretch.judged_to)
            )
            hauls: dict[str, list[Records]] = {}
            told, judged_us = _retold(
                connection, registers, kind, frames, stretch, settings, hauls if apply_ else None
            )
            for device_id in sorted(
                {*told, *devices_told_of(connection, stretch, vehicles=kind == "vehicle")}
            ):
                own = told.get(device_id, {})
                if apply_:
                    subject = registers.newest.subject(device_id)
                    compared[device_id], rewritten = apply(
                        connection, registers, subject, own, hauls.get(device_id, []), stretch, judged_us
                    )
                    trips.update(rewritten._asdict())
                else:
                    compared[device_id] = compare_device(connection, device_id, own, stretch, judged_us)
    rows = [row for device_id, one in compared.items() for row in difference_rows(device_id, one)]
    same = sum(one.same for one in compared.values())
    if json_:
        typer.echo(json.dumps({"rules": catalogue.version, "same": same, "applied": apply_, "differences": rows}
                              | ({"trips": dict(trips)} if apply_ else {}), ensure_ascii=False))  # fmt: skip
    else:
        typer.echo(difference_text(rows, same, applied=apply_))
        if apply_:
            typer.echo(trips_text(trips))


def search_area(
    area: Annotated[
        Path, typer.Argument(metavar="GEOJSON", help="A Polygon or MultiPolygon, or a Feature of one.")
    ],
    from_: From,
    to: To,
    archive: Archive = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002
) -> None:
    """Say which vehicles were in an area, when, and whether loaded.

    By good fixes within it; one that drove through between two neighbouring fixes is listed as inferred.
    """
    begin, end = _span(from_, to)
    wanted = read_area(area)
    with contextlib.ExitStack() as opened:
        if archive:
            frames = archived_frames(archive, begin, end, COLUMNS)
        else:
            _, reading = opened.enter_context(_connected(load_settings()))
            frames = stored_frames(reading, "vehicle", begin, end, box=box_around(wanted))
        visits = visits_of(found_in(wanted, frames))
    if json_:
        typer.echo(json.dumps([{n: plain(v) for n, v in row.items()} for row in visits.iter_rows(named=True)],
                              ensure_ascii=False))  # fmt: skip
        return
    for row in visits.iter_rows(named=True):
        load = "" if row["load"] is None else f"  load up to {row['load']:.2f}"
        seen = "inferred, no fix inside" if row["inferred"] else f"{row['fixes']} fixes"
        typer.echo(
            f"{row['plate'] or row['device_id']}  {row['entered']:%Y-%m-%dT%H:%M:%SZ} to {row['left']:%H:%M:%SZ}  "
            f"{seen}{load}"
        )
    typer.echo(f"{len(visits)} visits of {visits['device_id'].n_unique()} vehicles")


def _span(from_: str, to: str) -> tuple[datetime, datetime]:
    begin, end = read_instant("--from", from_), read_instant("--to", to)
    if end <= begin:
        raise UserError(f"--to {to} is not after --from {from_}")
    return begin.astimezone(UTC), end.astimezone(UTC)


@contextlib.contextmanager
def _connected(settings: Settings) -> Iterator[tuple[Connection[Any], Connection[Any]]]:
    """A connection to ask and write by, and one that reads history meanwhile."""
    with (
        database(settings) as url,
        connect(url, autocommit=True, statement_timeout_s=0) as connection,
        connect(url, autocommit=True, statement_timeout_s=0) as reading,
    ):
        yield connection, reading


def _retold(
    connection: Connection[Any],
    registers: Registers,
    kind: DeviceKind,
    frames: Iterator[pl.DataFrame],
    stretch: Stretch,
    settings: Settings,
    hauls: dict[str, list[Records]] | None,
) -> tuple[dict[str, dict[Key, Episode]], int]:
    """Episodes by device, and up to when they were judged, µs. `hauls`: where to put the rows that tell of trips."""
    judge, newest = JUDGES[kind], registers.newest
    names = newest.compiled

    def judge_by(device_ids: Sequence[str], states: Records, records: Records, refused: Any) -> Any:
        recall_pieces(connection, newest, device_ids, states, records)
        return registers.judge(connection, judge, device_ids, states, records, refused)

    def name(events: Records) -> list[Event]:
        return named_events(
            events, site_ids=names.site_ids, permit_ids=names.permit_ids, road_ids=names.road_ids
        )

    def keep(device_id: str, own: Records) -> None:
        if hauls is not None:
            hauls.setdefault(device_id, []).append(own)

    refused = refused_readings(connection, stretch) if kind == "vehicle" else []
    retelling = Retelling(judge, judge_by, name, settings.zone, workers=WORKERS, hauls=keep)
    newest_us, begun, said = 0, time.monotonic(), time.monotonic()
    try:
        for frame in frames:
            if not len(frame):
                continue
            newest_us = max(newest_us, int(frame["ts"].to_physical().max()))  # type: ignore[arg-type]
            by_now = bisect_right(refused, newest_us, key=lambda one: one[1])
            retelling.fold(frame, refused[:by_now])
            refused = refused[by_now:]
            if time.monotonic() - said > 1:
                said = time.monotonic()
                _progress(retelling.readings, newest_us, said - begun)
        clock_us = min(heard_until(connection), microseconds(stretch.judged_to))
        retelling.hear_nothing(lambda device_ids, states: judge.silent(newest, device_ids, states, clock_us))
    finally:
        retelling.close()
    if retelling.readings:
        _progress(retelling.readings, newest_us, time.monotonic() - begun, end="\n")
    return retelling.episodes(), min(max(newest_us, clock_us), microseconds(stretch.judged_to))


def _progress(readings: int, at_us: int, seconds: float, end: str = "") -> None:
    begin = "\r" if sys.stderr.isatty() else ""
    line = f"{begin}{instant(at_us):%Y-%m-%d %H:%M}Z  {readings:,} readings, {readings / max(seconds, 1e-9):,.0f} a second"
    sys.stderr.write(line + (end if sys.stderr.isatty() else "\n"))
    sys.stderr.flush()
