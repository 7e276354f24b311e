"""The sign-offs of a filed case: an ordered list of levels, signed by people who had no part in it before.

A return sends the case back to the first level, in a new round. The list is data (`review_level`); a case keeps
the list it was filed with. Whether one person may sign several levels of a round is data too (`review_rule`), and
holds from the moment it is set.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import Connection, errors
from psycopg.rows import class_row

from alerts.casework.leads import lock_lead, note_on_lead
from alerts.casework.moves import REVIEW, MoveRefused, RoleRefused
from runtime.errors import FleetfumeError


class BadLevels(FleetfumeError):
    """The list of review levels cannot be used; says which level and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    level: str
    label_zh: str
    label_en: str
    roles: list[str]
    """Who may sign here; an admin always may."""


LEVELS: LiteralString = "SELECT level, label_zh, label_en, roles FROM review_level ORDER BY position"
SIGNED: LiteralString = """
    SELECT level, verdict, reviewer FROM lead_review WHERE lead_id = %s AND round = %s ORDER BY position
"""
SIGN: LiteralString = """
    INSERT INTO lead_review (lead_id, round, position, level, verdict, reviewer, note)
    VALUES (%(lead_id)s, %(round)s, %(position)s, %(level)s, %(verdict)s, %(reviewer)s, %(note)s)
"""
RULE: LiteralString = "SELECT distinct_people FROM review_rule"
PUT_RULE: LiteralString = "UPDATE review_rule SET distinct_people = %s"
CLEAR: LiteralString = "DELETE FROM review_level"
ADD: LiteralString = """
    INSERT INTO review_level (position, level, label_zh, label_en, roles) VALUES (%s, %s, %s, %s, %s)
"""


def load_levels(connection: Connection[Any]) -> list[Level]:
    with connection.cursor(row_factory=class_row(Level)) as cursor:
        return cursor.execute(LEVELS).fetchall()


def store_levels(connection: Connection[Any], levels: Sequence[Level]) -> None:
    """Put `levels` in place of the list, in their order. Cases that are filed already keep theirs."""
    names = [level.level for level in levels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadLevels(f"review level {', '.join(twice)} stands twice")
    connection.execute(CLEAR)
    try:
        for position, level in enumerate(levels, start=1):
            connection.execute(ADD, (position, level.level, level.label_zh, level.label_en, level.roles))
    except errors.CheckViolation:
        raise BadLevels("a review level's code is small letters, digits and _, at most 32") from None


def distinct_people(connection: Connection[Any]) -> bool:
    """Whether each level of a round must be signed by another person."""
    return bool((connection.execute(RULE).fetchone() or (False,))[0])


def may_sign(lead: Mapping[str, Any], name: str, signed: Collection[str], *, distinct: bool) -> bool:
    """Whether `name` had no part in `lead`, nor, if `distinct`, is among those who have `signed` its round."""
    return name not in lead["handled_by"] and not (distinct and name in signed)


def sign(
    connection: Connection[Any],
    lead_id: int,
    *,
    level: str,
    verdict: str,
    actor: str,
    role: str,
    note: str = "",
) -> None:
    """Sign a filed case at `level`, or return it. MoveRefused: not its turn; RoleRefused: not this person."""
    lead = lock_lead(connection, lead_id)
    if lead["state"] != "filed":
        raise MoveRefused(f"lead {lead_id} is {lead['state']!r}: only what is filed is reviewed")
    signed = connection.execute(SIGNED, (lead_id, lead["review_round"])).fetchall()
    expected = next_level(lead["review_levels"], [row[0] for row in signed])
    if expected is None:
        raise MoveRefused(f"every level has approved lead {lead_id}: move it to 'decided'")
    if level != expected:
        raise MoveRefused(f"lead {lead_id} waits for {expected!r}, not {level!r}")
    roles = {one.level: one.roles for one in load_levels(connection)}.get(level, [])
    if role not in {*roles, "admin"}:
        raise RoleRefused(
            f"signing as {level!r} is for {' or '.join(sorted({*roles, 'admin'}))}, not {role!r}"
        )
    if actor in lead["handled_by"]:
        raise RoleRefused(f"{actor} handled lead {lead_id}, and nobody reviews their own step")
    if not may_sign(lead, actor, [row[2] for row in signed], distinct=distinct_people(connection)):
        raise RoleRefused(
            f"{actor} has signed lead {lead_id} already, and each level is to be another person's"
        )
    connection.execute(
        SIGN,
        {
            "lead_id": lead_id, "round": lead["review_round"], "position": len(signed) + 1, "level": level,
            "verdict": verdict, "reviewer": actor, "note": note,
        },
    )  # fmt: skip
    detail = {"level": level, "verdict": verdict, "note": note, "round": lead["review_round"], "role": role}
    note_on_lead(connection, lead_id, REVIEW, detail, actor=actor)


def next_level(levels: Sequence[str], signed: Sequence[str]) -> str | None:
    """Whose turn it is; None: everybody's is over."""
    return next(iter(levels[len(signed) :]), None)
