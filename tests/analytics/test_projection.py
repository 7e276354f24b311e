import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analytics.kernels.projection import (
    NEAR_LAT,
    NEAR_LON,
    distance_m,
    far_to_plane,
    ground_m,
    plane_at,
    to_degrees,
    to_plane,
)
from tests.analytics.geodesic import geodesic_m

Place = tuple[float, float]

ZHANGQIU = plane_at(36.7, 117.5)
WITHIN_60_KM = st.tuples(st.floats(36.7 - 0.38, 36.7 + 0.38), st.floats(117.5 - 0.47, 117.5 + 0.47))
PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def planar_m(lat0: float, lon0: float, lat1: float, lon1: float) -> float:
    return distance_m(*to_plane(ZHANGQIU, lat0, lon0), *to_plane(ZHANGQIU, lat1, lon1))


def test_the_oracle_agrees_with_vincentys_own_line() -> None:
    """Flinders Peak to Buninyong, Geoscience Australia's published test (GRS 80: WGS 84 to 0.1 mm)."""
    flinders = -(37 + 57 / 60 + 3.72030 / 3600), 144 + 25 / 60 + 29.52440 / 3600
    buninyong = -(37 + 39 / 60 + 10.15610 / 3600), 143 + 55 / 60 + 35.38390 / 3600

    assert geodesic_m(*flinders, *buninyong) == pytest.approx(54_972.271, abs=0.001)


@given(WITHIN_60_KM, st.floats(-0.009, 0.009), st.floats(-0.011, 0.011))
@example((36.7, 117.5), 0.0, 0.01)
@example((36.7 + 0.38, 117.5 + 0.47), 0.009, 0.0)
@example((36.7, 117.5 - 0.67), 0.0, 0.011)
def test_near_distances_are_true_to_12_mm_a_kilometre_within_60_km(
    place: Place, north: float, east: float
) -> None:
    lat, lon = place
    true = geodesic_m(lat, lon, lat + north, lon + east)

    assert planar_m(lat, lon, lat + north, lon + east) == pytest.approx(true, rel=1.2e-5, abs=2e-4)


@pytest.mark.parametrize("lat", [0.0, 18.3, 36.7, 53.5, -34.0])
@pytest.mark.parametrize("turn", range(0, 360, 15))
def test_a_centimetre_holds_at_60_km_in_every_direction_and_at_every_latitude(lat: float, turn: int) -> None:
    plane = plane_at(lat, 117.5)
    far = 60_000 / 111_320
    lat1 = lat + far * math.cos(math.radians(turn))
    lon1 = 117.5 + far * math.sin(math.radians(turn)) / math.cos(math.radians(lat1))
    for north, east in ((0.0045, 0.0), (0.0, 0.0045), (0.003, 0.003)):
        planar = distance_m(*to_plane(plane, lat1, lon1), *to_plane(plane, lat1 + north, lon1 + east))
        assert planar == pytest.approx(geodesic_m(lat1, lon1, lat1 + north, lon1 + east), abs=0.01)


@given(WITHIN_60_KM, WITHIN_60_KM)
@example((36.32, 117.03), (37.08, 117.97))
@example((36.7, 117.5), (36.7, 117.5))
def test_ground_distances_across_the_district_are_right_to_2_in_a_million(here: Place, there: Place) -> None:
    ground = ground_m(ZHANGQIU, *to_plane(ZHANGQIU, *here), *to_plane(ZHANGQIU, *there))

    assert ground == pytest.approx(geodesic_m(*here, *there), rel=2e-6, abs=2e-4)


@given(PLACES, PLACES)
@example((90.0, 0.0), (-90.0, 0.0))
@example((-36.7, -62.5), (36.7, 117.5))
@example((-36.7, -62.5), (-36.7, -62.4))
@example((0.0, 180.0), (0.0, -180.0))
@example((0.0, -20.0), (0.0, -63.0))
@example((3.7063, -55.5974), (6.0871, -73.9114))
def test_every_place_on_earth_is_somewhere_in_the_plane_and_ground_distances_are_right_to_3_percent(
    here: Place, there: Place
) -> None:
    x0, y0 = to_plane(ZHANGQIU, *here)
    x1, y1 = to_plane(ZHANGQIU, *there)

    assert all(map(math.isfinite, (x0, y0, x1, y1)))
    haversine = (
        math.sin(math.radians(there[0] - here[0]) / 2) ** 2
        + math.cos(math.radians(here[0]))
        * math.cos(math.radians(there[0]))
        * math.sin(math.radians(there[1] - here[1]) / 2) ** 2
    )
    spherical = 2 * 6_371_000 * math.asin(math.sqrt(min(1.0, haversine)))
    assert ground_m(ZHANGQIU, x0, y0, x1, y1) == pytest.approx(spherical, rel=0.03, abs=20_000)


