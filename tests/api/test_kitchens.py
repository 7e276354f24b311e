"""Kitchens' figures, and what officers do about kitchens, over the API."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from starlette.testclient import TestClient

from alerts.kitchen_figures import mark_all, open_ten_minutes
from devices.checks import RegistryFilesError
from devices.shop_fronts import import_shop_fronts
from tests.builders import minutes, reading

ZONE = ZoneInfo("Asia/Shanghai")
Database = psycopg.Connection[Any]
HASH = "ab" * 32
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


def test_a_recorded_cleaning_reaches_the_register_and_can_be_struck(
    squad: TestClient, viewer: TestClient, database: Database
) -> None:
    def cleaned_on() -> Any:
        return viewer.get("/outlets/R0").json()["cleaned_on"]

    body = {"cleaned_on": "2025-11-20", "done_by": "清洗公司", "photo_sha256": [HASH]}
    recorded = squad.post("/outlets/R0/cleanings", json=body)
    assert recorded.status_code == 201, recorded.text
    assert (recorded.json()["recorded_by"], cleaned_on()) == ("squad", "2025-11-20")
    squad.post("/outlets/R0/cleanings", json={"cleaned_on": "2025-10-01"})
    assert cleaned_on() == "2025-11-20"

    struck = squad.post(f"/cleanings/{recorded.json()['id']}/strike", json={"why": "照片不符"})

    assert (struck.status_code, cleaned_on()) == (200, "2025-10-01")
    assert [item["struck_why"] for item in viewer.get("/outlets/R0/cleanings").json()["items"]] == [
        "照片不符",
        None,
    ]
    again = squad.post(f"/cleanings/{recorded.json()['id']}/strike", json={"why": "x"})
    assert again.status_code == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"cleaned_on": "2099-01-01"}, "before it was done"),
        ({"cleaned_on": "2025-11-01", "photo_sha256": ["xyz"]}, "photo_sha256"),
        ({"cleaned_on": "2025-11-01", "cleaner": "x"}, "cleaner"),
    ],
)
def test_a_cleaning_that_cannot_be_is_refused(squad: TestClient, body: dict[str, Any], said: str) -> None:
    refused = squad.post("/outlets/R0/cleanings", json=body)

    assert refused.status_code == 422
    assert said in refused.text


def test_viewers_record_nothing(viewer: TestClient) -> None:
    for path in ("/outlets/R0/cleanings", "/correction-orders", "/inspections"):
        assert viewer.post(path, json={}).status_code == 403, path


def test_an_order_is_open_until_a_re_check_is_passed(squad: TestClient, viewer: TestClient) -> None:
    today = datetime.now(ZONE).date()
    order = squad.post(
        "/correction-orders",
        json={"outlet_id": "R0", "what": "更换滤网", "deadline": str(today + timedelta(days=5))},
    ).json()
    assert (order["state"], order["rechecks"]) == ("open", [])
    path = f"/correction-orders/{order['id']}/rechecks"

    later = str(today + timedelta(days=9))
    failed = squad.post(path, json={"passed": False, "new_deadline": later}).json()
    assert (failed["state"], failed["due_on"]) == ("open", later)
    done = squad.post(path, json={"passed": True, "photo_sha256": [HASH]}).json()
    assert (done["state"], [one["passed"] for one in done["rechecks"]]) == ("corrected", [False, True])
    assert squad.post(path, json={"passed": False}).status_code == 409
    assert [one["id"] for one in viewer.get("/correction-orders?state=corrected").json()["items"]] == [
        order["id"]
    ]


def test_an_order_past_its_deadline_is_overdue(viewer: TestClient, database: Database) -> None:
    database.execute(
        "INSERT INTO correction_order (outlet_id, what, deadline, issued_by) VALUES ('R0', 'x', '2025-01-01', 'squad')"
    )

    (overdue,) = viewer.get("/correction-orders?state=overdue").json()["items"]
    assert overdue["due_on"] == "2025-01-01"


def test_what_was_ordered_is_never_overwritten(database: Database) -> None:
    database.execute(
        "INSERT INTO correction_order (outlet_id, what, deadline, issued_by) VALUES ('R0', 'x', '2025-01-01', 'squad')"
    )
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        database.execute("UPDATE correction_order SET what = 'y'")


def test_a_joint_action_counts_its_visits_problems_and_corrections(
    squad: TestClient, viewer: TestClient
) -> None:
    action = {
        "name": "2025年11月联合执法",
        "begins_on": "2025-11-23",
        "ends_on": "2025-11-24",
        "partners": ["生态环境分局"],
    }
    begun = squad.post("/inspections", json=action).json()
    assert squad.post("/inspections", json=action).status_code == 409
    deadline = str(datetime.now(ZONE).date() + timedelta(days=5))
    order = squad.post(
        "/correction-orders", json={"outlet_id": "R0", "what": "清洗", "deadline": deadline}
    ).json()
    path = f"/inspections/{begun['id']}/results"
    visit = {"visited_at": "2025-11-23T03:00:00Z", "officer": "王队"}

    squad.post(path, json={**visit, "outlet_id": "R0", "problem": True, "order_id": order["id"]})
    squad.post(path, json={**visit, "outlet_id": "R1", "problem": False})
    squad.post(f"/correction-orders/{order['id']}/rechecks", json={"passed": True})

    told = viewer.get(f"/inspections/{begun['id']}").json()
    assert (told["visits"], told["outlets"], told["problems"], told["corrected"]) == (2, 2, 1, 1)
    assert [one["outlet_id"] for one in told["results"]] == ["R0", "R1"]
    assert viewer.get("/inspections").json()["items"][0]["corrected"] == 1
    other = squad.post(path, json={**visit, "outlet_id": "R1", "problem": True, "order_id": order["id"]})
    assert other.status_code == 422


def test_a_units_thresholds_are_an_admins_to_set_and_raise_the_register(
    as_role: Callable[[str], TestClient], database: Database
) -> None:
    def version() -> Any:
        return database.execute("SELECT max(version) FROM registry_version").fetchone()

    before, body = version(), {"purifier_min_a": 0.4, "source": "铭牌"}
    assert as_role("squad").put("/kitchen-units/F0", json=body).status_code == 403
    assert as_role("admin").put("/kitchen-units/V0", json=body).status_code == 404
    assert as_role("admin").put("/kitchen-units/F0", json=body).json()["purifier_min_a"] == 0.4
    assert version() > before


def test_the_standards_say_which_of_them_nobody_has_confirmed(viewer: TestClient) -> None:
    told = viewer.get("/fume-standards").json()

    shandong = next(item for item in told["items"] if item["region"] == "Shandong")
    assert (shandong["confirmed"], shandong["limits_mg_m3"]["large"]) == (False, 1.0)
    assert "confirm" in told["in_force"]["note"]


def shop_fronts(path: Path, count: int, *, outlet: str = "R0") -> Path:
    lines = ["unit_id,name,trade,address,lat,lon,grid_cell,outlet_id"]
    lines += [f"U{n},店铺{n},餐饮,,36.7,117.5,G{n % 40},{outlet if n == 0 else ''}" for n in range(count)]
    file = path / "shop_fronts.csv"
    file.write_text("\n".join(lines), "utf-8")
    return file


def test_twelve_thousand_shop_fronts_are_imported_and_replaced_whole(
    viewer: TestClient, database: Database, tmp_path: Path
) -> None:
    with database.transaction():
        assert import_shop_fronts(database, shop_fronts(tmp_path, 12_000)) == 12_000
        assert import_shop_fronts(database, shop_fronts(tmp_path, 11_999)) == 11_999

    (first,) = viewer.get("/shop-fronts?limit=1").json()["items"]
    assert (first["unit_id"], first["outlet_id"], first["monitors"], first["leads"]) == (
        "U0",
        "R0",
        ["F0"],
        [],
    )
    assert database.execute("SELECT count(*) FROM shop_front").fetchone() == (11_999,)


def test_every_bad_shop_front_is_named_and_none_is_stored(database: Database, tmp_path: Path) -> None:
    file = shop_fronts(tmp_path, 3, outlet="R77")
    with pytest.raises(RegistryFilesError, match="'R77' is not in the register"):
        import_shop_fronts(database, file)
    file.write_text("unit_id,name,lat\nU1,a,36\nU1,b,north\n,c,\n", "utf-8")
    with pytest.raises(RegistryFilesError) as refused:
        import_shop_fronts(database, file)
    assert len(refused.value.problems) == 2
    assert database.execute("SELECT count(*) FROM shop_front").fetchone() == (0,)


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
