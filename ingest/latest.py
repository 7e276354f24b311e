"""The newest of each device, in tables small enough for a map."""

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from analytics.records import QUALITIES
from devices.types import DeviceKind
from ingest.fleet import Fleet
from ingest.judging import Records
from ingest.rows import Rows
from runtime.instants import instant

# One JSON text: psycopg makes an array element by element in Python, which took a third of the committing thread's time.
STORE_VEHICLES: LiteralString = """
    INSERT INTO vehicle_latest
    SELECT * FROM json_populate_recordset(NULL::vehicle_latest, %s)
        ON CONFLICT (device_id) DO UPDATE
       SET ts = EXCLUDED.ts, received_at = EXCLUDED.received_at, lat = EXCLUDED.lat, lon = EXCLUDED.lon,
           speed_kmh = EXCLUDED.speed_kmh, heading_deg = EXCLUDED.heading_deg, load = EXCLUDED.load,
           lift = EXCLUDED.lift, cover = EXCLUDED.cover, ignition = EXCLUDED.ignition,
           quality = EXCLUDED.quality, loaded = EXCLUDED.loaded, site_id = EXCLUDED.site_id
"""
STORE_MONITORS: LiteralString = """
    INSERT INTO fume_latest
    SELECT * FROM json_populate_recordset(NULL::fume_latest, %s)
        ON CONFLICT (device_id) DO UPDATE
       SET ts = EXCLUDED.ts, received_at = EXCLUDED.received_at, fume_mg_m3 = EXCLUDED.fume_mg_m3,
           fan_on = EXCLUDED.fan_on, purifier_on = EXCLUDED.purifier_on, quality = EXCLUDED.quality
"""


class Newest(NamedTuple):
    device_id: str
    reading: Any
    """With the fields of a VehicleReading or a FumeReading."""
    quality: str
    received_us: int


def of_rows(rows: Rows, newest: NDArray[np.intp], states: Records) -> tuple[list[Newest], Records]:
    """For `store`: the rows at `newest`, and of the states (S,) those of their devices."""
    slots = rows.slots[newest]
    found = [
        Newest(rows.device_ids[slot], rows.readings[at], QUALITIES[code], received_us)
        for at, slot, code, received_us in zip(
            newest.tolist(), slots.tolist(), rows.quality[newest].tolist(), rows.received_us[newest].tolist(), strict=True
        )
    ]  # fmt: skip
    return found, states[slots]


def store(
    connection: Connection, kind: DeviceKind, fleet: Fleet, newest: Sequence[Newest], states: Records
) -> None:
    """Remember the newest readings; `states[i]` is what the engine knows of `newest[i]`'s device."""
    if kind == "vehicle":
        _store_vehicles(connection, fleet, newest, states)
    else:
        _store_monitors(connection, newest)


def _store_vehicles(connection: Connection, fleet: Fleet, newest: Sequence[Newest], states: Records) -> None:
    site_ids = fleet.compiled.site_ids
    # The map shows where the vehicle was last believed to be, not where a stray fix puts it.
    known = [states[name].tolist() for name in ("good_ts", "good_lat", "good_lon", "loaded", "site")]
    rows = []
    for one, good_ts, good_lat, good_lon, loaded, site in zip(newest, *known, strict=True):
        reading = one.reading
        believed = good_ts > 0
        rows.append(
            {
                "device_id": one.device_id,
                "ts": instant(reading.ts_us),
                "received_at": instant(one.received_us),
                "lat": good_lat if believed else reading.lat,
                "lon": good_lon if believed else reading.lon,
                "speed_kmh": reading.speed_kmh,
                "heading_deg": reading.heading_deg,
                "load": reading.load,
                "lift": reading.lift,
                "cover": reading.cover,
                "ignition": reading.ignition,
                "quality": one.quality,
                "loaded": bool(loaded),
                "site_id": site_ids[site] if site >= 0 else None,
            }
        )
    connection.execute(STORE_VEHICLES, (msgspec.json.encode(rows).decode(),))


def _store_monitors(connection: Connection, newest: Sequence[Newest]) -> None:
    rows = [
        {
            "device_id": one.device_id,
            "ts": instant(one.reading.ts_us),
            "received_at": instant(one.received_us),
            "fume_mg_m3": one.reading.fume_mg_m3,
            "fan_on": one.reading.fan_on,
            "purifier_on": one.reading.purifier_on,
            "quality": one.quality,
        }
        for one in newest
    ]
    connection.execute(STORE_MONITORS, (msgspec.json.encode(rows).decode(),))
