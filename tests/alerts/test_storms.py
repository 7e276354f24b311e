"""The storm brake: what many alerts at once have in common, and that nothing of them is lost."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from alerts import storms
from alerts.catalogue import load_catalogue
from alerts.episodes import Difference, Episode
from alerts.storms import Cause, Member, name_cause
from alerts.writing import Desk, Subject, write_difference
from runtime.instants import microseconds
from tests import builders
from tests.builders import NOON

BEFORE: dict[str, Any] = {"rule_version_before": "r1", "register_changed": None}


def member(place: str = "", company: str | None = None, rules: str = "r1", register: int = 1) -> Member:
    return Member(place, company, rules, register)


def test_a_register_that_has_just_changed_is_the_cause_before_all_others() -> None:
    members = [member("PIT", "C1", register=7) for _ in range(3)]
    assert name_cause(members, rule_version_before="r0", register_changed=7) == Cause("register_changed", "7")
    assert (
        name_cause([*members, member(register=6)], rule_version_before="r1", register_changed=7).code
        != "register_changed"
    )


def test_new_rules_are_the_cause_if_all_were_judged_by_them() -> None:
    members = [member(rules="r2") for _ in range(3)]
    assert name_cause(members, **BEFORE) == Cause("rules_changed", "r2")
    assert name_cause([*members, member(rules="r1")], **BEFORE) == Cause("one_kind")
    assert name_cause(members, rule_version_before=None, register_changed=None) == Cause("one_kind")


def test_a_place_or_a_company_is_the_cause_if_four_fifths_share_it() -> None:
    four = [member("SPRING", "C1") for _ in range(4)]
    assert name_cause([*four, member("PIT", "C2")], **BEFORE) == Cause("one_place", "SPRING")
    assert name_cause([*four, *[member("PIT", "C2")] * 2], **BEFORE) == Cause("one_kind")
    assert name_cause([member("@17", "C1")] * 5, **BEFORE) == Cause("one_company", "C1")


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            builders.users(connection)
            builders.district(connection)
        yield connection


def tip(connection: psycopg.Connection, n: int, after: timedelta) -> None:
    """A dumping of truck V<n>, told by a collector."""
    at = microseconds(NOON + after)
    episode = Episode(
        kind="illegal_dumping", place=f"@{at}", started=at, opened=at, updated=at, severity="critical", score=0.9,
        lat=36.7, lon=117.5,
    )  # fmt: skip
    desk = Desk(
        catalogue=load_catalogue(None),
        registry_version_at=lambda _: 1,
        jurisdiction_of=lambda *_: "370114001",
    )
    with connection.transaction():
        write_difference(
            connection,
            Subject(device_id=f"V{n}", company_id="C1"),
            Difference(raised=[episode]),
            desk,
        )


def test_of_a_storm_every_alert_is_there_and_told_and_one_lead_has_what_is_held(
    connection: psycopg.Connection,
) -> None:
    for n in range(26):
        tip(connection, n, timedelta(seconds=n))
    tip(connection, 99, timedelta(minutes=5))

    assert connection.execute("SELECT count(*), count(group_id), count(lead_id) FROM alert").fetchone() == (
        27,
        6,
        27,
    )
    assert connection.execute("SELECT count(*) FROM outbox WHERE type = 'alert.opened'").fetchone() == (27,)
    (group,) = connection.execute(
        "SELECT kind, cause, cause_value, alerts, last_at - first_at, lead_id FROM alert_group"
    ).fetchall()
    assert group[:5] == ("illegal_dumping", "one_company", "C1", 6, timedelta(seconds=5))
    # Twenty leads before the brake, one for the six that are held, one afterwards.
    assert connection.execute("SELECT count(*) FROM lead").fetchone() == (22,)
    assert connection.execute("SELECT count(*) FROM alert WHERE lead_id = %s", (group[5],)).fetchone() == (6,)


def test_what_is_slow_is_no_storm(connection: psycopg.Connection) -> None:
    for n in range(25):
        tip(connection, n, timedelta(seconds=4 * n))
    assert connection.execute("SELECT count(*) FROM alert_group").fetchone() == (0,)


def test_an_alert_is_held_once(connection: psycopg.Connection) -> None:
    ids = [builders.alert(connection, place=str(n)) for n in range(4)]
    connection.execute("UPDATE storm_brake SET alerts_per_min = 3")
    for _ in range(3):
        storms.hold(connection, ids[-1], "off_route", NOON)
    assert connection.execute("SELECT alerts FROM alert_group").fetchall() == [(1,)]
