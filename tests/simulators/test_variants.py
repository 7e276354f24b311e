"""Scenarios that take sensors away, or make more holes in the network."""

from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from devices.registry_files import read_directory
from simulators.commands import SAMPLE_DISTRICT
from simulators.fleet.sensors import NO_SENSORS
from simulators.fleet.truck import make_truck
from simulators.noise import disturbed_fixes, flaws_of
from simulators.readings import SECOND_US, VEHICLE_ROW
from simulators.scenarios import scenario_named
from simulators.world import build_world


def test_without_sensors_no_terminal_has_one_and_the_trucks_do_the_same() -> None:
    registry = read_directory(SAMPLE_DISTRICT)
    world = build_world(registry, ZoneInfo("Asia/Shanghai"))
    device = next(d for d in registry.devices.values() if d.kind == "vehicle")
    vehicle = registry.vehicles[device.bound_to or ""]

    truck = make_truck(world, scenario_named("no_sensors"), vehicle, device.device_id, 1)

    assert truck.sensors == NO_SENSORS
    noisy = msgspec.structs.asdict(scenario_named("noisy"))
    assert msgspec.structs.asdict(scenario_named("no_sensors")) == {
        **noisy, "sensors": False, "about": scenario_named("no_sensors").about,
    }  # fmt: skip


def test_more_holes_delay_more_readings() -> None:
    rows = np.zeros(20_000, VEHICLE_ROW)
    rows["ts"] = rows["due"] = np.arange(20_000) * 10 * SECOND_US
    rows["speed_kmh"], rows["lat"], rows["lon"] = 40.0, 36.5, 117.4

    def delayed(holes: float) -> int:
        rng = np.random.default_rng(5)
        sent = disturbed_fixes(rows, flaws_of(rng), rng, holes)
        return int((sent["due"] - sent["ts"] > 90 * SECOND_US).sum())

    assert delayed(scenario_named("holes").holes) > 3 * delayed(1.0) > 0


def test_a_terminal_that_keeps_nothing_loses_what_a_hole_delays_and_nothing_else() -> None:
    rows = np.zeros(20_000, VEHICLE_ROW)
    rows["ts"] = rows["due"] = np.arange(20_000) * 10 * SECOND_US
    rows["speed_kmh"], rows["lat"], rows["lon"] = 40.0, 36.5, 117.4

    def arrived(*, keeps: bool) -> set[int]:
        rng = np.random.default_rng(5)
        flaws = flaws_of(rng)
        sent = disturbed_fixes(rows, flaws, rng, 6.0, keeps=keeps)
        return set(((sent["ts"] - flaws.clock_off_us + 5 * SECOND_US) // (10 * SECOND_US)).tolist())

    kept, lost = arrived(keeps=True), arrived(keeps=False)
    assert kept == set(range(20_000)) > lost
    assert len(lost) > 0.5 * len(kept)
