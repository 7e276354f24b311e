"""To whom a lead can be given: a user, a squad, or somebody a squad sends who has no account here."""

from typing import Any, LiteralString

from psycopg import Connection

from runtime.errors import FleetfumeError

DISABLED: LiteralString = "SELECT 1 FROM console_user WHERE name = %s AND disabled_at IS NOT NULL"


class NoSuchAssignee(FleetfumeError):
    """Whoever had this name can work on no lead any more."""


def check_assignee(connection: Connection[Any], name: str) -> None:
    """NoSuchAssignee if `name` is a user's who was disabled.

    Other names pass as they are: squads send people who never log in (协管员). The console offers those it knows.
    """
    if connection.execute(DISABLED, (name,)).fetchone():
        raise NoSuchAssignee(f"the user {name!r} is disabled: give the lead to somebody else, or to a squad")
