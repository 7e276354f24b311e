"""Findings about devices, kept by device and day (what they are: `analytics.findings`, docs/belief.md).

A day is looked at by itself once it is over; `fleetfume findings` looks again, after late readings or a repair.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection
from psycopg.types.json import Jsonb

from analytics.findings import Finding, Lines, Stretch, findings
from devices.channels import Decoders
from devices.decoding import MalformedPayload
from devices.reasons import Reason
from devices.repository import load_registry
from devices.topics import UP_CHANNELS
from devices.types import Device, Registry

AT_ONCE = 10
"""Devices in one transaction of the clerk's."""
AFTER = timedelta(hours=3)
"""After midnight: most of what was stored in terminals has come."""
SAMPLED_REFUSED = 200

READINGS: LiteralString = """
    SELECT (extract(epoch FROM ts) * 1000000)::bigint, (extract(epoch FROM received_at) * 1000000)::bigint, lat, lon,
           coalesce(speed_kmh, 'NaN'), coalesce(odometer_km, 'NaN'), coalesce(fix::int, -1),
           coalesce(ignition::int, -1), quality
      FROM vehicle_position
     WHERE device_id = %(device_id)s AND ts >= %(begin)s AND ts < %(end)s
     ORDER BY ts
"""
REFUSED: LiteralString = """
    SELECT topic, payload, (extract(epoch FROM received_at) * 1000000)::bigint
      FROM quarantine
     WHERE device_id = %(device_id)s AND received_at >= %(begin)s AND received_at < %(end)s AND reason = ANY(%(reasons)s)
     ORDER BY received_at LIMIT %(most)s
"""
FORGET: LiteralString = "DELETE FROM device_finding WHERE device_id = %s AND day = %s"
KEEP: LiteralString = "INSERT INTO device_finding (device_id, day, code, detail) VALUES (%s, %s, %s, %s)"
PROGRESS: LiteralString = "SELECT past, done FROM finding_progress WHERE day = %s"
ADVANCE: LiteralString = """
    INSERT INTO finding_progress (day, past, done) VALUES (%(day)s, %(past)s, %(done)s)
        ON CONFLICT (day) DO UPDATE SET past = EXCLUDED.past, done = EXCLUDED.done
"""
OF_TIME = [Reason.FUTURE_TIME, Reason.TOO_OLD]


def lines_of(registry: Registry) -> Lines:
    """The register's roads and routes."""
    shapes = [route.geometry for route in registry.routes.values()]
    shapes += [road.geometry for road in registry.roads.values()]
    parts = [
        part
        for shape in shapes
        for part in ([shape["coordinates"]] if shape["type"] == "LineString" else shape["coordinates"])
    ]
    return Lines([np.array([corner[:2] for corner in part], dtype=np.float64) for part in parts])


def look_at(
    connection: Connection[Any],
    device: Device,
    day: date,
    *,
    zone: ZoneInfo,
    lines: Lines,
    decoders: Decoders,
) -> list[Finding]:
    """Find again what `day` says of `device`, in the caller's transaction."""
    begin = datetime.combine(day, time(), zone)
    asked = {
        "device_id": device.device_id,
        "begin": begin,
        "end": datetime.combine(day + timedelta(days=1), time(), zone),
        "reasons": OF_TIME,
        "most": SAMPLED_REFUSED,
    }
    rows = connection.execute(READINGS, asked, binary=True).fetchall()
    refused = _refused(connection.execute(REFUSED, asked, binary=True), device, decoders)
    found = findings(_stretch(rows, refused), lines) if rows or refused else []
    connection.execute(FORGET, (device.device_id, day))
    for finding in found:
        connection.execute(KEEP, (device.device_id, day, finding.code, Jsonb(finding.detail)))
    return found


def advance(
    connection: Connection[Any], now: datetime, *, zone: ZoneInfo, lines: "LinesKept", decoders: Decoders
) -> bool:
    """Look at the next few vehicles' last whole day; False if there is nothing to do.

    `now` is the clock's; a day is done once, however often this is called.
    """
    day = (now - AFTER).astimezone(zone).date() - timedelta(days=1)
    with connection.transaction():
        past, done = connection.execute(PROGRESS, (day,)).fetchone() or ("", False)
        if done:
            return False
        registry = load_registry(connection)
        left = [
            device
            for device_id, device in sorted(registry.devices.items())
            if device.kind == "vehicle" and device_id > past
        ]
        for device in left[:AT_ONCE]:
            look_at(connection, device, day, zone=zone, lines=lines.of(registry), decoders=decoders)
        past = left[:AT_ONCE][-1].device_id if left else past
        connection.execute(ADVANCE, {"day": day, "past": past, "done": len(left) <= AT_ONCE})
    return True


class LinesKept:
    """The lines of the newest register seen, made once for each version."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._lines = Lines([])

    def of(self, registry: Registry) -> Lines:
        if self._version != registry.version:
            self._version, self._lines = registry.version, lines_of(registry)
        return self._lines


def _stretch(rows: list[tuple[Any, ...]], refused_us: list[int]) -> Stretch:
    columns = list(zip(*rows, strict=True)) or [()] * 9
    kinds = (np.int64, np.int64, np.float64, np.float64, np.float64, np.float64, np.int8, np.int8, np.str_)
    ts, received, lat, lon, speed, odometer, fix, ignition, quality = (
        np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)
    )
    return Stretch(
        ts, received, lat, lon, speed, odometer, fix, ignition, quality, np.array(refused_us, dtype=np.int64)
    )


def _refused(rows: Iterable[tuple[str, bytes, int]], device: Device, decoders: Decoders) -> list[int]:
    """By how much the refused readings were ahead of their arrival, µs."""
    ahead = []
    for topic, payload, received_us in rows:
        channel = topic.rpartition("/")[2]
        if channel not in UP_CHANNELS[device.kind] or channel not in decoders:
            continue
        try:
            decoded = decoders[channel](device, payload)
        except MalformedPayload:
            continue
        ahead += [reading.ts_us - received_us for reading in decoded.readings]
    return ahead


FOUND: LiteralString = """
    SELECT device_id, day, code, detail FROM device_finding
     WHERE day >= %(first)s AND day <= %(last)s AND (%(device_ids)s::text[] IS NULL OR device_id = ANY(%(device_ids)s))
     ORDER BY day, device_id, code
"""


def found(
    connection: Connection[Any], first: date, last: date, device_ids: list[str] | None
) -> list[tuple[str, date, str, dict[str, Any]]]:
    """What is kept of these days, both included."""
    return connection.execute(
        FOUND, {"first": first, "last": last, "device_ids": device_ids or None}
    ).fetchall()
