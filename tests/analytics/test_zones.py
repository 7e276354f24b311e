import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from analytics.kernels.zones import BORDER_M, Disc, Ring, Shape, Zones, build_zones, containing

Place = tuple[float, float]
Area = shapely.Polygon | shapely.MultiPolygon
Drawn = Area | Disc

metres = st.floats(-2000, 2000).map(lambda value: round(value, 2))
POINTS = st.lists(st.tuples(metres, metres), min_size=1, max_size=30)


@st.composite
def polygons(draw: st.DrawFn) -> Area:
    """Simple polygons, concave ones too, sometimes with a hole: corners in turn around a middle."""
    x, y = draw(metres), draw(metres)
    count = draw(st.integers(3, 9))
    reaches = draw(st.lists(st.floats(5, 900), min_size=count, max_size=count))
    turns = [2 * math.pi * (n + 0.9 * draw(st.floats(0, 1))) / count for n in range(count)]
    ring = [(x + r * math.cos(t), y + r * math.sin(t)) for r, t in zip(reaches, turns, strict=True)]
    polygon = shapely.Polygon(ring)
    hole = shapely.Point(x, y).buffer(draw(st.floats(1, 300)), quad_segs=2)
    drawn = polygon.difference(hole) if draw(st.booleans()) else polygon
    assume(isinstance(drawn, Area) and not drawn.is_empty and drawn.is_valid)
    assert isinstance(drawn, Area)
    return drawn


discs = st.tuples(metres, metres, st.floats(1, 800))


def shape(drawn: Drawn) -> Shape:
    if isinstance(drawn, tuple):
        return drawn
    parts = drawn.geoms if isinstance(drawn, shapely.MultiPolygon) else [drawn]
    return [[np.array(ring.coords) for ring in (part.exterior, *part.interiors)] for part in parts]


def zones_at(zones: Zones, x: float, y: float) -> list[int]:
    out = np.full(zones.most, -7, np.int32)
    found: list[int] = out[: containing(zones, x, y, out)].tolist()
    return found


def box(x0: float, y0: float, x1: float, y1: float) -> Ring:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], np.float64)


@given(st.lists(polygons() | discs, min_size=1, max_size=8), POINTS)
@settings(max_examples=200)
def test_agrees_with_shapely_away_from_the_border(drawn: list[Drawn], points: list[Place]) -> None:
    zones = build_zones([shape(one) for one in drawn])

    corners = [
        corner for one in drawn if not isinstance(one, tuple) for corner in shapely.get_coordinates(one)
    ]
    for x, y in [*points, *((x + 1, y - 1) for x, y in corners)]:
        point = shapely.Point(x, y)
        inside: list[int] = []
        near: list[int] = []
        for row, one in enumerate(drawn):
            if isinstance(one, tuple):
                gap = math.hypot(x - one[0], y - one[1]) - one[2]
            else:
                gap = one.boundary.distance(point) * (-1 if one.contains(point) else 1)
            (near if abs(gap) < 2 * BORDER_M else inside if gap < 0 else []).append(row)
        found = zones_at(zones, x, y)
        assert found == sorted(found)
        assert set(found) - set(near) == set(inside)


@given(polygons(), st.integers(0, 30), st.floats(0, 1))
def test_the_border_is_inside_and_so_is_that_of_a_hole(
    polygon: shapely.Polygon | shapely.MultiPolygon, corner: int, along: float
) -> None:
    parts = polygon.geoms if isinstance(polygon, shapely.MultiPolygon) else [polygon]
    rings = [ring for part in parts for ring in (part.exterior, *part.interiors)]
    zones = build_zones([shape(polygon)])

    for ring in (shapely.get_coordinates(ring) for ring in rings):
        (ax, ay), (bx, by) = ring[corner % (len(ring) - 1)], ring[corner % (len(ring) - 1) + 1]
        assert zones_at(zones, ax, ay) == [0]
        assert zones_at(zones, ax + along * (bx - ax), ay + along * (by - ay)) == [0]


def test_a_centimetre_is_the_border_and_two_are_not() -> None:
    zones = build_zones([[[box(0, 0, 100, 100)]], (300.0, 50.0, 50.0)])

    assert zones_at(zones, 100.009, 50) == [0]
    assert zones_at(zones, 100.02, 50) == []
    assert zones_at(zones, 350.009, 50) == [1]
    assert zones_at(zones, 350.02, 50) == []


