"""Who gets in, who may do what, and how a refusal looks."""

import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from api.auth import ATTEMPTS, Attempts
from tests.api.serving import PASSWORD, Served, add_alert, serving

OPEN_TO_ALL = {("POST", "/api/v1/auth/token"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics")}


def routes(served: Served) -> list[tuple[str, str]]:
    paths = served.ask("GET", "/api/v1/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def assert_problem(answer: httpx2.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert said["type"] == "about:blank"
    assert said["status"] == status
    assert said["title"]
    assert said["detail"]
    return said


def test_every_route_needs_a_token(any_served: Served) -> None:
    found = [route for route in routes(any_served) if route not in OPEN_TO_ALL]
    assert len(found) >= 25
    with any_served.anonymous() as client:
        for method, path in found:
            url = path.replace("{plate}", "鲁A00000").replace("{outlet_id}", "R0")
            url = url.replace("{alert_id}", "1").replace("{lead_id}", "1")
            answer = client.request(method, url, json={"reason": "x", "to": "assigned", "alerts": [1]})
            assert_problem(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "body", "allowed"),
    [
        ("POST", "/alerts/{alert}/ack", None, {"duty", "squad", "admin"}),
        ("POST", "/alerts/{alert}/dismiss", {"reason": "现场核查无异常"}, {"duty", "squad", "admin"}),
        ("POST", "/leads", {"alerts": ["{alert}"]}, {"duty", "squad", "admin"}),
        ("POST", "/leads/{lead}/transitions", {"to": "assigned"}, {"duty", "admin"}),
        ("GET", "/alerts", None, {"duty", "squad", "reviewer", "admin", "viewer"}),
        ("GET", "/leads", None, {"duty", "squad", "reviewer", "admin", "viewer"}),
    ],
)
def test_each_role_may_do_what_is_its_own(
    any_served: Served, method: str, path: str, body: dict[str, Any] | None, allowed: set[str]
) -> None:
    any_served.sql("UPDATE alert SET state = 'dismissed'")
    did = set()
    for number, role in enumerate(("duty", "squad", "reviewer", "admin", "viewer")):
        first, second = (add_alert(any_served, place=f"{path}{number}{n}") for n in "ab")
        with any_served.sign_in("admin") as admin:
            lead = admin.post("/leads", json={"alerts": [second]}).json()["id"]
        sent = {"alerts": [first]} if body and "alerts" in body else body
        with any_served.sign_in(role) as client:
            answer = client.request(method, path.format(alert=first, lead=lead), json=sent)
        if answer.status_code == 403:
            assert_problem(answer, 403)
        else:
            assert answer.status_code in {200, 201}, answer.text
            did.add(role)
    assert did == allowed


def test_a_token_says_who_is_signed_in(any_served: Served) -> None:
    answer = any_served.ask("POST", "/api/v1/auth/token", data={"username": "squad", "password": PASSWORD})
    assert answer.json()["user"] == {"name": "squad", "role": "squad"}
    assert answer.json()["token_type"] == "bearer"
    assert answer.json()["expires_in"] == 12 * 3600
    assert answer.headers["cache-control"] == "no-store"
    with any_served.sign_in("squad") as client:
        assert client.get("/me").json() == {"name": "squad", "role": "squad"}


def test_a_wrong_password_and_an_unknown_name_are_told_alike(served: Served) -> None:
    said = [
        assert_problem(
            served.ask("POST", "/api/v1/auth/token", data={"username": name, "password": "wrong"}), 401
        )
        for name in ("duty", "nobody")
    ]
    assert said[0] == said[1]


def test_too_many_failed_sign_ins_have_to_wait(served: Served) -> None:
    with served.anonymous() as client:
        for _ in range(ATTEMPTS):
            assert (
                client.post("/api/v1/auth/token", data={"username": "duty", "password": "x"}).status_code
                == 401
            )
        answer = client.post("/api/v1/auth/token", data={"username": "duty", "password": PASSWORD})
    assert_problem(answer, 429)
    assert 0 < int(answer.headers["retry-after"]) <= 60


def test_good_sign_ins_are_not_counted(served: Served) -> None:
    for _ in range(ATTEMPTS + 2):
        served.token("duty")


def test_attempts_are_forgotten_after_a_minute() -> None:
    now = 0.0
    attempts = Attempts(lambda: now)
    for _ in range(ATTEMPTS):
        assert attempts.begin("name a", "address b") is None
        now += 1
    assert attempts.begin("name other", "address b") == pytest.approx(50)
    now = 60.5
    assert attempts.begin("name a", "address b") is None
    now = 1000
    assert attempts.begin("name c") is None
    assert len(attempts._made) == 1


def test_a_disabled_users_token_ends_at_once(served: Served) -> None:
    with served.sign_in("duty") as client:
        assert client.get("/me").status_code == 200
        served.sql("UPDATE console_user SET disabled_at = now() WHERE name = 'duty'")
        assert_problem(client.get("/me"), 401)


def test_forged_and_expired_tokens_are_refused(served: Served) -> None:
    served.token("admin")  # the key is made by now
    ((key,),) = served.sql("SELECT value FROM service_secret WHERE name = 'token_key'")
    now = int(time.time())

    def token(claims: dict[str, Any], key: bytes, header: str = "HS256") -> str:
        return jwt.encode({"alg": header}, claims, OctKey.import_key(key), algorithms=[header])

    good = {"sub": "admin", "iat": now, "exp": now + 60}
    bad = [
        token(good, b"x" * 32),
        token({**good, "exp": now - 1}, key),
        token({"sub": "admin"}, key),
        token({"exp": now + 60}, key),
        token({**good, "sub": "nobody"}, key),
        token({**good, "sub": ["admin"]}, key),
        token(good, key * 2, "HS512"),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        "...",
    ]
    with served.anonymous() as client:
        assert (
            client.get("/api/v1/me", headers={"Authorization": f"Bearer {token(good, key)}"}).status_code
            == 200
        )
        for text in bad:
            answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {text}"})
            assert answer.status_code in {400, 401}, (text, answer.text)


def test_two_processes_sign_with_one_key(served: Served) -> None:
    with serving(served.database_url) as other, served.sign_in("duty") as client:
        token = client.headers["authorization"]
        with other.anonymous() as there:
            assert there.get("/api/v1/me", headers={"Authorization": token}).status_code == 200


def test_errors_are_problems(any_served: Served) -> None:
    with any_served.sign_in("admin") as client:
        assert_problem(client.get("/nothing"), 404)
        assert_problem(client.get("/vehicles/鲁A99999"), 404)
        assert_problem(client.get("/alerts/999999"), 404)
        assert_problem(client.get("/alerts/99999999999999999999999999"), 404)
        assert_problem(client.get("/leads/999999"), 404)
        assert_problem(client.delete("/alerts"), 405)
        assert_problem(client.get("/vehicles", params={"cursor": "x"}), 400)
        assert_problem(client.get("/vehicles/%00"), 400)
        assert_problem(
            client.post("/leads", content=b"\xff{", headers={"Content-Type": "application/json"}), 400
        )
        assert_problem(client.post("/leads", content=b"x" * 2_000_000), 413)
        said = assert_problem(client.get("/vehicles", params={"limit": 1001}), 422)
        assert [one["field"] for one in said["errors"]] == ["query.limit"]
        said = assert_problem(client.get("/alerts", params={"from": "2026-11-23T00:00:00"}), 422)
        assert [one["field"] for one in said["errors"]] == ["query.from"]
        assert_problem(client.post("/alerts/1/dismiss", json={"reason": "   "}), 422)
        assert_problem(client.post("/leads", json={"alerts": [999999]}), 409)


def test_a_lost_database_is_503_and_the_server_outlasts_it(served: Served) -> None:
    with served.sign_in("viewer") as client:
        served.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert client.get("/me").status_code == 200


def test_every_answer_carries_the_security_headers(any_served: Served) -> None:
    for path in ("/", "/healthz", "/api/v1/me", "/api/v1/openapi.json"):
        headers = any_served.ask("GET", path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_console_is_served_for_every_page(served: Served, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("api.console.WEB", tmp_path)
    with served.anonymous() as client:
        assert "npm run build" in client.get("/").text
        (tmp_path / "assets").mkdir()
        (tmp_path / "index.html").write_text("<title>console</title>")
        (tmp_path / "assets/app-1.js").write_text("1")
        assert client.get("/").text == client.get("/alerts/7").text == "<title>console</title>"
        assert "immutable" in client.get("/assets/app-1.js").headers["cache-control"]
        assert_problem(client.get("/assets/app-2.js"), 404)
        assert_problem(client.get("/..%2f..%2fserver.py"), 404)
        assert_problem(client.get("/api/v2/vehicles"), 404)
