"""Events of other systems over HTTP."""

from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from tests import builders
from tests.small_district import place

EVENT: dict[str, Any] = {
    "source": "hotline", "event_id": "12345-20261123-8", "at": "2026-11-23T04:01:00Z", "plate": "鲁A00000",
    "lat": place(1000, 100)[0], "lon": place(1000, 100)[1], "text": "市民反映有车倒土",
}  # fmt: skip


def test_a_complaint_is_an_alert_once_and_can_become_a_lead(
    duty: TestClient, viewer: TestClient, database: Connection[TupleRow]
) -> None:
    builders.position(database)
    made = duty.post("/events", json=EVENT)
    again = duty.post("/events", json={**EVENT, "text": "又来电"})
    assert (made.status_code, again.status_code, again.json()) == (201, 200, made.json())
    assert (made.json()["kind"], made.json()["company_id"], made.json()["state"]) == (
        "hotline_event",
        "C1",
        "open",
    )
    (near,) = made.json()["evidence"]["near"]
    assert (near["plate"], near["named"], round(near["from_place_m"])) == ("鲁A00000", True, 100)
    assert made.json()["summary"] == "鲁A00000在明水街道热线投诉"
    listed = viewer.get("/alerts", params={"kind": "hotline_event"}).json()["items"]
    assert [one["id"] for one in listed] == [made.json()["id"]]
    lead = duty.post("/leads", json={"alerts": [made.json()["id"]]})
    assert (lead.status_code, lead.json()["kind"]) == (201, "hotline_event")
    assert duty.get(f"/leads/{lead.json()['id']}/evidence").status_code == 200


def test_what_is_no_event_is_refused(duty: TestClient, viewer: TestClient) -> None:
    assert viewer.post("/events", json=EVENT).status_code == 403
    for change in ({"source": "rumour"}, {"at": "2026-11-23T04:01:00"}, {"at": "2099-01-01T00:00:00Z"}, {"lat": 99},
                   {"link": "javascript:alert(1)"}, {"colour": "red"}, {"picture_sha256": "x"}):  # fmt: skip
        assert duty.post("/events", json={**EVENT, **change}).status_code == 422, change
