"""`fleetfume export`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from psycopg.errors import UndefinedTable

from devices.recordings import check_format, write_recording
from devices.types import DeviceKind
from ingest.stored import stored_readings
from runtime.database import connect
from runtime.errors import UserError
from runtime.instants import read_instant
from runtime.parts import database
from runtime.settings import load_settings


class What(StrEnum):
    POSITIONS = "positions"
    READINGS = "readings"


KINDS: dict[What, DeviceKind] = {What.POSITIONS: "vehicle", What.READINGS: "fume"}

From = Annotated[str, typer.Option("--from", metavar="T", help="From then on, like 2026-11-23T00:00:00Z.")]
To = Annotated[str, typer.Option("--to", metavar="T", help="Until then, not included.")]


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
    begin, end = read_instant("--from", from_), read_instant("--to", to)
    if end <= begin:
        raise UserError(f"--to {to} is not after --from {from_}")
    check_format(out)
    with database(load_settings()) as url, connect(url, statement_timeout_s=0) as connection:
        try:
            write_recording(stored_readings(connection, KINDS[what], begin, end, device), out)
        except UndefinedTable:
            raise UserError("the database has no readings yet; run 'fleetfume db migrate' first") from None
        except OSError as error:
            raise UserError(f"{out} cannot be written: {error.strerror or error}") from None
    typer.echo(f"{out}: {out.stat().st_size:,} bytes")
