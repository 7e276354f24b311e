"""How fast is the engine?  Zones and corridors beside Shapely, the whole judgement, one live fix; and how it grows.

    python -m benchmarks.engine [--plots docs/images/engine-speed.svg]

In processor time, not wall time: the figures are those of one core, whoever else is at work on the machine. The fleet
is simulated (scenario `noisy`): moving, standing, loading, tipping, with every sensor and with none.
"""

import argparse
import io
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from analytics.district import Compiled, compile_district
from analytics.kernels.corridor import build_routes
from analytics.kernels.zones import build_zones
from analytics.localtime import local_times
from analytics.records import FIX, UNKNOWN
from analytics.rules import VehicleRules
from analytics.vehicles import VEHICLE_STATE, judge_vehicles, new_vehicle_states, vehicles_due
from benchmarks.kernels import count_all, follow
from devices.types import Registry, Site
from simulators.fleet.shifts import stretches
from simulators.fleet.truck import make_truck
from simulators.noise import disturbed_fixes, flaws_of
from simulators.readings import SECOND_US, observed
from simulators.scenarios import scenario_named
from simulators.world import build_world
from tests.simulators.fleets import START_US, ZONE, district

RULES = VehicleRules()
ROUNDS = 3


class Fleet(NamedTuple):
    compiled: Compiled
    vehicles: NDArray[np.int32]
    fixes: NDArray[np.void]


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds, the best of some rounds, after one to warm up."""
    work()
    best = math.inf
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best


def simulated(trucks: int, hours: float, registry: Registry | None = None) -> Fleet:
    """What `trucks` of the sample district send, in order of time."""
    registry = registry or district()
    world, scenario = build_world(registry, ZONE), scenario_named("noisy")
    compiled = compile_district(registry)
    until_us = START_US + round(hours * 3600 * SECOND_US)
    devices = [
        d for d in registry.devices.values() if d.kind == "vehicle" and d.bound_to in registry.vehicles
    ]
    every = len(devices) / trucks
    chosen = [devices[int(i * every)] for i in range(trucks)]
    parts = []
    for slot, device in enumerate(chosen):
        rng = np.random.default_rng([1, slot])
        truck = make_truck(world, scenario, registry.vehicles[device.bound_to or ""], device.device_id, 1)
        flaws, rows, at_us = flaws_of(rng), [], START_US
        for stretch in stretches(truck, START_US / SECOND_US):
            rows.append(disturbed_fixes(observed(stretch.track), flaws, rng))
            at_us = round(stretch.until_s * SECOND_US)
            if at_us >= until_us:
                break
        sent = np.concatenate(rows)
        sent = sent[np.unique(sent["ts"], return_index=True)[1]]
        fixes = np.zeros(len(sent), FIX)
        for name in ("ts", "lat", "lon", "speed_kmh", "heading_deg", "hdop", "odometer_km"):
            fixes[name] = sent[name]
        fixes["slot"], fixes["local"] = slot, local_times(fixes["ts"], ZONE)
        fixes["fix"], fixes["ignition"] = sent["fix"], sent["ignition"]
        sensors = truck.sensors
        fixes["load"] = sent["load"] if sensors.load else np.nan
        fixes["lift"] = sent["lift"] if sensors.lift else UNKNOWN
        fixes["cover"] = ~sent["covered"] if sensors.cover else UNKNOWN
        parts.append(fixes[fixes["ts"] < until_us])
    vehicles = np.array([compiled.vehicle_rows[d.bound_to or ""] for d in chosen], np.int32)
    return Fleet(compiled, vehicles, np.concatenate(parts))


def judge(fleet: Fleet, states: Any = None) -> Any:
    states = new_vehicle_states(len(fleet.vehicles)) if states is None else states
    return judge_vehicles(fleet.compiled.district, RULES, fleet.vehicles, states, fleet.fixes)


def million_a_second(fleet: Fleet) -> float:
    return len(fleet.fixes) / seconds(lambda: judge(fleet)) / 1e6


def live(fleet: Fleet, batch: int = 100) -> tuple[float, float]:
    """Microseconds a fix of a batch with one fix of each truck takes to judge, and to ask when each is next due."""
    rows = [np.flatnonzero(fleet.fixes["slot"] == slot) for slot in range(batch)]
    middle = [len(own) // 2 for own in rows]
    before = np.concatenate([fleet.fixes[own[:cut]] for own, cut in zip(rows, middle, strict=True)])
    now = np.concatenate([fleet.fixes[own[cut : cut + 1]] for own, cut in zip(rows, middle, strict=True)])
    states, _, _ = judge(Fleet(fleet.compiled, fleet.vehicles[:batch], before))
    one = Fleet(fleet.compiled, fleet.vehicles[:batch], now)

    def many(work: Callable[[], object]) -> float:
        return seconds(lambda: [work() for _ in range(100)]) / 100 / batch * 1e6

    return many(lambda: judge(one, states)), many(lambda: vehicles_due(RULES, states))


def more_zones(registry: Registry, count: int, corners: int) -> Registry:
    """`count` more parking sites of `corners` corners, strewn over the district."""
    rng = np.random.default_rng(count * 1000 + corners)
    turns = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    sites = {}
    for n in range(count):
        lon, lat = rng.uniform(117.2, 117.8), rng.uniform(36.45, 36.95)
        ring = [[lon + 0.002 * math.cos(t), lat + 0.002 * math.sin(t)] for t in turns.tolist()]
        shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        sites[f"X{n}"] = Site(site_id=f"X{n}", name="", kind="parking", geometry=shape)
    return replace(registry, sites={**registry.sites, **sites})


def start_up() -> dict[str, float]:
    """Processor seconds until a new process has the engine warm: without compiled code kept, and with it."""
    program = (
        "from alerts.catalogue import load_catalogue; from ingest.warming import warm_up;"
        " warm_up(load_catalogue(None))"
    )
    took = {}
    with tempfile.TemporaryDirectory() as cache:
        for name in ("nothing kept", "kept"):
            begun = os.times()
            subprocess.run(
                [sys.executable, "-c", program], check=True, env={**os.environ, "NUMBA_CACHE_DIR": cache}
            )
            ended = os.times()
            took[name] = sum(ended[2:4]) - sum(begun[2:4])  # of children, user and system
    return took


def beside_shapely() -> list[tuple[str, float, float]]:
    """What, Shapely's million a second, ours."""
    rng = np.random.default_rng(20261125)
    points = rng.uniform(-30_000, 30_000, (200_000, 2))
    found = []
    for count in (200, 5000):
        drawn = []
        for x, y in rng.uniform(-30_000, 30_000, (count, 2)):
            turns = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(20, 100)))
            reach = rng.uniform(100, 1000) * rng.uniform(0.6, 1.0, len(turns))
            drawn.append(
                shapely.Polygon(np.column_stack([x + reach * np.cos(turns), y + reach * np.sin(turns)]))
            )
        zones = build_zones([[[shapely.get_coordinates(one.exterior)]] for one in drawn])
        tree, out = shapely.STRtree(drawn), np.empty(zones.most, np.int32)
        theirs = seconds(lambda: tree.query(shapely.points(points), "intersects"))  # noqa: B023 - used at once
        ours = seconds(lambda: count_all(zones, points, out))  # noqa: B023
        found.append((f"which of {count} zones", len(points) / theirs / 1e6, len(points) / ours / 1e6))
    corners = np.column_stack([np.linspace(0, 40_000, 200), np.cumsum(rng.normal(0, 60, 200))])
    line, routes = shapely.LineString(corners), build_routes([[corners]])
    shapely.prepare(line)
    drive = np.column_stack([np.linspace(0, 40_000, 100_000)] * 2)
    drive[:, 1] = np.interp(drive[:, 0], *corners.T) + rng.normal(0, 20, len(drive))
    metres = np.empty(len(drive))
    theirs = seconds(lambda: shapely.distance(line, shapely.points(drive)))
    ours = seconds(lambda: follow(routes, drive, metres, 1))
    found.append(("how far from a route of 199 segments", len(drive) / theirs / 1e6, len(drive) / ours / 1e6))
    return found


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--plots", type=Path)
    asked = options.parse_args()
    print("beside Shapely, one core                     Shapely M/s   ours M/s   ratio")
    for name, theirs, ours in beside_shapely():
        print(f"  {name:<42}{theirs:12.2f}{ours:11.2f}{ours / theirs:8.1f}")

    fleet = simulated(200, 24)
    print(f"\nall vehicle rules, {len(fleet.vehicles)} trucks, {len(fleet.fixes):,} fixes of a noisy day")
    print(f"  {million_a_second(fleet):.2f} M fixes/s")
    judged_us, due_us = live(fleet)
    print(
        f"one live fix in a batch of 100: {judged_us:.2f} µs to judge, {due_us:.2f} µs to say when it is next due"
    )
    print(f"state of a vehicle: {VEHICLE_STATE.itemsize} bytes")

    # The same fixes, so that only what is named grows.
    some = Fleet(fleet.compiled, fleet.vehicles, fleet.fixes)
    growth: dict[str, list[tuple[int, float]]] = {"vehicles": [], "zones": [], "corners a zone": []}
    for trucks in (1, 10, 50, 200):
        few = some.fixes[some.fixes["slot"] < trucks]
        growth["vehicles"].append(
            (trucks, million_a_second(Fleet(some.compiled, some.vehicles[:trucks], few)))
        )
    for count in (0, 100, 1000, 5000):
        compiled = compile_district(more_zones(district(), count, 12))
        growth["zones"].append((count, million_a_second(some._replace(compiled=compiled))))
    for corners in (4, 32, 256, 2048):
        compiled = compile_district(more_zones(district(), 200, corners))
        growth["corners a zone"].append((corners, million_a_second(some._replace(compiled=compiled))))
    for name, found in growth.items():
        print(f"\n{name:<16}" + "".join(f"{number:>9}" for number, _ in found))
        print(f"{'M fixes/s':<16}" + "".join(f"{rate:9.2f}" for _, rate in found))
    print("\nstart-up: " + ", ".join(f"{name} {took:.1f} s" for name, took in start_up().items()))
    if asked.plots:
        asked.plots.write_text(drawn(growth), "utf-8")


