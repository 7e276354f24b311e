"""`fleetfume report`."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from psycopg.errors import UndefinedTable

from alerts.catalogue import load_catalogue
from alerts.daily.files import WRITERS
from alerts.daily.report import daily_report
from runtime.database import connect
from runtime.errors import UserError
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
    try:
        on = date.fromisoformat(day)
    except ValueError:
        raise UserError(f"--date {day!r} is no day; write it like 2026-11-23") from None
    writer = WRITERS.get(output.suffix.lower().removeprefix("."))
    if writer is None:
        endings = ", ".join(f".{ending}" for ending in WRITERS)
        raise UserError(f"{output}: the ending says what is written; it must be one of {endings}")
    settings = load_settings()
    with database(settings) as url, connect(url) as connection:
        try:
            report = daily_report(
                connection, on, zone=settings.zone, catalogue=load_catalogue(settings.rules_file),
                office=settings.office, now=datetime.now(UTC),
            )  # fmt: skip
        except UndefinedTable:
            raise UserError("the database has no schema yet: run 'fleetfume db migrate' first") from None
    content = writer(report, "en" if settings.language == "en" else "zh")
    try:
        output.write_bytes(content)
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror}") from None
    typer.echo(f"{output}: {on}, {len(report.tables)} tables, {len(content):,} bytes")
