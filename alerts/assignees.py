"""To whom a lead can be given: an active user, or a squad that the register or a user's entry names."""

from typing import Any, LiteralString

from psycopg import Connection

from runtime.errors import FleetfumeError

NAMED = 20
"""Names that a refusal lists at most, of users and of squads."""
USERS: LiteralString = """
    SELECT name, role FROM console_user WHERE disabled_at IS NULL ORDER BY role = 'squad' DESC, name
"""
SQUADS: LiteralString = """
    SELECT squad FROM (SELECT squad FROM jurisdiction UNION SELECT squad FROM console_user
                        UNION SELECT squad FROM lead) known
     WHERE squad IS NOT NULL ORDER BY squad
"""


class NoSuchAssignee(FleetfumeError):
    """Nobody has this name; says which names there are."""


def check_assignee(connection: Connection[Any], name: str) -> None:
    """NoSuchAssignee unless `name` is an active user's or a squad's.

    An office without any user of the role squad has not entered its people: there every name passes.
    """
    users = connection.execute(USERS).fetchall()
    officers = [user for user, role in users if role == "squad"]
    if not officers or name in {user for user, _ in users}:
        return
    squads = [row[0] for row in connection.execute(SQUADS)]
    if name not in squads:
        raise NoSuchAssignee(
            f"{name!r} is no active user and no squad; there are the squad officers {_listed(officers)}"
            f" and the squads {_listed(squads)}"
        )


def _listed(names: list[str]) -> str:
    return (
        ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        or "(none)"
    )
