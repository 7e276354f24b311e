"""A whole simulated fleet: what every device has to send until a given instant, and the truths so far."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from devices.topics import UpChannel
from devices.types import Device, DeviceKind, Registry
from runtime.errors import UserError
from simulators.arriving import as_track, mark_visible, silences
from simulators.fleet.shifts import stretches
from simulators.fleet.truck import Stretch, Truck, make_truck
from simulators.fleet.truths import silence_of
from simulators.frames import Terminal, location_bodies, speaks
from simulators.kitchens import Kitchen
from simulators.monitors import realtime_frames
from simulators.noise import Flaws, disturbed_fixes, disturbed_samples, flaws_of
from simulators.readings import FUME_ROW, SECOND_US, VEHICLE_ROW, fume_json, message, observed, vehicle_json
from simulators.scenarios import Scenario
from simulators.truth import Truth, TruthWriter
from simulators.world import World, build_world

Rows = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a device's life: its readings by `due`, the next piece's beginning, the truths in it."""

    rows: Rows
    until_us: int
    truths: list[Truth]


@dataclass(slots=True)
class SimulatedDevice:
    kind: DeviceKind
    device_id: str
    parts: Iterator[Part]
    to_wire: Callable[[Rows, int], list[bytes]]
    """The readings of rows, each as it lies in a message; the number is the first one's `seq`."""
    known_until_us: int
    waiting: Rows
    """Readings made and not yet due, in the order of `due`."""
    channel: UpChannel = "telemetry"
    to_message: Callable[[Sequence[bytes]], bytes] = message
    seq: int = 0

    def due(self, until_us: int, truths: TruthWriter) -> list[bytes]:
        """Readings that are due before `until_us` and were not given yet, in the order they leave."""
        while self.known_until_us < until_us:
            part = next(self.parts)
            for truth in part.truths:
                truths.add(truth)
            if len(self.waiting):
                rows = np.concatenate([self.waiting, part.rows])
                self.waiting = rows[np.argsort(rows["due"], kind="stable")]
            else:
                self.waiting = part.rows
            self.known_until_us = part.until_us
        if not len(self.waiting) or self.waiting["due"][0] >= until_us:
            return []
        count = int(np.searchsorted(self.waiting["due"], until_us))
        rows, self.waiting = self.waiting[:count], self.waiting[count:]
        self.seq += count
        return self.to_wire(rows, self.seq - count)


@dataclass(slots=True)
class Simulation:
    """Devices of a register, in a scenario, from an instant on."""

    devices: list[SimulatedDevice]
    truths: TruthWriter
    at_us: int
    readings: int = field(default=0)
    """How many were given so far."""

    def advance(self, until_us: int) -> Iterator[tuple[SimulatedDevice, list[bytes]]]:
        """What each device has to send before `until_us`; devices with nothing to say are left out."""
        for device in self.devices:
            readings = device.due(until_us, self.truths)
            if readings:
                self.readings += len(readings)
                yield device, readings
        self.at_us = until_us
        self.truths.write_until(until_us / SECOND_US)


def make_simulation(
    registry: Registry,
    scenario: Scenario,
    zone: ZoneInfo,
    start_us: int,
    seed: int,
    truths: TruthWriter,
    *,
    jt808: float = 0.0,
    hj212: float = 0.0,
) -> Simulation:
    """Active devices bound to vehicles and outlets of the register; raises UserError where there is none.

    `jt808`, `hj212`: the share of the trucks whose terminals speak JT/T 808, of the kitchens whose monitors HJ 212.
    """
    world = build_world(registry, zone)
    devices = []
    for device in registry.devices.values():
        if device.status != "active" or device.bound_to is None:
            continue
        rng = np.random.default_rng([seed & 0xFFFFFFFF, zlib.crc32(device.device_id.encode())])
        if device.kind == "vehicle" and device.bound_to in registry.vehicles:
            truck = make_truck(world, scenario, registry.vehicles[device.bound_to], device.device_id, seed)
            made = SimulatedDevice(
                device.kind,
                device.device_id,
                _truck_parts(truck, start_us, scenario, rng),
                partial(_vehicle_json, truck),
                start_us,
                np.empty(0, VEHICLE_ROW),
            )
            if speaks("jt808", device, jt808):
                made.channel = "jt808"
                made.to_wire = partial(_vehicle_bodies, truck)
                made.to_message = Terminal(device).message
        elif device.kind == "fume" and device.bound_to in registry.outlets:
            kitchen = Kitchen(registry.outlets[device.bound_to], device.device_id, scenario, seed)
            made = SimulatedDevice(
                device.kind,
                device.device_id,
                _kitchen_parts(kitchen, start_us, world, scenario, rng),
                fume_json,
                start_us,
                np.empty(0, FUME_ROW),
            )
            if speaks("hj212", device, hj212):
                made.channel = "hj212"
                made.to_wire = partial(_fume_frames, device)
                made.to_message = b"".join
        else:
            continue
        devices.append(made)
    if not devices:
        raise UserError("the register has no active device that is bound to one of its vehicles or outlets")
    return Simulation(devices, truths, start_us)


