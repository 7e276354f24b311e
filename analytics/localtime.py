"""UTC to the wall clock of a time zone, for whole arrays of event times."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from analytics.records import HOUR, SECOND

_QUARTER = HOUR // 4
"""Offsets of civil time change on quarter hours only."""


def local_times(ts: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """`ts` (N,) microseconds UTC, as microseconds on the wall clock of `zone`."""
    quarters, inverse = np.unique(ts // _QUARTER, return_inverse=True)
    offsets = np.empty(len(quarters), dtype=np.int64)
    for i, quarter in enumerate(quarters.tolist()):
        instant = datetime.fromtimestamp(quarter * _QUARTER / SECOND, UTC).astimezone(zone)
        offset = instant.utcoffset()
        assert offset is not None  # noqa: S101 - astimezone gives an aware time
        offsets[i] = round(offset.total_seconds()) * SECOND
    return ts + offsets[inverse]
