"""What of a truck's behaviour can still be seen in what arrived of it: the contract's definitions, asked of the wire.

The truth is what happened. Some of it nobody can tell from what the terminal sent: of three fixes over the limit one had no
fix. A witness (`simulators.witnessing`) asked once more, of the good fixes that arrived, finds what can be told.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulators.matching import OpenedAlert, match
from simulators.motion import TRACK
from simulators.noise import Flaws
from simulators.readings import SECOND_US
from simulators.roads import LAT_M, LON_M, ORIGIN_LAT, ORIGIN_LON
from simulators.truth import Truth, line_of
from simulators.witnessing import Track

SILENCE_S, FIX_SPEAKS_S = 300.0, 300.0
MOVING_KMH, LOADED = 10.0, 0.3
_HDOP_MAX = 10.0
_AGREEING = 3


def as_track(rows: NDArray[np.void], flaws: Flaws) -> tuple[Track, NDArray[np.bool_]]:
    """The readings that arrived as a track, in order of time, by a right clock; and which of them are good fixes."""
    rows = rows[np.argsort(rows["due"], kind="stable")]
    rows = rows[np.unique(rows["ts"], return_index=True)[1]]
    track = np.zeros(len(rows), TRACK)
    track["at"] = (rows["ts"] - flaws.clock_off_us) / SECOND_US
    track["x"], track["y"] = (rows["lon"] - ORIGIN_LON) * LON_M, (rows["lat"] - ORIGIN_LAT) * LAT_M
    for name in ("speed_kmh", "heading_deg", "load", "lift", "covered", "ignition"):
        track[name] = rows[name]
    track["odometer_m"] = rows["odometer_km"] * 1000
    alone = rows["fix"] & (rows["hdop"] <= _HDOP_MAX) & ((rows["lat"] != 0) | (rows["lon"] != 0))
    return track, _believed(track, alone)


def _believed(track: Track, alone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the fixes that are good by themselves those that are no jumps (contract, section 4, "Readings")."""
    good = alone.copy()
    last: np.void | None = None
    strays: list[np.void] = []
    for row in np.flatnonzero(alone).tolist():
        here = track[row]
        if last is None or _in_reach(last, here):
            last, strays = here, []
            continue
        strays = [*strays, here] if strays and _in_reach(strays[-1], here) else [here]
        if len(strays) < _AGREEING:
            good[row] = False
        else:
            last, strays = here, []
    return good


def _in_reach(then: np.void, now: np.void) -> bool:
    seconds = now["at"] - then["at"]
    kmh = 150.0 if seconds > 60 else max(then["speed_kmh"], now["speed_kmh"]) + 30
    return bool(np.hypot(now["x"] - then["x"], now["y"] - then["y"]) <= 100 + seconds * kmh / 3.6)


def mark_visible(truths: Sequence[Truth], seen: Sequence[Truth]) -> list[Truth]:
    """`truths`, each marked by whether one of `seen`, as an alert, would stand for it."""
    if not truths:
        return []
    told = [_as_alert(one) for one in seen]
    found = match([line_of(truth) for truth in truths], told)
    return [replace(truth, visible=i in found) for i, truth in enumerate(truths)]


def _as_alert(seen: Truth) -> OpenedAlert:
    line = line_of(seen)
    return OpenedAlert(
        id=0, kind=seen.kind, device_id=seen.device_id, is_vehicle=True, started_at=line.started_at,
        opened_at=line.started_at, until=line.ended_at, lat=line.lat, lon=line.lon,
    )  # fmt: skip


def silences(track: Track, good: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Where nothing came for five minutes, the truck loaded and last seen at over 10 km/h: rows (fix, before, after).

    `good`: see `as_track`. The last good fix speaks for the silence, if it is under five minutes older.
    """
    speaks = np.maximum.accumulate(np.where(good, np.arange(len(track)), -1))
    found = []
    for before in np.flatnonzero(np.diff(track["at"]) >= SILENCE_S).tolist():
        fix = speaks[before]
        if (
            fix >= 0
            and track["at"][before] - track["at"][fix] < FIX_SPEAKS_S
            and track["speed_kmh"][fix] > MOVING_KMH
            and track["load"][fix] >= LOADED
        ):
            found.append((int(fix), before, before + 1))
    return found
