"""What a dumping amounts to besides: off the route for as long as there is a load."""

from collections.abc import Callable

import numpy as np
import pytest

from simulators.fleet.dumping import dump_off_route
from simulators.fleet.sensors import Sensors
from simulators.fleet.truck import Truck, make_truck
from simulators.scenarios import scenario_named
from simulators.witnessing import Track
from simulators.world import World, build_world
from tests.simulators.fleets import START_US, ZONE, district


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(district(), ZONE)


def trucks(world: World, sensors: Sensors) -> list[Truck]:
    """Construction trucks that stand ready in their sources, with these sensors."""
    ready = []
    for device in list(district().devices.values())[:120]:
        vehicle = district().vehicles.get(device.bound_to or "")
        if vehicle is None or vehicle.kind != "construction":
            continue
        truck = make_truck(world, scenario_named("clean"), vehicle, device.device_id, 5)
        if truck.hauls:
            truck.sensors, truck.motion.at = sensors, START_US / 1e6
            truck.motion.place = world.areas[truck.haul.source].centre
            ready.append(truck)
    return ready


def fallen_at(track: Track) -> float:
    """The first fix at which the load, once full, is 0.4 less."""
    full = int(np.argmax(track["load"]))
    return float(track["at"][full + np.argmax(track["load"][full:] <= track["load"][full] - 0.4)])


def raised_at(track: Track) -> float:
    """The second fix with the box up."""
    return float(track["at"][np.flatnonzero(track["lift"])[1]])


@pytest.mark.parametrize(
    ("sensors", "told_at"),
    [
        (Sensors(load=True, lift=False, cover=False), fallen_at),
        (Sensors(load=True, lift=True, cover=False), raised_at),
        (Sensors(load=False, lift=True, cover=False), raised_at),
    ],
)
def test_it_is_off_the_route_until_its_sensor_tells_of_the_unloading(
    world: World, sensors: Sensors, told_at: Callable[[Track], float]
) -> None:
    checked = 0
    for truck in trucks(world, sensors):
        done = dump_off_route(truck, truck.haul)
        off = [truth for truth in done.truths if truth.kind == "off_route"] if done else []
        if done is None or not off:
            continue
        assert max(truth.ended_s for truth in off) == told_at(done.track), truck.device_id
        checked += 1
    assert checked > 10
