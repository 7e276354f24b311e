"""What the office sets for itself: deadlines and days."""

from collections.abc import Callable

from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from tests import builders


def test_a_day_off_moves_what_is_due(
    as_role: Callable[[str], TestClient], database: Connection[TupleRow]
) -> None:
    admin = as_role("admin")
    days = {day["day"]: day for day in admin.get("/office/calendar", params={"year": 2026}).json()}
    assert (len(days), days["2026-10-10"]["working"], days["2026-10-01"]["working"]) == (365, True, False)
    assert as_role("duty").put("/office/calendar/2026-10-10", json={"working": False}).status_code == 403
    changed = admin.put("/office/calendar/2026-10-10", json={"working": False, "note": "停电"}).json()
    assert changed == {"day": "2026-10-10", "working": False, "known": True, "note": "停电"}
    assert admin.delete("/office/calendar/2026-10-10").json()["working"] is True
    assert admin.get("/office/calendar", params={"year": 2031}).json()[0]["known"] is False


def test_a_deadline_is_changed_with_its_basis(
    as_role: Callable[[str], TestClient], database: Connection[TupleRow]
) -> None:
    body = {"days": 3, "counted": "calendar", "basis": "本局规定", "confirmed": True}
    assert as_role("viewer").put("/office/deadlines/new", json=body).status_code == 403
    assert as_role("admin").put("/office/deadlines/nothing", json=body).status_code == 404
    changed = as_role("admin").put("/office/deadlines/new", json=body).json()
    assert (changed["days"], changed["confirmed"]) == (3, True)
    listed = {one["subject"]: one for one in as_role("viewer").get("/office/deadlines").json()}
    assert listed["new"]["basis"] == "本局规定"
    alert_id = builders.alert(database)
    opened = as_role("duty").post("/leads", json={"alerts": [alert_id]}).json()
    assert opened["due_basis"] == "本局规定"
