"""Writing one event."""

import math

import numpy as np
from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel
from analytics.records import CLEARED, EVENT_VALUES, NO_REASON, SECOND, WITHDRAWN

MOST_EVENTS_A_FIX = 56
"""Silences told and over, loads begun and ended, an unloading and what it withdraws, four zones left for four
others, a stop left for another, five roads passed: 50."""

Record = np.void
Records = NDArray[np.void]


@inner_kernel
def microseconds(seconds: float) -> int:
    return int(seconds * SECOND)


@inner_kernel
def lasted(then: int, now: int, seconds: float) -> bool:
    """Whether `now` is at least `seconds` after `then`, which may be NEVER: no."""
    return then >= 0 and now - then >= microseconds(seconds)


@inner_kernel
def within(then: int, now: int, seconds: float) -> bool:
    """Whether `now` is at most `seconds` after `then`, which may be NEVER: no."""
    return then >= 0 and now - then <= microseconds(seconds)


@inner_kernel
def settle(event: Record, due: int, reason: int) -> bool:
    """Fill in the end of something that was told as of `due` because nothing had come: cleared, and true.

    Withdrawn for `reason`, and false, where what ended it came before that after all.
    """
    stood = event["ts"] >= due
    event["action"] = CLEARED if stood else WITHDRAWN
    if not stood:
        event["reason"] = reason
    return bool(stood)


@inner_kernel
def tell(here: Record, events: Records, started: int, lat: float, lon: float) -> int:
    """Begin an event and return its row.

    `kind`, `action`, `severity` and `score` must yet be filled in; `place`, `permit`, `site`, `values` and
    `reason` may be. (A constant passed to a kernel would compile it once more.)
    """
    said = here["said"]
    here["said"] = said + 1
    event = events[said]
    event["slot"], event["index"], event["ts"] = here["slot"], here["row"], here["ts"]
    event["started"], event["lat"], event["lon"] = started, lat, lon
    event["reason"], event["place"], event["permit"], event["site"] = NO_REASON, -1, -1, -1
    event["road"] = -1
    values = event["values"]
    for i in range(EVENT_VALUES):
        values[i] = math.nan
    return int(said)
