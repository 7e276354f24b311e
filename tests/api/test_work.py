"""What officers do with alerts and leads."""

import threading
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from alerts.presentation import publish_alert
from tests.api.serving import NOW, Served, add_alert


def events(served: Served) -> list[str]:
    return [row[0] for row in served.sql("SELECT type FROM outbox ORDER BY id")]


def test_an_open_alert_is_acknowledged_once(served: Served) -> None:
    alert_id = add_alert(served)
    with served.sign_in("duty") as client:
        answer = client.post(f"/alerts/{alert_id}/ack")
        again = client.post(f"/alerts/{alert_id}/ack")
    assert (answer.json()["state"], answer.json()["acked_by"]) == ("acked", "duty")
    assert again.status_code == 409
    assert again.json()["state"] == "acked"
    assert events(served) == ["alert.updated"]


def test_an_alert_is_dismissed_with_a_reason(served: Served) -> None:
    with served.sign_in("squad") as client:
        for number, (state, status) in enumerate(
            [("open", 200), ("acked", 200), ("cleared", 200), ("dismissed", 409), ("withdrawn", 409)]
        ):
            alert_id = add_alert(served, state=state, place=str(number))
            assert client.post(f"/alerts/{alert_id}/dismiss").status_code == 422
            answer = client.post(f"/alerts/{alert_id}/dismiss", json={"reason": " 误报 "})
            assert answer.status_code == status
            if status == 200:
                shown = answer.json()
                assert (shown["state"], shown["note"], shown["dismissed_by"]) == (
                    "dismissed",
                    "误报",
                    "squad",
                )


def test_dismissing_an_alert_is_told_in_its_leads_journal(served: Served) -> None:
    alert_id = add_alert(served)
    with served.sign_in("duty") as client:
        lead = client.post("/leads", json={"alerts": [alert_id]}).json()
        client.post(f"/alerts/{alert_id}/dismiss", json={"reason": "误报"})
        journal = client.get(f"/leads/{lead['id']}/journal").json()["items"]
    assert [(entry["action"], entry["actor"]) for entry in journal] == [
        ("opened", "duty"),
        ("alert_dismissed", "duty"),
    ]
    assert journal[1]["detail"] == {"alert_id": alert_id, "reason": "误报"}


def test_a_lead_goes_from_new_to_confirmed(served: Served) -> None:
    ids = [add_alert(served, place=place) for place in "ab"]
    with served.sign_in("duty") as duty, served.sign_in("squad") as squad:
        answer = duty.post("/leads", json={"alerts": ids})
        assert answer.status_code == 201
        lead = answer.json()
        where = f"/leads/{lead['id']}"
        assert answer.headers["location"] == f"/api/v1{where}"
        assert (lead["state"], lead["alerts"], lead["next"], lead["kind"]) == (
            "new",
            ids,
            ["assigned"],
            "off_route",
        )
        assert lead["title"] == "鲁A00000在明水街道偏离核准路线"
        assert squad.get(where).json()["next"] == []
        moved = duty.post(
            f"{where}/transitions", json={"to": "assigned", "note": "请核查", "assignee": "一中队"}
        )
        assert (moved.json()["state"], moved.json()["assignee"]) == ("assigned", "一中队")
        assert duty.post(f"{where}/transitions", json={"to": "verifying"}).status_code == 403
        assert squad.post(f"{where}/transitions", json={"to": "verifying"}).status_code == 200
        assert squad.get(where).json()["next"] == ["unfounded", "confirmed"]
        assert squad.post(f"{where}/transitions", json={"to": "confirmed"}).status_code == 200
        assert squad.post(f"{where}/transitions", json={"to": "new"}).status_code == 409
        journal = squad.get(f"{where}/journal").json()["items"]
        assert [entry["seq"] for entry in journal] == [1, 2, 3, 4]
        assert [entry["prev_hash"] for entry in journal] == ["", *(entry["hash"] for entry in journal[:-1])]
        assert [one["id"] for one in squad.get("/leads", params={"state": "confirmed"}).json()["items"]] == [
            lead["id"]
        ]
        assert squad.get("/leads", params={"state": "new"}).json()["items"] == []
        assert duty.get(f"/alerts/{ids[0]}").json()["lead_id"] == lead["id"]
        assert duty.post("/leads", json={"alerts": ids[:1]}).status_code == 409


