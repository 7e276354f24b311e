"""Loads tipped where nobody may tip: beside the permitted route, or at a hidden spot off it."""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from simulators.fleet.truck import EMPTY_KMH, LOADED_KMH, Stretch, Truck
from simulators.fleet.truths import off_route, truth_of, witnessed
from simulators.roads import Place, apart
from simulators.truth import Truth
from simulators.witnessing import Track, unloaded_s
from simulators.world import Haul


def dump_on_route(truck: Truck, haul: Haul) -> Stretch | None:
    """Tip beside the permitted route, within its corridor."""
    route = LineString(haul.points)
    for _ in range(20):
        share = truck.dice.uniform(0.3, 0.8)
        spot = route.interpolate(share, normalized=True)
        if not truck.world.inside_any_site(*_around(spot.x, spot.y, 150)).any():
            break
    else:
        return None
    reached = np.array([route.project(shapely.Point(p)) for p in haul.points])
    passed = haul.points[reached < share * route.length][1:]
    truck.load_up(haul.source)
    begin = truck.motion.at
    truck.drive(passed, LOADED_KMH)
    truck.drive(np.array([[spot.x, spot.y]]), LOADED_KMH)
    dumping = _dump(truck)
    truck.drive(np.vstack([passed[::-1], haul.points[:1]]), EMPTY_KMH)
    return _dumped(truck, haul, begin, dumping, "on the route")


def dump_off_route(truck: Truck, haul: Haul) -> Stretch | None:
    """Leave the route for a hidden spot, tip there. None: the route does not follow the streets."""
    if not haul.way:
        return None
    world, streets = truck.world, truck.world.streets
    route = LineString(haul.points)
    off_m = {spot: route.distance(shapely.Point(streets.place(spot))) for spot in world.hidden_spots}
    spots = sorted((spot for spot in off_m if off_m[spot] > 2 * haul.corridor_m), key=off_m.__getitem__)
    spot = truck.dice.choice(spots[:5])
    inner = haul.way[2:-2] or haul.way
    leave = min(inner, key=lambda node: apart(streets.nodes[node], streets.place(spot)))
    aside = streets.line(streets.path(leave, streets.places[spot]))[1:]
    truck.load_up(haul.source)
    begin = truck.motion.at
    truck.drive(streets.line(haul.way[1 : haul.way.index(leave) + 1]), LOADED_KMH)
    truck.drive(aside, LOADED_KMH)
    dumping = _dump(truck)
    truck.drive(world.leg(spot, haul.source), EMPTY_KMH)
    return _dumped(truck, haul, begin, dumping, "off the route")


class _Dumping(NamedTuple):
    """Where, and the instants of its parts, seconds since 1970."""

    place: Place
    stop: float
    box_up: float
    box_down: float
    leave: float


def _dump(truck: Truck) -> _Dumping:
    """Stop and tip. Loaded for under 3 min of it where a sensor tells."""
    place, stop = truck.motion.place, truck.motion.at
    up, down = truck.tip(truck.dice.uniform(60, 150))
    truck.motion.wait(
        truck.dice.uniform(30, 120) if truck.tells_of_its_load else truck.dice.uniform(240, 480)
    )
    return _Dumping(place, stop, up, down, truck.motion.at)


def _dumped(truck: Truck, haul: Haul, begin: float, dumping: _Dumping, note: str) -> Stretch:
    """The truths of a dumping, and of what it entails."""
    place, stop, up, down, leave = dumping
    whole = truck.stretch()

    def told_s(track: Track) -> float:
        return unloaded_s(track, begin, lift=truck.sensors.lift, load=truck.sensors.load)

    if truck.tells_of_its_load:
        seen = "lift" if truck.sensors.lift else "load"
        text = f"{note}, told by {seen}"
        truths = [truth_of(truck, "illegal_dumping", up, down, told_s(whole.track), place, text)]
    else:
        # Known when it is back at the source; every trip ends there.
        back = truck.motion.at
        truths = [
            truth_of(truck, "illegal_dumping", stop, leave, back, place, f"{note}, no sensor"),
            truth_of(truck, "loaded_stop", stop, leave, stop + 180, place, f"{note}, while tipping"),
        ]

    def witness(track: Track) -> list[Truth]:
        return off_route(track, truck=truck, haul=haul, begin=begin, end=min(leave, told_s(track)), note=note)

    return witnessed(whole, witness, *truths)


def _around(x: float, y: float, radius_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The place and eight around it."""
    turn = np.arange(8) * np.pi / 4
    return x + radius_m * np.append(np.cos(turn), 0.0), y + radius_m * np.append(np.sin(turn), 0.0)
