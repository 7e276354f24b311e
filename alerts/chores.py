"""What the clerks do, each job with how often it is looked after.

Two of them: one keeps the desk, the other writes to people and systems elsewhere, whose silence must not hold up
the desk.
"""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from psycopg import Connection

from alerts import duty, journal, messages, rawlog, webhooks
from alerts.catalogue import load_catalogue
from alerts.clerk import Job, run_clerk
from alerts.kitchen_figures import Counter
from runtime.settings import Settings


def keep_desk(settings: Settings, stop: threading.Event, *, database_url: str) -> None:
    """Time limits, days of the journal, and what is no longer kept, until `stop` is set."""
    kept = timedelta(days=settings.raw_days)

    def purge(connection: Connection[Any]) -> None:
        while rawlog.purge(connection, datetime.now(UTC) - kept):
            pass

    counter = Counter(load_catalogue(settings.rules_file), settings.zone)

    def count(connection: Connection[Any]) -> None:
        counter.count(connection)

    jobs = [
        Job("kitchen figures", 30.0, count),
        Job("time limits", 5.0, duty.escalate),
        Job("days of the journal", 60.0, lambda c: journal.close_days(c, settings.zone, datetime.now(UTC))),
        Job("raw messages", 60.0, purge),
        Job("outbox", 600.0, lambda c: webhooks.prune(c, settings.outbox_days)),
    ]
    run_clerk("desk", database_url, jobs, stop)


def carry_messages(settings: Settings, stop: threading.Event, *, database_url: str) -> None:
    """Webhooks and messages to people, until `stop` is set."""
    with httpx2.Client(timeout=webhooks.TIMEOUT_S, follow_redirects=False) as client:

        def tell_systems(connection: Connection[Any]) -> None:
            while webhooks.spread(connection):
                pass
            webhooks.deliver(connection, client)

        def tell_people(connection: Connection[Any]) -> None:
            while messages.compose(connection, settings.zone):
                pass
            messages.send_due(connection, client)

        jobs = [Job("webhooks", 1.0, tell_systems), Job("messages", 2.0, tell_people)]
        run_clerk("messenger", database_url, jobs, stop)


TASKS = {"desk": keep_desk, "messenger": carry_messages}
