"""Degrees to planar metres around the district's centre, and distances over ground.

Method   Oblique stereographic by way of Gauss's conformal sphere, on the WGS-84 ellipsoid (EPSG method 9809;
         IOGP Guidance Note 7-2, section 3.3.1). Of all conformal maps of a disc its scale varies least.
Scale    1.1e-5 too short at the centre, right 42 km off, 1.1e-5 too long at 60 km: a planar distance is
         within 1.2 mm of the true one per 100 m, 1.2 cm per km, anywhere within 60 km. No plane can do much
         better there: the earth is round. At 200 km it is 2.4e-4 too long; `ground_m` takes that out again.
Lines    A line that is straight in degrees is not quite so in the plane, up to 4 mm at 500 m (China's
         latitudes): `analytics.district` cuts longer ones. That keeps the distance to a line within 1 cm.
NaN      NaN in, NaN out. Every other input, pole and antipode too, gives finite metres and raises nothing.
Tests    tests/analytics/test_projection.py holds it against Vincenty's geodesic.
"""

import math
from typing import NamedTuple

from analytics.kernels._compile import kernel

SEMI_MAJOR_M = 6_378_137.0
FLATTENING = 1 / 298.257223563
_E2 = FLATTENING * (2 - FLATTENING)
_E = math.sqrt(_E2)
_SCALE = 1 - 1.1e-5
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
        lat, lon, 2 * radius * _SCALE, stretch, shift, sphere_sine, math.sqrt(1 - sphere_sine * sphere_sine)
    )


@kernel
def to_plane(plane: Plane, lat: float, lon: float) -> tuple[float, float]:
    """Metres east and north of the plane's centre, of a place in degrees."""
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
