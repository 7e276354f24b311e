"""When kitchens cook: set by an admin, dated, for all, a trade or an outlet; and what the figures make of it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from starlette.testclient import TestClient

from alerts.kitchens.figures import mark_all
from devices.meals import load_meals
from tests.builders import minutes, reading
from tests.small_district import registry

Database = psycopg.Connection[Any]
DAY = date(2025, 11, 23)
ELEVEN = datetime(2025, 11, 23, 3, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
SET = {
    "scope": "outlet", "subject": "R0", "valid_from": "2025-11-01", "hours": "11:00-13:00", "confirmed": True,
    "source": "现场核实",
}  # fmt: skip


def hours(database: Database, outlet_id: str, day: date) -> str | None:
    found = load_meals(database, registry(kitchens=2).outlets.values()).on(outlet_id, day)
    return found.hours if found else None


def test_without_anything_set_the_default_holds_and_says_that_nobody_measured_it(viewer: TestClient) -> None:
    told = viewer.get("/meal-hours").json()["items"]

    assert [(one["scope"], one["subject"], one["confirmed"]) for one in told] == [
        ("default", "", False), ("trade", "早餐", False), ("trade", "烧烤", False),
    ]  # fmt: skip
    assert {one["source"] for one in told} == {"设计值，未找到实测依据"}


def test_an_outlets_own_go_before_its_trades_and_those_before_the_default(
    as_role: Callable[[str], TestClient], database: Database
) -> None:
    admin = as_role("admin")
    assert hours(database, "R0", DAY) == "10:30-13:30;16:30-20:30"
    admin.put("/meal-hours", json={**SET, "scope": "trade", "subject": "饭店", "hours": "10:00-14:00"})
    assert hours(database, "R0", DAY) == "10:00-14:00"
    admin.put("/meal-hours", json=SET)

    assert (hours(database, "R0", DAY), hours(database, "R1", DAY)) == ("11:00-13:00", "10:00-14:00")
    assert hours(database, "R0", date(2025, 10, 31)) == "10:30-13:30;16:30-20:30", "from a day on"


def test_a_shop_fronts_trade_counts_as_well_as_the_name(database: Database) -> None:
    database.execute(
        "INSERT INTO shop_front (unit_id, name, trade, outlet_id) VALUES ('U1', 'x', '烧烤店', 'R1')"
    )

    assert hours(database, "R1", DAY) == "17:30-01:00"


def test_the_same_day_again_replaces_and_a_later_one_does_not_reach_back(
    as_role: Callable[[str], TestClient], database: Database
) -> None:
    admin = as_role("admin")
    for valid_from, said in (
        ("2025-11-01", "10:00-12:00"),
        ("2025-11-01", "11:00-12:00"),
        ("2025-11-24", "11:00-13:00"),
    ):
        answer = admin.put("/meal-hours", json={**SET, "valid_from": valid_from, "hours": said})
        assert (answer.status_code, answer.json()["set_by"]) == (200, "admin")

    assert (hours(database, "R0", DAY), hours(database, "R0", date(2025, 11, 24))) == (
        "11:00-12:00",
        "11:00-13:00",
    )


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"hours": "11-13"}, 422, "HH:MM-HH:MM"),
        ({"hours": ";"}, 422, "HH:MM-HH:MM"),
        ({"subject": "R77"}, 404, "R77"),
        ({"subject": ""}, 422, "names a trade or an outlet"),
        ({"scope": "default"}, 422, "the default has none"),
        ({"source": " "}, 422, "source"),
    ],
)
def test_meal_hours_that_cannot_be_are_refused_with_the_reason(
    as_role: Callable[[str], TestClient], change: dict[str, Any], status: int, said: str
) -> None:
    refused = as_role("admin").put("/meal-hours", json={**SET, **change})

    assert (refused.status_code, said in refused.text) == (status, True), refused.text


def test_only_an_admin_sets_them(squad: TestClient) -> None:
    assert squad.put("/meal-hours", json=SET).status_code == 403


def test_the_online_rate_at_meals_is_of_the_meals_alone_and_follows_a_change(
    as_role: Callable[[str], TestClient], database: Database
) -> None:
    """Heard of for one hour, from eleven on."""
    admin = as_role("admin")
    for n in range(60):
        reading(database, ELEVEN + minutes(n))
    mark_all(database, ELEVEN, ELEVEN + minutes(60), ZONE)

    def rate() -> Any:
        asked = {"from": "2025-11-23", "to": "2025-11-24"}
        return admin.get("/stats/kitchens", params=asked).json()["items"][0]["meal_online_rate"]

    assert rate() == pytest.approx(6 / 42), "of seven hours"
    admin.put("/meal-hours", json=SET)
    mark_all(database, ELEVEN, ELEVEN + minutes(60), ZONE)
    assert rate() == pytest.approx(6 / 12)
    (hour,) = admin.get(
        "/outlets/R0/figures", params={"every": "1h", "from": "2025-11-23T03:00Z", "to": "2025-11-23T06:00Z"}
    ).json()["items"]
    assert (hour["meal_online_rate"], hour["online_rate"]) == (1, 1)
