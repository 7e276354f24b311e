"""Credit as the API shows it, standings with a reason, and draws that the command line repeats."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from tests import builders
from tests.service.running import ended, environment

Database = Connection[TupleRow]
Clients = Callable[[str], TestClient]


def penalized(database: Database, as_role: Clients, kind: str = "illegal_dumping") -> int:
    """A lead that was confirmed, and its case decided with a penalty."""
    lead_id = builders.lead(database, "verifying", kind=kind)
    as_role("squad").post(f"/leads/{lead_id}/transitions", json={"to": "confirmed"})
    as_role("squad").post(f"/leads/{lead_id}/transitions", json={"to": "filed"})
    database.execute("UPDATE review_level SET roles = '{reviewer,duty}'")
    levels = as_role("viewer").get(f"/leads/{lead_id}").json()["review_levels"]
    for n, level in enumerate(levels):
        database.execute(
            "INSERT INTO console_user (name, role, password_hash) VALUES (%s, 'reviewer', 'x') ON CONFLICT DO NOTHING",
            (f"r{n}",),
        )
        database.execute(
            "INSERT INTO lead_review (lead_id, round, position, level, verdict, reviewer, note)"
            " VALUES (%s, 1, %s, %s, 'approve', %s, '')",
            (lead_id, n + 1, level, f"r{n}"),
        )
    decision = {"kind": "penalty", "amount_yuan": 5000}
    done = as_role("reviewer").post(
        f"/leads/{lead_id}/transitions", json={"to": "decided", "decision": decision}
    )
    assert done.status_code == 200
    return lead_id


def test_the_lowest_comes_first_with_each_point_and_three_penalties_are_a_proposal(
    as_role: Clients, viewer: TestClient, database: Database
) -> None:
    leads = [penalized(database, as_role) for _ in range(2)]
    assert viewer.get("/credit/proposals").json() == []
    leads.append(penalized(database, as_role, "off_route"))
    first, second = viewer.get("/credit/companies").json()
    assert (first["id"], first["score"], first["grade"], first["penalties"]) == ("C1", 25, "D", 3)
    assert {trace["lead_id"] for trace in first["traces"]} == set(leads)
    assert (second["id"], second["score"], second["traces"]) == ("C2", 100, [])
    proposed = viewer.get("/credit/proposals").json()
    assert [(one["subject"], one["id"], one["leads"]) for one in proposed] == [
        ("companies", "C1", leads), ("vehicles", "鲁A00000", leads),
    ]  # fmt: skip
    assert "第四十三条" in proposed[0]["basis"]
    # Never by itself.
    assert database.execute("SELECT status FROM company WHERE company_id = 'C1'").fetchone() == ("active",)
    assert viewer.get("/credit/outlets").json()[0]["score"] == 100
    assert viewer.get("/credit/scheme").json()["full"] == 100


def test_an_officer_suspends_with_a_reason_that_the_register_keeps(
    as_role: Clients, viewer: TestClient, database: Database
) -> None:
    body = {"status": "suspended", "reason": "整改期间"}
    assert as_role("duty").post("/directory/companies/C1/standing", json=body).status_code == 403
    assert (
        as_role("reviewer").post("/directory/companies/C1/standing", json={"status": "exited"}).status_code
        == 422
    )
    done = as_role("reviewer").post("/directory/companies/C1/standing", json=body).json()
    assert done["registry_version"] == 2
    assert database.execute("SELECT actor, note FROM registry_version WHERE version = 2").fetchone() == (
        "reviewer", "suspended: 整改期间",
    )  # fmt: skip
    assert viewer.get("/companies").json()["items"][0]["status"] == "suspended"
    vehicle = as_role("reviewer").post(
        "/directory/vehicles/鲁A00000/standing", json={**body, "status": "exited"}
    )
    assert vehicle.json()["status"] == "exited"
    assert as_role("reviewer").post("/directory/vehicles/none/standing", json=body).status_code == 404


def test_reviews_that_are_due_make_a_work_list(viewer: TestClient, database: Database) -> None:
    with database.transaction():
        database.execute("INSERT INTO registry_version (actor) VALUES ('x')")
        database.execute("SELECT set_config('fleetfume.registry_version', '2', true)")
        database.execute("UPDATE company SET review_due = current_date - 1 WHERE company_id = 'C1'")
        database.execute("UPDATE company SET review_due = current_date + 60 WHERE company_id = 'C2'")
    assert [(one["company_id"], one["overdue"]) for one in viewer.get("/directory/reviews-due").json()] == [
        ("C1", True)
    ]
    both = viewer.get("/directory/reviews-due", params={"within_days": 90}).json()
    assert [one["overdue"] for one in both] == [True, False]


def test_a_draw_is_kept_and_repeated_by_anyone(
    as_role: Clients, viewer: TestClient, database: Database, database_url: str, tmp_path: Path
) -> None:
    body = {"targets": "vehicles", "seed": "3D 2026318 期 5 0 7", "count": 1, "officers_each": 1}
    assert viewer.post("/draws", json=body).status_code == 403
    made = as_role("reviewer").post("/draws", json=body)
    assert (made.status_code, made.json()["record"]["drawn"][0]["officers"]) == (201, ["squad"])
    assert viewer.get("/draws").json()["items"] == [viewer.get(f"/draws/{made.json()['id']}").json()]
    assert as_role("reviewer").post("/draws", json={**body, "count": 99}).status_code == 422
    assert viewer.get("/draws/99").status_code == 404

    def fleetfume(*arguments: str, url: str = database_url) -> subprocess.CompletedProcess[str]:
        return ended("draw", *arguments, env=environment(tmp_path, database_url=url))

    record = tmp_path / "draw.json"
    record.write_text(json.dumps(made.json()["record"]))
    elsewhere = "postgresql://nobody@127.0.0.1:1/nothing"
    assert fleetfume("verify", str(record), url=elsewhere).returncode == 0
    record.write_text(record.read_text().replace("5 0 7", "5 0 8"))
    refused = fleetfume("verify", str(record), url=elsewhere)
    assert refused.returncode == 1
    again = fleetfume("outlets", "--seed", "s", "--count", "2", "--officers", "1", "-o", str(record))
    assert (again.returncode, again.stdout.count("squad")) == (0, 2)
    assert fleetfume("verify", str(record)).returncode == 0
    assert fleetfume("outlets", "--seed", "", "-o", str(record)).returncode == 1
    drawn = len(viewer.get("/draws").json()["items"])
    nowhere = fleetfume(
        "outlets", "--seed", "s", "--count", "1", "--officers", "1", "-o", str(tmp_path / "no" / "x")
    )
    assert (nowhere.returncode, len(nowhere.stderr.splitlines())) == (2, 1)
    assert len(viewer.get("/draws").json()["items"]) == drawn  # a draw without a record is none
