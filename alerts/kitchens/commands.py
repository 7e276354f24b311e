"""`fleetfume kitchens …`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from alerts.catalogue import load_catalogue
from alerts.kitchens.figures import Counter, mark_all
from alerts.kitchens.night import examine_day
from alerts.labels import label
from devices.cleanings import import_cleanings
from devices.shop_fronts import import_shop_fronts
from runtime.database import connect
from runtime.errors import UserError
from runtime.instants import read_day
from runtime.parts import database
from runtime.settings import load_settings


def shop_fronts(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: unit_id, name, trade, address, …")],
) -> None:
    """Load the district's shop-fronts from a CSV file, all or nothing; it replaces those there are."""
    with database(load_settings()) as url, connect(url) as connection:
        count = import_shop_fronts(connection, file)
    typer.echo(f"{file.name}: {count} shop-fronts")


def cleanings(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV: record, outlet_id, cleaned_on, done_by, note")
    ],
) -> None:
    """Record cleanings of purifiers from a CSV file, all or nothing; a day of an outlet that is recorded already stays."""
    settings = load_settings()
    today = datetime.now(settings.zone).date()
    with database(settings) as url, connect(url) as connection:
        recorded = import_cleanings(connection, file, today=today, actor="command line")
    typer.echo(f"{file.name}: {recorded} cleanings recorded")


def count(
    days: Annotated[int, typer.Option(min=1, help="How far back.")] = 400,
) -> None:
    """Count the kitchens' figures again from the stored readings, as after an upgrade."""
    settings = load_settings()
    now = datetime.now(UTC)
    with database(settings) as url, connect(url, autocommit=True) as connection:
        mark_all(connection, now - timedelta(days=days), now + timedelta(days=1), settings.zone)
        counted = Counter(load_catalogue(settings.rules_file), settings.zone).count(connection)
    typer.echo(f"{counted:,} times ten minutes counted")


def examine(
    day: Annotated[
        str | None, typer.Option(help="The local day, like 2026-11-23; default yesterday.")
    ] = None,
) -> None:
    """Examine the monitors of a day: what looks unlike a measurement, with its reasons. Suspicious is not guilty."""
    settings = load_settings()
    on = read_day("--day", day) if day is not None else datetime.now(settings.zone).date() - timedelta(days=1)
    with database(settings) as url, connect(url, autocommit=True) as connection:
        catalogue = load_catalogue(settings.rules_file)
        Counter(catalogue, settings.zone).count(connection)
        found = examine_day(connection, catalogue, settings.zone, on)
    if found is None:
        raise UserError("somebody else is examining just now: try again in a minute")
    for device_id, finding in found:
        measured = ", ".join(f"{name} {_shown(value)}" for name, value in finding.explained.items())
        typer.echo(f"{device_id}: {label(finding.kind, 'en')} (score {finding.score:g}): {measured}")
    typer.echo(f"{on}: {len(found)} findings; each is a reason to look, not a verdict")


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"
