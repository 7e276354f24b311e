"""`fleetfume explain`, `evidence` and `draw`."""

import getpass
import json
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

import typer

from alerts.casefile.dossier import make_package
from alerts.casefile.package import time_stamps, verify
from alerts.casework import draws
from alerts.casework.inspections import Targets, make_draw
from alerts.casework.laws import load_laws
from alerts.catalogue import load_catalogue
from alerts.presentation import plain
from alerts.timestamps import authority_of, read_certificates
from alerts.why.explaining import explain as explain_alert
from alerts.why.explanation_text import explanation_text
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
    tsa_ca: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With 'verify': the time stamp authority's certificates, PEM."),
    ] = None,
) -> None:
    """Write a lead's evidence package; or, with 'verify FILE', say whether one is as it was made (offline)."""
    if lead == "verify":
        _verify(file, tsa_ca)
        return
    if not lead.isdecimal() or file is not None:
        raise UserError("give a lead's number and -o FILE.zip, or 'verify FILE.zip'")
    if output is None:
        raise UserError("name the file to write with -o FILE.zip")
    settings = load_settings()
    with database(settings) as url, connect(url) as connection:
        content, digest = make_package(
            connection, int(lead), made_by=_who(), zone=settings.zone, laws=load_laws(settings.laws_file),
            catalogue=load_catalogue(settings.rules_file), authority=authority_of(settings),
        )  # fmt: skip
        try:
            output.write_bytes(content)
        except OSError as error:
            raise UserError(f"{output}: cannot be written: {error.strerror}") from None
    typer.echo(f"{output}: lead {lead}, {len(content):,} bytes, manifest SHA-256 {digest}")


def _verify(file: Path | None, tsa_ca: Path | None) -> None:
    if file is None:
        raise UserError("name the package: fleetfume evidence verify FILE.zip")
    content, authority = _read(file), _read(tsa_ca) if tsa_ca is not None else b""
    try:
        if authority:
            read_certificates(authority)
    except ValueError:
        raise UserError(f"{tsa_ca}: holds no certificates (PEM)") from None
    if (finding := verify(content, authority)) is not None:
        raise NotAsSealed(f"{file}: {finding}")
    typer.echo(f"{file}: as it was made, every file, every entry, every byte")
    stamps = time_stamps(content, authority)
    for what, stamp in stamps:
        held = (
            "its signature holds by the certificates given"
            if authority
            else "its signature holds by the certificates in the package; give the authority's own with --tsa-ca"
            if stamp.checked
            else "its signature was not checked: give the authority's certificates with --tsa-ca"
        )
        typer.echo(f"{what}: stamped {plain(stamp.at)} by {stamp.authority}; {held}")
    if not stamps:
        typer.echo("no time stamp of an authority")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None


class DrawOf(StrEnum):
    """What is drawn; or a record is verified."""

    COMPANIES = "companies"
    VEHICLES = "vehicles"
    OUTLETS = "outlets"
    VERIFY = "verify"


def draw(
    targets: Annotated[DrawOf, typer.Argument(help="What to draw from the register; or 'verify'.")],
    file: Annotated[Path | None, typer.Argument(help="With 'verify': the record to check.")] = None,
    seed: Annotated[str, typer.Option(help="Public and not known beforehand: lottery numbers, say.")] = "",
    count: Annotated[int, typer.Option(help="How many targets.", min=1)] = 10,
    officers: Annotated[int, typer.Option(help="How many officers for each.", min=0)] = 2,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The record to write, JSON.")] = None,
) -> None:
    """Draw targets and officers for an inspection; or, with 'verify FILE', repeat a draw from its record (offline)."""
    if targets is DrawOf.VERIFY:
        _verify_draw(file)
        return
    if output is None or file is not None:
        raise UserError("name the record to write with -o FILE.json")
    settings = load_settings()
    with database(settings) as url, connect(url) as connection:
        draw_id, record = make_draw(
            connection, cast("Targets", targets.value), seed=seed, count=count, officers_each=officers, made_by=_who(),
            zone=settings.timezone, today=datetime.now(settings.zone).date(),
        )  # fmt: skip
        # Before the commit: a draw that no record came of is not kept.
        try:
            output.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{output}: cannot be written: {error.strerror}") from None
    for n, one in enumerate(record["drawn"], start=1):
        typer.echo(f"{n}. {one['target']}: {', '.join(one['officers'])}")
    typer.echo(f"{output}: draw {draw_id}, pool SHA-256 {record['pool_sha256']}")


def _verify_draw(file: Path | None) -> None:
    if file is None:
        raise UserError("name the record: fleetfume draw verify FILE.json")
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{file}: is no JSON") from None
    if (wrong := draws.verify(record)) is not None:
        raise NotAsSealed(f"{file}: {wrong}")
    typer.echo(f"{file}: the pool and the seed give this draw")


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
        said = explain_alert(connection, alert, load_catalogue(settings.rules_file), settings.zone)
    if said is None:
        raise UserError(f"there is no alert {alert}")
    typer.echo(explanation_text(said, "en" if settings.language == "en" else "zh", settings.zone))
