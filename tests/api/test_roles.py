"""A table of route × role × answer, made from the OpenAPI: docs/roles.md is it, and says what the service does.
It leaves out what is only read, and by every role.

Every route of the description is asked by every role, with no body. Who may not is refused (403) before anything is
looked at; who may is told what is missing (404, 409, 422) or gets his answer.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from tests.builders import ROLES

DOCUMENT = Path(__file__).parents[2] / "docs" / "roles.md"
OPEN_TO_ALL = {"/api/v1/auth/token", "/api/v1/broker/auth", "/api/v1/broker/acl"}
"""Signing in; and a broker's questions, which have a secret of their own (docs/operations.md)."""
SAMPLES = {
    "plate": "none", "outlet_id": "none", "digest": "0" * 64, "day": "2026-01-01", "severity": "info",
    "subject": "companies", "name": "none", "company_id": "none", "device_id": "none",
}  # fmt: skip
"""For path parameters that are no numbers."""


def path_of(template: str) -> str:
    path = template.removeprefix("/api/v1")
    while "{" in path:
        name = path[path.index("{") + 1 : path.index("}")]
        path = path.replace(f"{{{name}}}", SAMPLES.get(name, "999999"), 1)
    return path


def measured(
    as_role: Callable[[str], TestClient], described: dict[str, Any]
) -> list[tuple[str, str, list[str]]]:
    """Method, route, and the roles that are let in."""
    found = []
    for template, methods in sorted(described["paths"].items()):
        if template in OPEN_TO_ALL or not template.startswith("/api/v1/"):
            continue
        for method in sorted(methods):
            let_in = []
            for role in ROLES:
                answer = as_role(role).request(method.upper(), path_of(template))
                assert answer.status_code < 500, (method, template, role, answer.text)
                assert answer.status_code != 401, (method, template, role)
                if answer.status_code != 403:
                    let_in.append(role)
            found.append((method.upper(), template.removeprefix("/api/v1"), let_in))
    return found


def as_table(rows: list[tuple[str, str, list[str]]]) -> str:
    head = ["method", "route", *ROLES]
    lines = [" | ".join(head), " | ".join(["---"] * len(head))]
    for method, route, let_in in rows:
        lines.append(" | ".join([method, f"`{route}`", *("✓" if role in let_in else "" for role in ROLES)]))
    return "\n".join(f"| {line} |" for line in lines)


def test_the_table_of_roles_is_what_the_service_does(
    as_role: Callable[[str], TestClient], anyone: TestClient, database: Connection[TupleRow]
) -> None:
    described = anyone.get("/api/v1/openapi.json").json()
    rows = measured(as_role, described)
    table = as_table([row for row in rows if row[0] != "GET" or len(row[2]) < len(ROLES)])
    kept = DOCUMENT.read_text("utf-8")
    assert table in kept, f"docs/roles.md must hold this table:\n{table}"


def test_nothing_of_it_is_answered_without_a_token(
    anyone: TestClient, database: Connection[TupleRow]
) -> None:
    described = anyone.get("/api/v1/openapi.json").json()
    for template, methods in described["paths"].items():
        if template in OPEN_TO_ALL or not template.startswith("/api/v1/"):
            continue
        for method in methods:
            answer = anyone.request(method.upper(), f"/api/v1{path_of(template)}")
            assert answer.status_code == 401, (method, template)
