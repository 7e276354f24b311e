"""When a track fulfils a definition, by hand."""

from collections.abc import Sequence

import numpy as np
import shapely

from simulators.motion import TRACK
from simulators.witnessing import LimitedRoad, Spell, Track, speeding, uncovered

ROAD = LimitedRoad(shapely.LineString([(0, 0), (10_000, 0)]), corridor_m=30, limit_kmh=60)


def track(speeds: Sequence[float], *, y: float = 0.0, covered: Sequence[bool] | None = None) -> Track:
    """Every ten seconds, east along the road, loaded."""
    rows = np.zeros(len(speeds), TRACK)
    rows["at"] = np.arange(len(speeds)) * 10.0
    rows["speed_kmh"], rows["y"], rows["load"] = speeds, y, 0.9
    rows["x"] = np.cumsum(rows["speed_kmh"]) / 3.6 * 10
    rows["covered"] = covered if covered is not None else True
    return rows


def test_three_fixes_over_the_limit_until_half_a_minute_at_it() -> None:
    assert speeding(track([60, 70, 70, 70, 60, 60, 60, 60]), [ROAD]) == [Spell(1, 3, 3)]
    assert speeding(track([60, 70, 70, 60]), [ROAD]) == []
    assert speeding(track([70] * 5, y=31), [ROAD]) == []


def test_a_short_pause_or_a_little_over_the_limit_is_the_same_spell() -> None:
    assert speeding(track([70, 70, 70, 60, 60, 70, 70, 70, 60]), [ROAD]) == [Spell(0, 2, 7)]
    assert speeding(track([70, 70, 70, 60, 60, 62, 60, 60, 70, 60]), [ROAD]) == [Spell(0, 2, 8)]
    assert len(speeding(track([70, 70, 70, 60, 60, 62, 60, 60, 60, 60, 70, 70, 70]), [ROAD])) == 2


def test_half_a_minute_with_the_cover_open() -> None:
    opened = [True, False, False, False, False, True]
    assert uncovered(track([30] * 6, covered=opened), 0, 50) == Spell(1, 4, 5)
    assert uncovered(track([30, 30, 30, 5, 30, 30], covered=opened), 0, 50) is None
    assert uncovered(track([30] * 6, covered=opened), 60, 90) is None
