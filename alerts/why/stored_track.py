"""A vehicle's stored fixes as the engine reads them."""

from datetime import datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from analytics.localtime import local_times
from analytics.records import FIX

# Columns in the order of FIX, after its slot; what was not sent as the engine has it.
TRACK: LiteralString = """
    SELECT 0, round(date_part('epoch', ts) * 1000000)::bigint, 0, lat, lon, coalesce(speed_kmh, 'NaN'),
           coalesce(heading_deg, 'NaN'), coalesce(hdop, 'NaN'), coalesce(odometer_km, 'NaN'), coalesce(load, 'NaN'),
           coalesce(fix::int, -1), coalesce(ignition::int, -1), coalesce(lift::int, -1),
           CASE cover WHEN 'open' THEN 1 WHEN 'closed' THEN 0 ELSE -1 END
      FROM vehicle_position
     WHERE device_id = %(device_id)s AND ts >= %(begin)s AND ts <= %(end)s
     ORDER BY ts
     LIMIT %(most)s
"""


def load_track(
    connection: Connection[Any], device_id: str, begin: datetime, end: datetime, zone: ZoneInfo, *, most: int
) -> NDArray[np.void]:
    """FIX rows of slot 0 from `begin` to `end`, both included, the first `most` of them."""
    parameters = {"device_id": device_id, "begin": begin, "end": end, "most": most}
    rows = connection.cursor(binary=True).execute(TRACK, parameters).fetchall()
    fixes = np.array([tuple(row) for row in rows], FIX)
    fixes["local"] = local_times(fixes["ts"], zone)
    return fixes
