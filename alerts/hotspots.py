"""Hotspots: where suspected dumping and loaded stops of several days or vehicles come together, and who was there.

Made when asked, from the alerts as they stand, so that a late reading or an officer's word changes them by itself.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import numpy as np
from psycopg import Connection
from psycopg.rows import dict_row

from analytics.hotspots import clusters
from analytics.kernels.projection import plane_at, to_degrees, to_plane

REACH_M = 150.0
"""Ours: a lay-by or a field's edge, with two receivers' errors; half of what the ground truth's matching allows."""
LEAST = 3
"""Ours: fewer are chance."""
DUMPING_WEIGHT, STOP_WEIGHT = 3, 1
"""Ours, for the order alone: a suspected dumping says more than a stop."""

EVENTS: LiteralString = """
    SELECT id, kind, device_id, plate, started_at, lat, lon, jurisdiction
      FROM alert
     WHERE kind IN ('illegal_dumping', 'loaded_stop') AND state NOT IN ('withdrawn', 'dismissed')
       AND started_at >= %(begin)s AND started_at < %(end)s AND lat IS NOT NULL AND lon IS NOT NULL
     ORDER BY started_at, id
"""
LATEST: LiteralString = """
    SELECT max(started_at) FROM alert WHERE kind IN ('illegal_dumping', 'loaded_stop')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotspot:
    lat: float
    """Middle of its places."""
    lon: float
    radius_m: float
    """From the middle to the furthest."""
    dumpings: int
    stops: int
    vehicles: dict[str, int]
    """How often by plate, or device where there is none; the most often first."""
    days: list[str]
    """Local, on which something was; in order."""
    hours: dict[int, int]
    """How often by local hour."""
    first_at: datetime
    last_at: datetime
    jurisdiction: str | None
    alerts: list[int]

    @property
    def weight(self) -> int:
        return DUMPING_WEIGHT * self.dumpings + STOP_WEIGHT * self.stops


def newest_event(connection: Connection[Any]) -> datetime | None:
    row = connection.execute(LATEST).fetchone()
    return row[0] if row else None


def find_hotspots(
    connection: Connection[Any], begin: datetime, end: datetime, zone: ZoneInfo
) -> list[Hotspot]:
    """Hotspots of what began from `begin` to `end`, the weightiest first; among equals the more vehicles, the earlier."""
    with connection.cursor(row_factory=dict_row) as cursor:
        events = cursor.execute(EVENTS, {"begin": begin, "end": end}).fetchall()
    if not events:
        return []
    plane = plane_at(
        float(np.median([e["lat"] for e in events])), float(np.median([e["lon"] for e in events]))
    )
    places = np.array([to_plane(plane, event["lat"], event["lon"]) for event in events])
    labels = clusters(places, reach_m=REACH_M, least=LEAST)
    found = []
    for label in range(labels.max() + 1):
        rows = np.flatnonzero(labels == label)
        middle = places[rows].mean(axis=0)
        lat, lon = to_degrees(plane, *middle)
        radius_m = float(np.hypot(*(places[rows] - middle).T).max())
        found.append(_hotspot([events[row] for row in rows.tolist()], lat, lon, radius_m, zone))
    return sorted(found, key=lambda spot: (-spot.weight, -len(spot.vehicles), spot.first_at, spot.alerts))


def _hotspot(
    events: Sequence[dict[str, Any]], lat: float, lon: float, radius_m: float, zone: ZoneInfo
) -> Hotspot:
    local = [event["started_at"].astimezone(zone) for event in events]
    where = Counter(event["jurisdiction"] for event in events if event["jurisdiction"])
    return Hotspot(
        lat=round(lat, 6),
        lon=round(lon, 6),
        radius_m=round(radius_m, 1),
        dumpings=sum(event["kind"] == "illegal_dumping" for event in events),
        stops=sum(event["kind"] == "loaded_stop" for event in events),
        vehicles=dict(Counter(event["plate"] or event["device_id"] for event in events).most_common()),
        days=sorted({f"{moment:%Y-%m-%d}" for moment in local}),
        hours=dict(sorted(Counter(moment.hour for moment in local).items())),
        first_at=events[0]["started_at"],
        last_at=events[-1]["started_at"],
        jurisdiction=where.most_common(1)[0][0] if where else None,
        alerts=[event["id"] for event in events],
    )


def busiest_hours(hours: dict[int, int], span: int = 3) -> tuple[int, int]:
    """From and to (local, over midnight) of the `span` hours with most of it: when to send a patrol."""
    begin = max(range(24), key=lambda hour: sum(hours.get((hour + n) % 24, 0) for n in range(span)))
    return begin, (begin + span) % 24
