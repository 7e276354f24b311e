"""Which piece of readings another one is a copy of: whose, and from when to when (`monitor_suspect`)."""

from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row

from alerts.episodes import Episode
from analytics.kitchens.state import PIECE
from runtime.instants import instant

ORIGINAL: LiteralString = """
    SELECT other.device_id, outlet.outlet_id, outlet.name AS outlet_name,
           (SELECT min(ts)
              FROM (SELECT ts FROM fume_reading
                     WHERE device_id = other.device_id AND ts <= other.ts AND quality = 'ok' AND fan_on IS NOT FALSE
                       AND fume_mg_m3 IS NOT NULL
                     ORDER BY ts DESC LIMIT %(piece)s) AS last) AS "from",
           other.ts AS "to"
      FROM fume_piece AS own
      JOIN fume_piece AS other ON other.hash = own.hash AND other.ts < own.ts
      LEFT JOIN device ON device.device_id = other.device_id
      LEFT JOIN outlet ON outlet.outlet_id = device.bound_to
     WHERE own.device_id = %(device_id)s AND own.ts BETWEEN %(begin)s AND %(end)s AND other.ts = %(at)s
     ORDER BY other.device_id LIMIT 1
"""


def find_original(connection: Connection[Any], device_id: str, episode: Episode) -> dict[str, Any] | None:
    """The monitor whose piece a suspect `episode` of `device_id` was last found to repeat; None: it repeats none, or
    the pieces are forgotten. Two monitors with the same piece at the same instant: the first by name.
    """
    ended = episode.values.get("copied_from_s")
    if ended is None:
        return None
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            ORIGINAL,
            {
                "device_id": device_id, "begin": instant(episode.started), "end": instant(episode.updated),
                "at": instant(round(ended * 1_000_000)), "piece": PIECE,
            },
        ).fetchone()  # fmt: skip
