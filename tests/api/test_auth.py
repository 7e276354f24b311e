"""Who is let in, who may do what, and how refusals look."""

import itertools
import time
from collections.abc import Callable

import argon2
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from api.auth import TOKEN_LIFE_S, issue_token
from api.keys import Keys
from api.users import NOBODY
from tests import builders
from tests.builders import PASSWORD, ROLES

READS = (
    "/me", "/labels", "/vehicles", "/vehicles/latest", "/vehicles/鲁A00000", "/vehicles/鲁A00000/track",
    "/companies", "/sites", "/routes", "/roads", "/jurisdictions", "/permits", "/devices", "/outlets",
    "/outlets/R0", "/outlets/R0/readings", "/outlets/R0/means", "/alerts", "/alerts/1", "/leads", "/leads/1",
    "/leads/1/journal", "/quarantine", "/devices/V0/faults", "/stats/overview",
)  # fmt: skip

# Who gets past the role check; 404 and 409 say that the request was looked at.
WRITES = {
    ("/alerts/1/ack", ""): {"duty", "squad", "admin"},
    ("/alerts/1/dismiss", '{"reason": "test"}'): {"duty", "squad", "admin"},
    ("/leads", '{"alerts": [1]}'): {"duty", "squad", "admin"},
    ("/leads/1/transitions", '{"to": "assigned"}'): {"duty", "admin"},
    ("/leads/2/transitions", '{"to": "verifying"}'): {"squad", "admin"},
    ("/leads/3/transitions", '{"to": "confirmed"}'): {"squad", "admin"},
    ("/leads/3/transitions", '{"to": "unfounded"}'): {"squad", "admin"},
}


@pytest.fixture
def something_to_see(database: Connection[TupleRow]) -> None:
    lead_ids = [builders.lead(database, state) for state in ("new", "assigned", "verifying")]
    assert lead_ids == [1, 2, 3]
    assert builders.alert(database) == 1


def sign_in(client: TestClient, name: str, password: str = PASSWORD) -> tuple[int, dict[str, object]]:
    answer = client.post("/api/v1/auth/token", data={"username": name, "password": password})
    return answer.status_code, answer.json()


def test_a_right_password_gives_a_token_that_says_who_asks(anyone: TestClient, database: object) -> None:
    status, token = sign_in(anyone, "duty")
    assert status == 200
    assert (token["token_type"], token["user"]) == ("bearer", {"name": "duty", "role": "duty"})
    me = anyone.get("/api/v1/me", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert me.json() == {"name": "duty", "role": "duty"}


def test_a_name_nobody_has_takes_the_same_hashing_as_one_of_ours() -> None:
    assert argon2.extract_parameters(NOBODY) == argon2.extract_parameters(builders.password_hash())


@pytest.mark.parametrize(
    ("name", "password"), [("duty", "wrong password"), ("stranger", PASSWORD), ("duty", "")]
)
def test_a_wrong_name_or_password_is_refused_alike(anyone: TestClient, name: str, password: str) -> None:
    status, problem = sign_in(anyone, name, password)
    if password:
        assert (status, problem["detail"]) == (401, "user name or password is wrong")
    else:
        assert status == 422


def test_a_disabled_user_is_refused_at_once_even_with_a_token(
    viewer: TestClient, anyone: TestClient, database: Connection[TupleRow]
) -> None:
    assert viewer.get("/me").status_code == 200
    database.execute("UPDATE console_user SET disabled_at = now() WHERE name = 'viewer'")
    assert viewer.get("/me").status_code == 401
    assert sign_in(anyone, "viewer")[0] == 401


def test_tries_with_one_name_are_limited_and_a_good_one_does_not_count(anyone: TestClient) -> None:
    assert sign_in(anyone, "duty")[0] == 200
    statuses = [sign_in(anyone, "duty", "wrong password")[0] for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    refused = anyone.post("/api/v1/auth/token", data={"username": "duty", "password": PASSWORD})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert sign_in(anyone, "squad")[0] == 200


@pytest.mark.parametrize("path", READS)
def test_nothing_is_read_without_a_token(anyone: TestClient, path: str) -> None:
    answer = anyone.get(f"/api/v1{path}")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_token_that_expired_was_changed_or_is_another_keys_is_refused(
    anyone: TestClient, database: Connection[TupleRow]
) -> None:
    key = Keys().token(database)
    good = issue_token(key, "duty")
    expired = issue_token(key, "duty", now_s=time.time() - TOKEN_LIFE_S - 1)
    forged = issue_token(b"x" * 32, "admin")
    unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsImV4cCI6OTk5OTk5OTk5OX0."
    for token in (expired, forged, unsigned, good[:-3] + "abc", "nonsense", good.replace(".", "", 1)):
        answer = anyone.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, token
    assert anyone.get("/api/v1/me", headers={"Authorization": f"Bearer {good}"}).status_code == 200


@pytest.mark.usefixtures("something_to_see")
@pytest.mark.parametrize("role", ROLES)
def test_every_role_reads_everything(as_role: Callable[[str], TestClient], role: str) -> None:
    client = as_role(role)
    assert {path: client.get(path).status_code for path in READS} == dict.fromkeys(READS, 200)


@pytest.mark.usefixtures("something_to_see")
@pytest.mark.parametrize(("write", "role"), list(itertools.product(WRITES, ROLES)))
def test_a_write_is_for_its_roles(
    as_role: Callable[[str], TestClient], write: tuple[str, str], role: str
) -> None:
    path, body = write
    answer = as_role(role).post(path, content=body, headers={"Content-Type": "application/json"})
    if role in WRITES[write]:
        assert answer.status_code in {200, 201}, answer.text
    else:
        assert (answer.status_code, answer.json()["title"]) == (403, "Forbidden")
