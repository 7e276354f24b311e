"""States kept to judge again from, once per device and hour of event time, with the alerts that were going on then."""

from collections.abc import Sequence
from typing import LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.types.json import Jsonb

from alerts import writing
from alerts.episodes import Episode
from analytics.records import HOUR, NEVER
from ingest.judging import Judge, Records
from runtime.instants import instant

EVERY_US = HOUR
SEEN_BEFORE_US = 2 * 24 * 3600 * 1_000_000
"""How far back an event may speak of an alert that has ended: the engine takes back what a load of
at most a day led to."""

NEWEST: LiteralString = """
    SELECT (extract(epoch FROM ts) * 1000000)::bigint, state, episodes
      FROM engine_checkpoint
     WHERE device_id = %(device_id)s AND ts < %(before)s AND layout = %(layout)s
     ORDER BY ts DESC
     LIMIT 1
"""
DROP_LATER: LiteralString = """
    DELETE FROM engine_checkpoint
     WHERE device_id = %(device_id)s AND (%(begin)s::timestamptz IS NULL OR ts > %(begin)s)
"""
SAVE: LiteralString = """
    INSERT INTO engine_checkpoint (device_id, ts, layout, state, episodes)
    SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::integer[], %b::bytea[], %s::jsonb[])
        ON CONFLICT (device_id, ts) DO NOTHING
"""
# Beyond two days one checkpoint a day is enough to begin from.
THIN: LiteralString = """
    DELETE FROM engine_checkpoint AS old
     USING unnest(%s::text[], %s::timestamptz[]) AS new (device_id, ts)
     WHERE old.device_id = new.device_id
       AND old.ts < new.ts - INTERVAL '2 days'
       AND EXISTS (SELECT FROM engine_checkpoint AS earlier
                    WHERE earlier.device_id = old.device_id
                      AND earlier.ts < old.ts
                      AND date_trunc('day', earlier.ts, 'UTC') = date_trunc('day', old.ts, 'UTC'))
"""


def save_checkpoints(
    connection: Connection,
    judge: Judge,
    device_ids: Sequence[str],
    last_before_us: NDArray[np.int64],
    after: Records,
) -> None:
    """Keep the states (S,) `after` of those devices that have come into another hour since `last_before_us` (S,)."""
    last_us = after["last_ts"]
    crossed = np.flatnonzero(last_us // EVERY_US > last_before_us // EVERY_US).tolist()
    if not crossed:
        return
    ids = [device_ids[i] for i in crossed]
    times = [instant(last_us[i].item()) for i in crossed]
    since_us = int(last_us[crossed].min()) - SEEN_BEFORE_US
    stored = writing.load_episodes(connection, ids, since_us=since_us)
    ongoing = [[episode for episode in stored.get(one, {}).values() if episode.ongoing] for one in ids]
    connection.execute(
        SAVE,
        (
            ids,
            times,
            [judge.layout] * len(ids),
            [after[i : i + 1].tobytes() for i in crossed],
            [Jsonb([episode.to_json() for episode in episodes]) for episodes in ongoing],
        ),
    )
    connection.execute(THIN, (ids, times))


def newest_checkpoint(
    connection: Connection, judge: Judge, device_id: str, *, before_us: int
) -> tuple[int, bytes, list[Episode]]:
    """Event time (µs), state, and what was going on; NEVER and a new state where there is none before `before_us`."""
    found = connection.execute(
        NEWEST,
        {
            "device_id": device_id,
            "before": instant(before_us) if before_us != NEVER else None,
            "layout": judge.layout,
        },
        binary=True,
    ).fetchone()
    if found is None:
        return NEVER, judge.new_states(1).tobytes(), []
    ts_us, state, ongoing = found
    return ts_us, state, [Episode.from_json(fields) for fields in ongoing]


def drop_checkpoints(connection: Connection, device_id: str, *, after_us: int) -> None:
    """NEVER: all of the device's."""
    begin = instant(after_us) if after_us != NEVER else None
    connection.execute(DROP_LATER, {"device_id": device_id, "begin": begin})
