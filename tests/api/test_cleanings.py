"""Cleanings of purifiers, recorded and struck over the API."""

from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

Database = psycopg.Connection[Any]
HASH = "ab" * 32


def test_a_recorded_cleaning_reaches_the_register_and_can_be_struck(
    squad: TestClient, viewer: TestClient, database: Database
) -> None:
    def cleaned_on() -> Any:
        return viewer.get("/outlets/R0").json()["cleaned_on"]

    body = {"cleaned_on": "2025-11-20", "done_by": "清洗公司", "photo_sha256": [HASH]}
    recorded = squad.post("/outlets/R0/cleanings", json=body)
    assert recorded.status_code == 201, recorded.text
    assert (recorded.json()["recorded_by"], cleaned_on()) == ("squad", "2025-11-20")
    squad.post("/outlets/R0/cleanings", json={"cleaned_on": "2025-10-01"})
    assert cleaned_on() == "2025-11-20"

    struck = squad.post(f"/cleanings/{recorded.json()['id']}/strike", json={"why": "照片不符"})

    assert (struck.status_code, cleaned_on()) == (200, "2025-10-01")
    assert [item["struck_why"] for item in viewer.get("/outlets/R0/cleanings").json()["items"]] == [
        "照片不符",
        None,
    ]
    again = squad.post(f"/cleanings/{recorded.json()['id']}/strike", json={"why": "x"})
    assert again.status_code == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"cleaned_on": "2099-01-01"}, "before it was done"),
        ({"cleaned_on": "2025-11-01", "photo_sha256": ["xyz"]}, "photo_sha256"),
        ({"cleaned_on": "2025-11-01", "cleaner": "x"}, "cleaner"),
    ],
)
def test_a_cleaning_that_cannot_be_is_refused(squad: TestClient, body: dict[str, Any], said: str) -> None:
    refused = squad.post("/outlets/R0/cleanings", json=body)

    assert refused.status_code == 422
    assert said in refused.text
