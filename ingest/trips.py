"""Trips and road passages into their tables, from the engine's TRIP rows, in the caller's transaction.

A stretch that is judged again is taken back first: what began after the checkpoint is deleted, what ended after it
is under way again. Its events then write what the readings say now, so the order of arrival leaves no trace.
"""

from datetime import datetime
from typing import Any, LiteralString, NamedTuple

import numpy as np
from psycopg import Connection
from psycopg.rows import dict_row

from alerts.writing import Subject
from analytics.haulage.trips import OUTCOMES, VALUES
from analytics.records import ACTIONS, CLEARED, NEVER, OPENED, SECOND
from ingest.fleet import Fleet
from ingest.judging import Records
from runtime.instants import instant, microseconds

TAKE_BACK: tuple[LiteralString, ...] = (
    "DELETE FROM trip WHERE device_id = %(device_id)s AND (%(since)s::timestamptz IS NULL OR left_at > %(since)s)",
    """
    UPDATE trip
       SET outcome = 'under_way', ended_at = NULL, unloaded_at = NULL, unloaded_lat = NULL, unloaded_lon = NULL,
           unloaded_site_id = NULL, distance_m = NULL, on_route_m = NULL, most_load = NULL, volume_m3 = NULL
     WHERE device_id = %(device_id)s AND ended_at > %(since)s
    """,
    """
    DELETE FROM road_passage
     WHERE device_id = %(device_id)s AND (%(since)s::timestamptz IS NULL OR ts > %(since)s)
    """,
)
BEGIN: LiteralString = """
    INSERT INTO trip (device_id, plate, company_id, loaded_at, source_site_id, permit_id, left_at, left_lat, left_lon,
                      outcome)
    VALUES (%(device_id)s, %(plate)s, %(company_id)s, %(loaded_at)s, %(site_id)s, %(permit_id)s, %(at)s, %(lat)s, %(lon)s,
            'under_way')
        ON CONFLICT (device_id, loaded_at) DO NOTHING
"""
END: LiteralString = """
    UPDATE trip
       SET outcome = %(outcome)s, ended_at = %(at)s, unloaded_at = %(unloaded_at)s, unloaded_lat = %(lat)s,
           unloaded_lon = %(lon)s, unloaded_site_id = %(site_id)s, distance_m = %(distance_m)s,
           on_route_m = %(on_route_m)s, most_load = %(most_load)s, volume_m3 = %(volume_m3)s
     WHERE device_id = %(device_id)s AND loaded_at = %(loaded_at)s
"""
PASSAGE: LiteralString = """
    INSERT INTO road_passage (device_id, ts, road_id, loaded_at, inferred)
    VALUES (%(device_id)s, %(at)s, %(road_id)s, %(loaded_at)s, %(inferred)s)
        ON CONFLICT DO NOTHING
"""


WITHIN: LiteralString = """
    SELECT * FROM trip WHERE device_id = %(device_id)s AND left_at >= %(begin)s AND left_at < %(end)s
"""
# What goes on, or ended after what was judged, is left as it is: more is known of it than was judged.
CLEAR: LiteralString = """
    WITH gone AS (DELETE FROM trip
                   WHERE device_id = %(device_id)s AND left_at >= %(begin)s AND left_at < %(end)s AND ended_at <= %(judged)s
                  RETURNING loaded_at)
    DELETE FROM road_passage USING gone
     WHERE road_passage.device_id = %(device_id)s AND road_passage.loaded_at = gone.loaded_at
"""


class Rewritten(NamedTuple):
    """How a device's trips of a time came out otherwise."""

    appear: int = 0
    vanish: int = 0
    change: int = 0


def rewrite(
    connection: Connection, fleet: Fleet, subject: Subject, events: Records, begin: datetime, end: datetime, judged_us: int
) -> Rewritten:  # fmt: skip
    """Put what `events` (TRIP rows, in order) tell in the place of the trips that left a source from `begin` to `end`."""
    span = {"device_id": subject.device_id, "begin": begin, "end": end, "judged": instant(judged_us)}
    before = _within(connection, span)
    connection.execute(CLEAR, span)
    left = events[events["action"] == OPENED]
    left = left[(left["ts"] >= microseconds(begin)) & (left["ts"] < microseconds(end))]
    ended = np.intersect1d(left["started"], events["started"][events["action"] == CLEARED])
    write_trips(connection, fleet, subject, events[np.isin(events["started"], ended)])
    after = _within(connection, span)
    both = before.keys() & after.keys()
    return Rewritten(
        len(after.keys() - both), len(before.keys() - both), sum(before[key] != after[key] for key in both)
    )


def _within(connection: Connection, span: dict[str, Any]) -> dict[datetime, dict[str, Any]]:
    """By when the load began."""
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(WITHIN, span)
        return {row["loaded_at"]: {n: v for n, v in row.items() if n != "id"} for row in cursor}


def take_back(connection: Connection, device_id: str, since_us: int) -> None:
    """Undo what was written of a device after `since_us` (NEVER: all of it)."""
    since = instant(since_us) if since_us != NEVER else None
    for statement in TAKE_BACK:
        connection.execute(statement, {"device_id": device_id, "since": since})


def write_trips(connection: Connection, fleet: Fleet, subject: Subject, events: Records) -> None:
    """Write a device's TRIP rows, in their order."""
    vehicle = fleet.registry.vehicles.get(subject.plate or "")
    capacity_m3 = vehicle.capacity_m3 if vehicle else None
    for event in events:
        said = _said(fleet, event) | {
            "device_id": subject.device_id,
            "plate": subject.plate,
            "company_id": subject.company_id,
        }
        if event["action"] == OPENED:
            connection.execute(BEGIN, said)
        elif event["action"] == CLEARED:
            connection.execute(END, said | _end(event, capacity_m3))
        else:
            connection.execute(PASSAGE, said | {"inferred": bool(event["values"][0] == 1)})


def _said(fleet: Fleet, event: Any) -> dict[str, Any]:
    names = fleet.compiled
    return {
        "action": ACTIONS[event["action"]],
        "at": instant(int(event["ts"])),
        "loaded_at": instant(int(event["started"])),
        "lat": _known(event["lat"]),
        "lon": _known(event["lon"]),
        "site_id": _named(event["site"], names.site_ids),
        "permit_id": _named(event["permit"], names.permit_ids),
        "road_id": _named(event["road"], names.road_ids),
    }


def _end(event: Any, capacity_m3: float | None) -> dict[str, Any]:
    values = dict(zip(VALUES, map(_known, event["values"]), strict=False))
    load, unloaded_s = values["most_load"], values["unloaded_s"]
    return {
        "outcome": OUTCOMES[round(values["outcome"] or 0)],
        "unloaded_at": instant(round(unloaded_s * SECOND)) if unloaded_s is not None else None,
        "distance_m": values["distance_m"],
        "on_route_m": values["on_route_m"],
        "most_load": load,
        "volume_m3": capacity_m3 * (1.0 if load is None else load) if capacity_m3 is not None else None,
    }


def _named(row: int, ids: tuple[str, ...]) -> str | None:
    return ids[row] if row >= 0 else None


def _known(value: float) -> float | None:
    return float(value) if value == value else None  # noqa: PLR0124 - NaN
