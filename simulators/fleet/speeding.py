"""Driving too fast."""

from dataclasses import replace

from simulators.fleet.truck import Stretch, Truck
from simulators.fleet.truths import truth_of_spell
from simulators.witnessing import speeding
from simulators.world import Haul

RACING_KMH = (84.0, 95.0)


def race_home(truck: Truck, haul: Haul) -> Stretch:
    """An honest haul, and back much too fast: on listed roads over their limits."""
    truck.deliver(haul)
    truck.return_empty(haul, RACING_KMH)
    whole = truck.stretch()
    spells = speeding(whole.track, truck.world.limited_roads)
    truths = [truth_of_spell(truck, "overspeed", whole.track, spell, "racing home") for spell in spells]
    return replace(whole, truths=truths)