def test_in_line_with_a_side_but_beyond_its_end_is_outside() -> None:
    zones = build_zones([[[box(0, 0, 100, 100)]], (500.0, 500.0, 100.0)])

    for beyond in (-0.02, -10.0, 100.02, 110.0):
        for side in (0.0, 100.0):
            assert zones_at(zones, beyond, side) == []
            assert zones_at(zones, side, beyond) == []


def test_a_corner_drawn_twice_changes_nothing() -> None:
    twice = build_zones([[[np.repeat(box(0, 0, 100, 100), 2, axis=0)]]])

    assert [zones_at(twice, *at) for at in ((50, 50), (0, 0), (100, 50), (-1, 0))] == [[0], [0], [0], []]


def test_a_hole_is_outside_and_an_island_in_it_is_inside() -> None:
    zones = build_zones([[[box(0, 0, 900, 900), box(100, 100, 800, 800)], [box(300, 300, 600, 600)]]])

    assert [zones_at(zones, at, at) for at in (50, 100, 200, 300, 450, 700, 850)] == [
        [0],
        [0],
        [],
        [0],
        [0],
        [],
        [0],
    ]


def test_parts_that_overlap_are_inside_where_they_do() -> None:
    zones = build_zones([[[box(0, 0, 200, 200)], [box(100, 100, 300, 300)]]])

    assert zones_at(zones, 150, 150) == [0]


def test_zones_that_overlap_are_all_named_in_order() -> None:
    zones = build_zones([(0.0, 0.0, 100.0), [[box(-50, -50, 50, 50)]], (500.0, 0.0, 10.0), (10.0, 0.0, 5.0)])

    assert zones.most >= 3
    assert zones_at(zones, 10, 0) == [0, 1, 3]


def test_a_disc_is_round_in_every_direction() -> None:
    zones = build_zones([(1000.0, -500.0, 250.0)])

    for degree in range(360):
        x, y = math.cos(math.radians(degree)), math.sin(math.radians(degree))
        assert zones_at(zones, 1000 + 249.98 * x, -500 + 249.98 * y) == [0]
        assert zones_at(zones, 1000 + 250.02 * x, -500 + 250.02 * y) == []


def test_every_point_of_a_shared_border_belongs_to_both_and_to_one_first() -> None:
    zones = build_zones([[[box(0, 0, 100, 100)]], [[box(100, 0, 200, 100)]]])

    for y in np.linspace(0, 100, 31):
        assert zones_at(zones, 100, y) == [0, 1]


def test_a_zone_that_only_clips_the_corner_of_a_cell_is_found_there() -> None:
    """The grid's cells are 20 m here: a sliver across their corners, and points along its middle."""
    sliver = np.array([(0, 0), (4000, 3999.9), (4000, 4000.1), (0, 0.2), (0, 0)], np.float64)
    zones = build_zones([[[sliver]]])

    for along in np.linspace(0.001, 0.999, 997):
        assert zones_at(zones, 4000 * along, 0.1 + 3999.9 * along) == [0]


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf, 1e12, -1e12, -0.5, 100.5])
def test_far_off_or_nowhere_is_in_no_zone(x: float) -> None:
    zones = build_zones([[[box(0, 0, 100, 100)]]])

    assert zones_at(zones, x, 50) == []
    assert zones_at(zones, 50, x) == []


@given(metres, metres)
@example(0.0, 0.0)
def test_no_zones_hold_nothing(x: float, y: float) -> None:
    assert zones_at(build_zones([]), x, y) == []
    assert zones_at(build_zones([[]]), x, y) == []


def test_a_zone_at_the_other_end_of_the_earth_costs_nothing_but_time() -> None:
    zones = build_zones([[[box(0, 0, 100, 100)]], (1.2e7, -9e6, 50.0), []])

    assert zones_at(zones, 50, 50) == [0]
    assert zones_at(zones, 150, 50) == []
    assert zones_at(zones, 1.2e7, -9e6) == [1]


def test_thousands_of_zones_are_each_found() -> None:
    centres = [(x * 130.0, y * 170.0) for x in range(60) for y in range(50)]
    zones = build_zones([(x, y, 60.0) for x, y in centres])

    for row in range(0, 3000, 61):
        x, y = centres[row]
        assert zones_at(zones, x + 59.9, y) == [row]
        assert zones_at(zones, x + 65, y + 80) == []
