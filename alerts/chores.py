"""The clerk's jobs, each with how often it is looked after."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection

from alerts import duty, journal, rawlog
from alerts.catalogue import load_catalogue
from alerts.clerk import Job, run_clerk
from alerts.kitchen_figures import Counter
from alerts.kitchen_night import examine_if_due
from runtime.settings import Settings


def chores(settings: Settings) -> list[Job]:
    kept = timedelta(days=settings.raw_days)

    def purge(connection: Connection[Any]) -> None:
        while rawlog.purge(connection, datetime.now(UTC) - kept):
            pass

    catalogue = load_catalogue(settings.rules_file)
    counter = Counter(catalogue, settings.zone)

    def count(connection: Connection[Any]) -> None:
        counter.count(connection)

    def examine(connection: Connection[Any]) -> None:
        examine_if_due(connection, catalogue, settings.zone, datetime.now(UTC))

    return [
        Job("kitchen figures", 30.0, count),
        Job("monitors examined", 600.0, examine),
        Job("time limits", 5.0, duty.escalate),
        Job("days of the journal", 60.0, lambda c: journal.close_days(c, settings.zone, datetime.now(UTC))),
        Job("raw messages", 60.0, purge),
    ]


def run(settings: Settings, stop: threading.Event, *, database_url: str) -> None:
    """Do the chores until `stop` is set."""
    run_clerk(database_url, chores(settings), stop)
