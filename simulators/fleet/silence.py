"""Terminals that fail or are made to: dark on the way, without a fix, off for a day."""

from dataclasses import replace

import numpy as np

from simulators.fleet.truck import HOUR_S, Stretch, Truck
from simulators.fleet.truths import left_source, place_in, truth_of
from simulators.world import DAY_S, Haul


def go_dark(truck: Truck, haul: Haul) -> Stretch:
    """The terminal off on the way to the disposal site, where it is moving, for six minutes or more."""
    begin, end = truck.deliver(haul)
    truck.return_empty(haul)
    whole = truck.stretch()
    track = whole.track
    left, _ = left_source(truck, track, haul.source, begin)
    moving = (track["at"] > left + 60) & (track["at"] < end - 480) & (track["speed_kmh"] > 20)
    rows = np.flatnonzero(moving)
    if not len(rows):
        return whole
    last = int(truck.dice.choice(rows.tolist()))
    since = float(track["at"][last])
    until = since + truck.dice.uniform(380, min(900.0, end - 60 - since))
    back = float(track["at"][np.searchsorted(track["at"], until)])
    note = "the terminal switched off on its way"
    truth = truth_of(truck, "signal_loss", since, back, since + 300, place_in(track, last), note)
    return replace(whole, truths=[truth], dark=((since + 1, until),))


def lose_fixes(truck: Truck, haul: Haul) -> Stretch:
    """An honest haul; on the way back the receiver finds no fix for eight minutes."""
    truck.deliver(haul)
    begin = truck.motion.at
    truck.return_empty(haul)
    whole = truck.stretch()
    track = whole.track
    rows = np.flatnonzero((track["at"] > begin + 30) & (track["at"] < begin + 510))
    if truck.motion.at < begin + 540 or len(rows) < 40:
        return whole
    first, since, until = int(rows[0]), float(track["at"][rows[0]]), float(track["at"][rows[-1]])
    decided, place = float(track["at"][rows[30]]), place_in(track, first - 1)
    truth = truth_of(truck, "device_fault", since, until + 600, decided, place, "no fix for eight minutes")
    return replace(whole, truths=[truth], faulty=((since, until),))


def fall_silent(truck: Truck) -> Stretch:
    """In its yard, the ignition off, and after an hour or two the terminal says nothing for more than a day."""
    motion = truck.motion
    begin = motion.at
    motion.ignition = False
    motion.wait(truck.dice.uniform(1, 4) * HOUR_S)
    until = motion.at + truck.dice.uniform(24.5, 30) * HOUR_S
    dark = (motion.at, until)
    motion.wait(until + 600 - motion.at)
    whole = truck.stretch()
    at = whole.track["at"]
    last = float(at[(at >= begin) & (at < dark[0])][-1])
    back = float(at[at >= until][0])
    note = "switched off in its yard"
    truth = truth_of(truck, "device_offline", last, back, last + DAY_S, motion.place, note)
    return replace(whole, truths=[truth], dark=(dark,))
