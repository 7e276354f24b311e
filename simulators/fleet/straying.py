"""Ways nobody approved: a detour, a lane beside the route, a zone that is barred."""

from functools import partial

import numpy as np
import shapely
from shapely.geometry import LineString
from shapely.ops import substring

from simulators.fleet.truck import MINUTE_S, Stretch, Truck
from simulators.fleet.truths import entries, off_route, witnessed
from simulators.roads import Points, apart
from simulators.world import Haul


def make_a_detour(truck: Truck, haul: Haul) -> Stretch | None:
    """The route with a part of it exchanged for other streets."""
    return _stray(truck, haul, _detour(truck, haul), "detour")


def drive_beside(truck: Truck, haul: Haul) -> Stretch | None:
    """The route with a part of it driven 170 to 250 m beside it."""
    return _stray(truck, haul, _side_lane(truck, haul), "side lane")


def _stray(truck: Truck, haul: Haul, points: Points | None, note: str) -> Stretch | None:
    if points is None:
        return None
    begin, end = truck.deliver(haul, points)
    truck.return_empty(haul)
    off = partial(off_route, truck=truck, haul=haul, begin=begin, end=end, note=note)
    return witnessed(truck.stretch(), off)


def _detour(truck: Truck, haul: Haul) -> Points | None:
    """None: none fits."""
    way, streets = haul.way, truck.world.streets
    for _ in range(12 if len(way) > 8 else 0):
        leave = truck.dice.randrange(2, len(way) - 5)
        rejoin = truck.dice.randrange(leave + 3, min(leave + 10, len(way) - 2) + 1)
        other = streets.detour(way, leave, rejoin)
        if other is None or LineString(streets.line(other)).length > 9000:
            continue
        return streets.line(way[1:leave] + other + way[rejoin + 1 : -1])
    return None


def _side_lane(truck: Truck, haul: Haul) -> Points | None:
    """None: no part is free for it."""
    route = LineString(haul.points)
    for _ in range(12):
        length = truck.dice.uniform(1600, 2600)
        first = truck.dice.uniform(0.2, 0.7) * route.length
        if first + length > route.length - 800:
            continue
        part = substring(route, first, first + length)
        beside = shapely.offset_curve(part, truck.dice.uniform(170, 250) * truck.dice.choice((-1, 1)))
        if beside.geom_type != "LineString":
            continue
        lane = np.array(beside.coords)
        if truck.world.inside_any_site(*lane.T).any():
            continue
        reached = np.array([route.project(shapely.Point(p)) for p in haul.points])
        before = haul.points[reached < first - 150][1:]
        after = haul.points[reached > first + length + 150][:-1]
        return np.vstack([before, lane, after])
    return None


def return_through_zone(truck: Truck, haul: Haul) -> Stretch:
    """An honest haul, and empty through a barred zone on the way back."""
    world, motion = truck.world, truck.motion
    truck.deliver(haul)
    zones = [
        area
        for area in world.areas.values()
        if area.site.kind == "no_go"
        and all(world.barred_at(area, motion.at + minutes * MINUTE_S) for minutes in (0, 30, 60, 90))
    ]
    if not zones:
        truck.return_empty(haul)
        return truck.stretch()
    zone = min(zones, key=lambda area: apart(area.centre, motion.place) + truck.dice.uniform(0, 6000))
    truck.return_empty(haul, through=zone.site.site_id)
    return witnessed(truck.stretch(), partial(entries, truck=truck, zone=zone))
