"""The nightly examination on a real database."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest

from alerts.catalogue import load_catalogue
from alerts.kitchens.night import LOCK, examine_day, examine_if_due
from devices.repository import store_registry
from tests.small_district import registry

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2025, 11, 23)
MIDNIGHT = datetime(2025, 11, 22, 16, tzinfo=UTC)
CATALOGUE = load_catalogue(None)


@pytest.fixture
def connection(any_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(any_database_url, autocommit=True, options="-c timezone=UTC") as connection:
        with connection.transaction():
            store_registry(connection, registry(kitchens=3), actor="test", note="")
        yield connection


def lunches(connection: psycopg.Connection, device_id: str, days: int, *, factor: float = 1.0) -> None:
    """Two hours of cooking at noon of the `days` up to DAY; the last two days times `factor`."""
    rng = np.random.default_rng(int(device_id[1:]))
    rows = [
        (MIDNIGHT - timedelta(days=days - 1 - n) + timedelta(hours=11, minutes=minute), device_id,
         round(float(fume) * (factor if n >= days - 2 else 1.0), 3))
        for n in range(days)
        for minute, fume in enumerate(rng.uniform(0.2, 0.8, 120))
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO fume_reading (ts, device_id, fume_mg_m3, fan_on, purifier_on, quality, received_at)"
            " VALUES (%s, %s, %s, true, true, 'ok', now())",
            rows,
        )


def examined(connection: psycopg.Connection, day: date = DAY) -> list[tuple[str, str]]:
    found = examine_day(connection, CATALOGUE, ZONE, day)
    assert found is not None
    return [(device_id, finding.kind) for device_id, finding in found]


def findings(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT day, device_id, outlet_id, kind, explained ? 'share_of_usual' FROM kitchen_finding ORDER BY device_id, kind"
    ).fetchall()


def test_a_pulled_probe_is_found_with_its_reasons_and_the_neighbour_is_not(
    connection: psycopg.Connection,
) -> None:
    lunches(connection, "F0", 10, factor=0.05)
    lunches(connection, "F1", 10)
    for n in range(9, 0, -1):
        examined(connection, DAY - timedelta(days=n))

    assert examined(connection) == []  # two meals
    with connection.transaction():
        connection.execute(
            "UPDATE fume_reading SET fume_mg_m3 = 0.01 WHERE device_id = 'F0' AND ts > %s",
            (MIDNIGHT - timedelta(days=2),),
        )
    examined(connection, DAY - timedelta(days=2))
    assert ("F0", "probe_out") in examined(connection)

    found = [row for row in findings(connection) if row[0] == DAY]
    assert (DAY, "F0", "R0", "probe_out", True) in found
    assert [row for row in found if row[1] == "F1"] == []


def test_a_day_examined_again_has_the_findings_of_the_last_time(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO kitchen_finding (day, device_id, kind, score, explained) VALUES (%s, 'F0', 'probe_out', 0.7, '{}')",
        (DAY,),
    )
    lunches(connection, "F0", 1)

    assert examined(connection) == []
    assert findings(connection) == []
    assert connection.execute("SELECT day, devices, findings FROM kitchen_examination").fetchall() == [
        (DAY, 3, 0)
    ]


def test_two_monitors_with_the_same_pieces_at_the_same_instants_are_both_named(
    connection: psycopg.Connection,
) -> None:
    at = MIDNIGHT + timedelta(hours=12)
    for device_id, later in (("F0", 0), ("F1", 0), ("F2", 60)):
        connection.execute(
            "INSERT INTO fume_piece (device_id, ts, hash) VALUES (%s, %s, 42)",
            (device_id, at + timedelta(seconds=later)),
        )

    assert examined(connection) == [("F0", "cloned"), ("F1", "cloned")]


def test_yesterday_is_examined_once_and_not_before_half_past_three(connection: psycopg.Connection) -> None:
    def days() -> list[Any]:
        return connection.execute("SELECT day, examined_at FROM kitchen_examination").fetchall()

    night = datetime(2025, 11, 24, 3, 29, tzinfo=ZONE)
    examine_if_due(connection, CATALOGUE, ZONE, night)
    assert days() == []
    examine_if_due(connection, CATALOGUE, ZONE, night + timedelta(minutes=1))
    (once,) = days()
    assert once[0] == DAY
    examine_if_due(connection, CATALOGUE, ZONE, night + timedelta(minutes=11))
    assert days() == [once]


def test_who_finds_somebody_else_at_it_leaves_it_to_him(
    connection: psycopg.Connection, any_database_url: str
) -> None:
    with psycopg.connect(any_database_url) as other:
        other.execute(LOCK)
        assert examine_day(connection, CATALOGUE, ZONE, DAY) is None


def test_old_pieces_and_profiles_are_forgotten(connection: psycopg.Connection) -> None:
    old, kept = MIDNIGHT - timedelta(days=63), MIDNIGHT - timedelta(days=61)
    for n, at in enumerate((old, kept)):
        connection.execute("INSERT INTO fume_piece (device_id, ts, hash) VALUES ('F0', %s, %s)", (at, n + 1))
        connection.execute(
            "INSERT INTO kitchen_profile (device_id, day, profile) VALUES ('F0', %s, '{}')", (at.date(),)
        )
    connection.execute("DELETE FROM kitchen_profile WHERE day = %s", (kept.date(),))

    examined(connection)

    assert connection.execute("SELECT hash FROM fume_piece").fetchall() == [(2,)]
    assert connection.execute("SELECT count(*) FROM kitchen_profile").fetchone() == (0,)


def pieces(connection: psycopg.Connection, device_id: str, protected: str) -> None:
    """Ten minutes from noon on: `x` in power protection, `.` at work."""
    for n, one in enumerate(protected):
        both, dithering = (2, 4) if one == "x" else (10, 0)
        connection.execute(
            "INSERT INTO fume_10min VALUES (%s, %s, true, 1, 10, 10, 10, 10, 3, 0.3, 0, 10, %s, %s, true, %s)",
            (device_id, MIDNIGHT + timedelta(hours=12, minutes=10 * n), both, dithering, 10 - both),
        )


def test_a_purifier_that_cuts_out_three_times_a_day_is_found_and_twice_is_not(
    connection: psycopg.Connection,
) -> None:
    pieces(connection, "F0", "x.xx.x")
    pieces(connection, "F1", "x.xxxx")

    assert examined(connection) == [("F0", "power_protection")]
    assert connection.execute("SELECT explained FROM kitchen_finding").fetchall() == [
        ({"episodes": 3, "minutes": 40},)
    ]


def test_who_is_unplugged_at_every_meal_from_the_first_day_on_is_found_by_its_meal_hours(
    connection: psycopg.Connection,
) -> None:
    """It never seems to cook: only what is known of its meals says so."""
    for days_ago in range(9, -1, -1):
        for minute in range(0, 24 * 60, 2):
            hour = minute / 60
            if not (10.5 <= hour < 13.5 or 16.5 <= hour < 20.5):
                at = MIDNIGHT - timedelta(days=days_ago) + timedelta(minutes=minute)
                connection.execute(
                    "INSERT INTO fume_reading (ts, device_id, fume_mg_m3, fan_on, quality, received_at)"
                    " VALUES (%s, 'F0', 0, false, 'ok', now())",
                    (at,),
                )
        found = examined(connection, DAY - timedelta(days=days_ago))

    assert found == [("F0", "unplugged")]
    connection.execute("UPDATE meal_hours SET hours = '02:00-04:00' WHERE scope = 'default'")
    assert examined(connection) == []
