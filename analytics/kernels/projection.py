"""Degrees to planar metres around the district's centre, and distances over ground.

Method   Oblique stereographic by way of Gauss's conformal sphere, on the WGS-84 ellipsoid (EPSG method 9809;
         IOGP Guidance Note 7-2, section 3.3.1). Of all conformal maps of a disc its scale varies least.
Scale    1.1e-5 too short at the centre, right 42 km off, 1.1e-5 too long at 60 km: a planar distance is
         within 1.2 mm of the true one per 100 m, 1.2 cm per km, anywhere within 60 km. No plane can do much
         better there: the earth is round. At 200 km it is 2.4e-4 too long; `ground_m` takes that out again.
Lines    A line that is straight in degrees is not quite so in the plane, up to 4 mm at 500 m (China's
         latitudes): `analytics.district` cuts longer ones. That keeps the distance to a line within 1 cm.
Near     Within NEAR_LAT and NEAR_LON of the centre by series, five times as fast and the same to 1e-6 m. On the sphere, a
         place is w = q + il in isometric latitude and longitude from the centre; the map is analytic in w, north its real
         part and east its imaginary one: d cos(p) s / (1 + sin(p) s), s = tanh(w / 2), p the centre's latitude.
NaN      NaN in, NaN out. Every other input, pole and antipode too, gives finite metres and raises nothing.
Tests    tests/analytics/test_projection.py holds it against Vincenty's geodesic.
"""

import math
from typing import NamedTuple

import numpy as np

from analytics.kernels._compile import kernel

SEMI_MAJOR_M = 6_378_137.0
FLATTENING = 1 / 298.257223563
_E2 = FLATTENING * (2 - FLATTENING)
_E = math.sqrt(_E2)
_SCALE = 1 - 1.1e-5
NEAR_LAT, NEAR_LON = 0.7, 0.85
"""Degrees; 78 km north and south, 76 km east and west in Zhangqiu."""
_NO_POLE = 0.3  # the centre's cosine: nearer to a pole the series would have to be longer
_ALMOST_ONE = 1 - 1e-12  # keeps a pole at a finite place, and the antipode too


class Plane(NamedTuple):
    """A centre and what follows from it. Two planes with the same centre are equal."""

    lat: float
    lon: float
    diameter_m: float  # of the conformal sphere, times the scale at the centre
    stretch: float  # of longitudes, and of isometric latitudes
    shift: float  # of isometric latitudes, onto the sphere
    sin_lat: float  # of the centre, on the sphere
    cos_lat: float
    series: tuple[float, float, float, float, float, float, float, float]
    """Isometric latitude on the sphere, from the centre, in powers of the degrees north of it: the first to the eighth."""


def plane_at(lat: float, lon: float) -> Plane:
    """The plane that touches the ellipsoid at (lat, lon), degrees."""
    sine, cosine = math.sin(math.radians(lat)), math.cos(math.radians(lat))
    squeeze = 1 - _E2 * sine * sine
    radius = SEMI_MAJOR_M * math.sqrt(1 - _E2) / squeeze
    stretch = math.sqrt(1 + _E2 * cosine**4 / (1 - _E2))
    sphere_sine = sine / stretch
    isometric = stretch * (math.atanh(sine) - _E * math.atanh(_E * sine))
    shift = math.atanh(sphere_sine) - isometric
    return Plane(
        lat, lon, 2 * radius * _SCALE, stretch, shift, sphere_sine, math.sqrt(1 - sphere_sine * sphere_sine),
        _series(lat, stretch),
    )  # fmt: skip


def _series(lat: float, stretch: float) -> tuple[float, float, float, float, float, float, float, float]:
    nodes = np.cos(np.pi * (np.arange(32) + 0.5) / 32)
    sine, centre = np.sin(np.radians(lat + NEAR_LAT * nodes)), math.sin(math.radians(lat))
    sine = np.clip(sine, -_ALMOST_ONE, _ALMOST_ONE)
    # Differences of the inverse tangents by their addition theorem: nothing is lost where they are small.
    apart = np.arctanh((sine - centre) / (1 - sine * centre)) - _E * np.arctanh(
        _E * (sine - centre) / (1 - _E2 * sine * centre)
    )
    powers = np.arange(1, 9)
    found, *_ = np.linalg.lstsq(nodes[:, None] ** powers, stretch * apart, rcond=None)
    a, b, c, d, e, f, g, h = (found / NEAR_LAT**powers).tolist()
    return a, b, c, d, e, f, g, h


