"""`fleetfume report`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from alerts.catalogue import load_catalogue
from alerts.daily.files import WRITERS
from alerts.daily.report import daily_report
from runtime.database import connect
from runtime.errors import UserError
from runtime.instants import read_day
from runtime.parts import database
from runtime.settings import load_settings


def daily(
    day: Annotated[
        str, typer.Option("--date", metavar="D", help="The local day, like 2026-11-23; today: up to now.")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="To write: .xlsx, .pdf or .json by its ending."),
    ],
) -> None:
    """Write the figures of one day (FLEETFUME_TIMEZONE): hauls, alerts, leads, kitchens, data. In FLEETFUME_LANGUAGE."""
    on = read_day("--date", day)
    writer = WRITERS.get(output.suffix.lower().removeprefix("."))
    if writer is None:
        endings = ", ".join(f".{ending}" for ending in WRITERS)
        raise UserError(f"{output}: the ending says what is written; it must be one of {endings}")
    settings = load_settings()
    with database(settings) as url, connect(url) as connection:
        report = daily_report(
            connection, on, zone=settings.zone, catalogue=load_catalogue(settings.rules_file),
            office=settings.office, now=datetime.now(UTC),
        )  # fmt: skip
    content = writer(report, "en" if settings.language == "en" else "zh")
    try:
        output.write_bytes(content)
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror}") from None
    typer.echo(f"{output}: {on}, {len(report.tables)} tables, {len(content):,} bytes")
