"""The clerk's jobs, each with how often it is looked after."""

import threading

from alerts import duty
from alerts.clerk import Job, run_clerk
from runtime.settings import Settings


def chores(settings: Settings) -> list[Job]:  # noqa: ARG001
    return [Job("time limits", 5.0, duty.escalate)]


def run(settings: Settings, stop: threading.Event, *, database_url: str) -> None:
    """Do the chores until `stop` is set."""
    run_clerk(database_url, chores(settings), stop)
