"""Loads that should not be carried so: without a permit, from no site, to nobody, outside the hours, uncovered."""

from dataclasses import replace
from functools import partial

import numpy as np

from devices.hours import parse_hours
from simulators.fleet.truck import EMPTY_KMH, HOUR_S, LOADED_KMH, MINUTE_S, Stretch, Truck
from simulators.fleet.truths import left_source, off_route, truth_of, truth_of_spell, witnessed
from simulators.roads import apart
from simulators.truth import Truth
from simulators.witnessing import Track, uncovered
from simulators.world import DAY_S, Haul


def haul_unpermitted(truck: Truck, haul: Haul) -> Stretch | None:
    """Take a load from a source the truck has no permit for; deliver it rightly."""
    foreign = _foreign_haul(truck, haul)
    if foreign is None:
        return None
    source = foreign.source
    truck.drive(truck.world.leg(haul.source, source)[:-1], EMPTY_KMH)
    begin, _ = truck.deliver(foreign)
    end = truck.motion.at
    truck.drive(truck.world.leg(foreign.disposal, haul.source), EMPTY_KMH)
    whole = truck.stretch()
    at, place = left_source(truck, whole.track, source, begin)
    truth = truth_of(truck, "unpermitted_haul", at, end, at, place, f"from {source} without a permit for it")
    return replace(whole, truths=[truth])


def _foreign_haul(truck: Truck, haul: Haul) -> Haul | None:
    """A permit of somebody else, for a source this company has none for."""
    own = {mine.source for mine in truck.hauls}
    other = [
        theirs
        for theirs in truck.world.hauls.values()
        if theirs.source not in own and theirs.permit.company_id != haul.permit.company_id
    ]
    near = sorted(other, key=lambda theirs: apart(theirs.points[0].tolist(), haul.points[0].tolist()))[:6]
    return truck.dice.choice(near) if near else None


def load_unlicensed(truck: Truck, haul: Haul) -> Stretch | None:
    """Load at a place that is no site, and deliver it to a disposal site. Without a load sensor: a foreign load."""
    if not truck.sensors.load:
        return haul_unpermitted(truck, haul)
    world, streets, motion = truck.world, truck.world.streets, truck.motion
    some = truck.dice.sample(world.hidden_spots, 12)
    spot = min(some, key=lambda name: apart(streets.place(name), haul.points[0].tolist()))
    truck.drive(world.leg(haul.source, spot), EMPTY_KMH)
    place = motion.place
    motion.wait(truck.dice.uniform(60, 240))
    begin = motion.at
    # Quick, so that it does not stand loaded for 3 minutes as well.
    truck.fill(truck.dice.uniform(110, 160))
    end = motion.at
    truck.drive(world.leg(spot, haul.disposal)[:-1], LOADED_KMH)
    truck.unload_at(haul.disposal)
    truck.return_empty(haul)
    whole = truck.stretch()
    risen = (whole.track["at"] >= begin) & (whole.track["load"] >= 0.4)
    decided = float(whole.track["at"][np.argmax(risen)])
    truth = truth_of(truck, "unlicensed_loading", begin, end, decided, place, "loaded where there is no site")
    return replace(whole, truths=[truth])


def dawdle(truck: Truck, haul: Haul) -> Stretch | None:
    """Take the load home, stand in the yard with it for more than four hours, then deliver it."""
    world, motion, yard = truck.world, truck.motion, truck.yard
    left_s = truck.shift_end_s - motion.at
    if yard is None or left_s <= 6 * HOUR_S + 2 * haul.length_m / 8:
        return None
    truck.load_up(haul.source)
    begin = motion.at
    truck.drive(world.leg(haul.source, yard), LOADED_KMH)
    motion.wait(truck.dice.uniform(60, 180))
    motion.ignition = False
    motion.wait(begin + truck.dice.uniform(4.15, 4.6) * HOUR_S - motion.at)
    motion.ignition = True
    motion.wait(truck.dice.uniform(30, 120))
    truck.drive(world.leg(yard, haul.disposal)[:-1], LOADED_KMH)
    reached = motion.at
    truck.unload_at(haul.disposal)
    truck.return_empty(haul)
    whole = truck.stretch()
    left, place = left_source(truck, whole.track, haul.source, begin)
    note = "at home for hours with the load"
    late = truth_of(truck, "undelivered_load", left, reached, left + 4 * HOUR_S, place, note)
    off = partial(off_route, truck=truck, haul=haul, begin=begin, end=reached, note=note)
    return witnessed(whole, off, late)


def haul_late(truck: Truck, haul: Haul) -> Stretch | None:
    """One more haul after the hours of every permit it has for this source; None: they never end."""
    own = [
        permit
        for permit in truck.world.registry.permits.values()
        if permit.company_id == haul.permit.company_id
        and permit.source_site_id == haul.source
        and (not permit.plates or truck.vehicle.plate in permit.plates)
    ]
    hours = [parse_hours(permit.hours) for permit in own]
    if not all(hours) or haul.length_m < 4500:
        return None

    def barred(at_s: float) -> bool:
        minute = truck.world.local_s(at_s) % DAY_S / MINUTE_S
        return not any(a <= minute < b for ranges in hours for a, b in ranges)

    now, every = truck.motion.at, 10 * MINUTE_S
    during = np.arange(0, 75 * MINUTE_S + 2 * haul.length_m / 6, every)
    free = (w for w in np.arange(0, 8 * HOUR_S, every) if all(barred(now + w + t) for t in during))
    first = next(free, None)
    if first is None:
        return None
    truck.motion.wait(first + truck.dice.uniform(1, 10) * MINUTE_S)
    begin, end = truck.deliver(haul)
    truck.return_empty(haul)
    whole = truck.stretch()
    left, place = left_source(truck, whole.track, haul.source, begin)
    truth = truth_of(truck, "outside_hours", left, end, left + 300, place, f"outside {haul.permit.hours}")
    return replace(whole, truths=[truth])


def haul_uncovered(truck: Truck, haul: Haul) -> Stretch | None:
    """The cover open all the way. None: no sensor would tell."""
    if not truck.sensors.cover:
        return None
    begin, end = truck.deliver(haul, covered=False)
    truck.return_empty(haul)

    def witness(track: Track) -> list[Truth]:
        spell = uncovered(track, begin, end)
        note = "the cover open all the way"
        return [truth_of_spell(truck, "uncovered_load", track, spell, note)] if spell else []

    return witnessed(truck.stretch(), witness)
