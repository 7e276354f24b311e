"""Where the vehicles are: one row each, small enough to send all of them to a map."""

from typing import Any, LiteralString

POSITIONS: LiteralString = """
    SELECT latest.device_id, vehicle.plate, vehicle.company_id, vehicle.kind, latest.ts, latest.lat, latest.lon,
           latest.speed_kmh, latest.heading_deg, latest.load, latest.lift, latest.cover, latest.ignition,
           latest.quality, latest.loaded, latest.site_id, worst.severity AS alert, latest.received_at
      FROM vehicle_latest latest
      JOIN device ON device.device_id = latest.device_id AND device.kind = 'vehicle'
      JOIN vehicle ON vehicle.plate = device.bound_to
      LEFT JOIN (SELECT DISTINCT ON (device_id) device_id, severity
                   FROM alert
                  WHERE state IN ('open', 'acked')
                  ORDER BY device_id, array_position(ARRAY['critical', 'major', 'minor', 'info'], severity)
                ) worst ON worst.device_id = latest.device_id
"""

NEWEST_EVENT: LiteralString = "SELECT coalesce(max(id), 0) FROM outbox"

CHANGING = (
    "ts", "lat", "lon", "speed_kmh", "heading_deg", "load", "lift", "cover", "ignition", "quality", "loaded",
    "site_id", "alert",
)  # fmt: skip
"""The fields of a position that are the reading's and the engine's, not the register's."""


def position(row: dict[str, Any]) -> dict[str, Any]:
    """A row of POSITIONS as it is sent."""
    return {name: value for name, value in row.items() if name != "received_at"}