def drawn(growth: dict[str, list[tuple[int, float]]]) -> str:
    """One panel each: million fixes a second over how many there are."""
    wide, high, top = 220, 150, max(rate for found in growth.values() for _, rate in found) * 1.15
    out = io.StringIO()
    out.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{len(growth) * (wide + 50) + 20}" height="{high + 70}" '
        'font-family="sans-serif" font-size="11">'
    )
    for panel, (name, found) in enumerate(growth.items()):
        left, base = 45 + panel * (wide + 50), high + 30
        step = wide / max(1, len(found) - 1)
        spots = [(left + i * step, base - rate / top * high) for i, (_, rate) in enumerate(found)]
        out.write(f'<text x="{left}" y="18">{name}: M fixes/s</text>')
        out.write(f'<path d="M{left},30 V{base} H{left + wide}" fill="none" stroke="#888"/>')
        for mark in range(int(top) + 1):
            out.write(
                f'<text x="{left - 6}" y="{base - mark / top * high + 4:.0f}" text-anchor="end">{mark}</text>'
            )
        for (x0, y0), (x1, y1) in pairwise(spots):
            out.write(
                f'<line x1="{x0:.0f}" y1="{y0:.0f}" x2="{x1:.0f}" y2="{y1:.0f}" stroke="#1668dc" stroke-width="2"/>'
            )
        for (x, y), (number, _) in zip(spots, found, strict=True):
            out.write(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="#1668dc"/>')
            out.write(f'<text x="{x:.0f}" y="{base + 16}" text-anchor="middle">{number}</text>')
    out.write("</svg>\n")
    return out.getvalue()


if __name__ == "__main__":
    main()
