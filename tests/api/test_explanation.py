"""Why an alert is there, asked over the API."""

from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb
from starlette.testclient import TestClient

from tests.builders import NOON, alert, minutes, position


def test_an_explanation_shows_the_fixes_and_says_what_cannot_be_had_again(
    viewer: TestClient, database: Connection[Any]
) -> None:
    for n in range(5):
        position(database, NOON + minutes(n), quality="ok" if n else "jump")
    evidence = {
        "values": {"max_distance_m": 420.0},
        "began": {"lat": 36.7, "lon": 117.5},
        "permit_id": "P1",
        "site_id": "PIT",
    }
    alert_id = alert(database, opened_at=NOON + minutes(9), started_at=NOON, evidence=Jsonb(evidence))

    answer = viewer.get(f"/alerts/{alert_id}/explanation")

    assert answer.status_code == 200
    said = answer.json()
    assert said["caveats"] == ["other_rules", "readings_gone"]
    assert next(fix["ts"] for fix in said["fixes"]) == "2026-11-23T04:00:00Z"
    assert said["register"]["permit"]["valid_from"] == "2020-01-01"
    assert said["rule"]["version"] == "test"


def test_an_alert_that_is_not_there_has_none(viewer: TestClient) -> None:
    assert viewer.get("/alerts/999/explanation").status_code == 404
