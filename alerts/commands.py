"""`fleetfume explain`."""

from typing import Annotated

import typer
from psycopg.errors import UndefinedTable

from alerts.catalogue import load_catalogue
from alerts.explaining import explain as explain_alert
from alerts.explanation_text import explanation_text
from runtime.database import connect
from runtime.errors import UserError
from runtime.parts import database
from runtime.settings import load_settings


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
