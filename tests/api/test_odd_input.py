"""Odd input to what officers write: a clear refusal, never a fault of the service."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from tests import builders

ODD = ["\\u0000", "\\ud800", "a\\u0000b"]


@pytest.mark.parametrize("odd", ODD)
def test_what_no_column_can_hold_is_refused(
    as_role: Callable[[str], TestClient], database: Connection[TupleRow], odd: str
) -> None:
    lead_id, alert_id = builders.lead(database), builders.alert(database)
    event = '{"source": "hotline", "event_id": "%s", "at": "2026-11-23T04:00:00Z", "text": "%s"}'
    requests = [
        ("POST", f"/leads/{lead_id}/notes", '{"text": "x%s"}'),
        ("POST", f"/leads/{lead_id}/transitions", '{"to": "assigned", "note": "%s"}'),
        ("POST", f"/alerts/{alert_id}/dismiss", '{"reason": "%s"}'),
        ("POST", "/handovers", '{"note": "%s"}'),
        ("POST", "/transfers", '{"party": "police", "note": "x%s"}'),
        ("POST", "/events", event.replace("%s", "%s", 1).replace('"text": "%s"', '"text": "x"')),
        ("POST", "/events", event.replace("%s", "e", 1)),
        ("POST", "/draws", '{"targets": "outlets", "seed": "x%s", "count": 1, "officers_each": 1}'),
        ("PUT", "/office/calendar/2026-12-01", '{"working": true, "note": "%s"}'),
        ("POST", "/devices/V0/commands", '{"type": "voice", "text": "x%s"}'),
        ("POST", "/devices/V0/commands", '{"type": "voice", "x%s": 1}'),
        ("PUT", "/channels/x", '{"kind": "wecom", "settings": {"url": "https://x/%s"}}'),
    ]
    for method, path, body in requests:
        answer = as_role("admin").request(
            method, path, content=body.replace("%s", odd), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in {400, 422}, (path, answer.status_code, answer.text)
    row = database.execute(
        "SELECT (SELECT count(*) FROM lead_journal), (SELECT count(*) FROM handover)"
    ).fetchone()
    assert row == (0, 0)


@pytest.mark.parametrize(
    "body", [None, [], "x", 7, {"to": None}, {"to": "assigned", "extra": 1}, {"to": ["assigned"]}]
)
def test_a_move_that_is_none_is_refused(
    as_role: Callable[[str], TestClient], database: Connection[TupleRow], body: Any
) -> None:
    lead_id = builders.lead(database)
    assert as_role("admin").post(f"/leads/{lead_id}/transitions", json=body).status_code == 422


@pytest.mark.parametrize("span", [{"from": "0001-01-01T00:00:00+10:00"}, {"to": "9999-12-31T23:59:59-10:00"}])
def test_the_calendars_ends_are_instants_like_others(
    as_role: Callable[[str], TestClient], span: dict[str, str]
) -> None:
    asking = as_role("admin")
    described = asking.get("/openapi.json").json()["paths"]
    asked = [
        path.removeprefix("/api/v1").format(plate="鲁A00000", outlet_id="R0", device_id="V0")
        for path, methods in described.items()
        if {"from", "to"} <= {one["name"] for one in methods.get("get", {}).get("parameters", ())}
    ]
    assert len(asked) > 10
    for path in asked:
        answer = asking.get(path, params=span)
        assert answer.status_code in {200, 422}, (path, answer.text)
