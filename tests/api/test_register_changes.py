"""An admin changes the register row by row: checked, kept and judged by as an import is."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, LiteralString
from urllib.parse import quote

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from devices.nouns import NOUN_OF, NOUNS, Noun
from devices.repository import load_registry
from devices.types import Road
from tests.api.test_lists import everything
from tests.builders import ROLES
from tests.devices.builders import LINE
from tests.ingest.test_pipeline import BEGIN_S, drive, of, pipeline
from tests.parts.postgres import fresh_database

Clients = Callable[[str], TestClient]
Database = Connection[TupleRow]


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with fresh_database(request.getfixturevalue(getattr(request, "param", "timescaledb"))) as url:
        yield url


WAITING: LiteralString = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'registry_version'::regclass"

on_both_servers = pytest.mark.parametrize("database_url", ["timescaledb", "embedded_server"], indirect=True)


@pytest.fixture
def admin(as_role: Clients) -> TestClient:
    return as_role("admin")


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    with psycopg.connect(database.info.dsn) as connection:
        yield connection


def path_of(noun: Noun, row: Any) -> str:
    return f"/{noun.name}/{quote(row[noun.key], safe='')}"


def history(database: Database, noun: str, key: str) -> list[tuple[Any, ...]]:
    return database.execute(
        """
        SELECT v.actor, v.note, h.row IS NULL
          FROM registry_history h JOIN registry_version v USING (version)
         WHERE h.entity = %s AND h.key = %s ORDER BY h.id
        """,
        (noun, key),
    ).fetchall()


def shown(admin: TestClient, noun: Noun) -> list[dict[str, Any]]:
    return everything(admin, f"/{noun.name}")[0]


@on_both_servers
def test_what_get_shows_of_every_noun_is_put_back_unchanged_and_posted_again(
    admin: TestClient, database: Database
) -> None:
    with database.transaction():
        database.execute("SELECT set_config('fleetfume.registry_version', '1', true)")
        database.execute("UPDATE permit SET plates = '{鲁A00000,鲁A00001}', hours = '22:00-06:00'")
    road = Road(road_id="W/1", name="经十东路", geometry=LINE, speed_limit_kmh=60.0)
    assert (
        admin.post("/roads", json={"road_id": "W/1", "name": "经十东路", "geometry": LINE}).status_code == 201
    )
    assert admin.put("/roads/W/1", json={"name": road.name, "geometry": LINE, "speed_limit_kmh": 60}).json() == {
        "road_id": "W/1", "name": "经十东路", "corridor_m": 30.0, "speed_limit_kmh": 60.0, "geometry": LINE,
    }  # fmt: skip
    before = load_registry(database)
    assert before.roads == {"W/1": road}
    for noun in NOUNS:
        rows = shown(admin, noun)
        assert rows
        for row in rows:
            assert admin.get(path_of(noun, row)).json() == row
            answer = admin.put(path_of(noun, row), json=row)
            assert answer.status_code == 200, (noun.name, answer.text)
            assert answer.json() == {name: row[name] for name in answer.json()}
    assert load_registry(database) == before  # equal rows make no version
    # From those that refer to others to those they refer to, and back.
    removed = []
    for noun in reversed(NOUNS):
        for row in shown(admin, noun):
            removed.append((noun, row))
            assert admin.delete(path_of(noun, row)).status_code == 204
            assert admin.get(path_of(noun, row)).status_code == 404
    for noun, row in reversed(removed):
        answer = admin.post(f"/{noun.name}", json=row)
        assert answer.status_code == 201, (noun.name, answer.text)
        assert answer.headers["Location"] == f"/api/v1{path_of(noun, row)}"
    assert replace(load_registry(database), version=before.version) == before


def test_a_change_is_one_version_with_its_author_in_history_and_audit(
    admin: TestClient, database: Database
) -> None:
    company = {"company_id": "C3", "name": "新公司", "kind": "construction", "status": "active"}
    assert admin.post("/companies", json=company).status_code == 201
    assert admin.put("/companies/C3", json={**company, "phone": "1"}).json()["phone"] == "1"
    assert admin.put("/companies/C3", json=company).json()["phone"] is None
    assert admin.delete("/companies/C3").status_code == 204
    assert history(database, "company", "C3") == [
        ("admin", "POST companies C3", False), ("admin", "PUT companies C3", False),
        ("admin", "PUT companies C3", False), ("admin", "DELETE companies C3", True),
    ]  # fmt: skip
    assert load_registry(database).version == 5
    audited = database.execute("SELECT who, method, path FROM audit ORDER BY id").fetchall()
    assert audited[0] == ("admin", "POST", "/api/v1/companies")
    assert audited[-1] == ("admin", "DELETE", "/api/v1/companies/C3")


def refused(answer: Any, status: int) -> str:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), (
        answer.text
    )
    return str(answer.json()["detail"])


def test_what_is_there_already_or_is_not_there_is_refused(admin: TestClient, database: Database) -> None:
    for noun in NOUNS:
        if noun.name != "roads":
            row = shown(admin, noun)[0]
            assert repr(row[noun.key]) in refused(admin.post(f"/{noun.name}", json=row), 409)
            absent = {**row, noun.key: "none"}
            assert "'none'" in refused(admin.put(f"/{noun.name}/none", json=absent), 404)
        assert "'none'" in refused(admin.delete(f"/{noun.name}/none"), 404)
    assert load_registry(database).version == 1


def test_a_row_that_others_refer_to_stays_and_they_are_named(admin: TestClient, database: Database) -> None:
    said = refused(admin.delete("/companies/C1"), 409)
    assert "'C1'" in said
    assert "vehicles in the database, '鲁A00001' (company_id)" in said
    assert "permits in the database, 'P1' (company_id)" in said
    assert "'V0' (bound_to)" in refused(admin.delete("/vehicles/鲁A00000"), 409)
    for path in ("/sites/PIT", "/sites/TIP", "/routes/ROAD", "/outlets/R0"):
        refused(admin.delete(path), 409)
    assert load_registry(database).version == 1


TURNED = {
    "type": "Polygon", "coordinates": [[[36.7, 117.5], [36.8, 117.5], [36.8, 117.6], [36.7, 117.5]]]
}  # fmt: skip
BAD_ROWS: list[tuple[str, dict[str, Any], str, str]] = [
    ("companies", {"kind": "building"}, "kind", "'building' is none of construction, decoration"),
    ("companies", {"name": " "}, "name", "is empty, and must be known"),
    ("companies", {"owner": "x"}, "owner", "is not known here; known are company_id"),
    ("companies", {"company_id": "C9"}, "company_id", "the path says 'C1'; a row keeps its key"),
    ("companies", {"review_due": "2026-02-30"}, "review_due", "there is no day 2026-02-30"),
    ("vehicles", {"company_id": "C9"}, "company_id", "there is no company_id 'C9' in companies"),
    ("vehicles", {"capacity_m3": -1}, "capacity_m3", "'-1' is negative"),
    ("sites", {"geometry": TURNED}, "geometry", "lat before lon"),
    ("sites", {"geometry": None}, "geometry", "must be Polygon"),
    ("routes", {"corridor_m": 0}, "corridor_m", "it must be more than 0"),
    ("jurisdictions", {"geometry": LINE}, "geometry", "must be Polygon"),
    ("permits", {"plates": ["鲁A00000", "鲁A77777"]}, "plates", "there is no plate '鲁A77777' in vehicles"),
    ("permits", {"plates": ["鲁A00000", 7]}, "plates", "'7' must be text"),
    ("permits", {"plates": ["鲁A00000", "鲁A00000"]}, "plates", "stands there twice"),
    ("permits", {"valid_to": "2019-12-31"}, "valid_to", "is before valid_from"),
    ("permits", {"hours": "25:00-26:00"}, "hours", "25:00"),
    ("outlets", {"lat": None}, "lat", "is empty, and lon is not"),
    ("devices", {"bound_to": "R9"}, "bound_to", "there is no outlet_id 'R9' in outlets"),
]  # fmt: skip
"""Noun, what is changed in its first row, the field and the reason that are named."""


def test_a_bad_row_is_refused_with_field_and_reason(admin: TestClient, database: Database) -> None:
    for noun, change, field, reason in BAD_ROWS:
        row = shown(admin, NOUN_OF[noun])[0]
        answer = admin.put(path_of(NOUN_OF[noun], row), json={**row, **change})
        assert reason in refused(answer, 422)
        assert [error["loc"] for error in answer.json()["errors"]] == [["body", field]]
    assert load_registry(database).version == 1


def test_a_body_that_is_no_row_is_refused(admin: TestClient) -> None:
    for body in (
        "",
        "[]",
        "7",
        "{",
        "{}",
        '{"\\ud800": 1}',
        '{"company_id": "\\u0000"}',
        '{"capacity_m3": NaN}',
    ):
        answer = admin.post("/companies", content=body, headers={"Content-Type": "application/json"})
        refused(answer, 422)


def test_the_outline_of_a_whole_district_may_be_sent(admin: TestClient) -> None:
    area = shown(admin, NOUN_OF["jurisdictions"])[0]
    (ring,) = area["geometry"]["coordinates"]
    steps = 20_000
    (lon, lat), (east, _) = ring[0], ring[1]
    edge = [[lon + (east - lon) * n / steps, lat] for n in range(steps)]
    fine = {**area, "geometry": {"type": "Polygon", "coordinates": [[*edge, *ring[1:]]]}}
    assert admin.put(f"/jurisdictions/{area['code']}", json=fine).status_code == 200


def test_only_an_admin_changes_the_register(as_role: Clients, database: Database) -> None:
    for role in set(ROLES) - {"admin"}:
        for noun in NOUNS:
            for method, path in (("POST", ""), ("PUT", "/none"), ("DELETE", "/none")):
                refused(as_role(role).request(method, f"/{noun.name}{path}", json={}), 403)
    assert load_registry(database).version == 1


@on_both_servers
def test_of_changes_at_once_none_is_lost(admin: TestClient, database: Database) -> None:
    company = {"company_id": "C9", "name": "并发公司", "kind": "construction", "status": "active"}
    answers: list[int] = []

    def post(n: int) -> None:
        answers.append(
            admin.post("/companies", json={**company, "company_id": f"C{90 + n // 2}"}).status_code
        )

    threads = [threading.Thread(target=post, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [201] * 4 + [409] * 4
    assert {f"C{90 + n}" for n in range(4)} < load_registry(database).companies.keys()
    assert load_registry(database).version == 5


def test_a_standing_and_a_cleaning_do_not_undo_what_is_changed_meanwhile(
    admin: TestClient, database: Database, other: Database
) -> None:
    """They change one column of a row that somebody else may be changing."""

    def meanwhile(path: str, body: dict[str, Any], change: LiteralString) -> None:
        other.execute("LOCK TABLE registry_version IN SHARE ROW EXCLUSIVE MODE")  # somebody writes
        sent = threading.Thread(target=admin.post, args=(path,), kwargs={"json": body})
        sent.start()
        while database.execute(WAITING).fetchone() is None:
            assert sent.is_alive()
            time.sleep(0.01)
        other.execute("SELECT set_config('fleetfume.registry_version', '1', true)")
        other.execute(change)
        other.commit()
        sent.join()

    meanwhile(
        "/directory/companies/C1/standing",
        {"status": "suspended", "reason": "整改期间"},
        "UPDATE company SET phone = '0531-1' WHERE company_id = 'C1'",
    )
    meanwhile(
        "/outlets/R0/cleanings",
        {"cleaned_on": "2025-11-20"},
        "UPDATE outlet SET address = '新址' WHERE outlet_id = 'R0'",
    )
    after = load_registry(database)
    assert (after.companies["C1"].status, after.companies["C1"].phone) == ("suspended", "0531-1")
    assert (str(after.outlets["R0"].cleaned_on), after.outlets["R0"].address) == ("2025-11-20", "新址")


def test_a_company_that_is_suspended_may_not_haul_from_the_next_reading_on(
    admin: TestClient, database: Database
) -> None:
    """The register is the one of the reading's time, and the time here is the real one."""
    line = pipeline()
    database.execute("UPDATE registry_version SET at = at - interval '1 day'")

    def haul(device_id: str, begin_s: float) -> list[str]:
        to_the_tip = drive(
            [(0, 0, 0, 0.0), (120, 0, 0, 0.9), (240, 0, 0, 0.9), (960, 6000, 0, 0.9), (1100, 6000, 0, 0.9)]
        )
        fixes = [{**fix, "ts": int(fix["ts"] - BEGIN_S + begin_s)} for fix in to_the_tip]
        delivery = replace(of("vehicle", device_id, fixes), received_us=int(begin_s + 3600) * 1_000_000)
        line.process(database, [delivery])
        return [
            row[0] for row in database.execute("SELECT kind FROM alert WHERE device_id = %s", (device_id,))
        ]

    assert haul("V0", time.time() - 7200) == []
    company = admin.get("/companies/C1").json()
    assert admin.put("/companies/C1", json={**company, "status": "suspended"}).status_code == 200
    assert "unpermitted_haul" in haul("V1", time.time() + 60)


def test_the_description_says_what_a_row_is(anyone: TestClient) -> None:
    paths = anyone.get("/api/v1/openapi.json").json()["paths"]
    for noun in NOUNS:
        post = paths[f"/api/v1/{noun.name}"]["post"]
        put = paths[f"/api/v1/{noun.name}/{{{noun.key}}}"]["put"]
        sent = post["requestBody"]["content"]["application/json"]["schema"]
        assert sent["required"] == sorted([*noun.required, *(["geometry"] if noun.shapes else [])])
        assert set(sent["properties"]) >= set(noun.columns)
        for answer in (post["responses"]["201"], put["responses"]["200"]):
            assert "$ref" in answer["content"]["application/json"]["schema"]
