"""Webhooks, channels and subscriptions as admins and officers set them; and who saw and did what."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from starlette.testclient import TestClient

from tests import builders

Database = Connection[TupleRow]
Clients = Callable[[str], TestClient]
HOOK: dict[str, Any] = {
    "name": "汇智理",
    "url": "https://platform.example/hook",
    "secret": "a secret of sixteen",
}


def test_an_admin_keeps_webhooks_and_their_secrets_are_shown_to_nobody(
    as_role: Clients, database: Database
) -> None:
    admin = as_role("admin")
    builders.alert(database, told=True)
    made = admin.post("/webhooks", json=HOOK)
    assert (made.status_code, made.json()["last_id"]) == (201, 1)  # from now on
    assert HOOK["secret"] not in admin.get("/webhooks").text
    assert admin.post("/webhooks", json=HOOK).status_code == 409
    assert admin.post("/webhooks", json={**HOOK, "name": "x", "secret": "short"}).status_code == 422
    hook_id = made.json()["id"]
    builders.insert(
        database, "webhook_delivery", webhook_id=hook_id, outbox_id=1, stream="alert:1", body=Jsonb({}), state="dead",
        error="HTTP 500",
    )  # fmt: skip
    (dead,) = admin.get(f"/webhooks/{hook_id}/dead").json()["items"]
    assert (dead["outbox_id"], dead["error"]) == (1, "HTTP 500")
    assert dead["held"] == 0
    assert admin.delete(f"/webhooks/{hook_id}/dead/7").status_code == 404
    assert admin.post(f"/webhooks/{hook_id}/replay", json={}).json() == {"revived": 1}
    assert admin.post("/webhooks/99/replay", json={}).status_code == 404
    database.execute("UPDATE webhook_delivery SET state = 'dead'")
    assert admin.delete(f"/webhooks/{hook_id}/dead/1").status_code == 204
    assert admin.get(f"/webhooks/{hook_id}/dead").json()["items"] == []
    for event in (3, 4, 3):  # a replay told 3 again
        builders.insert(
            database, "webhook_arrival", webhook_id=hook_id, outbox_id=event, type="alert.opened", stream="alert:1",
            attempts=1,
        )  # fmt: skip
    (newest,) = (page := admin.get(f"/webhooks/{hook_id}/arrived", params={"limit": 1}).json())["items"]
    rest = admin.get(f"/webhooks/{hook_id}/arrived", params={"cursor": page["next_cursor"]}).json()["items"]
    assert [one["outbox_id"] for one in (newest, *rest)] == [3, 4, 3]
    assert admin.get("/webhooks").json()[0]["arrived_at"] == newest["arrived_at"]
    assert admin.get("/webhooks/99/arrived").json()["items"] == []
    assert admin.delete(f"/webhooks/{hook_id}").status_code == 204
    assert admin.delete(f"/webhooks/{hook_id}").status_code == 404


def test_a_channel_is_checked_when_it_is_set_and_officers_subscribe(
    as_role: Clients, duty: TestClient, database: Database
) -> None:
    admin = as_role("admin")
    body = {
        "kind": "wecom",
        "settings": {"url": "https://robot/?key=hidden"},
        "quiet_from": "22:00",
        "quiet_to": "07:00",
    }
    assert duty.put("/channels/值班群", json=body).status_code == 403
    assert admin.put("/channels/值班群", json=body).json()["quiet_from"] == "22:00:00"
    assert "hidden" not in duty.get("/channels").text
    assert "url" in admin.put("/channels/x", json={**body, "settings": {}}).json()["detail"]
    assert admin.put("/channels/x", json={**body, "quiet_to": None}).status_code == 422
    mine = duty.post(
        "/subscriptions", json={"channel": "值班群", "events": ["alert.opened"], "severities": ["critical"]}
    )
    assert (mine.status_code, mine.json()["owner"]) == (201, "duty")
    assert duty.post("/subscriptions", json={"channel": "无", "events": ["alert.opened"]}).status_code == 404
    path = f"/subscriptions/{mine.json()['id']}"
    assert as_role("squad").delete(path).status_code == 403
    assert duty.delete(path).status_code == 204
    assert duty.delete(path).status_code == 404
    assert admin.delete("/channels/值班群").status_code == 204
    assert admin.delete("/channels/值班群").status_code == 404
    assert duty.get("/messages").json()["items"] == []


def test_who_saw_and_did_what_is_kept_by_lead_and_by_officer(
    as_role: Clients, duty: TestClient, viewer: TestClient, database: Database
) -> None:
    lead_id = builders.lead(database)
    viewer.get(f"/leads/{lead_id}")
    viewer.get("/leads")
    viewer.post(f"/leads/{lead_id}/notes", json={"text": "x"})  # refused
    duty.post(f"/leads/{lead_id}/transitions", json={"to": "assigned"})
    assert viewer.get("/audit").status_code == 403
    seen = as_role("reviewer").get("/audit", params={"lead_id": lead_id}).json()["items"]
    assert [(one["who"], one["method"], one["path"]) for one in seen] == [
        ("duty", "POST", f"/api/v1/leads/{lead_id}/transitions"), ("viewer", "GET", f"/api/v1/leads/{lead_id}"),
    ]  # fmt: skip
    assert as_role("reviewer").get("/audit", params={"who": "viewer"}).json()["items"][0]["role"] == "viewer"
    assert viewer.get("/leads/99999999999999999999999").status_code == 422
