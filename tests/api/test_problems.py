"""Every refusal is an RFC 9457 problem; health answers without a token; headers keep pages to themselves."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from api.server import create_app
from api.site import serve_console
from runtime import health
from runtime.settings import Settings


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("POST", "/api/v1/vehicles/latest", 405),
        ("GET", "/api/v1/alerts/1/ack", 405),
        ("GET", "/api/v1/vehicles/nobody", 404),
        ("GET", "/api/v1/vehicles/%00", 400),
        ("GET", "/api/v1/outlets/nobody/readings", 404),
        ("GET", "/api/v1/outlets/R0/readings?every=fortnight", 422),
        ("GET", "/api/v1/outlets/R0/readings?every=999d", 422),
        ("GET", "/api/v1/alerts/99", 404),
        ("GET", "/api/v1/alerts/99999999999999999999", 422),
        ("GET", "/api/v1/alerts?kind=nonsense", 422),
        ("GET", "/api/v1/alerts?from=yesterday", 422),
        ("GET", "/api/v1/alerts?from=2026-11-23T00:00:00", 422),
        ("GET", "/api/v1/alerts?limit=1001", 422),
        ("GET", "/api/v1/alerts?limit=0", 422),
        ("GET", "/api/v1/leads/99/journal", 404),
        ("GET", "/api/v1/vehicles/鲁A00000/track?max_points=1", 422),
    ],
)
def test_a_refusal_is_a_problem_that_says_what_is_wrong(
    viewer: TestClient, method: str, path: str, status: int
) -> None:
    answer = viewer.request(method, f"http://testserver{path}")
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, problem["status"]) == (status, status)
    assert problem["type"] == "about:blank"
    assert problem["title"]
    assert problem["detail"]


def test_a_validation_problem_names_the_field_and_does_not_repeat_what_was_sent(anyone: TestClient) -> None:
    answer = anyone.post("/api/v1/auth/token", data={"username": "duty", "password": "s3cret" * 100})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "password"]
    assert "s3cret" not in answer.text


@pytest.mark.parametrize("body", ["{", "[]", '{"reason": 7}', '{"reason": "x", "more": 1}'])
def test_a_body_that_is_not_what_was_asked_for_is_refused(duty: TestClient, body: str) -> None:
    answer = duty.post("/alerts/1/dismiss", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")


@pytest.fixture
def collecting(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process whose collector runs and is well."""
    monkeypatch.setattr(health, "checks", {"collector": lambda: None, "broker": lambda: None})


@pytest.mark.usefixtures("collecting")
def test_a_database_that_is_away_is_503_and_unready_while_the_process_is_alive() -> None:
    away = SecretStr("postgresql://127.0.0.1:1/nothing?connect_timeout=1")
    with TestClient(create_app(Settings(database_url=away), role="collector")) as client:
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["complaints"]) == (503, {"database": "does not answer"})


def test_readiness_tells_what_each_part_complains_about(
    anyone: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert anyone.get("/readyz").json() == {"status": "ready", "complaints": {}}
    monkeypatch.setitem(health.checks, "broker", lambda: "not connected")
    answer = anyone.get("/readyz")
    assert (answer.status_code, answer.json()["complaints"]) == (503, {"broker": "not connected"})
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "broker: not connected"


@pytest.mark.parametrize("role", ["all", "collector"])
def test_a_process_that_does_not_collect_yet_is_not_ready(
    database_url: str, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "checks", {})
    with TestClient(create_app(Settings(database_url=SecretStr(database_url)), role=role)) as client:
        complaints = client.get("/readyz").json()["complaints"]
    assert complaints == {"collector": "not started", "broker": "not started"}


def test_metrics_count_requests_by_pattern(viewer: TestClient, anyone: TestClient) -> None:
    viewer.get("/vehicles/鲁A00000")
    text = anyone.get("/metrics").text
    assert 'fleetfume_http_requests_total{method="GET",route="/vehicles/{plate}",status="200"}' in text


@pytest.mark.usefixtures("collecting")
def test_a_collector_serves_health_alone(database_url: str) -> None:
    with TestClient(create_app(Settings(database_url=SecretStr(database_url)), role="collector")) as client:
        statuses = {
            path: client.get(path).status_code
            for path in ("/healthz", "/readyz", "/metrics", "/", "/api/v1/vehicles", "/api/v1/openapi.json")
        }
    assert list(statuses.values()) == [200, 200, 200, 404, 404, 404]


def test_every_answer_keeps_scripts_and_frames_of_others_out(anyone: TestClient) -> None:
    for path in ("/", "/api/v1/me", "/nothing"):
        headers = anyone.get(path).headers
        assert "script-src 'self';" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_console_is_served_from_its_files_and_nothing_beside_them(tmp_path: Path) -> None:
    web = tmp_path / "web"
    (web / "assets").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html>console")
    (web / "icon.svg").write_text("<svg/>")
    (web / "assets" / "main-1a2b.js").write_text("1")
    (tmp_path / "secret.txt").write_text("no")
    app = FastAPI()
    serve_console(app, web)
    with TestClient(app) as client:
        assert client.get("/").text.endswith("console")
        assert client.get("/").headers["Cache-Control"] == "no-cache"
        assert client.get("/icon.svg").headers["Content-Type"].startswith("image/svg")
        assert "immutable" in client.get("/assets/main-1a2b.js").headers["Cache-Control"]
        assert client.get("/assets/../../secret.txt").status_code == 404
        assert client.get("/assets/%2e%2e/%2e%2e/secret.txt").status_code == 404


def test_a_body_beyond_all_measure_is_refused(duty: TestClient) -> None:
    for body in (b" " * 300_000, iter([b" " * 100_000] * 3)):  # with its length, and without
        answer = duty.post("/alerts/1/dismiss", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")
        assert answer.json()["status"] == 413


def test_every_route_is_in_the_documents(anyone: TestClient) -> None:
    text = Path("docs/api.md").read_text("utf-8")
    paths = [path.removeprefix("/api/v1") for path in anyone.get("/api/v1/openapi.json").json()["paths"]]
    assert [path for path in paths if path not in text] == []


def test_the_api_describes_itself(anyone: TestClient) -> None:
    paths = anyone.get("/api/v1/openapi.json").json()["paths"]
    assert {
        "/api/v1/auth/token",
        "/api/v1/alerts/{alert_id}/ack",
        "/api/v1/leads/{lead_id}/transitions",
    } <= set(paths)