def test_the_centre_is_at_zero_and_east_and_north_are_positive() -> None:
    assert to_plane(ZHANGQIU, 36.7, 117.5) == (0.0, 0.0)
    x, y = to_plane(ZHANGQIU, 36.8, 117.6)
    assert x == pytest.approx(8_925, abs=5)
    assert y == pytest.approx(11_100, abs=5)


@pytest.mark.parametrize(("centre", "lon"), [(179.9, -179.9), (-179.9, 179.9)])
def test_the_date_line_is_no_border(centre: float, lon: float) -> None:
    x, y = to_plane(plane_at(36.7, centre), 36.7, lon)

    assert distance_m(0.0, 0.0, x, y) == pytest.approx(geodesic_m(36.7, centre, 36.7, lon), rel=1.2e-5)
    assert (x > 0) == (centre > 0)


def test_a_line_of_500_m_straight_in_degrees_is_straight_in_the_plane_to_4_mm() -> None:
    for lat in (36.4, 36.7, 37.0):
        (x0, y0), (x1, y1) = to_plane(ZHANGQIU, lat, 117.9), to_plane(ZHANGQIU, lat, 117.9 + 0.0055)
        x, y = to_plane(ZHANGQIU, lat, 117.9 + 0.00275)
        assert distance_m(x, y, (x0 + x1) / 2, (y0 + y1) / 2) < 0.004


def test_an_unknown_coordinate_is_nowhere() -> None:
    assert all(map(math.isnan, to_plane(ZHANGQIU, math.nan, 117.5)))
    assert all(map(math.isnan, to_plane(ZHANGQIU, 36.7, math.nan)))
    assert math.isnan(ground_m(ZHANGQIU, math.nan, math.nan, 0.0, 0.0))


@given(PLACES)
@example((36.7, 117.5))
@example((0.0, -62.5))
def test_there_and_back_is_the_same_place(place: Place) -> None:
    lat, lon = place
    x, y = to_plane(ZHANGQIU, lat, lon)
    back = to_degrees(ZHANGQIU, x, y)

    # Far away a float says less, at a pole every longitude is the same place, and the conformal sphere is
    # a little more than once around: by twice 0.25 degrees, which are 55.7 km at the equator.
    apart = abs((lon - 117.5 + 180) % 360 - 180)
    near = math.hypot(x, y) < 2e7 and abs(lat) < 89 and apart < 170
    assert geodesic_near(back, place, 0.001 if near else 50_000 if apart < 179.7 else 56_000)


def geodesic_near(one: Place, other: Place, metres: float) -> bool:
    across = math.radians((one[1] - other[1] + 180) % 360 - 180) * math.cos(math.radians(one[0]))
    return math.hypot(math.radians(one[0] - other[0]), across) * 6_371_000 <= metres


@given(
    st.floats(-72, 72),
    st.floats(-NEAR_LAT, NEAR_LAT),
    st.floats(-NEAR_LON, NEAR_LON),
    st.sampled_from([117.5, -179.9]),
)
@example(36.7, NEAR_LAT, NEAR_LON, 117.5)
@example(72.0, NEAR_LAT, NEAR_LON, 117.5)
@example(0.0, 0.0, 0.0, 117.5)
def test_near_places_are_where_the_whole_formula_puts_them(
    lat: float, north: float, east: float, lon: float
) -> None:
    plane = plane_at(lat, lon)
    near, far = to_plane(plane, lat + north, lon + east), far_to_plane(plane, lat + north, lon + east)

    assert math.dist(near, far) < 1e-6


@given(PLACES, PLACES)
def test_the_plane_is_nowhere_shorter_than_the_ground(here: Place, there: Place) -> None:
    """Or by 1.1e-5 of it: by this a fix that is clearly in reach is believed without more ado."""
    places = *to_plane(ZHANGQIU, *here), *to_plane(ZHANGQIU, *there)

    assert distance_m(*places) >= ground_m(ZHANGQIU, *places) * (1 - 5e-5)
