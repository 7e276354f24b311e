"""What the clerks do, each job with how often it is looked after.

Three of them, so that none holds up another: one keeps the desk, one counts and examines the kitchens, which takes
minutes, and one writes to people and systems elsewhere, which may not answer.
"""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import structlog
from psycopg import Connection

from alerts import findings, journal, retention
from alerts.casefile import rawlog
from alerts.casework import duty
from alerts.catalogue import load_catalogue
from alerts.clerk import Job, run_clerk
from alerts.kitchens.figures import Counter
from alerts.kitchens.night import examine_if_due
from alerts.telling import messages, webhooks
from alerts.timestamps import NotStamped, authority_of
from devices.channels import decoders
from devices.terminals import load_terminals
from runtime.settings import Settings

log = structlog.get_logger(__name__)


def keep_desk(settings: Settings, stop: threading.Event, *, database_url: str) -> None:
    """Time limits, days of the journal, and what is no longer kept, until `stop` is set."""
    kept = timedelta(days=settings.raw_days)

    def purge(connection: Connection[Any]) -> None:
        while rawlog.purge(connection, datetime.now(UTC) - kept):
            pass

    authority = authority_of(settings)

    def stamp_days(connection: Connection[Any]) -> None:
        if authority is not None:
            try:
                journal.stamp_days(connection, authority)
            except NotStamped as refused:
                log.warning("days of the journal without a time stamp", reason=str(refused))

    def forget(connection: Connection[Any]) -> None:
        days, event_days = timedelta(days=settings.retention_days), timedelta(days=settings.outbox_days)
        retention.prune(connection, datetime.now(UTC), kept=days, events_kept=event_days)

    lines, read = findings.LinesKept(), decoders(load_terminals(settings.terminals_file))

    def look_at_devices(connection: Connection[Any]) -> None:
        findings.advance(connection, datetime.now(UTC), zone=settings.zone, lines=lines, decoders=read)

    jobs = [
        Job("time limits", 5.0, duty.escalate),
        Job("days of the journal", 60.0, lambda c: journal.close_days(c, settings.zone, datetime.now(UTC))),
        Job("time stamps", 600.0, stamp_days),
        Job("raw messages", 60.0, purge),
        Job("findings about devices", 2.0, look_at_devices),
        Job("outbox", 600.0, lambda c: webhooks.prune(c, settings.outbox_days)),
        Job("retention", 60.0, forget),
    ]
    run_clerk("desk", database_url, jobs, stop)


def keep_kitchens(settings: Settings, stop: threading.Event, *, database_url: str) -> None:
    """The kitchens' figures and the nightly examination, which may take minutes, until `stop` is set."""
    catalogue = load_catalogue(settings.rules_file)
    counter = Counter(catalogue, settings.zone)

    def count(connection: Connection[Any]) -> None:
        counter.count(connection)

    def examine(connection: Connection[Any]) -> None:
        examine_if_due(connection, catalogue, settings.zone, datetime.now(UTC))

    jobs = [Job("kitchen figures", 30.0, count), Job("monitors examined", 600.0, examine)]
    run_clerk("kitchens", database_url, jobs, stop)


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


TASKS = {"desk": keep_desk, "kitchens": keep_kitchens, "messenger": carry_messages}
