"""`fleetfume hotspots`: apart from the other commands, which need not wait until scipy is loaded."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from alerts.hotspots import busiest_hours, find_hotspots
from alerts.presentation import plain
from runtime.database import connect
from runtime.instants import read_instant
from runtime.parts import database
from runtime.settings import load_settings


def hotspots(
    from_: Annotated[
        str, typer.Option("--from", metavar="T", help="From then on, like 2026-11-23T00:00:00Z.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="T", help="Until then, not included.")],
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002
) -> None:
    """Print the patrol list: where suspected dumping and loaded stops come together, when, and who was there."""
    begin, end = read_instant("--from", from_), read_instant("--to", to)
    settings = load_settings()
    with database(settings) as url, connect(url) as connection:
        found = find_hotspots(connection, begin, end, settings.zone)
    if json_:
        typer.echo(
            json.dumps([{n: plain(v) for n, v in asdict(spot).items()} for spot in found], ensure_ascii=False)
        )
        return
    for rank, spot in enumerate(found, start=1):
        first, last = busiest_hours(spot.hours)
        most = ", ".join(f"{plate} {count}×" for plate, count in list(spot.vehicles.items())[:5])
        typer.echo(
            f"{rank:3}  {spot.lat:.6f},{spot.lon:.6f}  {spot.radius_m:4.0f} m  {spot.jurisdiction or '-'}  "
            f"{spot.dumpings} dumpings, {spot.stops} stops, {len(spot.vehicles)} vehicles, {len(spot.days)} days  "
            f"{first:02d}–{last:02d} h  {most}"
        )
    typer.echo(f"{len(found)} hotspots")
