"""When a track fulfils a definition, by hand."""

from collections.abc import Sequence

import numpy as np
import shapely

from simulators.motion import TRACK
from simulators.witnessing import LimitedRoad, Spell, Track, speeding, uncovered, unloaded_s

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


def tipping(loads: Sequence[float], *, up: Sequence[int] = (), kmh: float = 0.0) -> Track:
    """Standing, a fix every ten seconds, the box up at the fixes `up`."""
    rows = track([kmh] * len(loads))
    rows["load"], rows["lift"][list(up)] = loads, True
    return rows


def test_by_its_sensor_a_load_is_one_until_it_has_fallen_by_four_tenths() -> None:
    assert unloaded_s(tipping([0.9, 0.9, 0.7, 0.51, 0.5, 0.1]), 0, lift=False, load=True) == 40
    assert unloaded_s(tipping([0.9, 0.7, 0.51]), 0, lift=False, load=True) == np.inf
    assert unloaded_s(tipping([0.9, 0.4, 0.4, 0.1]), 0, lift=True, load=False) == np.inf, (
        "it has no load sensor"
    )


def test_a_load_that_falls_on_the_way_or_over_more_than_ten_minutes_is_not_unloaded_yet() -> None:
    assert unloaded_s(tipping([0.9, 0.9, 0.9, 0.5], kmh=55), 0, lift=False, load=True) == 30
    assert unloaded_s(tipping([0.9, 0.6, 0.6, 0.5], kmh=55), 0, lift=False, load=True) == np.inf
    slowly = tipping([0.9, 0.7, *[0.7] * 59, 0.5])
    assert unloaded_s(slowly, 0, lift=False, load=True) == np.inf
    assert unloaded_s(slowly[1:], 0, lift=False, load=True) == np.inf
    assert unloaded_s(tipping([0.9, 0.7, *[0.7] * 58, 0.5]), 0, lift=False, load=True) == 600


def test_by_the_box_a_load_is_one_until_it_was_up_for_ten_seconds() -> None:
    full = [0.9] * 6
    assert unloaded_s(tipping(full, up=[1, 3, 4]), 0, lift=True, load=True) == 40
    assert unloaded_s(tipping(full, up=[1, 2, 3], kmh=10), 0, lift=True, load=True) == np.inf
    assert unloaded_s(tipping(full, up=[1, 2]), 15, lift=True, load=True) == np.inf
    assert unloaded_s(tipping(full, up=[1, 2, 3]), 0, lift=False, load=True) == np.inf, (
        "it has no lift sensor"
    )
