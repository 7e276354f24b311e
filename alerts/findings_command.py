"""`fleetfume findings`."""

import json
from datetime import timedelta
from typing import Annotated

import typer

from alerts.findings import LinesKept, found, look_at
from devices.channels import decoders
from devices.repository import load_registry
from devices.terminals import load_terminals
from runtime.database import connect
from runtime.errors import UserError
from runtime.instants import read_day
from runtime.parts import database
from runtime.settings import load_settings


def findings(
    from_: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, like 2026-11-23.")],
    to: Annotated[str | None, typer.Option(metavar="DAY", help="Last day. [default: the first]")] = None,
    device: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this one; may be given several times.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Look at the readings again first.")] = False,  # noqa: FBT002
) -> None:
    """Say what the days' readings say of their terminals: shifted, frozen, drifting, wrong in clock or units."""
    first = read_day("--from", from_)
    last = read_day("--to", to) if to else first
    settings = load_settings()
    with database(settings) as url, connect(url, autocommit=True) as connection:
        registry = load_registry(connection)
        if unknown := sorted(set(device or ()) - set(registry.devices)):
            raise UserError(f"no device {unknown[0]!r} in the register")
        if again:
            lines, read = LinesKept().of(registry), decoders(load_terminals(settings.terminals_file))
            asked = [d for d in registry.devices.values() if d.kind == "vehicle"]
            for one in (d for d in asked if not device or d.device_id in device):
                for day in (first + timedelta(n) for n in range((last - first).days + 1)):
                    with connection.transaction():
                        look_at(connection, one, day, zone=settings.zone, lines=lines, decoders=read)
        rows = found(connection, first, last, device)
    for device_id, day, code, detail in rows:
        typer.echo(f"{day}  {device_id}  {code}  {json.dumps(detail, ensure_ascii=False)}")
    typer.echo(f"{len(rows)} findings")
