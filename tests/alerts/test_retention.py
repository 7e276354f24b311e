"""What is older than the retention goes, in both editions; what a lead rests on stays, and so does what is young."""

import re
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from alerts import retention
from alerts.casework.leads import open_lead
from alerts.chores import keep_desk
from alerts.retention import prune
from runtime.settings import Settings
from tests import builders
from tests.builders import NOON, insert, minutes
from tests.service.running import wait_until

KEPT = timedelta(days=400)
DAY = timedelta(days=1)
NOW = NOON + KEPT
"""Of the day of NOON nothing is past yet but the hours before it."""
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture
def connection(any_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(any_database_url, autocommit=True, options="-c timezone=UTC") as connection:
        with connection.transaction():
            builders.users(connection)
            builders.district(connection)
        yield connection


def pruned(connection: psycopg.Connection, now: datetime = NOW) -> None:
    prune(connection, now, kept=KEPT, events_kept=timedelta(days=30))


def times(connection: psycopg.Connection, table: str, column: str = "ts") -> list[datetime]:
    return [row[0] for row in connection.execute(f"SELECT {column} FROM {table} ORDER BY 1").fetchall()]


def fume(connection: psycopg.Connection, ts: datetime) -> None:
    insert(connection, "fume_reading", ts=ts, device_id="F0", fume_mg_m3=0.5, quality="ok", received_at=ts)


def test_readings_go_when_they_are_past_but_for_those_that_a_lead_rests_on(
    connection: psycopg.Connection,
) -> None:
    begun = NOON - 3 * DAY
    with connection.transaction():
        open_lead(
            connection,
            [builders.alert(connection, opened_at=begun, started_at=begun, updated_at=begun + minutes(10))],
        )
        builders.alert(connection, device_id="V1", opened_at=begun, started_at=begun)  # of no lead
    of_the_lead = [begun - minutes(24 * 60), begun - minutes(60), begun, begun + minutes(70)]
    past = [NOON - 9 * DAY, begun - minutes(24 * 60 + 1), begun + minutes(71), NOON - 2 * DAY]
    young = [NOON, NOON + minutes(1), NOON + DAY]
    for ts in (*of_the_lead, *past, *young):
        builders.position(connection, ts)
    for ts in (begun, NOON):
        builders.position(connection, ts, device_id="V1")
        fume(connection, ts)

    for _ in range(2):
        pruned(connection)
        assert times(connection, "vehicle_position WHERE device_id = 'V0'") == sorted([*of_the_lead, *young])
        assert times(connection, "vehicle_position WHERE device_id = 'V1'") == [NOON]
        assert times(connection, "fume_reading") == [NOON]

    pruned(connection, NOW + 3 * DAY)
    assert times(connection, "vehicle_position WHERE device_id = 'V0'") == of_the_lead


def test_with_timescaledb_a_day_that_is_past_gives_its_disk_back(timescaledb: str, database_url: str) -> None:
    chunks = "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'vehicle_position'"
    with psycopg.connect(database_url, autocommit=True) as connection:
        for day in range(5):
            builders.position(connection, NOON - day * DAY)

        pruned(connection)

        assert connection.execute(chunks).fetchone() == (1,)
        assert len(times(connection, "vehicle_position")) == 1


def test_a_clerk_that_has_no_time_goes_on_where_it_stopped(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PATIENCE_S", -1.0)
    for day in range(1, 5):
        builders.position(connection, NOON - day * DAY)
    left: list[int] = []
    while not left or left[-1]:
        pruned(connection, NOW + DAY)
        left.append(len(times(connection, "vehicle_position")))
    assert left == [3, 2, 1, 0]


def test_the_clerk_of_the_desk_sees_to_it(database_url: str, tmp_path: Path) -> None:
    stop = threading.Event()
    settings = Settings(data_dir=tmp_path)
    with psycopg.connect(database_url, autocommit=True) as connection:
        builders.position(connection, datetime.now(NOON.tzinfo) - timedelta(days=settings.retention_days + 2))
        clerk = threading.Thread(target=lambda: keep_desk(settings, stop, database_url=database_url))
        clerk.start()
        try:
            wait_until(lambda: not times(connection, "vehicle_position"))
        finally:
            stop.set()
            clerk.join(60)


OLD, YOUNG = NOON - minutes(1), NOON + minutes(1)
ROWS: dict[str, dict[str, Any]] = {
    "quarantine": {"received_at": None, "topic": "t", "payload": b"", "reason": "not_json"},
    "fume_10min": {
        "device_id": "F0", "begins_at": None, "open": True, "expected": 10, "readings": 10, "valid": 10, "cooking": 0,
        "fume_sum": 0, "over": 0, "fan_on": 0, "both_on": 0, "dithering": 0,
    },
    "fume_mean": {"device_id": "F0", "period": "hour", "begins_at": None, "received_at": NOON},
    "road_passage": {"device_id": "V0", "ts": None, "road_id": "K1", "loaded_at": NOON},
    "device_command": {
        "device_id": "V0", "body": Jsonb({}), "created_by": "duty", "created_at": None, "next_at": None,
    },
    "command_ack": {"device_id": "V0", "command_id": None, "ok": True, "acked_at": None},
    "message": {"channel": "c", "key": None, "text": "t", "at": None, "due_at": NOON, "sent_at": NOON},
}  # fmt: skip


@pytest.mark.parametrize("table", ROWS)
def test_rows_go_when_they_are_past(connection: psycopg.Connection, table: str) -> None:
    column = next(old.at for old in retention.OLD if old.table == table)
    if table == "message":
        insert(connection, "channel", name="c", kind="mail", settings=Jsonb({}), created_by="admin")
    for at in (OLD, YOUNG):
        row = {name: str(at) if value is None and name in ("key", "command_id") else value
               for name, value in ROWS[table].items()}  # fmt: skip
        insert(connection, table, **{**row, column: at})

    pruned(connection)

    assert times(connection, table, column) == [YOUNG]


def test_a_command_that_is_still_to_be_sent_stays(connection: psycopg.Connection) -> None:
    row = {**ROWS["device_command"], "created_at": OLD, "next_at": NOW}
    insert(connection, "device_command", **row)

    pruned(connection)

    assert times(connection, "device_command", "created_at") == [OLD]


def test_findings_go_with_the_day_they_are_about(connection: psycopg.Connection) -> None:
    for day in (NOON.date() - DAY, NOON.date() + DAY):
        insert(connection, "device_finding", device_id="V0", day=day, code="frozen", detail=Jsonb({}))

    pruned(connection)

    assert times(connection, "device_finding", "day") == [NOON.date() + DAY]


def test_of_the_checkpoints_that_are_past_the_newest_of_each_device_stays(
    connection: psycopg.Connection,
) -> None:
    for device_id, days in (("V0", (-3, -2, -1, 1)), ("V1", (-9,))):
        for day in days:
            insert(connection, "engine_checkpoint", device_id=device_id, ts=NOON + day * DAY, layout=1, state=b"",
                   episodes=Jsonb([]))  # fmt: skip

    pruned(connection)

    assert times(connection, "engine_checkpoint WHERE device_id = 'V0'") == [NOON - DAY, NOON + DAY]
    assert times(connection, "engine_checkpoint WHERE device_id = 'V1'") == [NOON - 9 * DAY]


def test_deliveries_that_arrived_or_were_given_up_go_when_the_outbox_has_forgotten_them(
    connection: psycopg.Connection,
) -> None:
    hook = insert(
        connection, "webhook", name="w", url="http://x", secret="s", types=[], last_id=0, created_by="a"
    )
    for n, (state, days) in enumerate((("dead", 31), ("dead", 29), ("waiting", 31))):
        insert(connection, "webhook_delivery", webhook_id=hook, outbox_id=n, stream="s", body=Jsonb({}), state=state,
               next_at=NOW - days * DAY)  # fmt: skip
        insert(connection, "webhook_arrival", webhook_id=hook, outbox_id=n, type="t", stream="s", attempts=1,
               arrived_at=NOW - days * DAY)  # fmt: skip

    pruned(connection)

    assert connection.execute("SELECT outbox_id FROM webhook_arrival").fetchall() == [(1,)]

    assert [row[0] for row in connection.execute("SELECT outbox_id FROM webhook_delivery ORDER BY 1")] == [
        1,
        2,
    ]


def audited(connection: psycopg.Connection, at: datetime, lead_id: int | None = None) -> None:
    insert(connection, "audit", at=at, who="duty", role="duty", method="GET", path="/x", lead_id=lead_id)


def test_who_saw_what_goes_after_the_retention_but_never_of_a_lead_and_never_within_six_months(
    connection: psycopg.Connection,
) -> None:
    now = datetime.now(NOON.tzinfo)
    ages = [timedelta(days=days) for days in (401, 399, 185, 183)]
    for age in ages:
        audited(connection, now - age)
    audited(connection, now - timedelta(days=1000), lead_id=7)

    pruned(connection, now)
    assert len(times(connection, "audit", "at")) == 4
    prune(connection, now, kept=timedelta(days=30), events_kept=DAY)
    assert times(connection, "audit", "at") == [now - timedelta(days=1000), now - timedelta(days=183)]

    for statement in ("DELETE FROM audit", "DELETE FROM audit WHERE lead_id = 7", "UPDATE audit SET who = 'x'",
                      "TRUNCATE audit"):  # fmt: skip
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            connection.execute(statement)


def test_operations_says_of_every_table_how_long_it_is_kept(connection: psycopg.Connection) -> None:
    named = set(re.findall(r"`(\w+)`", OPERATIONS.read_text().partition("## What is kept how long")[2]))
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert {table for (table,) in tables} - named == set()
