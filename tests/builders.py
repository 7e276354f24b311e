"""Rows for tests that begin with something in the database, each with as little said as possible."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from alerts.presentation import publish_alert
from api.users import hasher
from devices.repository import store_registry
from tests.small_district import place, registry

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
ROLES = ("duty", "squad", "reviewer", "admin", "viewer")


@cache
def password_hash() -> str:
    return hasher.hash(PASSWORD)


def users(connection: Connection[Any]) -> None:
    """One user of each role, named as the role."""
    for role in ROLES:
        connection.execute(
            "INSERT INTO console_user (name, role, password_hash) VALUES (%s, %s, %s)",
            (role, role, password_hash()),
        )


def district(connection: Connection[Any], *, trucks: int = 2, kitchens: int = 2) -> None:
    store_registry(connection, registry(trucks=trucks, kitchens=kitchens), actor="test", note="")


def insert(connection: Connection[Any], table: str, **columns: Any) -> Any:
    """Insert a row; its first column."""
    names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
    row = connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING *", tuple(columns.values())
    ).fetchone()
    assert row is not None
    return row[0]


def alert(connection: Connection[Any], *, told: bool = False, **columns: Any) -> int:
    """An alert of truck V0, open since NOON; its id. `told`: the outbox has it too."""
    lat, lon = place(2000, 800)
    at = columns.get("opened_at", NOON)
    alert_id = insert(
        connection,
        "alert",
        **{
            "kind": "off_route", "severity": "minor", "score": 0.5, "state": "open", "device_id": "V0",
            "plate": "鲁A00000", "company_id": "C1", "place": "", "started_at": at, "opened_at": at,
            "updated_at": at, "lat": lat, "lon": lon, "jurisdiction": "370114001", "rule_version": "test",
            "registry_version": 1,
            "evidence": Jsonb({"values": {"max_distance_m": 420.0}, "fixes": [{"ts": "2026-11-23T04:00:00Z"}]}),
            **columns,
        },
    )  # fmt: skip
    if told:
        publish_alert(connection, alert_id, "alert.opened")
    return int(alert_id)


WAY = {
    "assigned": ("new", "duty"), "verifying": ("assigned", "squad"), "unfounded": ("verifying", "squad"),
    "confirmed": ("verifying", "squad"), "filed": ("confirmed", "squad"), "transferred": ("confirmed", "duty"),
}  # fmt: skip
"""State to the one before, and the user who moves a lead on."""


def lead(connection: Connection[Any], state: str = "new", **columns: Any) -> int:
    """A lead of truck V0 in `state`, moved there by the users of `users`; its id. No journal."""
    lat, lon = place(2000, 800)
    lead_id = insert(
        connection,
        "lead",
        **{
            "kind": "off_route", "severity": "minor", "created_by": "engine", "device_id": "V0", "plate": "鲁A00000",
            "company_id": "C1", "lat": lat, "lon": lon, "jurisdiction": "370114001", "squad": "一中队", **columns,
        },
    )  # fmt: skip
    steps = []
    while state != "new":
        steps.append((state, WAY[state][1]))
        state = WAY[state][0]
    for after, mover in reversed(steps):
        connection.execute(
            """
            UPDATE lead SET state = %(to)s, moved_by = %(by)s,
                   receiver = CASE WHEN %(to)s = 'transferred' THEN 'police' END
             WHERE id = %(id)s
            """,
            {"to": after, "by": mover, "id": lead_id},
        )
    return int(lead_id)


def position(connection: Connection[Any], at: datetime = NOON, **columns: Any) -> None:
    lat, lon = place(1000, 0)
    insert(
        connection,
        "vehicle_position",
        **{
            "ts": at, "device_id": "V0", "lat": lat, "lon": lon, "speed_kmh": 30.0, "load": 0.8, "lift": False,
            "quality": "ok", "received_at": at, **columns,
        },
    )  # fmt: skip


def latest_position(connection: Connection[Any], **columns: Any) -> None:
    """Write a vehicle's newest state, and tell listeners as a collector does."""
    lat, lon = place(1000, 0)
    fields = {
        "device_id": "V0", "ts": NOON, "received_at": datetime.now(UTC), "lat": lat, "lon": lon, "speed_kmh": 30.0,
        "quality": "ok", "loaded": True, "site_id": None, **columns,
    }  # fmt: skip
    connection.execute("DELETE FROM vehicle_latest WHERE device_id = %s", (fields["device_id"],))
    insert(connection, "vehicle_latest", **fields)
    connection.execute("SELECT pg_notify('fleetfume_positions', '')")


def reading(connection: Connection[Any], at: datetime = NOON, **columns: Any) -> None:
    insert(
        connection,
        "fume_reading",
        **{
            "ts": at, "device_id": "F0", "fume_mg_m3": 0.5, "fan_on": True, "purifier_on": True, "quality": "ok",
            "received_at": at, **columns,
        },
    )  # fmt: skip


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)
