"""The clerk's jobs, each with how often it is looked after."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection

from alerts import duty, journal, rawlog
from alerts.clerk import Job, run_clerk
from runtime.settings import Settings


def chores(settings: Settings) -> list[Job]:
    kept = timedelta(days=settings.raw_days)

    def purge(connection: Connection[Any]) -> None:
        while rawlog.purge(connection, datetime.now(UTC) - kept):
            pass

    return [
        Job("time limits", 5.0, duty.escalate),
        Job("days of the journal", 60.0, lambda c: journal.close_days(c, settings.zone, datetime.now(UTC))),
        Job("raw messages", 60.0, purge),
    ]


def run(settings: Settings, stop: threading.Event, *, database_url: str) -> None:
    """Do the chores until `stop` is set."""
    run_clerk(database_url, chores(settings), stop)
