"""A truck's days: when it works, whom for, and what its driver does with each haul."""

from collections.abc import Callable, Iterator

import numpy as np

from devices.hours import parse_hours
from simulators.fleet.dumping import dump_off_route, dump_on_route
from simulators.fleet.loads import dawdle, haul_late, haul_uncovered, haul_unpermitted, load_unlicensed
from simulators.fleet.silence import fall_silent, go_dark, lose_fixes
from simulators.fleet.speeding import race_home
from simulators.fleet.straying import drive_beside, make_a_detour, return_through_zone
from simulators.fleet.truck import EMPTY_KMH, HOUR_S, LANE_KMH, LOADED_KMH, MINUTE_S, Stretch, Truck, near
from simulators.roads import Place, apart
from simulators.world import DAY_S, Haul

LONGEST_SHIFT_S = 10 * HOUR_S

Deed = Callable[[Truck, Haul], Stretch | None]
"""From the source and back to it, empty both times; None, and nothing done: it does not fit this truck or haul."""
DEEDS: dict[str, Deed] = {
    "dumping_on_route": dump_on_route,
    "dumping_off_route": dump_off_route,
    "detour": make_a_detour,
    "side_lane": drive_beside,
    "no_go": return_through_zone,
    "unpermitted": haul_unpermitted,
    "unlicensed": load_unlicensed,
    "undelivered": dawdle,
    "uncovered": haul_uncovered,
    "overspeed": race_home,
    "signal_loss": go_dark,
    "device_fault": lose_fixes,
}
"""By the scenario's name for its chance; what is left of the chance is honest."""


def stretches(truck: Truck, start_s: float) -> Iterator[Stretch]:
    """From `start_s` on, for ever; the truck begins in its company's yard."""
    truck.motion.at = start_s
    if truck.goes_offline:
        yield fall_silent(truck)
    for begin_s, end_s in _shifts(truck, start_s):
        truck.shift_end_s = end_s
        yield from truck.park_until(max(begin_s, start_s + truck.dice.uniform(1, 25) * MINUTE_S))
        yield from _hauling(truck) if truck.vehicle.kind == "construction" else _collecting(truck)


def _shifts(truck: Truck, start_s: float) -> Iterator[tuple[float, float]]:
    """Begin and end of the shifts this truck works, those under way at `start_s` included."""
    collects = truck.vehicle.kind == "decoration"
    idle = truck.scenario.duty == 0 or truck.vehicle.status != "active" or not (collects or truck.hauls)
    hours = "07:00-18:00" if collects or not truck.hauls else truck.haul.permit.hours
    windows = _windows(hours, truck.dice.uniform(0, DAY_S))
    offset = truck.world.local_s(start_s) - start_s
    day = np.floor(truck.world.local_s(start_s) / DAY_S) - 1
    while True:
        for window_s, length_s in windows:
            slack = max(0.0, length_s - LONGEST_SHIFT_S)
            midnight = day * DAY_S - offset
            begin = midnight + window_s + truck.dice.uniform(0, slack) + truck.dice.uniform(0, 2400)
            end = min(begin + LONGEST_SHIFT_S, midnight + window_s + length_s)
            works = truck.dice.random() < truck.scenario.duty
            if works and not idle and end > max(start_s, truck.motion.at) + 2 * HOUR_S:
                yield begin, end
        day += 1
        while idle:  # it stands in its yard: shifts of no length, far apart
            yield max(start_s, day * DAY_S), max(start_s, day * DAY_S)
            day += 1


def _windows(hours: str | None, random_s: float) -> list[tuple[float, float]]:
    """(seconds after local midnight, length) of the times of day in which there is work."""
    if not parse_hours(hours):
        return [(random_s, LONGEST_SHIFT_S)]
    windows = []
    for part in (hours or "").split(";"):
        begin, end = (int(h) * HOUR_S + int(m) * MINUTE_S for h, m in (t.split(":") for t in part.split("-")))
        windows.append((begin, (end - begin) % DAY_S))
    return windows


def _hauling(truck: Truck) -> Iterator[Stretch]:
    """Construction waste: from the permit's source to its disposal site and back, as often as the shift allows."""
    yard = truck.yard
    if yard is None:
        return
    haul, end_s = truck.haul, truck.shift_end_s
    there_and_back_s = 2 * haul.length_m / 8
    if truck.motion.at + there_and_back_s + 70 * MINUTE_S > end_s:
        return
    truck.drive(truck.world.leg(yard, haul.source), EMPTY_KMH)
    yield truck.stretch()
    # Half an hour for loading, four times the way at 30 km/h and half an hour for whatever comes between.
    while truck.motion.at + 60 * MINUTE_S + there_and_back_s < end_s:
        deed = _choose(truck)
        done = deed(truck, haul) if deed is not None else None
        yield done if done is not None else _honestly(truck, haul)
    if truck.dice.random() < truck.scenario.outside_hours and (late := haul_late(truck, haul)) is not None:
        yield late
    truck.drive(truck.world.leg(haul.source, yard)[:-1], EMPTY_KMH)
    truck.drive(np.array([near(truck.world.areas[yard].centre, 60, truck.dice)]), LANE_KMH)
    truck.motion.wait(truck.dice.uniform(60, 180))
    yield truck.stretch()


def _choose(truck: Truck) -> Deed | None:
    roll = truck.dice.random()
    for name, deed in DEEDS.items():
        roll -= getattr(truck.scenario, name)
        if roll < 0:
            return deed
    return None


def _honestly(truck: Truck, haul: Haul) -> Stretch:
    truck.deliver(haul)
    truck.return_empty(haul)
    return truck.stretch()


def _collecting(truck: Truck) -> Iterator[Stretch]:
    """Decoration waste: from estate to estate, then to the nearest transfer station; no sensors to tell."""
    world, yard = truck.world, truck.yard
    transfers = [name for name, area in world.areas.items() if area.site.kind == "transfer"]
    if yard is None or not transfers:
        return
    here = yard
    while truck.motion.at + 2.5 * HOUR_S < truck.shift_end_s:
        for stop in truck.dice.sample(_estates_near(truck, truck.motion.place), truck.dice.randint(1, 3)):
            truck.drive(world.leg(here, stop), EMPTY_KMH)
            truck.motion.wait(truck.dice.uniform(5, 20) * MINUTE_S)
            here = stop
        transfer = min(transfers, key=lambda name: apart(world.areas[name].centre, truck.motion.place))
        truck.drive(world.leg(here, transfer), LOADED_KMH)
        truck.motion.wait(truck.dice.uniform(3, 8) * MINUTE_S)
        here = transfer
        yield truck.stretch()
    if here != yard:
        truck.drive(world.leg(here, yard), EMPTY_KMH)
        truck.motion.wait(truck.dice.uniform(60, 180))
        yield truck.stretch()


def _estates_near(truck: Truck, place: Place) -> list[str]:
    world = truck.world
    return sorted(world.estates, key=lambda name: apart(world.streets.place(name), place))[:12]
