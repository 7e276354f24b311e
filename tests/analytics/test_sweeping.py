"""The straight way between two points, and the zones it meets: held against Shapely, and by hand at the border."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from analytics.kernels._compile import kernel
from analytics.kernels.sweeping import meets
from analytics.kernels.zones import BORDER_M, Outlines, build_zones
from tests.analytics.test_zones import Drawn, Place, box, discs, metres, polygons, shape

places = st.tuples(metres, metres)
LANE = [[box(0, 0, 10, 400)]]  # thinner than the way between two fixes


@kernel
def meets_first(outlines: Outlines, ax: float, ay: float, bx: float, by: float) -> bool:
    return meets(outlines, 0, ax, ay, bx, by)


def met(drawn: object, a: Place, b: Place) -> bool:
    ends = (float(end) for end in (*a, *b))
    return bool(meets_first(build_zones([drawn]).outlines, *ends))  # type: ignore[list-item]


@given(polygons() | discs, places, places)
@settings(max_examples=300)
@example((0.0, 0.0, 100.0), (-500.0, 50.0), (500.0, 50.0))
def test_agrees_with_shapely_away_from_the_border(drawn: Drawn, a: Place, b: Place) -> None:
    way = shapely.LineString([a, b])
    if isinstance(drawn, tuple):
        apart = shapely.distance(shapely.Point(drawn[:2]), way) - drawn[2]
        assume(abs(apart) > 2 * BORDER_M)
        expected = apart < 0
    else:
        expected = shapely.intersects(drawn, way)
        # In a hole, or outside: how far from the border; inside: it meets in any case.
        assume(expected or shapely.distance(drawn, way) > 2 * BORDER_M)

    assert met(shape(drawn), a, b) == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((-100, 200), (110, 200), True),  # across, both ends outside
        ((5, 100), (5, 300), True),  # all of it inside
        ((-100, 200), (5, 200), True),  # into it
        ((-100, -50), (110, -50), False),  # past its end
        ((-100, 200), (0, 200), True),  # up to its border
        ((-100, 200), (-BORDER_M, 200), True),
        ((-100, 200), (-3 * BORDER_M, 200), False),
        ((-100, 400), (110, 400), True),  # along a side
        ((-100, 500), (0, 400), True),  # touching a corner
        ((-10, 390), (-10, 410), False),
        ((5, 5), (5, 5), True),  # a point
        ((-5, 5), (-5, 5), False),
        ((math.nan, 5), (5, 5), False),
        ((5, 5), (5, math.nan), False),
    ],
)
def test_a_thin_zone_is_met_by_what_crosses_touches_or_lies_in_it(
    a: Place, b: Place, *, expected: bool
) -> None:
    assert met(LANE, a, b) is expected
    assert met(LANE, b, a) is expected


def test_a_way_within_a_hole_meets_nothing_and_one_through_the_rim_does() -> None:
    ring = [[box(0, 0, 100, 100), box(20, 20, 80, 80)]]
    assert not met(ring, (30, 30), (70, 70))
    assert met(ring, (30, 30), (90, 30))
    assert met(ring, (50, 50), (50, 150))


def test_a_way_past_a_circle_meets_it_up_to_its_edge() -> None:
    circle = (0.0, 0.0, 50.0)
    assert met(circle, (-100, 50), (100, 50))
    assert not met(circle, (-100, 50.1), (100, 50.1))
    assert not met(circle, (60, 0), (100, 0))


def test_a_zone_without_parts_is_met_by_nothing() -> None:
    assert not met([], (0, 0), (10, 10))
    assert np.isfinite(BORDER_M)
