"""`fleetfume explain`, `hotspots` and `evidence`."""

import getpass
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from psycopg.errors import UndefinedTable

from alerts.catalogue import load_catalogue
from alerts.dossier import make_package
from alerts.explaining import explain as explain_alert
from alerts.explanation_text import explanation_text
from alerts.hotspots import busiest_hours, find_hotspots
from alerts.laws import load_laws
from alerts.package import verify
from alerts.presentation import plain
from runtime.database import connect
from runtime.errors import FleetfumeError, UserError
from runtime.instants import read_instant
from runtime.parts import database
from runtime.settings import load_settings


class NotAsSealed(FleetfumeError):
    """An evidence package was changed after it was made."""


def evidence(
    lead: Annotated[str, typer.Argument(metavar="LEAD | verify", help="A lead's number; or 'verify'.")],
    file: Annotated[Path | None, typer.Argument(help="With 'verify': the package to check.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The ZIP to write.")] = None,
) -> None:
    """Write a lead's evidence package; or, with 'verify FILE', say whether one is as it was made (offline)."""
    if lead == "verify":
        _verify(file)
        return
    if not lead.isdecimal() or file is not None:
        raise UserError("give a lead's number and -o FILE.zip, or 'verify FILE.zip'")
    if output is None:
        raise UserError("name the file to write with -o FILE.zip")
    settings = load_settings()
    with database(settings) as url, connect(url) as connection:
        content, digest = make_package(
            connection, int(lead), made_by=_who(), zone=settings.zone, laws=load_laws(settings.laws_file)
        )  # fmt: skip
        try:
            output.write_bytes(content)
        except OSError as error:
            raise UserError(f"{output}: cannot be written: {error.strerror}") from None
    typer.echo(f"{output}: lead {lead}, {len(content):,} bytes, manifest SHA-256 {digest}")


def _verify(file: Path | None) -> None:
    if file is None:
        raise UserError("name the package: fleetfume evidence verify FILE.zip")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    if (finding := verify(content)) is not None:
        raise NotAsSealed(f"{file}: {finding}")
    typer.echo(f"{file}: as it was made, every file, every entry, every byte")


def _who() -> str:
    """The operating system's user: at the command line nobody signs in."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return "command line"


def explain(alert: Annotated[int, typer.Argument(metavar="ALERT", help="Its number.")]) -> None:
    """Say why an alert was opened: fixes, distances, thresholds, versions, score. In FLEETFUME_LANGUAGE."""
    settings = load_settings()
    with database(settings) as url, connect(url) as connection:
        try:
            said = explain_alert(connection, alert, load_catalogue(settings.rules_file), settings.zone)
        except UndefinedTable:
            raise UserError("the database has no alerts yet; run 'fleetfume db migrate' first") from None
    if said is None:
        raise UserError(f"there is no alert {alert}")
    typer.echo(explanation_text(said, "en" if settings.language == "en" else "zh", settings.zone))


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
        try:
            found = find_hotspots(connection, begin, end, settings.zone)
        except UndefinedTable:
            raise UserError("the database has no alerts yet; run 'fleetfume db migrate' first") from None
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
