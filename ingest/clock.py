"""The stream clock: how late it is in the fleet's own time.

Rules that wait for silence need to know that time has gone by though nothing came. While readings arrive live, with event
times near the wall clock, it is the wall clock's; a replay of last night is judged by last night's. So it is read from
the newest reading of each device, in the database, where every collector sees the same.

Outage  While the broker is away no device is heard, and the clock stands still: it falls back to the devices' own times.
        When it is back, some devices are heard live before the others' stored readings have come. So after an outage
        the wall clock counts again only when readings have been live for SETTLING_US; until then the third
        newest event time does.
Replay  A replay's readings do not arrive in order of time over all devices: at 360 times real time those of half a second
        differ by minutes, and devices would be told silent whose readings are on their way. So there the clock counts
        as it was SETTLE_US ago on the wall (`Settled`), and still comes to where the last reading has put it.
Heard   The clock never falls behind an instant by which silences have been told: judged again, they are told again.
"""

from collections import deque
from typing import LiteralString, NamedTuple

from psycopg import Connection

from analytics.records import MINUTE, NEVER, SECOND
from runtime.instants import instant, microseconds

LIVE_US = 2 * MINUTE
"""Contract, section 4: so near to the wall clock a reading's time must be for the clock to be the wall clock."""
WITNESSES = 3
"""Contract, section 4: else so many devices must have got there, so that one fast clock cannot make a fleet silent."""
OUTAGE_US = 2 * MINUTE
"""No live reading for this long after live ones, on top of LIVE_US: broker, network or we were away."""
SETTLING_US = MINUTE
SETTLE_US = 2 * SECOND
NOTED_EVERY_US = 10 * SECOND
"""How often it is written down that readings are live."""

READ: LiteralString = """
    WITH last AS (SELECT ts FROM vehicle_latest UNION ALL SELECT ts FROM fume_latest)
    SELECT ARRAY(SELECT ts FROM last ORDER BY ts DESC LIMIT %(witnesses)s),
           EXISTS (SELECT FROM last WHERE ts BETWEEN %(from)s AND %(to)s),
           heard, live_since, live_until
      FROM engine_clock
"""
NOTE_LIVE: LiteralString = "UPDATE engine_clock SET live_since = %s, live_until = %s"
NOTE_HEARD: LiteralString = "UPDATE engine_clock SET heard = greatest(heard, %s)"
HEARD: LiteralString = "SELECT heard FROM engine_clock"


class Live(NamedTuple):
    """Wall clock: readings have been arriving live from `since` to `until`."""

    since_us: int
    until_us: int


def went_on(live: Live | None, wall_us: int) -> Live:
    """Readings are live now: the same run of it as before, another after an outage, or the first ever."""
    if live is None:
        return Live(wall_us - SETTLING_US, wall_us)  # there was no outage to settle from
    if wall_us - live.until_us > OUTAGE_US:
        return Live(wall_us, wall_us)
    return Live(live.since_us, max(live.until_us, wall_us))


def stream_clock(wall_us: int, newest: list[int], live: Live | None, heard_us: int) -> int:
    """The clock, µs of event time; NEVER before anything has been heard.

    `newest`: the devices' newest event times, the latest first, WITNESSES of them where there are so many.
    `live`: None, they are not near the wall clock now.
    """
    if live is not None and wall_us - live.since_us >= SETTLING_US:
        clock_us = wall_us
    else:
        clock_us = newest[-1] if newest else NEVER
    return min(max(clock_us, heard_us), wall_us)


def read_clock(connection: Connection, wall_us: int) -> int:
    """The clock at `wall_us`, by what is committed. Notes when readings are live."""
    row = connection.execute(
        READ,
        {"witnesses": WITNESSES, "from": instant(wall_us - LIVE_US), "to": instant(wall_us + LIVE_US)},
    ).fetchone()
    assert row is not None  # noqa: S101 - the migration made the row
    newest, is_live, heard, since, until = row
    before = Live(microseconds(since), microseconds(until)) if until is not None else None
    live = went_on(before, wall_us) if is_live else None
    if live is not None and (
        before is None or live.since_us != before.since_us or live.until_us - before.until_us > NOTED_EVERY_US
    ):
        connection.execute(NOTE_LIVE, (instant(live.since_us), instant(live.until_us)))
    heard_us = microseconds(heard) if heard is not None else NEVER
    return stream_clock(wall_us, [microseconds(ts) for ts in newest], live, heard_us)


class Settled:
    """Where history is replayed, the clock as it was a moment ago; live, the clock."""

    def __init__(self, settle_us: int) -> None:
        self._settle_us = settle_us
        self._seen: deque[tuple[int, int]] = deque()

    def at(self, wall_us: int, clock_us: int) -> int:
        """What counts at `wall_us`, when the stream clock is at `clock_us`; NEVER: nothing yet."""
        if clock_us >= wall_us:
            self._seen.clear()
            return clock_us
        if self._seen and self._seen[-1][0] > wall_us:  # the wall clock was put back
            self._seen.clear()
        self._seen.append((wall_us, clock_us))
        while len(self._seen) > 1 and self._seen[1][0] <= wall_us - self._settle_us:
            self._seen.popleft()
        since_us, settled_us = self._seen[0]
        return settled_us if since_us <= wall_us - self._settle_us else NEVER


def note_heard(connection: Connection, clock_us: int) -> None:
    """Silences have been told by `clock_us`."""
    connection.execute(NOTE_HEARD, (instant(clock_us),))


def heard_until(connection: Connection) -> int:
    """The latest instant by which silences have been told; NEVER: none has."""
    row = connection.execute(HEARD).fetchone()
    return NEVER if row is None or row[0] is None else microseconds(row[0])
