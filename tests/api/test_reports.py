"""The daily report over HTTP is the one the command writes."""

from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from alerts.daily.files import WRITERS
from alerts.daily.report import daily_report
from tests import builders
from tests.builders import NOON

Database = Connection[TupleRow]


@pytest.mark.parametrize("form", WRITERS)
def test_the_report_is_served_in_each_form(
    app: FastAPI, viewer: TestClient, database: Database, form: str
) -> None:
    builders.position(database)
    answer = viewer.get("/reports/daily", params={"date": "2026-11-23", "format": form})
    settings = app.state.settings
    report = daily_report(
        database, NOON.date(), zone=settings.zone, catalogue=app.state.catalogue, office=settings.office,
        now=datetime.now(UTC),
    )  # fmt: skip
    assert (answer.status_code, answer.content) == (200, WRITERS[form](report, "zh"))


def test_without_a_day_it_is_yesterdays(app: FastAPI, viewer: TestClient, database: Database) -> None:
    builders.position(database)
    yesterday = datetime.now(app.state.settings.zone).date() - timedelta(days=1)
    assert viewer.get("/reports/daily").json()["date"] == yesterday.isoformat()


def test_a_day_without_a_report_says_why(viewer: TestClient, database: Database) -> None:
    builders.position(database)
    for day, status, words in (
        ("2099-01-01", 404, "not begun"),
        ("2000-01-01", 404, "begins on"),
        ("soon", 422, ""),
    ):
        answer = viewer.get("/reports/daily", params={"date": day})
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
        assert words in answer.json()["detail"]
    assert viewer.get("/reports/daily", params={"format": "docx"}).status_code == 422
