"""A truck as its driver handles it, and what its terminal saw of that.

Its life is an endless sequence of `Stretch`es: what it did for an hour or so, with the truths that belong to it.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from devices.types import Vehicle
from simulators.fleet.sensors import NO_SENSORS, Sensors, suite_of
from simulators.motion import Motion
from simulators.roads import Place, Points
from simulators.scenarios import Scenario
from simulators.truth import Truth
from simulators.world import DAY_S, Haul, World

INTERVAL_S = 10.0
MINUTE_S, HOUR_S = 60.0, 3600.0
LOADED_KMH, EMPTY_KMH, LANE_KMH = (30.0, 44.0), (34.0, 50.0), (20.0, 26.0)


@dataclass(frozen=True, slots=True)
class Stretch:
    track: NDArray[np.void]
    """`motion.TRACK` rows in order of time."""
    until_s: float
    """The next stretch begins here."""
    truths: list[Truth]
    dark: tuple[tuple[float, float], ...] = ()
    """Between these instants the terminal sends nothing, and keeps nothing."""
    faulty: tuple[tuple[float, float], ...] = ()
    """Between these its receiver finds no fix."""
    witness: Callable[[NDArray[np.void]], list[Truth]] | None = None
    """Which of `truths` a track tells of: asked of what happened, and again of what arrived. None: of none."""


@dataclass(slots=True)
class Truck:
    world: World
    scenario: Scenario
    vehicle: Vehicle
    device_id: str
    dice: random.Random
    sensors: Sensors
    phase_s: float
    motion: Motion
    goes_offline: bool
    shift_end_s: float = 0.0

    def stretch(self) -> Stretch:
        """Everything since the last one. Knots begin anew where they end."""
        motion = self.motion
        motion.knot()
        track = motion.sample(self.phase_s, INTERVAL_S, self.scenario.parked_interval_s)
        self.motion = replace(motion, _knots=[])
        return Stretch(track, motion.at, [])

    # -- what it is for -------------------------------------------------------------------------

    @property
    def yard(self) -> str | None:
        name = f"P{self.vehicle.company_id}"
        return name if name in self.world.streets.places else None

    @property
    def hauls(self) -> list[Haul]:
        """What its company has permits for."""
        return self.world.hauls_of.get(self.vehicle.company_id or "", [])

    @property
    def haul(self) -> Haul:
        """The permit this truck works under."""
        own = [
            haul for haul in self.hauls if not haul.permit.plates or self.vehicle.plate in haul.permit.plates
        ]
        return own[int(self.device_id[-1], 36) % len(own)]

    @property
    def tells_of_its_load(self) -> bool:
        return self.sensors.load or self.sensors.lift

    # -- what its driver does with it -----------------------------------------------------------

    def drive(self, points: Points, speed_kmh: tuple[float, float]) -> None:
        hour = self.world.local_s(self.motion.at) % DAY_S / HOUR_S
        pace = 0.7 if 7 <= hour < 9 or 17 <= hour < 19 else 1.0
        if len(points):
            self.motion.drive(points, self.dice, speed_kmh, pace)

    def park_until(self, until_s: float) -> Iterator[Stretch]:
        """With the ignition off; a fix every five minutes."""
        while self.motion.at < until_s - 120:
            self.motion.ignition = False
            self.motion.wait(min(until_s - 120 - self.motion.at, 4 * HOUR_S))
            yield self.stretch()
        self.motion.ignition = True
        if self.motion.at < until_s:
            self.motion.wait(until_s - self.motion.at)

    def load_up(self, site: str) -> None:
        """Queue, then an excavator's six to twelve passes."""
        motion, dice = self.motion, self.dice
        motion.go_to(near(self.world.areas[site].centre, 45, dice), 12.0)
        motion.wait(dice.uniform(0.5, 1) * dice.choice((2, 5, 12)) * MINUTE_S)
        self.fill(dice.uniform(5, 12) * MINUTE_S)
        motion.wait(dice.uniform(20, 60))

    def fill(self, seconds: float) -> None:
        motion, passes = self.motion, self.dice.randint(6, 12)
        full = self.dice.uniform(0.8, 1.0)
        motion.covered = False
        for done in range(1, passes + 1):
            motion.wait(seconds / passes)
            motion.load = full * done / passes
        motion.wait(15)
        motion.covered = True

    def tip(self, seconds: float) -> tuple[float, float]:
        """Raise the box, let the load go, lower it. Return when it went up and when it was down."""
        motion, dice = self.motion, self.dice
        motion.covered = False
        motion.wait(dice.uniform(15, 40))
        up = motion.at
        motion.lift = True
        motion.wait(20)
        full = motion.load
        for share in (0.75, 0.4, 0.1):
            motion.load = full * share
            motion.wait(12)
        motion.load = 0.0
        motion.wait(max(20.0, seconds - 56))
        motion.lift = False
        down = motion.at
        motion.wait(15)
        motion.covered = True
        return up, down

    def unload_at(self, site: str) -> None:
        motion, dice = self.motion, self.dice
        motion.go_to(near(self.world.areas[site].centre, 50, dice), 15.0)
        motion.wait(dice.uniform(30, 90))
        self.tip(dice.uniform(90, 240))
        motion.wait(dice.uniform(2, 5) * MINUTE_S)

    def deliver(
        self, haul: Haul, points: Points | None = None, *, covered: bool = True
    ) -> tuple[float, float]:
        """Load, drive the route (or `points`) to the disposal site, unload. Return when it set out and when it arrived."""
        self.load_up(haul.source)
        self.motion.covered = covered
        begin = self.motion.at
        self.drive(haul.points[1:-1] if points is None else points, LOADED_KMH)
        end = self.motion.at
        self.unload_at(haul.disposal)
        return begin, end

    def return_empty(
        self, haul: Haul, speed_kmh: tuple[float, float] = EMPTY_KMH, through: str | None = None
    ) -> None:
        self.drive(self.world.leg(haul.disposal, haul.source, through), speed_kmh)


def make_truck(world: World, scenario: Scenario, vehicle: Vehicle, device_id: str, seed: int) -> Truck:
    """In its company's yard; its clock begins with its first shift."""
    dice = random.Random(f"{seed}/{device_id}")
    senses = vehicle.kind == "construction" and scenario.sensors
    yard = world.areas.get(f"P{vehicle.company_id}")
    centre = yard.centre if yard else (0.0, 0.0)
    motion = Motion(0.0, near(centre, 60, dice), dice.uniform(20_000, 180_000) * 1000)
    phase_s = float(dice.randrange(10))
    goes_offline = random.Random(f"{seed}/offline/{device_id}").random() < scenario.offline
    sensors = suite_of(device_id) if senses else NO_SENSORS
    return Truck(world, scenario, vehicle, device_id, dice, sensors, phase_s, motion, goes_offline)


def near(place: Place, within_m: float, dice: random.Random) -> Place:
    return place[0] + dice.uniform(-0.7, 0.7) * within_m, place[1] + dice.uniform(-0.7, 0.7) * within_m
