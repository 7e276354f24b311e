"""Commands to devices over HTTP; what a collector makes of them: tests/ingest/test_sending.py."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from devices.repository import put_row
from tests.small_district import registry

Database = Connection[TupleRow]


def states(client: TestClient) -> list[str]:
    return [item["state"] for item in client.get("/devices/V0/commands").json()["items"]]


def test_a_command_waits_is_sent_and_is_answered_or_not(
    duty: TestClient, viewer: TestClient, database: Database
) -> None:
    made = duty.post(
        "/devices/V0/commands", json={"type": "voice", "text": "请覆盖", "volume": 7, "twice": True}
    )

    assert made.status_code == 201, made.text
    command = made.json()
    assert command["body"] == {"type": "voice", "text": "请覆盖", "volume": 7, "twice": True}
    assert (command["device_id"], command["created_by"], command["state"]) == ("V0", "duty", "waiting")
    assert viewer.get("/devices/V0/commands").json()["items"] == [command]

    database.execute("UPDATE device_command SET attempts = 3, sent_at = now(), next_at = NULL")
    assert states(viewer) == ["sent"]
    database.execute("UPDATE device_command SET sent_at = now() - interval '2 min'")
    assert states(viewer) == ["unanswered"]
    for device_id, ok, state in (("V1", True, "unanswered"), ("V0", False, "refused")):
        database.execute(
            "INSERT INTO command_ack VALUES (%s, %s, %s, now())", (device_id, str(command["id"]), ok)
        )
        assert states(viewer) == [state]
    database.execute("UPDATE command_ack SET ok = true")
    assert states(viewer) == ["done"]


def test_commands_are_listed_the_newest_first_page_by_page_each_device_its_own(
    duty: TestClient, viewer: TestClient
) -> None:
    asked = [duty.post("/devices/V0/commands", json={"type": "locate"}).json()["id"] for _ in range(3)]
    duty.post("/devices/V1/commands", json={"type": "locate"})

    first = viewer.get("/devices/V0/commands", params={"limit": 2}).json()
    rest = viewer.get("/devices/V0/commands", params={"limit": 2, "cursor": first["next_cursor"]}).json()

    assert [item["id"] for item in first["items"] + rest["items"]] == asked[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "explode"},
        {"type": "voice", "id": 7},
        {"type": "config", "server": {"host": "x"}},
        {"type": "config", "servers": ["x"]},
        {"type": "config", "": None},
        {"type": "config", "interval": 2**60},
        {"type": "voice", "text": "x" * 501},
        {"type": "config", "x" * 65: 1},
        {"type": "config", **{f"x{n}": n for n in range(33)}},
        [],
    ],
)
def test_what_is_no_command_is_refused_and_nothing_is_kept(
    duty: TestClient, database: Database, body: Any
) -> None:
    assert duty.post("/devices/V0/commands", json=body).status_code == 422
    assert database.execute("SELECT count(*) FROM device_command").fetchone() == (0,)


def test_only_an_active_device_of_the_register_is_commanded(duty: TestClient, database: Database) -> None:
    with database.transaction():
        put_row(
            database, "devices", replace(registry(trucks=2).devices["V1"], status="disabled"), actor="test"
        )

    assert duty.post("/devices/NOBODY/commands", json={"type": "locate"}).status_code == 404
    assert duty.get("/devices/NOBODY/commands").status_code == 404
    assert duty.post("/devices/V1/commands", json={"type": "locate"}).status_code == 409


@pytest.mark.parametrize(
    ("role", "status"), [("admin", 201), ("squad", 403), ("reviewer", 403), ("viewer", 403)]
)
def test_who_may_command(as_role: Callable[[str], TestClient], role: str, status: int) -> None:
    assert as_role(role).post("/devices/V0/commands", json={"type": "locate"}).status_code == status
