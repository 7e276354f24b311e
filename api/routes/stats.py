"""The figures of the dashboard's top line."""

from datetime import UTC, datetime
from typing import Any, LiteralString

from fastapi import APIRouter

from api.auth import CurrentUser
from api.replies import Json
from api.state import Database, Parts, select, select_one

router = APIRouter(tags=["stats"])

# Heard from lately; by our own clock, so that a replay of old traffic looks alive too.
VEHICLES: LiteralString = """
    SELECT count(*) AS total,
           count(*) FILTER (WHERE heard) AS online,
           count(*) FILTER (WHERE heard AND speed_kmh >= 5) AS moving,
           count(*) FILTER (WHERE heard AND loaded) AS loaded
      FROM vehicle
      LEFT JOIN LATERAL (
          SELECT latest.speed_kmh, latest.loaded, latest.received_at > now() - interval '5 minutes' AS heard
            FROM device JOIN vehicle_latest AS latest USING (device_id)
           WHERE device.bound_to = vehicle.plate AND device.status = 'active'
           ORDER BY latest.received_at DESC LIMIT 1) AS last ON true
     WHERE vehicle.status = 'active'
"""
OUTLETS: LiteralString = """
    SELECT count(*) AS total,
           count(*) FILTER (WHERE heard) AS online,
           count(*) FILTER (WHERE heard AND fan_on) AS fan_on,
           count(*) FILTER (WHERE heard AND fan_on AND NOT purifier_on) AS purifier_off
      FROM outlet
      LEFT JOIN LATERAL (
          SELECT latest.fan_on, latest.purifier_on, latest.received_at > now() - interval '30 minutes' AS heard
            FROM device JOIN fume_latest AS latest USING (device_id)
           WHERE device.bound_to = outlet.outlet_id AND device.status = 'active'
           ORDER BY latest.received_at DESC LIMIT 1) AS last ON true
"""
OPEN: LiteralString = """
    SELECT kind, severity, count(*) AS count FROM alert WHERE state IN ('open', 'acked') GROUP BY kind, severity
"""
TODAY: LiteralString = """
    SELECT count(*) AS count FROM alert
     WHERE state <> 'withdrawn'
       AND opened_at >= date_trunc('day', now() AT TIME ZONE %(zone)s) AT TIME ZONE %(zone)s
"""
LEADS: LiteralString = "SELECT state, count(*) AS count FROM lead GROUP BY state"


@router.get("/stats/overview")
def overview(_: CurrentUser, connection: Database, parts: Parts) -> Json:
    """How many vehicles and outlets are heard from, what is open, how many alerts began today (local)."""
    by_kind: dict[str, int] = {}
    by_severity: dict[str, int] = {}
    for row in select(connection, OPEN):
        by_kind[row["kind"]] = by_kind.get(row["kind"], 0) + row["count"]
        by_severity[row["severity"]] = by_severity.get(row["severity"], 0) + row["count"]
    today: dict[str, Any] = select_one(connection, TODAY, {"zone": parts.settings.timezone}) or {}
    return Json(
        {
            "vehicles": select_one(connection, VEHICLES),
            "outlets": select_one(connection, OUTLETS),
            "alerts": {
                "open_by_kind": by_kind,
                "open_by_severity": by_severity,
                "today": today["count"],
            },
            "leads": {"by_state": {row["state"]: row["count"] for row in select(connection, LEADS)}},
            "at": datetime.now(UTC),
        }
    )
