"""The storm brake: when one cause opens many alerts within a minute, they are held as one group that names it.

Nothing is dropped. Every alert is there, on the stream and in lists, and carries its group; what each would have
done by itself (open a lead, notify somebody) the group does once. The minute is one of event time, so that a replay
at any speed is braked as live traffic is.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

WINDOW = timedelta(minutes=1)
MOST = 0.8
"""The share of a group that must have a place or a company in common for it to be the cause."""
AFTER_A_CHANGE = timedelta(minutes=10)


class Member(NamedTuple):
    """What alerts of one storm may have in common."""

    place: str
    company_id: str | None
    rule_version: str
    registry_version: int


class Cause(NamedTuple):
    code: str
    value: str | None = None


def name_cause(
    members: Sequence[Member], *, rule_version_before: str | None, register_changed: int | None
) -> Cause:
    """What `members` (one or more) have in common, the most telling first.

    `rule_version_before`: of the newest alert before the storm; `register_changed`: the register's version if it
    was made just before.
    """
    if register_changed is not None and all(m.registry_version == register_changed for m in members):
        return Cause("register_changed", str(register_changed))
    versions = {member.rule_version for member in members}
    if rule_version_before is not None and len(versions) == 1 and rule_version_before not in versions:
        return Cause("rules_changed", versions.pop())
    # A place that begins with @ is an episode's own, shared with no other.
    places = Counter(m.place for m in members if m.place and not m.place.startswith("@"))
    companies = Counter(m.company_id for m in members if m.company_id)
    for code, counted in (("one_place", places), ("one_company", companies)):
        ((value, n),) = counted.most_common(1) or ((None, 0),)
        if n >= MOST * len(members):
            return Cause(code, value)
    return Cause("one_kind")


TOO_MANY: LiteralString = """
    SELECT count(*) > (SELECT alerts_per_min FROM storm_brake)
      FROM alert WHERE kind = %(kind)s AND opened_at > %(since)s AND opened_at <= %(at)s
"""
GROUP: LiteralString = """
    SELECT id FROM alert_group
     WHERE kind = %(kind)s AND first_at <= %(until)s AND last_at >= %(since)s
     ORDER BY id DESC LIMIT 1
"""
MEMBERS: LiteralString = """
    SELECT place, company_id, rule_version, registry_version
      FROM alert WHERE kind = %(kind)s AND opened_at > %(since)s AND opened_at <= %(at)s
"""
BEFORE: LiteralString = """
    SELECT (SELECT rule_version FROM alert WHERE kind = %(kind)s AND opened_at <= %(since)s
             ORDER BY opened_at DESC LIMIT 1),
           (SELECT version FROM registry_version WHERE at > now() - %(after)s::interval AND version > 1
             ORDER BY version DESC LIMIT 1)
"""
MAKE: LiteralString = """
    INSERT INTO alert_group (kind, cause, cause_value, first_at, last_at)
    VALUES (%(kind)s, %(cause)s, %(value)s, %(at)s, %(at)s)
    RETURNING id
"""
HOLD: LiteralString = """
    WITH held AS (UPDATE alert SET group_id = %(group)s WHERE id = %(alert)s AND group_id IS NULL RETURNING opened_at)
    UPDATE alert_group
       SET alerts = alerts + 1, first_at = least(first_at, held.opened_at), last_at = greatest(last_at, held.opened_at)
      FROM held
     WHERE alert_group.id = %(group)s
"""
LEAD: LiteralString = "UPDATE alert_group SET lead_id = %s WHERE id = %s"


def hold(connection: Connection[Any], alert_id: int, kind: str, at: datetime) -> None:
    """Put the alert (stored, opened at `at`) into a group if it is one too many.

    In the caller's turn (`alerts.outbox`), so that two collectors count one after the other.
    """
    window = {"kind": kind, "at": at, "since": at - WINDOW, "until": at + WINDOW, "after": AFTER_A_CHANGE}
    (too_many,) = connection.execute(TOO_MANY, window).fetchone() or (False,)
    if not too_many:
        return
    (group,) = connection.execute(GROUP, window).fetchone() or (None,)
    if group is None:
        cause = _cause(connection, window)
        made = connection.execute(MAKE, {**window, "cause": cause.code, "value": cause.value}).fetchone()
        assert made is not None  # noqa: S101 - INSERT … RETURNING of one row
        (group,) = made
    connection.execute(HOLD, {"group": group, "alert": alert_id})


def name_lead(connection: Connection[Any], group_id: int, lead_id: int) -> None:
    connection.execute(LEAD, (lead_id, group_id))


def _cause(connection: Connection[Any], window: dict[str, Any]) -> Cause:
    with connection.cursor(row_factory=class_row(Member)) as cursor:
        members = cursor.execute(MEMBERS, window).fetchall()
    before, changed = connection.execute(BEFORE, window).fetchone() or (None, None)
    return name_cause(members, rule_version_before=before, register_changed=changed)