def _truck_parts(truck: Truck, start_us: int, scenario: Scenario, rng: np.random.Generator) -> Iterator[Part]:
    flaws = flaws_of(rng)
    for stretch in stretches(truck, start_us / SECOND_US):
        rows, truths = _through_the_terminal(observed(stretch.track), stretch), stretch.truths
        if scenario.noise:
            rows = disturbed_fixes(rows, flaws, rng, scenario.holes, keeps=scenario.keeps)
            truths = _as_they_arrive(truck, stretch, rows, flaws, keeps=scenario.keeps)
        yield Part(rows, int(stretch.until_s * SECOND_US), truths)


def _as_they_arrive(truck: Truck, stretch: Stretch, rows: Rows, flaws: Flaws, *, keeps: bool) -> list[Truth]:
    """The stretch's truths: which of them what arrived still tells of; and the silences, where holes stay lost."""
    if keeps and stretch.witness is None:
        return stretch.truths
    track, good = as_track(rows, flaws)
    truths = stretch.truths
    if not keeps:
        planted = [truth for truth in truths if truth.kind == "signal_loss"]
        truths = [truth for truth in truths if truth.kind != "signal_loss"]
        lost = silences(track, good)
        truths += [
            silence_of(truck, track[fix], track[last], track[back], planted) for fix, last, back in lost
        ]
    if stretch.witness is None:
        return truths
    told = stretch.witness(stretch.track)
    others = [truth for truth in truths if truth not in told]
    return others + mark_visible(told, stretch.witness(track[good]))


def _through_the_terminal(rows: Rows, stretch: Stretch) -> Rows:
    """Without what it did not send, and without the fixes its receiver did not find."""
    for begin_s, end_s in stretch.dark:
        rows = rows[(rows["ts"] < begin_s * SECOND_US) | (rows["ts"] >= end_s * SECOND_US)]
    for begin_s, end_s in stretch.faulty:
        lost = (rows["ts"] >= begin_s * SECOND_US) & (rows["ts"] <= end_s * SECOND_US)
        rows["fix"][lost], rows["sats"][lost], rows["hdop"][lost] = False, 0, 25.5
    return rows


def _kitchen_parts(
    kitchen: Kitchen, start_us: int, world: World, scenario: Scenario, rng: np.random.Generator
) -> Iterator[Part]:
    start_s = start_us / SECOND_US
    for day in kitchen.days(start_s, world.local_s(start_s) - start_s):
        rows = disturbed_samples(day.rows, rng) if scenario.noise else day.rows
        yield Part(rows, int(day.until_s * SECOND_US), day.truths)


def _vehicle_json(truck: Truck, rows: Rows, first_seq: int) -> list[bytes]:
    return vehicle_json(rows, truck.sensors, first_seq)


def _vehicle_bodies(truck: Truck, rows: Rows, _first_seq: int) -> list[bytes]:
    return location_bodies(rows, truck.sensors)


def _fume_frames(device: Device, rows: Rows, _first_seq: int) -> list[bytes]:
    return realtime_frames(rows, device)
