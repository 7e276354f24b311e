"""Which road a point is on, held against Shapely."""

import math

import numpy as np
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analytics.kernels._compile import kernel
from analytics.kernels.roads import Roads, build_roads, lies_along, nearest_road

metres = st.floats(-3000, 3000).map(lambda x: round(x, 1))
corners = st.lists(st.tuples(metres, metres), min_size=2, max_size=8)


@given(
    st.lists(st.tuples(corners, st.sampled_from([5.0, 30.0, 200.0])), max_size=8),
    st.lists(st.tuples(metres, metres), min_size=1, max_size=30),
)
@settings(max_examples=200)
def test_the_nearest_road_whose_corridor_holds_the_point(
    drawn: list[tuple[list[tuple[float, float]], float]], points: list[tuple[float, float]]
) -> None:
    roads = build_roads([[np.array(line)] for line, _ in drawn], [corridor for _, corridor in drawn])
    lines = [shapely.LineString(line) for line, _ in drawn]
    for x, y in points:
        apart = [line.distance(shapely.Point(x, y)) for line in lines]
        near = [(away, row) for row, away in enumerate(apart) if away <= drawn[row][1]]
        found = nearest_road(roads, x, y)
        if found < 0:
            assert all(math.isclose(away, drawn[row][1], abs_tol=1e-6) for away, row in near)
        else:
            assert apart[found] <= drawn[found][1] + 1e-6
            assert apart[found] <= min(near, default=(math.inf, 0))[0] + 1e-6


def test_exactly_the_corridors_edge_is_on_the_road() -> None:
    roads = build_roads([[np.array([[0.0, 0.0], [1000.0, 0.0]])]], [30.0])

    assert nearest_road(roads, 500.0, 30.0) == 0
    assert nearest_road(roads, 500.0, 30.001) == -1
    assert nearest_road(roads, -30.0, 0.0) == 0


def test_of_two_as_near_the_first_counts() -> None:
    roads = build_roads([[np.array([[0.0, y], [1000.0, y]])] for y in (10.0, -10.0)], [30.0, 30.0])

    assert nearest_road(roads, 500.0, 0.0) == 0


def test_no_roads_and_no_point() -> None:
    assert nearest_road(build_roads([], []), 0.0, 0.0) == -1
    assert nearest_road(build_roads([[]], [30.0]), 0.0, 0.0) == -1
    roads = build_roads([[np.array([[0.0, 0.0], [1000.0, 0.0]])]], [30.0])
    assert nearest_road(roads, math.nan, 0.0) == nearest_road(roads, math.inf, 0.0) == -1


@kernel
def along(roads: Roads, ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> bool:
    return lies_along(roads, 0, ax, ay, bx, by, cx, cy)


way = st.tuples(*[st.floats(-300, 300).map(lambda x: round(x, 1))] * 6)


@given(
    st.lists(st.tuples(*[st.floats(-150, 150).map(lambda x: round(x, 1))] * 2), min_size=2, max_size=4), way
)
@settings(max_examples=300)
def test_a_road_lies_along_a_way_whose_corridor_holds_its_corners(
    line: list[tuple[float, float]], way: tuple[float, ...]
) -> None:
    roads = build_roads([[np.array(line)]], [80.0])
    (ax, ay, bx, by, cx, cy) = way
    driven = shapely.LineString([(ax, ay), (bx, by), (cx, cy)])
    farthest = max(driven.distance(shapely.Point(corner)) for corner in line)
    assume(abs(farthest - 80.0) > 1e-6)

    assert along(roads, *way) == (farthest < 80.0)


def test_a_road_without_a_line_lies_along_nothing() -> None:
    assert not along(build_roads([[]], [30.0]), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert build_roads(
        [[], [np.array([[0.0, 5.0], [30.0, 5.0], [30.0, -10.0]])]], [30.0, 30.0]
    ).extent_m.tolist() == [0, 30]
