"""Driving too fast."""

from simulators.fleet.truck import Stretch, Truck
from simulators.fleet.truths import truth_of_spell, witnessed
from simulators.truth import Truth
from simulators.witnessing import Track, speeding
from simulators.world import Haul

RACING_KMH = (84.0, 95.0)


def race_home(truck: Truck, haul: Haul) -> Stretch:
    """An honest haul, and back much too fast: on listed roads over their limits."""
    truck.deliver(haul)
    truck.return_empty(haul, RACING_KMH)

    def witness(track: Track) -> list[Truth]:
        spells = speeding(track, truck.world.limited_roads)
        return [truth_of_spell(truck, "overspeed", track, spell, "racing home") for spell in spells]

    return witnessed(truck.stretch(), witness)