@kernel
def to_plane(plane: Plane, lat: float, lon: float) -> tuple[float, float]:
    """Metres east and north of the plane's centre, of a place in degrees."""
    u, v = lat - plane.lat, lon - plane.lon
    if -NEAR_LAT <= u <= NEAR_LAT and -NEAR_LON <= v <= NEAR_LON and plane.cos_lat > _NO_POLE:
        a, b, c, d, e, f, g, h = plane.series
        # Half of w, and its square.
        re = u * (a + u * (b + u * (c + u * (d + u * (e + u * (f + u * (g + u * h))))))) * 0.5
        im = plane.stretch * math.radians(v) * 0.5
        re2, im2 = re * re - im * im, 2 * re * im
        # 1 - w2 / 3 + 2 w2² / 15, then s.
        k_re, k_im = -1 / 3 + re2 * (2 / 15), im2 * (2 / 15)
        k_re, k_im = 1.0 + k_re * re2 - k_im * im2, k_re * im2 + k_im * re2
        s_re, s_im = re * k_re - im * k_im, re * k_im + im * k_re
        below_re, below_im = 1.0 + plane.sin_lat * s_re, plane.sin_lat * s_im
        factor = plane.diameter_m * plane.cos_lat / (below_re * below_re + below_im * below_im)
        return (
            factor * (s_im * below_re - s_re * below_im),
            factor * (s_re * below_re + s_im * below_im),
        )
    return far_to_plane(plane, lat, lon)


@kernel
def far_to_plane(plane: Plane, lat: float, lon: float) -> tuple[float, float]:
    """As `to_plane`, of any place on earth."""
    sine = math.sin(math.radians(lat))
    if sine > _ALMOST_ONE:
        sine = _ALMOST_ONE
    elif sine < -_ALMOST_ONE:
        sine = -_ALMOST_ONE
    isometric = plane.stretch * (math.atanh(sine) - _E * math.atanh(_E * sine)) + plane.shift
    sphere_sine, sphere_cosine = math.tanh(isometric), 1 / math.cosh(isometric)
    turn = lon - plane.lon
    if turn > 180.0:
        turn -= 360.0
    elif turn < -180.0:
        turn += 360.0
    angle = plane.stretch * math.radians(turn)
    along = sphere_cosine * math.cos(angle)
    nearness = plane.sin_lat * sphere_sine + plane.cos_lat * along
    nearness = max(nearness, -_ALMOST_ONE)
    factor = plane.diameter_m / (1 + nearness)
    return (
        factor * sphere_cosine * math.sin(angle),
        factor * (plane.cos_lat * sphere_sine - plane.sin_lat * along),
    )


@kernel
def to_degrees(plane: Plane, x: float, y: float) -> tuple[float, float]:
    """The place whose `to_plane` is (x, y): latitude and longitude, within 1e-9 degrees."""
    away = math.hypot(x, y)
    turn = 2 * math.atan2(away, plane.diameter_m)
    sine, cosine = math.sin(turn), math.cos(turn)
    share = sine / away if away > 0.0 else 0.0
    sphere_sine = cosine * plane.sin_lat + y * share * plane.cos_lat
    sphere_sine = min(max(sphere_sine, -_ALMOST_ONE), _ALMOST_ONE)
    angle = math.atan2(x * share, plane.cos_lat * cosine - y * share * plane.sin_lat)
    isometric = (math.atanh(sphere_sine) - plane.shift) / plane.stretch
    sine = math.tanh(isometric)
    for _ in range(6):  # each round leaves 1/150 of the error
        sine = math.tanh(isometric + _E * math.atanh(_E * sine))
    lon = plane.lon + math.degrees(angle) / plane.stretch
    if lon > 180.0:
        lon -= 360.0
    elif lon < -180.0:
        lon += 360.0
    return math.degrees(math.asin(sine)), lon


@kernel
def distance_m(x0: float, y0: float, x1: float, y1: float) -> float:
    """Planar metres: right near the district (see Scale)."""
    return math.sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0))


@kernel
def ground_m(plane: Plane, x0: float, y0: float, x1: float, y1: float) -> float:
    """Metres over ground between two places of the plane, however far from its centre.

    Exact on the conformal sphere: within 2e-6 in the district, 3 % on the other side of the earth (2.6 % was
    the most of 300,000 pairs drawn). For how
    far a vehicle can have gone, where a position may be anywhere.
    """
    square = plane.diameter_m * plane.diameter_m
    chord = math.sqrt(
        ((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0))
        / ((1 + (x0 * x0 + y0 * y0) / square) * (1 + (x1 * x1 + y1 * y1) / square))
    )
    return plane.diameter_m / _SCALE * math.asin(min(chord / plane.diameter_m, 1.0))
