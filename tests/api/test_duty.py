"""The duty desk: reasons, groups, time limits, hand-overs, and how often alerts were none."""

from collections.abc import Callable
from datetime import timedelta

from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from alerts import storms
from alerts.casework.duty import escalate
from alerts.casework.leads import open_lead
from tests import builders
from tests.builders import NOON

Database = Connection[TupleRow]
Clients = Callable[[str], TestClient]


def test_a_dismissal_says_why_in_words_and_in_a_code(duty: TestClient, database: Database) -> None:
    alert_id = builders.alert(database)
    answer = duty.post(f"/alerts/{alert_id}/dismiss", json={"code": "traffic", "reason": "路口排队"}).json()
    assert (answer["dismiss_code"], answer["note"], answer["state"]) == ("traffic", "路口排队", "dismissed")
    assert duty.post(f"/alerts/{alert_id}/dismiss", json={"code": "weather"}).status_code == 422


def test_a_group_is_listed_and_decided_as_a_whole(duty: TestClient, database: Database) -> None:
    database.execute("UPDATE storm_brake SET alerts_per_min = 1")
    ids = [builders.alert(database, place=str(n)) for n in range(3)]
    for alert_id in ids:
        storms.hold(database, alert_id, "off_route", NOON)
    (group,) = duty.get("/alerts/groups").json()["items"]
    assert (group["alerts"], group["active"], group["cause"]) == (3, 3, "one_company")
    assert [
        one["id"] for one in duty.get("/alerts", params={"group_id": group["id"]}).json()["items"]
    ] == ids[::-1]
    assert duty.post(f"/alerts/groups/{group['id']}/ack").json() == {"alerts": ids}
    duty.post(f"/alerts/{ids[0]}/dismiss")
    done = duty.post(f"/alerts/groups/{group['id']}/dismiss", json={"code": "register_outdated"}).json()
    assert done == {"alerts": ids[1:]}
    assert duty.get("/alerts/groups").json()["items"][0]["active"] == 0
    assert duty.post("/alerts/groups/99/ack").status_code == 404


def test_the_brake_is_the_offices(as_role: Clients, duty: TestClient, database: Database) -> None:
    assert duty.put("/office/storm-brake", json={"alerts_per_min": 1}).status_code == 403
    assert as_role("admin").put("/office/storm-brake", json={"alerts_per_min": 0}).status_code == 422
    assert as_role("admin").put("/office/storm-brake", json={"alerts_per_min": 50}).status_code == 200
    assert duty.get("/office/storm-brake").json() == {"alerts_per_min": 50}


def test_an_alert_nobody_acknowledges_in_time_is_escalated_once(
    as_role: Clients, duty: TestClient, database: Database
) -> None:
    limit = {"ack_within_s": 60, "escalate_to": "reviewer"}
    assert duty.put("/office/time-limits/minor", json=limit).status_code == 403
    assert as_role("admin").put("/office/time-limits/minor", json=limit).status_code == 200
    long_ago = timedelta(minutes=2)
    late = builders.alert(database, place="late")
    database.execute("UPDATE alert SET recorded_at = now() - %s", (long_ago,))
    builders.alert(database, place="fresh")
    builders.alert(database, place="seen", state="acked")
    database.execute("UPDATE alert SET recorded_at = now() - %s WHERE place = 'seen'", (long_ago,))
    with database.transaction():
        lead_id = open_lead(database, [late])

    assert escalate(database) == [late]
    assert escalate(database) == []

    (shown,) = duty.get("/alerts", params={"escalated": True}).json()["items"]
    assert (shown["id"], shown["escalated_to"]) == (late, "reviewer")
    assert shown["ack_due_at"] < shown["escalated_at"]
    assert duty.get(f"/leads/{lead_id}/journal").json()["items"][-1]["action"] == "alert_escalated"
    told = database.execute("SELECT type FROM outbox WHERE alert_id = %s", (late,)).fetchall()
    assert told == [("alert.updated",)]


def test_a_shift_leaves_what_goes_on_and_another_officer_takes_it(
    as_role: Clients, duty: TestClient, database: Database
) -> None:
    urgent = builders.alert(database, place="a", severity="critical")
    mild = builders.alert(database, place="b")
    builders.alert(database, place="c", state="dismissed")
    database.execute("UPDATE storm_brake SET alerts_per_min = 1")
    held = builders.alert(database, place="d", kind="overspeed")
    builders.alert(database, place="e", kind="overspeed", state="dismissed")
    storms.hold(database, held, "overspeed", NOON)
    lead_id = builders.lead(database, "assigned", due_on="2026-01-05")
    builders.lead(database, "confirmed")

    given = duty.post("/handovers", json={"note": "关注北线"}).json()

    items = given["items"]
    assert [one["id"] for one in items["open"]] == [urgent, mild]
    assert [(one["kind"], one["open"]) for one in items["groups"]] == [("overspeed", 1)]
    assert [(one["id"], one["overdue"]) for one in items["leads"]] == [(lead_id, True)]
    assert duty.post(f"/handovers/{given['id']}/take").status_code == 409
    assert as_role("squad").post(f"/handovers/{given['id']}/take").status_code == 403
    assert as_role("admin").post(f"/handovers/{given['id']}/take").json()["taken_by"] == "admin"
    assert as_role("admin").post(f"/handovers/{given['id']}/take").status_code == 409
    assert as_role("admin").post("/handovers/99/take").status_code == 404
    duty.post(f"/alerts/{mild}/ack")
    later = duty.get("/handovers/draft").json()
    assert later["since"] == given["at"]
    assert ([one["id"] for one in later["open"]], [one["id"] for one in later["acked"]]) == ([urgent], [mild])
    assert duty.get("/handovers").json()["items"][0]["items"]["open"][1]["id"] == mild  # as it stood then


def test_false_alarms_are_counted_by_kind_and_reason(duty: TestClient, database: Database) -> None:
    for n, code in enumerate(["traffic", "traffic", "sensor_fault"]):
        alert_id = builders.alert(database, place=str(n))
        duty.post(f"/alerts/{alert_id}/dismiss", json={"code": code})
    builders.alert(database, place="gone", state="withdrawn")
    builders.alert(database, place="waits")
    for n, state in enumerate(("unfounded", "confirmed", "verifying")):
        builders.alert(database, place=f"lead {n}", lead_id=builders.lead(database, state))
    builders.alert(database, kind="overspeed")
    off_route, overspeed = duty.get("/stats/false-alarms").json()
    assert off_route == {
        "kind": "off_route", "alerts": 8, "withdrawn": 1, "dismissed": 3,
        "dismissed_by_code": {"traffic": 2, "sensor_fault": 1}, "unfounded": 1, "confirmed": 1, "false_share": 0.8,
    }  # fmt: skip
    assert overspeed["false_share"] is None
    assert duty.get("/stats/false-alarms", params={"from": "2027-01-01T00:00:00Z"}).json() == []
