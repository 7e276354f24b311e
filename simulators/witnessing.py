"""When a truck's true track fulfils a definition of the contract (section 4): what an ideal witness would write down.

Each takes `TRACK` rows as the terminal would report them and says which rows it is about.
"""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from simulators.motion import TRACK

Track = NDArray[np.void]


class Spell(NamedTuple):
    """Rows `first` to `last` of a track; by row `decided` the definition was fulfilled."""

    first: int
    decided: int
    last: int


class LimitedRoad(NamedTuple):
    line: BaseGeometry
    corridor_m: float
    limit_kmh: float


def uncovered(track: Track, begin_s: float, end_s: float) -> Spell | None:
    """The first 30 s at 10 km/h or more, loaded with the cover open, between two instants; None: there were none."""
    _is_track(track)
    going = (
        _between(track, begin_s, end_s)
        & ~track["covered"]
        & (track["speed_kmh"] >= 10)
        & (track["load"] >= 0.3)
    )
    last = (
        int(np.flatnonzero(_between(track, begin_s, end_s))[-1])
        if _between(track, begin_s, end_s).any()
        else 0
    )
    for first, end in runs(going):
        lasted = np.flatnonzero(track["at"][first : end + 1] - track["at"][first] >= 30)
        if len(lasted):
            return Spell(first, first + int(lasted[0]), last)
    return None


def speeding(track: Track, roads: list[LimitedRoad]) -> list[Spell]:
    """Three fixes in a row more than a tenth over the limit, until 30 s at it, or on no road."""
    _is_track(track)
    limit = np.full(len(track), np.nan)
    nearest = np.full(len(track), np.inf)
    fast = track["speed_kmh"] > 1.1 * min((road.limit_kmh for road in roads), default=np.inf)
    for road in roads if fast.any() else []:
        apart = np.asarray(shapely.distance(shapely.points(track["x"], track["y"]), road.line))
        on = (apart <= road.corridor_m) & (apart < nearest)
        limit[on], nearest[on] = road.limit_kmh, apart[on]
    over, under = track["speed_kmh"] > 1.1 * limit, ~(track["speed_kmh"] > limit)
    spells: list[Spell] = []
    until = -1
    for first, end in runs(over):
        if end - first < 2 or first <= until:
            continue
        last, back_s = end, np.inf
        for row in range(end + 1, len(track)):
            last = row if over[row] else last
            back_s = min(back_s, track["at"][row]) if under[row] else np.inf
            if track["at"][row] - back_s >= 30:
                break
        spells.append(Spell(first, first + 2, last))
        until = last
    return spells


def unloaded_s(track: Track, begin_s: float, *, lift: bool, load: bool) -> float:
    """When, from `begin_s` on, the fix comes that completes an unloading, as a lift or a load sensor tells it; inf: none.

    (a) the box up under 10 km/h on two fixes in a row that span 10 s, (b) the load 0.4 less than within the last 10 min and
    300 m. Up to that fix the load is a load.
    """
    _is_track(track)
    after = track["at"] >= begin_s
    ends = [np.inf]
    if lift:
        for first, last in runs(after & track["lift"] & (track["speed_kmh"] < 10)):
            lasted = track["at"][first : last + 1] - track["at"][first] >= 10
            ends += [float(track["at"][first + np.argmax(lasted)])] if lasted.any() else []
    if load:
        for row in np.flatnonzero(after & (np.diff(track["load"], prepend=0.0) < 0)).tolist():
            here, before = track[row], track[: row + 1][after[: row + 1]]
            near = np.hypot(before["x"] - here["x"], before["y"] - here["y"]) <= 300
            recent = before["load"][near & (here["at"] - before["at"] <= 600)]
            if recent.max() - here["load"] >= 0.4 - 1e-6:
                ends.append(float(here["at"]))
                break
    return min(ends)


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of every unbroken run of True."""
    edges = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
    return list(
        zip(np.flatnonzero(edges == 1).tolist(), (np.flatnonzero(edges == -1) - 1).tolist(), strict=True)
    )


def _between(track: Track, begin_s: float, end_s: float) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (track["at"] >= begin_s) & (track["at"] <= end_s)
    return inside


def _is_track(track: Track) -> None:
    if track.dtype != TRACK:
        raise TypeError("not TRACK rows")
