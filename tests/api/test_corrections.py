"""What officers do about kitchens over the API: corrections ordered and checked again, joint actions."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from starlette.testclient import TestClient

ZONE = ZoneInfo("Asia/Shanghai")
Database = psycopg.Connection[Any]
HASH = "ab" * 32


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
