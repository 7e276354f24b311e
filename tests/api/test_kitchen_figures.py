"""Kitchens' figures over the API: of an outlet, of all, of the streets."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from starlette.testclient import TestClient

from alerts.kitchens.figures import mark_all, open_ten_minutes
from tests.builders import minutes, reading

ZONE = ZoneInfo("Asia/Shanghai")
Database = psycopg.Connection[Any]
NOON = datetime(2025, 11, 23, 4, tzinfo=UTC)
"""In Shanghai."""


@pytest.fixture
def lunch(database: Database) -> None:
    """Two hours at F0: the purifier on for one of them, half an hour over the limit of 1.5."""
    for n in range(120):
        reading(database, NOON + minutes(n), fume_mg_m3=2.0 if n < 30 else 0.5, purifier_on=n < 60)
    mark_all(database, NOON, NOON + minutes(120), ZONE)


def test_an_outlets_figures_come_by_ten_minutes_hours_days_and_months(
    viewer: TestClient, lunch: None
) -> None:
    def figures(every: str) -> list[dict[str, Any]]:
        answer = viewer.get(
            "/outlets/R0/figures",
            params={"every": every, "from": "2025-11-22T16:00:00Z", "to": "2025-11-24T16:00:00Z"},
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json()["items"])

    assert [item["fume_mg_m3"] for item in figures("10m")] == [2.0] * 3 + [0.5] * 9
    first, second = figures("1h")
    assert (first["ts"], first["fume_mg_m3"], first["over_min"], first["windows_over"]) == (
        "2025-11-23T04:00:00Z", 1.25, 30, 3,
    )  # fmt: skip
    assert (first["linkage_rate"], second["linkage_rate"]) == (1, 0)
    (day,) = figures("1d")
    assert (day["fume_mg_m3"], day["fume_max_mg_m3"], day["fan_on_min"], day["both_on_min"]) == (
        0.875,
        2,
        120,
        60,
    )
    (month,) = figures("1mo")
    rates = {"ts", "online_rate", "meal_online_rate", "valid_rate"}
    assert {n: v for n, v in month.items() if n not in rates} == {
        n: v for n, v in day.items() if n not in rates
    }
    assert month["compliance_rate"] == 0.75
    # Of a day twelve of 144 ten minutes were heard of; a month is here the two days that were asked for.
    assert (day["online_rate"], month["online_rate"]) == pytest.approx((12 / 144, 6 / 144))
    minutes = figures("1m")
    assert (len(minutes), sum(one["over_min"] for one in minutes), minutes[70]["linkage_rate"]) == (
        120,
        30,
        0,
    )


def test_an_unknown_outlet_has_no_figures(viewer: TestClient) -> None:
    assert viewer.get("/outlets/R9/figures").status_code == 404


def test_every_outlets_month_is_there_also_of_those_without_readings(viewer: TestClient, lunch: None) -> None:
    items = viewer.get("/stats/kitchens", params={"from": "2025-11-23", "to": "2025-11-24"}).json()["items"]

    assert [(item["outlet_id"], item["fan_on_min"]) for item in items] == [("R0", 120), ("R1", None)]
    # Without hours a day has 144 ten minutes, of which twelve were heard of.
    assert items[0]["online_rate"] == pytest.approx(12 / 144)
    assert (items[0]["linkage_rate"], items[0]["compliance_rate"], items[1]["online_rate"]) == (0.5, 0.75, 0)


def test_streets_have_their_compliance_rate(viewer: TestClient, lunch: None) -> None:
    (street,) = viewer.get("/stats/streets", params={"from": "2025-11-23", "to": "2025-11-24"}).json()[
        "items"
    ]

    assert (street["code"], street["name"], street["outlets"]) == ("370114001", "明水街道", 2)
    assert (street["measured"], street["never_over"], street["compliance_rate"]) == (1, 0, 0.75)


def test_a_street_has_its_outlets_before_any_reading(viewer: TestClient) -> None:
    (street,) = viewer.get("/stats/streets").json()["items"]

    assert (street["code"], street["outlets"], street["measured"], street["compliance_rate"]) == (
        "370114001",
        2,
        0,
        None,
    )


def test_opening_hours_are_counted_in_ten_minutes() -> None:
    monday = datetime(2025, 11, 23, tzinfo=UTC)
    hours = "10:00-14:00;22:00-02:00"

    assert open_ten_minutes(hours, monday, monday + timedelta(days=1)) == 48
    assert open_ten_minutes(hours, monday + timedelta(hours=13), monday + timedelta(hours=37)) == 48
    assert open_ten_minutes(hours, monday + timedelta(hours=13), monday + timedelta(hours=23)) == 12
    assert open_ten_minutes(None, monday, monday + timedelta(hours=1)) == 6
    assert open_ten_minutes(hours, monday, monday - timedelta(days=1)) == 0


def test_a_months_figures_of_659_outlets_take_less_than_a_second(
    viewer: TestClient, database: Database
) -> None:
    with database.transaction():
        database.execute("SELECT set_config('fleetfume.registry_version', '1', true)")
        database.execute(
            "INSERT INTO outlet (outlet_id, name, hours, cleaned_on)"
            " SELECT 'X' || n, 'x', '10:00-14:00', '2025-11-01' FROM generate_series(1, 659) n"
        )
        database.execute(
            "INSERT INTO device (device_id, kind, bound_to, interval_s, status)"
            " SELECT 'X' || n, 'fume', 'X' || n, 60, 'active' FROM generate_series(1, 659) n"
        )
        database.execute(
            """
            INSERT INTO fume_day
            SELECT 'X' || n, day::date, 480, 480, 470, 48, 400, 200, 2, 5, 400, 390, 0, 40, 1, 60
              FROM generate_series(1, 659) n, generate_series(date '2025-10-01', '2025-11-30', '1 day') day
            """
        )
    database.execute("ANALYZE")
    viewer.get("/stats/kitchens", params={"limit": 1})
    begun = time.perf_counter()
    items = viewer.get(
        "/stats/kitchens", params={"from": "2025-11-01", "to": "2025-12-01", "limit": 1000}
    ).json()["items"]
    took_s = time.perf_counter() - begun

    assert len(items) == 661
    assert items[-1]["purifier_h_since_cleaning"] == pytest.approx(29 * 390 / 60)
    assert took_s < 1


def test_days_are_the_local_calendars(viewer: TestClient, database: Database) -> None:
    """Half past eleven at night, and half past midnight."""
    late = datetime(2025, 11, 23, 15, 30, tzinfo=UTC)
    for at in (late, late + timedelta(hours=1)):
        reading(database, at)
    mark_all(database, late, late + timedelta(hours=2), ZONE)

    found = viewer.get(
        "/outlets/R0/figures",
        params={"every": "1d", "from": "2025-11-20T00:00Z", "to": "2025-11-26T00:00Z"},
    )
    assert [item["ts"] for item in found.json()["items"]] == ["2025-11-22T16:00:00Z", "2025-11-23T16:00:00Z"]


@pytest.mark.parametrize(
    ("to", "cleaned_on", "hours"),
    [("2025-11-16", "2025-11-12", 3), ("2025-11-21", "2025-11-18", 2), ("2025-11-12", None, None)],
)
def test_purifier_hours_are_since_the_last_cleaning_before_the_periods_end(
    viewer: TestClient, database: Database, to: str, cleaned_on: str | None, hours: float | None
) -> None:
    for day in ("2025-11-12", "2025-11-18"):
        database.execute(
            "INSERT INTO cleaning_record (outlet_id, cleaned_on, recorded_by) VALUES ('R0', %s, 'squad')",
            (day,),
        )
    database.execute(
        "INSERT INTO fume_day SELECT 'F0', day::date, 60, 60, 60, 6, 60, 20, 1, 0, 60, 60, 0, 6, 0, 60, 6, 2"
        "  FROM generate_series(date '2025-11-10', '2025-11-20', '1 day') day"
    )

    month = viewer.get("/stats/kitchens", params={"from": "2025-11-10", "to": to}).json()["items"][0]

    assert (month["cleaned_on"], month["purifier_h_since_cleaning"]) == (cleaned_on, hours)
    assert month["power_protection_min"] == 20 * (int(to[-2:]) - 10), "two pieces of ten minutes a day"


def test_ten_minutes_of_a_purifier_that_cuts_out_say_so(viewer: TestClient, database: Database) -> None:
    for n in range(20):
        reading(database, NOON + minutes(n), purifier_on=n >= 10 or n in (3, 7))
    mark_all(database, NOON, NOON + minutes(20), ZONE)

    asked = {"every": "10m", "from": "2025-11-23T04:00:00Z", "to": "2025-11-23T05:00:00Z"}
    found = viewer.get("/outlets/R0/figures", params=asked).json()["items"]

    assert [one["power_protection_min"] for one in found] == [10, 0]
