"""`fleetfume explain` and `fleetfume evidence`."""

import getpass
from pathlib import Path
from typing import Annotated

import typer
from psycopg.errors import UndefinedTable

from alerts.catalogue import load_catalogue
from alerts.dossier import make_package
from alerts.explaining import explain as explain_alert
from alerts.explanation_text import explanation_text
from alerts.laws import load_laws
from alerts.package import verify
from runtime.database import connect
from runtime.errors import FleetfumeError, UserError
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
