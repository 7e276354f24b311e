"""A lead's whole way: filed, signed off by five who had no part in it, decided, closed; and every way aside."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from alerts.casework.leads import open_lead
from api.auth import issue_token
from api.keys import Keys
from tests import builders

Database = Connection[TupleRow]
Clients = Callable[[str], TestClient]
LEVELS = ("handler", "squad_leader", "legal", "deputy_director", "case_committee")


@pytest.fixture
def reviewers(database: Database) -> list[str]:
    """Five reviewers and a second squad officer beside the users named as their roles."""
    names = [f"r{n}" for n in range(1, 6)]
    for name, role in [*((name, "reviewer") for name in names), ("squad2", "squad")]:
        database.execute(
            "INSERT INTO console_user (name, role, password_hash) VALUES (%s, %s, 'x')", (name, role)
        )
    return names


@pytest.fixture
def as_user(anyone: TestClient, app: FastAPI, database: Database) -> Clients:
    key = Keys().token(database)

    def client(name: str) -> TestClient:
        return TestClient(
            app,
            base_url="http://testserver/api/v1",
            headers={"Authorization": f"Bearer {issue_token(key, name)}"},
        )

    return client


def step(client: TestClient, lead_id: int, **body: Any) -> Any:
    return client.post(f"/leads/{lead_id}/transitions", json=body)


def sign(client: TestClient, lead_id: int, level: str, verdict: str = "approve") -> Any:
    return step(client, lead_id, to="review", level=level, verdict=verdict, note="意见")


def test_a_filed_case_is_signed_off_level_by_level_decided_and_closed(
    as_user: Clients, reviewers: list[str], database: Database
) -> None:
    lead_id = builders.lead(database, "confirmed")
    filed = step(as_user("squad"), lead_id, to="filed", note="立案").json()
    assert (filed["state"], filed["review_levels"], filed["next_level"]) == ("filed", list(LEVELS), "handler")
    assert filed["due_basis"].startswith("《行政处罚法》第六十条")
    early = step(as_user("r1"), lead_id, to="decided")
    assert (early.status_code, "handler, squad_leader" in early.json()["detail"]) == (409, True)
    for name, level in zip(reviewers, LEVELS, strict=True):
        before = as_user(name).get(f"/leads/{lead_id}").json()
        assert (before["next_level"], "review" in before["next"]) == (level, True)
        assert sign(as_user(name), lead_id, level).status_code == 200
    signed = as_user("r5").get(f"/leads/{lead_id}").json()
    assert (signed["state"], signed["next_level"], "decided" in signed["next"]) == ("filed", None, True)
    decided = step(
        as_user("r5"), lead_id, to="decided", note="决定",
        decision={"kind": "penalty", "amount_yuan": 20000, "document_no": "济章城罚〔2026〕1号"},
    ).json()  # fmt: skip
    assert (decided["state"], decided["decision"]["amount_yuan"]) == ("decided", 20000)
    closed = step(as_user("squad"), lead_id, to="closed", outcome="executed").json()
    assert (closed["state"], closed["outcome"], closed["due_on"]) == ("closed", "executed", None)
    entries = as_user("viewer").get(f"/leads/{lead_id}/journal").json()["items"]
    assert [entry["detail"].get("level") or entry["detail"].get("to") for entry in entries] == [
        "filed", *LEVELS, "decided", "closed",
    ]  # fmt: skip


def test_nobody_reviews_their_own_step(as_user: Clients, reviewers: list[str], database: Database) -> None:
    lead_id = builders.lead(database, "confirmed")  # verified and confirmed by "squad"
    step(as_user("r1"), lead_id, to="filed")
    refused = sign(as_user("squad"), lead_id, "handler")
    assert (refused.status_code, "nobody reviews their own step" in refused.json()["detail"]) == (403, True)
    assert "review" not in as_user("squad").get(f"/leads/{lead_id}").json()["next"]
    assert sign(as_user("squad2"), lead_id, "handler").status_code == 200
    assert sign(as_user("squad2"), lead_id, "squad_leader").status_code == 403  # not that role
    assert sign(as_user("r2"), lead_id, "squad_leader").status_code == 200
    assert sign(as_user("duty"), lead_id, "legal").status_code == 403
    assert sign(as_user("r3"), lead_id, "deputy_director").status_code == 409  # not its turn
    assert step(as_user("r3"), lead_id, to="review", level="legal").status_code == 422


def test_who_files_a_case_is_its_handler_and_signs_as_such(
    as_user: Clients, reviewers: list[str], database: Database
) -> None:
    lead_id = builders.lead(database, "confirmed")
    assert "review" in step(as_user("r1"), lead_id, to="filed").json()["next"]
    for level in LEVELS:
        assert sign(as_user("r1"), lead_id, level).status_code == 200


def test_one_reviewer_may_sign_every_level_unless_the_office_wants_another_person_each(
    as_user: Clients, reviewers: list[str], database: Database
) -> None:
    lead_id = builders.lead(database, "filed")
    for level in LEVELS[:3]:
        assert sign(as_user("r1"), lead_id, level).status_code == 200
    assert as_user("reviewer").put("/office/review-rules", json={"distinct_people": True}).status_code == 403
    assert as_user("admin").put("/office/review-rules", json={"distinct_people": True}).status_code == 200
    assert as_user("viewer").get("/office/review-rules").json() == {"distinct_people": True}
    refused = sign(as_user("r1"), lead_id, "deputy_director")
    assert (refused.status_code, "another person's" in refused.json()["detail"]) == (403, True)
    assert "review" not in as_user("r1").get(f"/leads/{lead_id}").json()["next"]
    assert sign(as_user("r2"), lead_id, "deputy_director").status_code == 200
    as_user("admin").put("/office/review-rules", json={"distinct_people": False})
    assert "review" in as_user("r1").get(f"/leads/{lead_id}").json()["next"]
    assert sign(as_user("r1"), lead_id, "case_committee").status_code == 200
    assert step(as_user("r1"), lead_id, to="decided").json()["state"] == "decided"


@pytest.mark.parametrize("distinct", [False, True])
def test_of_two_people_who_take_turns_none_signs_the_round_twice_if_each_level_is_anothers(
    as_user: Clients, reviewers: list[str], database: Database, distinct: bool
) -> None:
    """A person who signed before is refused wherever in the round that was, and may sign again in the next round."""
    as_user("admin").put("/office/review-rules", json={"distinct_people": distinct})
    lead_id = builders.lead(database, "filed")
    sign(as_user("r1"), lead_id, "handler")
    sign(as_user("r2"), lead_id, "squad_leader")
    assert sign(as_user("r1"), lead_id, "legal", "return").status_code == (403 if distinct else 200)
    if distinct:
        sign(as_user("r3"), lead_id, "legal", "return")
    assert sign(as_user("r2"), lead_id, "handler").status_code == 200


def test_a_return_begins_the_levels_anew(as_user: Clients, reviewers: list[str], database: Database) -> None:
    lead_id = builders.lead(database, "filed")
    sign(as_user("r1"), lead_id, "handler")
    sign(as_user("r2"), lead_id, "squad_leader")
    returned = sign(as_user("r3"), lead_id, "legal", "return").json()
    assert (returned["state"], returned["next_level"], returned["review_round"]) == ("filed", "handler", 2)
    assert sign(as_user("r1"), lead_id, "handler").status_code == 200
    assert [
        (one["round"], one["level"], one["verdict"])
        for one in as_user("r1").get(f"/leads/{lead_id}").json()["reviews"]
    ] == [
        (1, "handler", "approve"),
        (1, "squad_leader", "approve"),
        (1, "legal", "return"),
        (2, "handler", "approve"),
    ]


def test_the_list_of_levels_is_the_offices_and_a_filed_case_keeps_its_own(
    as_user: Clients, reviewers: list[str], database: Database
) -> None:
    old = builders.lead(database, "filed")
    two = [
        {"level": "handler", "label_zh": "承办人", "label_en": "Handler", "roles": ["squad", "reviewer"]},
        {"level": "director", "label_zh": "局长", "label_en": "Director", "roles": ["reviewer"]},
    ]
    assert as_user("reviewer").put("/office/review-levels", json=two).status_code == 403
    assert as_user("admin").put("/office/review-levels", json=two).json() == two
    assert as_user("admin").put("/office/review-levels", json=[two[0], two[0]]).status_code == 422
    new = builders.lead(database, "filed")
    assert as_user("r1").get(f"/leads/{old}").json()["review_levels"] == list(LEVELS)
    assert as_user("r1").get(f"/leads/{new}").json()["review_levels"] == ["handler", "director"]
    sign(as_user("r1"), new, "handler")
    sign(as_user("r2"), new, "director")
    assert step(as_user("r2"), new, to="decided").json()["state"] == "decided"


def test_a_transfer_names_its_receiver_and_may_come_back(as_user: Clients, database: Database) -> None:
    lead_id = builders.lead(database, "confirmed")
    sent = step(as_user("duty"), lead_id, to="transferred", note="请依法处理").json()
    assert (sent["state"], sent["receiver"]) == ("transferred", "traffic_police")
    back = step(as_user("duty"), lead_id, to="confirmed", note="不属本单位管辖").json()
    assert (back["state"], back["handled_by"]) == ("confirmed", ["squad"])
    chosen = step(as_user("squad"), lead_id, to="transferred", receiver="procuratorate").json()
    assert chosen["receiver"] == "procuratorate"
    step(as_user("squad"), lead_id, to="confirmed")
    assert (
        step(as_user("squad"), lead_id, to="transferred", assignee="ecology").json()["receiver"] == "ecology"
    )
    assert (
        step(as_user("squad"), lead_id, to="closed", outcome="feedback_received").json()["state"] == "closed"
    )


def test_what_is_unfounded_or_closed_is_reopened_by_the_duty_officer(
    as_user: Clients, database: Database
) -> None:
    database.execute("UPDATE console_user SET squad = '二中队' WHERE name = 'squad'")
    lead_id = builders.lead(database, "unfounded")
    assert step(as_user("squad"), lead_id, to="assigned").status_code == 403
    again = step(as_user("duty"), lead_id, to="assigned", note="新线索").json()
    assert (again["state"], again["assignee"]) == ("assigned", "一中队")  # the squad of the place
    other = (
        as_user("duty").post(f"/leads/{lead_id}/assignee", json={"assignee": "二中队", "note": "换班"}).json()
    )
    assert (other["state"], other["assignee"]) == ("assigned", "二中队")


def test_a_lead_is_given_to_a_user_a_squad_or_whom_a_squad_sends_but_to_nobody_who_was_disabled(
    as_user: Clients, database: Database
) -> None:
    database.execute("INSERT INTO console_user (name, role, password_hash) VALUES ('squad1', 'squad', 'x')")
    for name in ("squad1", "一中队", "协管员老李"):
        lead_id = builders.lead(database)
        assert step(as_user("duty"), lead_id, to="assigned", assignee=name).json()["assignee"] == name
    assert as_user("duty").post(f"/leads/{lead_id}/assignee", json={"assignee": " "}).status_code == 422
    database.execute("UPDATE console_user SET disabled_at = now() WHERE name = 'squad1'")
    refused = step(as_user("duty"), builders.lead(database), to="assigned", assignee="squad1")
    assert (refused.status_code, refused.headers["Content-Type"]) == (422, "application/problem+json")
    assert "'squad1' is disabled" in refused.json()["detail"]
    assert as_user("duty").post(f"/leads/{lead_id}/assignee", json={"assignee": "squad1"}).status_code == 422


def lead_of(database: Database, *places: str) -> tuple[int, list[int]]:
    with database.transaction():
        alerts = [builders.alert(database, place=place) for place in places]
        lead_id = open_lead(database, alerts)
    assert lead_id is not None
    return lead_id, alerts


def test_leads_are_merged_and_split_and_no_alert_is_left_behind(duty: TestClient, database: Database) -> None:
    one, alerts_one = lead_of(database, "a", "b")
    two, alerts_two = lead_of(database, "c")
    merged = duty.post(f"/leads/{one}/merge", json={"leads": [two], "note": "同车"}).json()
    assert merged["alerts"] == [*alerts_one, *alerts_two]
    gone = duty.get(f"/leads/{two}").json()
    assert (gone["state"], gone["merged_into"], gone["next"], gone["alerts"]) == ("closed", one, [], [])
    assert step(duty, two, to="assigned").status_code == 409
    assert duty.post(f"/leads/{one}/merge", json={"leads": [two]}).status_code == 409
    made = duty.post(f"/leads/{one}/split", json={"alerts": alerts_one[:1], "note": "另案"})
    assert (made.status_code, made.json()["split_from"], made.json()["alerts"]) == (201, one, alerts_one[:1])
    assert duty.get(f"/leads/{one}").json()["alerts"] == [alerts_one[1], *alerts_two]
    assert duty.post(f"/leads/{one}/split", json={"alerts": [alerts_one[1], *alerts_two]}).status_code == 409
    assert duty.post(f"/leads/{one}/split", json={"alerts": alerts_one[:1]}).status_code == 404
    actions = [entry["action"] for entry in duty.get(f"/leads/{one}/journal").json()["items"]]
    assert actions == ["opened", "took_in", "split"]


def test_notes_and_findings_go_into_the_journal(
    squad: TestClient, viewer: TestClient, database: Database
) -> None:
    lead_id = builders.lead(database, "verifying")
    squad.post(f"/leads/{lead_id}/notes", json={"kind": "finding", "text": "现场有新鲜渣土约 20 方"})
    assert viewer.post(f"/leads/{lead_id}/notes", json={"text": "x"}).status_code == 403
    (entry,) = squad.get(f"/leads/{lead_id}/journal").json()["items"]
    assert (entry["action"], entry["detail"]) == ("finding", {"note": "现场有新鲜渣土约 20 方"})


def test_leads_are_found_by_squad_and_by_what_is_overdue(viewer: TestClient, database: Database) -> None:
    late = builders.lead(database, due_on="2026-01-05")
    builders.lead(database, squad="二中队")
    assert [lead["id"] for lead in viewer.get("/leads", params={"overdue": True}).json()["items"]] == [late]
    assert [lead["id"] for lead in viewer.get("/leads", params={"squad": "一中队"}).json()["items"]] == [late]


# What the database refuses, whoever asks.


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO lead (kind, severity, created_by, state) VALUES ('off_route', 'minor', 'x', 'decided')",
        "UPDATE lead SET state = 'confirmed', moved_by = 'squad' WHERE id = 1",
        "UPDATE lead SET state = 'assigned', moved_by = 'squad' WHERE id = 1",
        "UPDATE lead SET state = 'assigned', moved_by = 'nobody' WHERE id = 1",
        "UPDATE lead SET state = 'assigned' WHERE id = 1",
        "UPDATE lead SET handled_by = '{}' WHERE id = 2",
        "UPDATE lead SET state = 'decided', moved_by = 'admin' WHERE id = 2",
        "UPDATE lead SET state = 'transferred', moved_by = 'squad' WHERE id = 2",
        (
            "INSERT INTO lead_review (lead_id, round, position, level, verdict, reviewer, note)"
            " VALUES (2, 1, 1, 'handler', 'approve', 'squad', '')"
        ),
        (
            "INSERT INTO lead_review (lead_id, round, position, level, verdict, reviewer, note)"
            " VALUES (2, 1, 2, 'squad_leader', 'approve', 'reviewer', '')"
        ),
        (
            "INSERT INTO lead_review (lead_id, round, position, level, verdict, reviewer, note)"
            " VALUES (2, 1, 1, 'handler', 'approve', 'duty', '')"
        ),
        (
            "INSERT INTO lead_review (lead_id, round, position, level, verdict, reviewer, note)"
            " VALUES (1, 0, 1, 'handler', 'approve', 'reviewer', '')"
        ),
        (
            "INSERT INTO lead_journal (lead_id, seq, at, actor, action, detail, prev_hash, hash)"
            " VALUES (1, 2, now(), 'x', 'note', '{}', '', 'h')"
        ),
        "UPDATE lead SET merged_into = 1, state = 'closed', moved_by = 'duty' WHERE id = 2",
    ],
)
def test_the_database_refuses_what_the_code_would_never_ask_for(database: Database, statement: str) -> None:
    assert (builders.lead(database), builders.lead(database, "filed")) == (1, 2)
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute(statement)


def test_the_database_lets_nobody_sign_twice_where_each_level_is_anothers(database: Database) -> None:
    builders.lead(database, "filed")
    database.execute("UPDATE review_rule SET distinct_people = true")
    insert = (
        "INSERT INTO lead_review (lead_id, round, position, level, verdict, reviewer, note)"
        " VALUES (1, 1, %s, %s, 'approve', %s, '')"
    )
    database.execute(insert, (1, "handler", "reviewer"))
    with pytest.raises(psycopg.errors.CheckViolation, match="has signed lead 1 already"):
        database.execute(insert, (2, "squad_leader", "reviewer"))
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        database.execute("DELETE FROM lead_review")
