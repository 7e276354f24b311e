"""States kept to judge again from, once per device and hour of event time, with the alerts that were going on then."""

from collections.abc import Sequence
from typing import LiteralString, NamedTuple

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


class Checkpoint(NamedTuple):
    device_id: str
    ts_us: int
    """Everything up to here is in the state."""
    state: bytes
    ongoing: list[Episode]
    """The episodes that were going on then, as they stood."""


def checkpoint_hours(
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
    since_us = int(last_us[crossed].min()) - SEEN_BEFORE_US
    stored = writing.load_episodes(connection, ids, since_us=since_us)
    checkpoints = []
    for i in crossed:
        episodes = stored.get(device_ids[i], {}).values()
        ongoing = [episode for episode in episodes if episode.ongoing]
        state = after[i : i + 1].tobytes()
        checkpoints.append(Checkpoint(device_ids[i], last_us[i].item(), state, ongoing))
    save_checkpoints(connection, judge, checkpoints)


def save_checkpoints(connection: Connection, judge: Judge, checkpoints: Sequence[Checkpoint]) -> None:
    if not checkpoints:
        return
    device_ids = [one.device_id for one in checkpoints]
    times = [instant(one.ts_us) for one in checkpoints]
    connection.execute(
        SAVE,
        (
            device_ids,
            times,
            [judge.layout] * len(checkpoints),
            [one.state for one in checkpoints],
            [Jsonb([episode.to_json() for episode in one.ongoing]) for one in checkpoints],
        ),
    )
    connection.execute(THIN, (device_ids, times))


def newest_checkpoint(
    connection: Connection, judge: Judge, device_id: str, *, before_us: int
) -> Checkpoint | None:
    """NEVER: none is before that."""
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
        return None
    ts_us, state, ongoing = found
    return Checkpoint(device_id, ts_us, state, [Episode.from_json(fields) for fields in ongoing])


def drop_checkpoints(connection: Connection, device_id: str, *, after_us: int) -> None:
    """NEVER: all of the device's."""
    begin = instant(after_us) if after_us != NEVER else None
    connection.execute(DROP_LATER, {"device_id": device_id, "begin": begin})
