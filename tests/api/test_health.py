import pytest

from runtime import health
from tests.api.serving import Served, serving


def test_a_ready_server_says_so(served: Served) -> None:
    with served.anonymous() as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"status": "ok"}
        assert "fleetfume_stream_clients" in client.get("/metrics").text


def test_what_is_wrong_is_named(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(health.checks, "broker", lambda: "not connected")
    answer = served.ask("GET", "/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["complaints"] == {"broker": "not connected"}


def test_a_collector_is_ready_once_it_collects(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "checks", {})
    with serving(served.database_url, role="collector") as collector, collector.anonymous() as client:
        assert set(client.get("/readyz").json()["complaints"]) == {"collector", "broker"}
        health.checks.update(collector=lambda: None, broker=lambda: None)
        assert client.get("/readyz").status_code == 200
        assert client.get("/metrics").status_code == 200
        assert client.get("/api/v1/me").status_code == 404


def test_a_database_without_its_schema_is_not_ready(any_empty_database_url: str) -> None:
    with serving(any_empty_database_url) as bare:
        answer = bare.ask("GET", "/readyz")
    assert answer.status_code == 503
    assert "fleetfume db migrate" in answer.json()["complaints"]["database"]


def test_a_missing_migration_is_named(served: Served) -> None:
    served.sql("DELETE FROM schema_migration WHERE name = (SELECT max(name) FROM schema_migration)")
    complaint = served.ask("GET", "/readyz").json()["complaints"]["database"]
    assert complaint.startswith("lacks 000")


def test_a_database_that_is_not_there_is_not_ready() -> None:
    with (
        serving("postgresql://nobody@127.0.0.1:9/none?connect_timeout=1") as alone,
        alone.anonymous() as client,
    ):
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
        assert answer.json()["complaints"] == {"database": "does not answer"}
