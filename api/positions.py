"""Where each vehicle is, in the one shape of the map, the vehicle lists and the stream."""

from typing import Any, LiteralString

WORST_ALERT: LiteralString = """
    (ARRAY['critical', 'major', 'minor', 'info'])[
        (SELECT min(array_position(ARRAY['critical', 'major', 'minor', 'info'], alert.severity))
           FROM alert
          WHERE alert.device_id = device.device_id AND alert.state IN ('open', 'acked'))]
"""
"""Severity of the gravest alert of `device` that is still open, or null."""

POSITIONS: LiteralString = """
    SELECT device_id, vehicle.plate, vehicle.company_id, vehicle.kind, latest.ts, latest.lat, latest.lon,
           latest.speed_kmh, latest.heading_deg, latest.load, latest.lift, latest.cover, latest.ignition,
           latest.quality, latest.loaded, latest.site_id, latest.received_at, {alert} AS alert
      FROM vehicle_latest AS latest
      JOIN device USING (device_id)
      JOIN vehicle ON vehicle.plate = device.bound_to
""".replace("{alert}", WORST_ALERT)
"""Vehicles that have reported; add WHERE. `received_at` is ours, `position_json` leaves it out."""


def position_json(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "received_at"}