def test_of_two_officers_on_one_lead_one_is_told_that_it_moved(served: Served) -> None:
    alert_id = add_alert(served)
    with served.sign_in("duty") as duty, served.sign_in("admin") as admin:
        lead_id = duty.post("/leads", json={"alerts": [alert_id]}).json()["id"]
        together = threading.Barrier(2)
        statuses: list[int] = []

        def move(client: Any) -> None:
            together.wait()
            statuses.append(client.post(f"/leads/{lead_id}/transitions", json={"to": "assigned"}).status_code)

        threads = [threading.Thread(target=move, args=[client]) for client in (duty, admin)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200, 409]
        assert len(duty.get(f"/leads/{lead_id}/journal").json()["items"]) == 2


def test_an_officer_does_not_lose_against_a_writer_who_locks_the_other_way_round(served: Served) -> None:
    first, second = add_alert(served, place="a"), add_alert(served, place="b")
    with served.sign_in("duty") as duty, psycopg.connect(served.database_url) as engine:
        engine.execute("UPDATE alert SET score = 0.6 WHERE id = %s", [second])
        statuses: list[int] = []
        officer = threading.Thread(
            target=lambda: statuses.append(duty.post(f"/alerts/{second}/ack").status_code)
        )
        officer.start()
        while not served.sql("SELECT 1 FROM pg_locks WHERE NOT granted"):
            pass
        try:
            publish_alert(engine, first, "alert.updated")
            engine.commit()
        except psycopg.errors.DeadlockDetected:
            engine.rollback()  # as the collector does: it takes the batch again
        officer.join()
    assert statuses == [200]


def test_alerts_are_listed_newest_first_in_pages_and_filtered(served: Served) -> None:
    ids = [
        add_alert(
            served, place=str(n), opened_at=NOW + timedelta(minutes=n // 2), kind="overspeed" if n % 3 else "off_route",
            severity="major" if n % 2 else "minor", device_id=f"V{n % 2}", evidence=Jsonb({}),
        )
        for n in range(9)
    ]  # fmt: skip
    with served.sign_in("viewer") as client:
        found: list[int] = []
        cursor: str | None = None
        while True:
            page = client.get("/alerts", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
            found += [alert["id"] for alert in page["items"]]
            assert len(page["items"]) <= 2
            if (cursor := page["next_cursor"]) is None:
                break
        assert found == ids[::-1]

        def listed(**wanted: Any) -> list[int]:
            return sorted(alert["id"] for alert in client.get("/alerts", params=wanted).json()["items"])

        assert listed(kind="off_route") == ids[::3]
        assert listed(severity="major") == listed(device_id="V1") == ids[1::2]
        assert listed(state="open") == ids
        assert listed(state="cleared") == []
        begin, end = "2026-11-23T04:01:00Z", "2026-11-23T12:03:00+08:00"
        assert listed(**{"from": begin, "to": end}) == ids[2:6]
        assert client.get("/alerts", params={"kind": "nonsense"}).status_code == 422


def test_the_summary_is_in_the_language_of_the_settings(served: Served) -> None:
    from tests.api.serving import serving

    alert_id = add_alert(served)
    with serving(served.database_url, language="en") as english, english.sign_in("duty") as client:
        shown = client.get(f"/alerts/{alert_id}").json()
        lead = client.post("/leads", json={"alerts": [alert_id]}).json()
    assert (
        shown["summary"]
        == shown["summary_en"]
        == "鲁A00000: off the approved route in 明水街道: up to 240 m off"
    )
    assert shown["summary_zh"].startswith("鲁A00000在明水街道偏离核准路线")
    assert lead["title"] == "鲁A00000: off the approved route in 明水街道"
