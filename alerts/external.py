"""Events of other systems: cameras, the hotline, the shop-front system. Each becomes an alert of its own kind, once.

Near it in time and place are looked for: trucks that were there stand in the alert's evidence. A camera's word is no
judgement of ours: such an alert opens no lead by itself and clears by an officer.
"""

import math
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, LiteralString

import msgspec
import shapely
from msgspec import Meta
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from shapely.geometry import shape

from alerts.casework.photos import distance_m
from alerts.presentation import plain, publish_alert

Source = Literal["camera", "hotline", "shopfront"]
KINDS: dict[Source, str] = {
    "camera": "camera_event", "hotline": "hotline_event", "shopfront": "shopfront_event",
}  # fmt: skip
NEAR_M = 300.0
NEAR = timedelta(minutes=5)
VERSION = "external.1"

Word = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=2000)]


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What another system says it saw."""

    source: Source
    event_id: Word
    at: Annotated[datetime, Meta(tz=True)]
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    device: Annotated[str, Meta(max_length=64)] = ""
    """The camera, or whoever told."""
    kind: Annotated[str, Meta(max_length=64)] = ""
    """What it was taken for, in the other system's words."""
    text: Text = ""
    plate: Annotated[str, Meta(max_length=16)] | None = None
    outlet_id: Annotated[str, Meta(max_length=64)] | None = None
    severity: Literal["critical", "major", "minor", "info"] = "minor"
    picture_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    link: Annotated[str, Meta(max_length=500, pattern="^https?://")] | None = None


KNOWN: LiteralString = "SELECT alert_id FROM external_event WHERE source = %s AND event_id = %s"
OPEN: LiteralString = """
    INSERT INTO alert (kind, severity, score, state, device_id, plate, outlet_id, company_id, place, started_at, opened_at,
                       updated_at, lat, lon, jurisdiction, evidence, rule_version, registry_version)
    VALUES (%(kind)s, %(severity)s, 0.5, 'open', %(device_id)s, %(plate)s, %(outlet_id)s,
            (SELECT company_id FROM vehicle WHERE plate = %(plate)s), %(place)s, %(at)s, %(at)s, %(at)s, %(lat)s, %(lon)s,
            %(jurisdiction)s, %(evidence)s, %(version)s, (SELECT coalesce(max(version), 0) FROM registry_version))
    RETURNING id
"""
KEEP: LiteralString = """
    INSERT INTO external_event (source, event_id, received_at, body, alert_id) VALUES (%s, %s, %s, %s, %s)
"""
AROUND: LiteralString = """
    SELECT DISTINCT ON (device_id) device_id, device.bound_to AS plate, ts, lat, lon, speed_kmh, load
      FROM vehicle_position JOIN device USING (device_id)
     WHERE ts BETWEEN %(since)s AND %(until)s AND quality = 'ok'
       AND lat BETWEEN %(lat)s - %(north)s AND %(lat)s + %(north)s
       AND lon BETWEEN %(lon)s - %(east)s AND %(lon)s + %(east)s
     ORDER BY device_id, power(lat - %(lat)s, 2) + power((lon - %(lon)s) * %(narrow)s, 2)
"""
JURISDICTIONS: LiteralString = "SELECT code, geometry FROM jurisdiction ORDER BY code"


def take(connection: Connection[Any], event: Event, *, received_at: datetime) -> tuple[int, bool]:
    """The event's alert, and whether it was opened now: the same event again changes nothing. In the caller's turn."""
    known = connection.execute(KNOWN, (event.source, event.event_id)).fetchone()
    if known is not None:
        return int(known[0]), False
    near = _near(connection, event)
    said = {
        name: plain(value) for name, value in msgspec.structs.asdict(event).items() if value not in (None, "")
    }
    thresholds = {"near_m": NEAR_M, "near_s": NEAR.total_seconds()}
    evidence = {
        "rule": {"kind": KINDS[event.source], "version": VERSION, "thresholds": thresholds},
        "values": {"near_vehicles": len(near)},
        "event": said,
        "near": near,
    }  # fmt: skip
    row = connection.execute(
        OPEN,
        {
            "kind": KINDS[event.source], "severity": event.severity, "plate": event.plate, "outlet_id": event.outlet_id,
            "device_id": f"{event.source}:{event.device or event.event_id}", "place": f"@{event.event_id}",
            "at": event.at, "lat": event.lat, "lon": event.lon, "jurisdiction": _jurisdiction(connection, event),
            "evidence": Jsonb(evidence), "version": VERSION,
        },
    ).fetchone()  # fmt: skip
    assert row is not None  # noqa: S101 - INSERT … RETURNING of one row
    alert_id = int(row[0])
    connection.execute(KEEP, (event.source, event.event_id, received_at, Jsonb(said), alert_id))
    publish_alert(connection, alert_id, "alert.opened")
    return alert_id, True


def _near(connection: Connection[Any], event: Event) -> list[dict[str, Any]]:
    """Each truck that was near, at the fix where it was nearest."""
    if event.lat is None or event.lon is None:
        return []
    narrow = max(0.01, math.cos(math.radians(event.lat)))
    north = NEAR_M / 110_000
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            AROUND,
            {
                "since": event.at - NEAR, "until": event.at + NEAR, "lat": event.lat, "lon": event.lon, "north": north,
                "east": north / narrow, "narrow": narrow,
            },
        ).fetchall()  # fmt: skip
    near = [
        {
            **{name: plain(value) for name, value in row.items()},
            "from_place_m": round(distance_m(event.lat, event.lon, row["lat"], row["lon"]), 1),
            "named": row["plate"] is not None and row["plate"] == event.plate,
        }
        for row in found
    ]
    return sorted((one for one in near if one["from_place_m"] <= NEAR_M), key=lambda one: one["from_place_m"])


def _jurisdiction(connection: Connection[Any], event: Event) -> str | None:
    if event.lat is None or event.lon is None:
        return None
    place = shapely.Point(event.lon, event.lat)
    for code, geometry in connection.execute(JURISDICTIONS):
        if shapely.intersects(shape(geometry), place):
            return str(code)
    return None
