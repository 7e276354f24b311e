"""What officers do: acknowledge, dismiss, open leads, move them on; each step told and written down."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from alerts.casework.leads import open_lead
from tests import builders

Database = Connection[TupleRow]


def told(database: Database) -> list[tuple[Any, ...]]:
    return database.execute("SELECT type, alert_id, lead_id FROM outbox ORDER BY id").fetchall()


def an_alert_with_a_lead(database: Database) -> tuple[int, int]:
    with database.transaction():
        alert_id = builders.alert(database, kind="illegal_dumping", severity="critical")
        lead_id = open_lead(database, [alert_id])
    assert lead_id is not None
    return alert_id, lead_id


def test_acknowledging_says_who_and_is_told(duty: TestClient, database: Database) -> None:
    alert_id = builders.alert(database)
    answer = duty.post(f"/alerts/{alert_id}/ack")
    assert (answer.status_code, answer.json()["state"], answer.json()["acked_by"]) == (200, "acked", "duty")
    assert told(database) == [("alert.updated", alert_id, None)]
    again = duty.post(f"/alerts/{alert_id}/ack")
    assert (again.status_code, again.json()["detail"]) == (
        409,
        f"alert {alert_id} is 'acked' and cannot be acknowledged",
    )
    assert len(told(database)) == 1


def test_dismissing_says_why_and_what_is_withdrawn_or_dismissed_stays_so(
    squad: TestClient, database: Database
) -> None:
    alert_id, lead_id = an_alert_with_a_lead(database)
    answer = squad.post(f"/alerts/{alert_id}/dismiss", json={"reason": " 司机在加油 "})
    assert answer.json()["state"] == "dismissed"
    assert (answer.json()["dismissed_by"], answer.json()["note"]) == ("squad", "司机在加油")
    last = squad.get(f"/leads/{lead_id}/journal").json()["items"][-1]
    assert (last["action"], last["actor"]) == ("alert_dismissed", "squad")
    assert last["detail"] == {"alert_id": alert_id, "code": "other", "reason": "司机在加油"}
    noted = builders.alert(database)
    assert squad.post(f"/alerts/{noted}/dismiss", json={"note": "误报"}).json()["note"] == "误报"
    over = builders.alert(database, state="cleared", place="over")
    assert squad.post(f"/alerts/{over}/dismiss").json()["state"] == "dismissed"
    for state in ("dismissed", "withdrawn"):
        other = builders.alert(database, state=state, place=state)
        assert squad.post(f"/alerts/{other}/dismiss", json={"reason": "x"}).status_code == 409


def test_a_lead_goes_from_duty_to_squad_to_its_end_and_its_journal_holds(
    duty: TestClient, squad: TestClient, database: Database
) -> None:
    _, lead_id = an_alert_with_a_lead(database)
    lead = duty.get(f"/leads/{lead_id}").json()
    assert (lead["state"], lead["created_by"], lead["next"]) == ("new", "engine", ["assigned"])
    assert lead["title"] == "鲁A00000在明水街道疑似偷倒乱倒"
    assert squad.get(f"/leads/{lead_id}").json()["next"] == []
    moved = duty.post(
        f"/leads/{lead_id}/transitions", json={"to": "assigned", "assignee": "一中队", "note": "速去"}
    )
    assert (moved.json()["state"], moved.json()["assignee"], moved.json()["next"]) == (
        "assigned",
        "一中队",
        [],
    )
    squad.post(f"/leads/{lead_id}/transitions", json={"to": "verifying"})
    assert squad.get(f"/leads/{lead_id}").json()["next"] == ["unfounded", "confirmed"]
    end = squad.post(f"/leads/{lead_id}/transitions", json={"to": "confirmed"}).json()
    assert (end["state"], end["assignee"]) == ("confirmed", "一中队")
    entries = squad.get(f"/leads/{lead_id}/journal").json()["items"]
    assert [(entry["seq"], entry["actor"]) for entry in entries] == [
        (1, "engine"),
        (2, "duty"),
        (3, "squad"),
        (4, "squad"),
    ]
    assert entries[1]["detail"]["note"] == "速去"
    assert [entry["prev_hash"] for entry in entries] == ["", *(entry["hash"] for entry in entries[:-1])]
    assert [kind for kind, _, _ in told(database)] == ["lead.changed"] * 4


def test_a_step_that_does_not_follow_is_refused_and_leaves_no_trace(
    duty: TestClient, database: Database
) -> None:
    _, lead_id = an_alert_with_a_lead(database)
    refused = duty.post(f"/leads/{lead_id}/transitions", json={"to": "confirmed"})
    assert refused.status_code == 409
    assert "it can become assigned" in refused.json()["detail"]
    assert duty.post(f"/leads/{lead_id}/transitions", json={"to": "forgotten"}).status_code == 422
    assert duty.post("/leads/999/transitions", json={"to": "assigned"}).status_code == 404
    assert len(duty.get(f"/leads/{lead_id}/journal").json()["items"]) == 1


def test_an_officer_opens_a_lead_from_alerts_that_have_none(duty: TestClient, database: Database) -> None:
    taken, _ = an_alert_with_a_lead(database)
    free = [builders.alert(database, place=str(n)) for n in range(2)]
    opened = duty.post("/leads", json={"alerts": [*free, free[0]], "note": "同一车辆"})
    assert (opened.status_code, opened.json()["alerts"]) == (201, free)
    assert opened.json()["created_by"] == "duty"
    assert opened.headers["Location"] == f"/api/v1/leads/{opened.json()['id']}"
    assert duty.get(f"/alerts/{free[1]}").json()["lead_id"] == opened.json()["id"]
    assert told(database)[-2:] == [("alert.updated", free[0], None), ("alert.updated", free[1], None)]
    for alerts in ([taken], [*free]):
        assert duty.post("/leads", json={"alerts": alerts}).status_code == 409
    assert duty.post("/leads", json={"alerts": [999]}).status_code == 404


def test_leads_are_listed_newest_first_and_by_state(viewer: TestClient, database: Database) -> None:
    for state in ("new", "assigned", "new"):
        builders.lead(database, state)
    assert [lead["id"] for lead in viewer.get("/leads").json()["items"]] == [3, 2, 1]
    page = viewer.get("/leads", params={"state": "new", "limit": 1}).json()
    assert [lead["id"] for lead in page["items"]] == [3]
    page = viewer.get("/leads", params={"state": "new", "cursor": page["next_cursor"]}).json()
    assert [lead["id"] for lead in page["items"]] == [1]


def test_of_two_officers_who_move_one_lead_at_once_one_wins(
    as_role: Callable[[str], TestClient], database: Database
) -> None:
    for _ in range(5):
        lead_id = builders.lead(database, "verifying")

        def move(to: str, lead_id: int = lead_id) -> int:
            return as_role("squad").post(f"/leads/{lead_id}/transitions", json={"to": to}).status_code

        with ThreadPoolExecutor(2) as officers:
            statuses = sorted(officers.map(move, ["confirmed", "unfounded"]))
        assert statuses == [200, 409]
        row = database.execute("SELECT count(*) FROM lead_journal WHERE lead_id = %s", (lead_id,)).fetchone()
        assert row == (1,)


def test_of_two_officers_who_acknowledge_at_once_one_is_named(
    as_role: Callable[[str], TestClient], database: Database
) -> None:
    alert_id = builders.alert(database)
    with ThreadPoolExecutor(2) as officers:
        answers = list(
            officers.map(lambda role: as_role(role).post(f"/alerts/{alert_id}/ack"), ["duty", "squad"])
        )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert told(database) == [("alert.updated", alert_id, None)]


def test_work_can_be_given_to_whoever_can_do_something(viewer: TestClient, database: Database) -> None:
    database.execute("UPDATE console_user SET squad = '一中队' WHERE name = 'squad'")
    database.execute("UPDATE console_user SET disabled_at = now() WHERE name = 'reviewer'")
    named = [(one["name"], one["squad"]) for one in viewer.get("/officers").json()]
    assert named == [("squad", "一中队"), ("admin", None), ("duty", None)]


def test_alerts_are_listed_by_their_lead(duty: TestClient, database: Database) -> None:
    alert_id, lead_id = an_alert_with_a_lead(database)
    builders.alert(database)
    (shown,) = duty.get("/alerts", params={"lead_id": lead_id}).json()["items"]
    assert shown["id"] == alert_id
