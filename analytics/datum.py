"""GCJ-02 and BD-09, the shifted coordinates of Chinese base maps, undone.

fleetfume keeps WGS-84 everywhere; this is for telling that a terminal does not. The shift is about 530 m east in Jinan.
Source: the public algorithm, as in coordtransform and gcoord; its inverse by iteration,
under a millimetre after five rounds.
"""

import numpy as np
from numpy.typing import NDArray

Degrees = NDArray[np.float64]

_A, _EE = 6378245.0, 0.00669342162296594323  # Krasovsky 1940
_X_PI = np.pi * 3000 / 180


def to_gcj02(lat: Degrees, lon: Degrees) -> tuple[Degrees, Degrees]:
    """WGS-84 degrees as a Chinese map shows them. Good inside China only."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    waves = (20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20 * np.sin(np.pi * y) + 40 * np.sin(np.pi * y / 3)) * 2 / 3
    north += (160 * np.sin(np.pi * y / 12) + 320 * np.sin(np.pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)) * 2 / 3
    east += (150 * np.sin(np.pi * x / 12) + 300 * np.sin(np.pi * x / 30)) * 2 / 3
    phi = np.radians(lat)
    m = 1 - _EE * np.sin(phi) ** 2
    dlat = north * 180 / ((_A * (1 - _EE)) / (m * np.sqrt(m)) * np.pi)
    dlon = east * 180 / (_A / np.sqrt(m) * np.cos(phi) * np.pi)
    return lat + dlat, lon + dlon


def from_gcj02(lat: Degrees, lon: Degrees) -> tuple[Degrees, Degrees]:
    """GCJ-02 degrees as WGS-84."""
    back_lat, back_lon = lat, lon
    for _ in range(5):
        there_lat, there_lon = to_gcj02(back_lat, back_lon)
        back_lat, back_lon = back_lat - (there_lat - lat), back_lon - (there_lon - lon)
    return back_lat, back_lon


def from_bd09(lat: Degrees, lon: Degrees) -> tuple[Degrees, Degrees]:
    """BD-09 degrees as WGS-84."""
    x, y = lon - 0.0065, lat - 0.006
    z = np.hypot(x, y) - 2e-5 * np.sin(y * _X_PI)
    theta = np.arctan2(y, x) - 3e-6 * np.cos(x * _X_PI)
    return from_gcj02(z * np.sin(theta), z * np.cos(theta))
