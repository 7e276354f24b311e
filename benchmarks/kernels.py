"""Zones and corridors against Shapely, in one run: read the ratios, the machine makes the rest.

python -m benchmarks.kernels
"""

import math
from collections.abc import Callable
from time import perf_counter

import numpy as np
import shapely
from numpy.typing import NDArray

from analytics.kernels._compile import kernel
from analytics.kernels.corridor import Routes, build_routes, distance_to_route
from analytics.kernels.projection import Plane, plane_at, to_plane
from analytics.kernels.zones import Zones, build_zones, containing

Points = NDArray[np.float64]
SEED = 20261125


@kernel
def project_all(plane: Plane, degrees: Points, out: Points) -> None:
    for n in range(degrees.shape[0]):
        out[n, 0], out[n, 1] = to_plane(plane, degrees[n, 0], degrees[n, 1])


@kernel
def count_all(zones: Zones, points: Points, out: NDArray[np.int32]) -> int:
    hits = 0
    for n in range(points.shape[0]):
        hits += containing(zones, points[n, 0], points[n, 1], out)
    return hits


@kernel
def follow(routes: Routes, points: Points, out: Points, remember: int) -> None:
    segment = -1
    for n in range(points.shape[0]):
        out[n], segment = distance_to_route(routes, 0, points[n, 0], points[n, 1], segment * remember)


def rate(work: Callable[[], object], count: int) -> float:
    """Points a second, best of three, after one call to compile."""
    work()
    times = []
    for _ in range(3):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return count / min(times)


def show(name: str, rates: dict[str, float]) -> None:
    base = next(iter(rates.values()))
    print(f"\n{name}")
    for who, per_s in rates.items():
        print(f"  {who:<48}{per_s / 1e6:9.2f} M/s{per_s / base:9.1f} x")


def polygons(rng: np.random.Generator, count: int) -> list[shapely.Polygon]:
    """20 to 99 corners, 100 to 1000 m across, over 60 km."""
    made = []
    for x, y in rng.uniform(-30_000, 30_000, (count, 2)):
        turns = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(20, 100)))
        reach = rng.uniform(100, 1000) * rng.uniform(0.6, 1.0, len(turns))
        made.append(shapely.Polygon(np.column_stack([x + reach * np.cos(turns), y + reach * np.sin(turns)])))
    return made


def compare_zones(drawn: list[shapely.Polygon], points: Points) -> None:
    zones = build_zones([[[shapely.get_coordinates(one.exterior)]] for one in drawn])
    tree, some, out = shapely.STRtree(drawn), points[:200_000], np.empty(zones.most, np.int32)
    hits, true_hits = count_all(zones, some, out), tree.query(shapely.points(some), "intersects").shape[1]
    assert 0 <= hits - true_hits < 1e-3 * true_hits  # our border is a centimetre wide
    show(
        f"which of {len(drawn)} zones hold a point ({hits} hits, Shapely {true_hits})",
        {
            "shapely STRtree, points made": rate(
                lambda: tree.query(shapely.points(some), "intersects"), len(some)
            ),
            "zones.containing": rate(lambda: count_all(zones, points, out), len(points)),
        },
    )


def main() -> None:
    rng = np.random.default_rng(SEED)
    million = rng.uniform(-30_000, 30_000, (1_000_000, 2))
    plane, out = plane_at(36.7, 117.5), np.empty_like(million)
    degrees = np.array([36.7, 117.5]) + million[:, ::-1] / 100_000
    show("degrees to metres", {"to_plane": rate(lambda: project_all(plane, degrees, out), len(degrees))})

    for count in (200, 5000):
        compare_zones(polygons(rng, count), million)

    corners = np.column_stack([np.linspace(0, 40_000, 200), np.cumsum(rng.normal(0, 60, 200))])
    line, routes = shapely.LineString(corners), build_routes([[corners]])
    shapely.prepare(line)
    drive = np.column_stack([np.linspace(0, 40_000, 100_000)] * 2)
    drive[:, 1] = np.interp(drive[:, 0], *corners.T) + rng.normal(0, 20, len(drive))
    shuffled = rng.permutation(drive)
    metres = np.empty(len(drive))
    follow(routes, drive, metres, 1)
    assert np.allclose(metres, shapely.distance(line, shapely.points(drive)), atol=1e-6)
    show(
        "how far from a route of 199 segments",
        {
            "shapely.distance, points made": rate(
                lambda: shapely.distance(line, shapely.points(drive)), len(drive)
            ),
            "distance_to_route, a truck on its way": rate(
                lambda: follow(routes, drive, metres, 1), len(drive)
            ),
            "distance_to_route, anywhere, without a hint": rate(
                lambda: follow(routes, shuffled, metres, 0), len(drive)
            ),
        },
    )


if __name__ == "__main__":
    main()
