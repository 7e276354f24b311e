import math

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st

from analytics.kernels.corridor import Line, build_routes, distance_to_route

Place = tuple[float, float]
Parts = list[list[Place]]

metres = st.floats(-5000, 5000).map(lambda value: round(value, 2))
places = st.tuples(metres, metres)
parts = st.lists(st.lists(places, min_size=2, max_size=60), min_size=1, max_size=3)


def line(*corners: list[Place]) -> Line:
    return [np.array(part, np.float64) for part in corners]


@given(parts, parts, places, st.integers(-3, 200))
@example([[(0.0, 0.0), (0.0, 0.0)]], [[(1.0, 1.0), (2.0, 2.0)]], (0.0, 0.0), 0)
@example([[(0.0, 0.0), (9.0, 0.0), (9.0, 0.0), (9.0, 9.0)]], [[(5.0, 5.0), (5.0, 5.0)]], (9.0, 0.0), 1)
def test_is_shapelys_distance_whatever_the_hint(one: Parts, other: Parts, place: Place, hint: int) -> None:
    routes = build_routes([line(*one), line(*other)])

    for row, drawn in enumerate((one, other)):
        distance, segment = distance_to_route(routes, row, *place, hint)
        true = shapely.MultiLineString(drawn).distance(shapely.Point(place))
        assert distance == pytest.approx(true, abs=1e-7)
        assert distance == distance_to_route(routes, row, *place, -1)[0]
        assert routes.route_start[row] <= segment < routes.route_start[row + 1]
        ax, ay, bx, by = routes.segments[segment]
        assert shapely.LineString([(ax, ay), (bx, by)]).distance(shapely.Point(place)) == pytest.approx(
            distance, abs=1e-7
        )


@given(places, places, st.floats(0, 1))
@example((117.0, -400.0), (117.0, 400.0), 1 / 3)
@example((-400.0, 36.0), (400.0, 36.0), 1 / 3)
@example((3.0, 4.0), (3.0, 4.0), 0.5)
def test_a_place_on_the_centre_line_is_on_it_and_never_nowhere(
    start: Place, end: Place, along: float
) -> None:
    """Heron's formula on three sides gives NaN for 16 % of these on a line due north."""
    (ax, ay), (bx, by) = start, end
    routes = build_routes([line([start, end])])

    distance, segment = distance_to_route(routes, 0, ax + along * (bx - ax), ay + along * (by - ay), -1)

    assert distance < 1e-9
    assert segment == 0


def test_beyond_an_end_the_end_itself_is_nearest() -> None:
    routes = build_routes([line([(0, 0), (100, 0)])])

    assert distance_to_route(routes, 0, 103.0, 4.0, -1) == (5.0, 0)
    assert distance_to_route(routes, 0, -3.0, -4.0, 0) == (5.0, 0)


def test_the_parts_of_a_route_are_not_joined() -> None:
    routes = build_routes([line([(0, 0), (100, 0)], [(1000, 0), (1100, 0)])])

    assert distance_to_route(routes, 0, 550.0, 0.0, 0)[0] == 450.0


def test_a_route_that_comes_back_beside_itself_is_measured_at_the_nearer_pass() -> None:
    """The hint is the way out; the way back, 50 segments on, is nearer now."""
    out = [(x * 10.0, 0.0) for x in range(51)]
    back = [(x * 10.0, 40.0) for x in range(50, -1, -1)]
    routes = build_routes([line(out + back)])

    assert distance_to_route(routes, 0, 255.0, 39.0, 25) == (1.0, 75)


def test_an_unknown_place_is_at_an_unknown_distance() -> None:
    routes = build_routes([line([(0, 0), (100, 0)])])

    for x, y in ((math.nan, 0.0), (0.0, math.nan)):
        distance, segment = distance_to_route(routes, 0, x, y, 0)
        assert math.isnan(distance)
        assert segment == -1


def test_a_route_without_a_line_is_infinitely_far() -> None:
    assert distance_to_route(build_routes([[]]), 0, 0.0, 0.0, 5) == (math.inf, -1)
    assert len(build_routes([]).boxes) == 0
