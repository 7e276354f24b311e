"""Trucks and their drivers: shifts, hauls, and what some of them do instead.

A truck is an endless sequence of `Stretch`es: what it did for an hour or so, as its terminal saw it,
with the truths that belong to it. Everything comes from the seed and the device id.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString
from shapely.ops import substring

from devices.hours import parse_hours
from devices.types import Vehicle
from simulators.motion import Motion
from simulators.roads import Place, Points, to_degrees
from simulators.scenarios import Scenario
from simulators.truth import Truth
from simulators.witnessing import Spell, runs, speeding, uncovered
from simulators.world import DAY_S, Area, Haul, World

INTERVAL_S, PARKED_INTERVAL_S = 10.0, 300.0
MINUTE_S, HOUR_S = 60.0, 3600.0
LONGEST_SHIFT_S = 10 * HOUR_S
LOADED_KMH, EMPTY_KMH, LANE_KMH, RACING_KMH = (30.0, 44.0), (34.0, 50.0), (20.0, 26.0), (84.0, 95.0)
LOADED = 0.3

Act = Literal[
    "honest",
    "dumping_on_route",
    "dumping_off_route",
    "detour",
    "side_lane",
    "no_go",
    "unpermitted",
    "unlicensed",
    "undelivered",
    "uncovered",
    "overspeed",
    "signal_loss",
    "device_fault",
]
ACTS: tuple[Act, ...] = (
    "dumping_on_route", "dumping_off_route", "detour", "side_lane", "no_go", "unpermitted", "unlicensed",
    "undelivered", "uncovered", "overspeed", "signal_loss", "device_fault",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sensors:
    load: bool
    lift: bool
    cover: bool


SUITES = (
    (0.55, Sensors(load=True, lift=True, cover=True)),
    (0.18, Sensors(load=True, lift=False, cover=False)),
    (0.12, Sensors(load=False, lift=True, cover=False)),
    (0.15, Sensors(load=False, lift=False, cover=False)),
)
NO_SENSORS = Sensors(load=False, lift=False, cover=False)


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

    def stretches(self, start_s: float) -> Iterator[Stretch]:
        """From `start_s` on, for ever; the truck begins in its company's yard."""
        self.motion.at = start_s
        if self.goes_offline:
            yield self._fall_silent()
        for begin_s, end_s in self._shifts(start_s):
            yield from self._park_until(max(begin_s, start_s + self.dice.uniform(1, 25) * MINUTE_S))
            if self.vehicle.kind == "construction":
                yield from self._hauling_shift(end_s)
            else:
                yield from self._collecting_shift(end_s)

    # -- shifts ---------------------------------------------------------------------------------

    def _shifts(self, start_s: float) -> Iterator[tuple[float, float]]:
        """Begin and end of the shifts this truck works, those under way at `start_s` included."""
        hauls = self.world.hauls_of.get(self.vehicle.company_id or "", [])
        collects = self.vehicle.kind == "decoration"
        idle = self.vehicle.status != "active" or not (collects or hauls)
        hours = "07:00-18:00" if collects or not hauls else self._haul().permit.hours
        windows = _windows(hours, self.dice.uniform(0, DAY_S))
        offset = self.world.local_s(start_s) - start_s
        day = np.floor(self.world.local_s(start_s) / DAY_S) - 1
        while True:
            for window_s, length_s in windows:
                slack = max(0.0, length_s - LONGEST_SHIFT_S)
                begin = (
                    day * DAY_S - offset + window_s + self.dice.uniform(0, slack) + self.dice.uniform(0, 2400)
                )
                end = min(begin + LONGEST_SHIFT_S, day * DAY_S - offset + window_s + length_s)
                works = self.dice.random() < self.scenario.duty
                if works and not idle and end > max(start_s, self.motion.at) + 2 * HOUR_S:
                    yield begin, end
            day += 1
            if idle:
                yield from self._never(start_s, day)

    def _never(self, start_s: float, day: float) -> Iterator[tuple[float, float]]:
        """A truck that does not work stands in its yard: shifts of no length, far apart."""
        while True:
            begin = max(start_s, day * DAY_S)
            yield begin, begin
            day += 1

    def _haul(self) -> Haul:
        """The permit this truck works under."""
        hauls = [
            haul
            for haul in self.world.hauls_of[self.vehicle.company_id or ""]
            if not haul.permit.plates or self.vehicle.plate in haul.permit.plates
        ]
        return hauls[int(self.device_id[-1], 36) % len(hauls)]

    def _yard(self) -> str | None:
        name = f"P{self.vehicle.company_id}"
        return name if name in self.world.streets.places else None

    # -- stretches ------------------------------------------------------------------------------

    def _park_until(self, until_s: float) -> Iterator[Stretch]:
        """With the ignition off; a fix every five minutes."""
        while self.motion.at < until_s - 120:
            self.motion.ignition = False
            self.motion.wait(min(until_s - 120 - self.motion.at, 4 * HOUR_S))
            yield self._stretch([])
        self.motion.ignition = True
        if self.motion.at < until_s:
            self.motion.wait(until_s - self.motion.at)

    def _stretch(self, truths: list[Truth]) -> Stretch:
        """Everything since the last one. Knots begin anew where they end."""
        motion = self.motion
        motion.knot()
        track = motion.sample(self.phase_s, INTERVAL_S, PARKED_INTERVAL_S)
        self.motion = replace(motion, _knots=[])
        return Stretch(track, motion.at, truths)

    def _witnessed(self, witness: Callable[[NDArray[np.void]], list[Truth]], *others: Truth) -> Stretch:
        whole = self._stretch([])
        return replace(whole, truths=[*others, *witness(whole.track)], witness=witness)

    def _hauling_shift(self, end_s: float) -> Iterator[Stretch]:
        haul = self._haul()
        source, yard = haul.permit.source_site_id, self._yard()
        if yard is None:
            return
        if self.motion.at + 2 * haul.length_m / 8 + 70 * MINUTE_S > end_s:
            return
        self._drive(self.world.leg(yard, source), EMPTY_KMH)
        yield self._stretch([])
        # Half an hour for loading, four times the way at 30 km/h and half an hour for whatever comes between.
        while self.motion.at + 60 * MINUTE_S + 2 * haul.length_m / 8 < end_s:
            yield self._trip(haul, self._choose(), end_s - self.motion.at)
        if self.dice.random() < self.scenario.outside_hours and (late := self._haul_late(haul)) is not None:
            yield late
        self._drive(self.world.leg(source, yard)[:-1], EMPTY_KMH)
        self._drive(np.array([_near(self.world.areas[yard].centre, 60, self.dice)]), LANE_KMH)
        self.motion.wait(self.dice.uniform(60, 180))
        yield self._stretch([])

    def _choose(self) -> Act:
        roll = self.dice.random()
        for act in ACTS:
            roll -= getattr(self.scenario, act)
            if roll < 0:
                return act
        return "honest"

    def _trip(self, haul: Haul, act: Act, left_s: float) -> Stretch:
        """From the source and back to it, empty both times; `left_s` of the shift are left."""
        if act == "unlicensed" and not self.sensors.load:
            act = "unpermitted"
        foreign = self._foreign_haul(haul) if act == "unpermitted" else None
        match act:
            case "dumping_on_route":
                return self._dump_on_route(haul)
            case "dumping_off_route" if haul.way:
                return self._dump_off_route(haul)
            case "detour" if (points := self._detour(haul)) is not None:
                return self._deliver(haul, points, "detour")
            case "side_lane" if (points := self._side_lane(haul)) is not None:
                return self._deliver(haul, points, "side lane")
            case "no_go":
                return self._return_through_zone(haul)
            case "unpermitted" if foreign is not None:
                return self._haul_unpermitted(haul, foreign)
            case "unlicensed":
                return self._load_unlicensed(haul)
            case "undelivered" if left_s > 6 * HOUR_S + 2 * haul.length_m / 8:
                return self._dawdle(haul)
            case "uncovered" if self.sensors.cover:
                return self._haul_uncovered(haul)
            case "overspeed":
                return self._race_home(haul)
            case "signal_loss":
                return self._go_dark(haul)
            case "device_fault":
                return self._lose_fixes(haul)
        return self._deliver(haul, haul.points[1:-1], "")

    # -- what honest drivers do -----------------------------------------------------------------

    def _drive(self, points: Points, speed_kmh: tuple[float, float]) -> None:
        hour = self.world.local_s(self.motion.at) % DAY_S / HOUR_S
        pace = 0.7 if 7 <= hour < 9 or 17 <= hour < 19 else 1.0
        if len(points):
            self.motion.drive(points, self.dice, speed_kmh, pace)

    def _load_up(self, site: str) -> None:
        """Queue, then an excavator's six to twelve passes."""
        motion, dice = self.motion, self.dice
        motion.go_to(_near(self.world.areas[site].centre, 45, dice), 12.0)
        motion.wait(dice.uniform(0.5, 1) * dice.choice((2, 5, 12)) * MINUTE_S)
        self._fill(dice.uniform(5, 12) * MINUTE_S)
        motion.wait(dice.uniform(20, 60))

    def _fill(self, seconds: float) -> None:
        motion, passes = self.motion, self.dice.randint(6, 12)
        full = self.dice.uniform(0.8, 1.0)
        motion.covered = False
        for done in range(1, passes + 1):
            motion.wait(seconds / passes)
            motion.load = full * done / passes
        motion.wait(15)
        motion.covered = True

    def _tip(self, seconds: float) -> tuple[float, float]:
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

    def _unload_at(self, site: str) -> None:
        motion, dice = self.motion, self.dice
        motion.go_to(_near(self.world.areas[site].centre, 50, dice), 15.0)
        motion.wait(dice.uniform(30, 90))
        self._tip(dice.uniform(90, 240))
        motion.wait(dice.uniform(2, 5) * MINUTE_S)

    def _deliver(self, haul: Haul, points: Points, note: str) -> Stretch:
        """Load, drive `points` to the disposal site, unload, come back."""
        source, disposal = haul.permit.source_site_id, haul.permit.disposal_site_id or ""
        self._load_up(source)
        begin = self.motion.at
        self._drive(points, LOADED_KMH)
        end = self.motion.at
        self._unload_at(disposal)
        self._drive(self.world.leg(disposal, source), EMPTY_KMH)
        if not note:
            return self._stretch([])
        return self._witnessed(partial(self._off_route, haul=haul, begin=begin, end=end, note=note))

    def _collecting_shift(self, end_s: float) -> Iterator[Stretch]:
        """Decoration waste: from estate to estate, then to the nearest transfer station; no sensors to tell."""
        yard = self._yard()
        transfers = [name for name, area in self.world.areas.items() if area.site.kind == "transfer"]
        if yard is None or not transfers:
            return
        here = yard
        while self.motion.at + 2.5 * HOUR_S < end_s:
            for stop in self.dice.sample(self._estates_near(self.motion.place), self.dice.randint(1, 3)):
                self._drive(self.world.leg(here, stop), EMPTY_KMH)
                self.motion.wait(self.dice.uniform(5, 20) * MINUTE_S)
                here = stop
            transfer = min(
                transfers, key=lambda name: _apart(self.world.areas[name].centre, self.motion.place)
            )
            self._drive(self.world.leg(here, transfer), LOADED_KMH)
            self.motion.wait(self.dice.uniform(3, 8) * MINUTE_S)
            here = transfer
            yield self._stretch([])
        if here != yard:
            self._drive(self.world.leg(here, yard), EMPTY_KMH)
            self.motion.wait(self.dice.uniform(60, 180))
            yield self._stretch([])

    def _estates_near(self, place: Place) -> list[str]:
        streets = self.world.streets
        return sorted(
            self.world.estates, key=lambda name: _apart(streets.nodes[streets.places[name]], place)
        )[:12]

    # -- what some do instead -------------------------------------------------------------------

    def _dump_on_route(self, haul: Haul) -> Stretch:
        """Tip beside the permitted route, within its corridor."""
        source = haul.permit.source_site_id
        route = LineString(haul.points)
        for _ in range(20):
            share = self.dice.uniform(0.3, 0.8)
            spot = route.interpolate(share, normalized=True)
            if not self.world.inside_any_site(*_ring(spot.x, spot.y, 150)).any():
                break
        else:
            return self._deliver(haul, haul.points[1:-1], "")
        reached = np.array([route.project(shapely.Point(p)) for p in haul.points])
        passed = haul.points[reached < share * route.length][1:]
        self._load_up(source)
        begin = self.motion.at
        self._drive(passed, LOADED_KMH)
        self._drive(np.array([[spot.x, spot.y]]), LOADED_KMH)
        dumping = self._dump()
        self._drive(np.vstack([passed[::-1], haul.points[:1]]), EMPTY_KMH)
        return self._dumped(haul, begin, dumping, "on the route")

    def _dump_off_route(self, haul: Haul) -> Stretch:
        """Leave the route for a hidden spot, tip there."""
        world, source = self.world, haul.permit.source_site_id
        route = LineString(haul.points)
        places = world.streets.places
        nodes = world.streets.nodes
        apart = {spot: route.distance(shapely.Point(nodes[places[spot]])) for spot in world.hidden_spots}
        spots = sorted((spot for spot in apart if apart[spot] > 2 * haul.corridor_m), key=apart.__getitem__)[
            :5
        ]
        spot = self.dice.choice(spots)
        inner = haul.way[2:-2] or haul.way
        leave = min(inner, key=lambda node: _apart(nodes[node], nodes[places[spot]]))
        aside = world.streets.line(world.streets.path(leave, places[spot]))[1:]
        self._load_up(source)
        begin = self.motion.at
        self._drive(world.streets.line(haul.way[1 : haul.way.index(leave) + 1]), LOADED_KMH)
        self._drive(aside, LOADED_KMH)
        dumping = self._dump()
        self._drive(world.leg(spot, source), EMPTY_KMH)
        return self._dumped(haul, begin, dumping, "off the route")

    def _dump(self) -> tuple[float, float, float, float, Place]:
        """Stop and tip. Stop, box up, box down, departure; place. Loaded for under 3 min of it where a sensor tells."""
        stop = self.motion.at
        place = self.motion.place
        up, down = self._tip(self.dice.uniform(60, 150))
        self.motion.wait(self.dice.uniform(30, 120) if self._has_sensor() else self.dice.uniform(240, 480))
        return stop, up, down, self.motion.at, place

    def _has_sensor(self) -> bool:
        return self.sensors.load or self.sensors.lift

    def _dumped(
        self, haul: Haul, begin: float, dumping: tuple[float, float, float, float, Place], note: str
    ) -> Stretch:
        """The truths of a dumping, and of what it entails."""
        stop, up, down, leave, place = dumping
        if self._has_sensor():
            seen = "lift" if self.sensors.lift else "load"
            dump = self._truth("illegal_dumping", up, down, up + 60, place, f"{note}, told by {seen}")
            truths = [dump]
            loaded_until = up + 20
        else:
            # Known when it is back at the source; every trip ends there.
            dump = self._truth("illegal_dumping", stop, leave, self.motion.at, place, f"{note}, no sensor")
            standing = self._truth("loaded_stop", stop, leave, stop + 180, place, f"{note}, while tipping")
            truths = [dump, standing]
            loaded_until = leave
        return self._witnessed(
            partial(self._off_route, haul=haul, begin=begin, end=loaded_until, note=note), *truths
        )

    def _detour(self, haul: Haul) -> Points | None:
        """The route with a part of it exchanged for other streets; None: none fits."""
        way, streets = haul.way, self.world.streets
        for _ in range(12 if len(way) > 8 else 0):
            leave = self.dice.randrange(2, len(way) - 5)
            rejoin = self.dice.randrange(leave + 3, min(leave + 10, len(way) - 2) + 1)
            other = streets.detour(way, leave, rejoin)
            if other is None or LineString(streets.line(other)).length > 9000:
                continue
            return streets.line(way[1:leave] + other + way[rejoin + 1 : -1])
        return None

    def _side_lane(self, haul: Haul) -> Points | None:
        """The route with a part of it driven 170 to 250 m beside it; None: no part is free for it."""
        route = LineString(haul.points)
        for _ in range(12):
            length = self.dice.uniform(1600, 2600)
            first = self.dice.uniform(0.2, 0.7) * route.length
            if first + length > route.length - 800:
                continue
            part = substring(route, first, first + length)
            beside = shapely.offset_curve(part, self.dice.uniform(170, 250) * self.dice.choice((-1, 1)))
            if (
                beside.geom_type != "LineString"
                or self.world.inside_any_site(*np.array(beside.coords).T).any()
            ):
                continue
            reached = np.array([route.project(shapely.Point(p)) for p in haul.points])
            before = haul.points[reached < first - 150][1:]
            after = haul.points[reached > first + length + 150][:-1]
            return np.vstack([before, np.array(beside.coords), after])
        return None

    def _return_through_zone(self, haul: Haul) -> Stretch:
        """An honest haul, and empty through a barred zone on the way back."""
        world = self.world
        source, disposal = haul.permit.source_site_id, haul.permit.disposal_site_id or ""
        self._load_up(source)
        self._drive(haul.points[1:-1], LOADED_KMH)
        self._unload_at(disposal)
        zones = [
            area
            for area in world.areas.values()
            if area.site.kind == "no_go"
            and all(world.barred_at(area, self.motion.at + minutes * MINUTE_S) for minutes in (0, 30, 60, 90))
        ]
        if not zones:
            self._drive(world.leg(disposal, source), EMPTY_KMH)
            return self._stretch([])
        zone = min(
            zones, key=lambda area: _apart(area.centre, self.motion.place) + self.dice.uniform(0, 6000)
        )
        self._drive(world.leg(disposal, source, zone.site.site_id), EMPTY_KMH)
        return self._witnessed(partial(self._entries, zone=zone))

    def _foreign_haul(self, haul: Haul) -> Haul | None:
        """A permit of somebody else, for a source this company has none for."""
        own = {mine.permit.source_site_id for mine in self.world.hauls_of[self.vehicle.company_id or ""]}
        other = [
            theirs
            for theirs in self.world.hauls.values()
            if theirs.permit.source_site_id not in own and theirs.permit.company_id != haul.permit.company_id
        ]
        near = sorted(other, key=lambda theirs: _apart(theirs.points[0].tolist(), haul.points[0].tolist()))[
            :6
        ]
        return self.dice.choice(near) if near else None

    def _haul_unpermitted(self, haul: Haul, foreign: Haul) -> Stretch:
        """Take a load from a source the truck has no permit for; deliver it rightly."""
        world = self.world
        home, source = haul.permit.source_site_id, foreign.permit.source_site_id
        disposal = foreign.permit.disposal_site_id or ""
        self._drive(world.leg(home, source)[:-1], EMPTY_KMH)
        self._load_up(source)
        begin = self.motion.at
        self._drive(foreign.points[1:-1], LOADED_KMH)
        self._unload_at(disposal)
        end = self.motion.at
        self._drive(world.leg(disposal, home), EMPTY_KMH)
        whole = self._stretch([])
        at, place = self._left(whole.track, source, begin)
        truth = self._truth("unpermitted_haul", at, end, at, place, f"from {source} without a permit for it")
        return replace(whole, truths=[truth])

    def _load_unlicensed(self, haul: Haul) -> Stretch:
        """Load at a place that is no site; deliver it to a disposal site."""
        world = self.world
        source, disposal = haul.permit.source_site_id, haul.permit.disposal_site_id or ""
        streets = world.streets
        spot = min(
            self.dice.sample(world.hidden_spots, 12),
            key=lambda name: _apart(streets.nodes[streets.places[name]], haul.points[0].tolist()),
        )
        self._drive(world.leg(source, spot), EMPTY_KMH)
        place = self.motion.place
        self.motion.wait(self.dice.uniform(60, 240))
        begin = self.motion.at
        # Quick, so that it does not stand loaded for 3 minutes as well.
        self._fill(self.dice.uniform(110, 160))
        end = self.motion.at
        self._drive(world.leg(spot, disposal)[:-1], LOADED_KMH)
        self._unload_at(disposal)
        self._drive(world.leg(disposal, source), EMPTY_KMH)
        truth = self._truth("unlicensed_loading", begin, end, end, place, "loaded where there is no site")
        return self._stretch([truth])

    def _dawdle(self, haul: Haul) -> Stretch:
        """Take the load home, stand in the yard with it for more than four hours, then deliver it."""
        world, yard = self.world, self._yard()
        source, disposal = haul.permit.source_site_id, haul.permit.disposal_site_id or ""
        if yard is None:
            return self._deliver(haul, haul.points[1:-1], "")
        self._load_up(source)
        begin = self.motion.at
        self._drive(world.leg(source, yard), LOADED_KMH)
        self.motion.wait(self.dice.uniform(60, 180))
        self.motion.ignition = False
        self.motion.wait(begin + self.dice.uniform(4.15, 4.6) * HOUR_S - self.motion.at)
        self.motion.ignition = True
        self.motion.wait(self.dice.uniform(30, 120))
        self._drive(world.leg(yard, disposal)[:-1], LOADED_KMH)
        reached = self.motion.at
        self._unload_at(disposal)
        self._drive(world.leg(disposal, source), EMPTY_KMH)
        whole = self._stretch([])
        left, at = self._left(whole.track, source, begin)
        note = "at home for hours with the load"
        late = self._truth("undelivered_load", left, reached, left + 4 * HOUR_S, at, note)
        witness = partial(self._off_route, haul=haul, begin=begin, end=reached, note=note)
        return replace(whole, truths=[late, *witness(whole.track)], witness=witness)

    def _haul_late(self, haul: Haul) -> Stretch | None:
        """One more haul after the hours of every permit it has for this source; None: they never end."""
        own = [
            permit
            for permit in self.world.registry.permits.values()
            if permit.company_id == haul.permit.company_id
            and permit.source_site_id == haul.permit.source_site_id
            and (not permit.plates or self.vehicle.plate in permit.plates)
        ]
        hours = [parse_hours(permit.hours) for permit in own]
        if not all(hours) or haul.length_m < 4500:
            return None

        def barred(at_s: float) -> bool:
            minute = self.world.local_s(at_s) % DAY_S / MINUTE_S
            return not any(a <= minute < b for ranges in hours for a, b in ranges)

        lasts = 75 * MINUTE_S + 2 * haul.length_m / 6
        waits = np.arange(0, 8 * HOUR_S, 10 * MINUTE_S)
        free = [
            w
            for w in waits
            if all(barred(self.motion.at + w + t) for t in np.arange(0, lasts, 10 * MINUTE_S))
        ]
        if not free:
            return None
        source, disposal = haul.permit.source_site_id, haul.permit.disposal_site_id or ""
        self.motion.wait(free[0] + self.dice.uniform(1, 10) * MINUTE_S)
        self._load_up(source)
        begin = self.motion.at
        self._drive(haul.points[1:-1], LOADED_KMH)
        end = self.motion.at
        self._unload_at(disposal)
        self._drive(self.world.leg(disposal, source), EMPTY_KMH)
        whole = self._stretch([])
        left, at = self._left(whole.track, source, begin)
        truth = self._truth("outside_hours", left, end, left + 300, at, f"outside {haul.permit.hours}")
        return replace(whole, truths=[truth])

    def _haul_uncovered(self, haul: Haul) -> Stretch:
        source, disposal = haul.permit.source_site_id, haul.permit.disposal_site_id or ""
        self._load_up(source)
        self.motion.covered = False
        begin = self.motion.at
        self._drive(haul.points[1:-1], LOADED_KMH)
        end = self.motion.at
        self._unload_at(disposal)
        self._drive(self.world.leg(disposal, source), EMPTY_KMH)

        def witness(track: NDArray[np.void]) -> list[Truth]:
            spell = uncovered(track, begin, end)
            note = "the cover open all the way"
            return [self._spell("uncovered_load", track, spell, note)] if spell else []

        return self._witnessed(witness)

    def _race_home(self, haul: Haul) -> Stretch:
        """An honest haul, and back much too fast: on listed roads over their limits."""
        source, disposal = haul.permit.source_site_id, haul.permit.disposal_site_id or ""
        self._load_up(source)
        self._drive(haul.points[1:-1], LOADED_KMH)
        self._unload_at(disposal)
        self._drive(self.world.leg(disposal, source), RACING_KMH)

        def witness(track: NDArray[np.void]) -> list[Truth]:
            spells = speeding(track, self.world.limited_roads)
            return [self._spell("overspeed", track, spell, "racing home") for spell in spells]

        return self._witnessed(witness)

    def _go_dark(self, haul: Haul) -> Stretch:
        """The terminal off on the way to the disposal site, where it is moving, for six minutes or more."""
        source, disposal = haul.permit.source_site_id, haul.permit.disposal_site_id or ""
        self._load_up(source)
        begin = self.motion.at
        self._drive(haul.points[1:-1], LOADED_KMH)
        end = self.motion.at
        self._unload_at(disposal)
        self._drive(self.world.leg(disposal, source), EMPTY_KMH)
        whole = self._stretch([])
        track = whole.track
        left, _ = self._left(track, source, begin)
        moving = (track["at"] > left + 60) & (track["at"] < end - 480) & (track["speed_kmh"] > 20)
        rows = np.flatnonzero(moving)
        if not len(rows):
            return whole
        last = int(self.dice.choice(rows.tolist()))
        since = float(track["at"][last])
        until = since + self.dice.uniform(380, min(900.0, end - 60 - since))
        back = float(track["at"][np.searchsorted(track["at"], until)])
        place = float(track["x"][last]), float(track["y"][last])
        truth = self._truth(
            "signal_loss", since, back, since + 300, place, "the terminal switched off on its way"
        )
        return replace(whole, truths=[truth], dark=((since + 1, until),))

    def _lose_fixes(self, haul: Haul) -> Stretch:
        """An honest haul; on the way back the receiver finds no fix for eight minutes."""
        source, disposal = haul.permit.source_site_id, haul.permit.disposal_site_id or ""
        self._load_up(source)
        self._drive(haul.points[1:-1], LOADED_KMH)
        self._unload_at(disposal)
        begin = self.motion.at
        self._drive(self.world.leg(disposal, source), EMPTY_KMH)
        whole = self._stretch([])
        track = whole.track
        rows = np.flatnonzero((track["at"] > begin + 30) & (track["at"] < begin + 510))
        if self.motion.at < begin + 540 or len(rows) < 40:
            return whole
        first, since, until = int(rows[0]), float(track["at"][rows[0]]), float(track["at"][rows[-1]])
        place = float(track["x"][first - 1]), float(track["y"][first - 1])
        decided = float(track["at"][rows[30]])
        truth = self._truth("device_fault", since, until + 600, decided, place, "no fix for eight minutes")
        return replace(whole, truths=[truth], faulty=((since, until),))

    def _fall_silent(self) -> Stretch:
        """In its yard, the ignition off, and after an hour or two the terminal says nothing for more than a day."""
        begin = self.motion.at
        self.motion.ignition = False
        self.motion.wait(self.dice.uniform(1, 4) * HOUR_S)
        until = self.motion.at + self.dice.uniform(24.5, 30) * HOUR_S
        dark = (self.motion.at, until)
        self.motion.wait(until + 600 - self.motion.at)
        whole = self._stretch([])
        at = whole.track["at"]
        last = float(at[(at >= begin) & (at < dark[0])][-1])
        back = float(at[at >= until][0])
        truth = self._truth(
            "device_offline", last, back, last + DAY_S, self.motion.place, "switched off in its yard"
        )
        return replace(whole, truths=[truth], dark=(dark,))

    def silence(self, fix: np.void, before: np.void, after: np.void, planted: list[Truth]) -> Truth:
        """The loss of signal between two `motion.TRACK` rows, last seen at `fix`; `planted`: those it chose itself."""
        since, until = float(before["at"]), float(after["at"])
        own = [truth.note for truth in planted if truth.started_s < until and truth.ended_s > since]
        place = float(fix["x"]), float(fix["y"])
        note = own[0] if own else "a hole in the network, and nothing kept"
        return self._truth("signal_loss", since, until, since + 300, place, note)

    # -- what it amounts to ---------------------------------------------------------------------

    def _truth(
        self, kind: str, started_s: float, ended_s: float, decided_s: float, place: Place, note: str
    ) -> Truth:
        lon, lat = to_degrees(*place)
        return Truth(kind, self.device_id, started_s, ended_s, lat, lon, note, decided_s)

    def _spell(self, kind: str, track: NDArray[np.void], spell: Spell, note: str) -> Truth:
        at, first = track["at"], spell.first
        place = float(track["x"][first]), float(track["y"][first])
        return self._truth(
            kind, float(at[first]), float(at[spell.last]), float(at[spell.decided]), place, note
        )

    def _left(self, track: NDArray[np.void], source: str, begin: float) -> tuple[float, Place]:
        """When, and where, it was first seen outside its source after `begin`."""
        inside = shapely.contains_xy(self.world.areas[source].shape, track["x"], track["y"])
        left = int(np.argmax((track["at"] >= begin) & ~inside))
        return float(track["at"][left]), (float(track["x"][left]), float(track["y"][left]))

    def _off_route(
        self, track: NDArray[np.void], haul: Haul, begin: float, end: float, note: str
    ) -> list[Truth]:
        """Every stay beyond the corridor, loaded, outside the two sites, of 60 s and 3 fixes at least."""
        spots = shapely.points(track["x"], track["y"])
        apart = np.asarray(shapely.distance(spots, LineString(haul.points)))
        permitted = [haul.permit.source_site_id, haul.permit.disposal_site_id or ""]
        inside = np.zeros(len(track), bool)
        for site in permitted:
            inside |= shapely.contains_xy(self.world.areas[site].shape, track["x"], track["y"])
        off = (apart > haul.corridor_m) & ~inside & (track["at"] >= begin) & (track["at"] <= end)
        truths = []
        for first, last in runs(off):
            rows = track[first : last + 1]
            lasted = float(rows["at"][-1] - rows["at"][0])
            if lasted < 60 or len(rows) < 3:
                continue
            worst = float(apart[first : last + 1].max())
            grade = "major" if worst > 300 or lasted > 600 else "minor"
            started = float(rows["at"][0])
            place = float(rows["x"][0]), float(rows["y"][0])
            text = f"{note}: {grade}, up to {worst:.0f} m off"
            truths.append(self._truth("off_route", started, float(rows["at"][-1]), started + 60, place, text))
        return truths

    def _entries(self, track: NDArray[np.void], zone: Area) -> list[Truth]:
        """Every drive through `zone` that two fixes in a row tell of."""
        truths = []
        for first, last in runs(shapely.contains_xy(zone.shape, track["x"], track["y"])):
            if last > first:
                rows = track[first : last + 1]
                place = float(rows["x"][0]), float(rows["y"][0])
                started, ended = float(rows["at"][0]), float(rows["at"][-1])
                text = f"through {zone.site.name}"
                truths.append(self._truth("no_go_entry", started, ended, float(rows["at"][1]), place, text))
        return truths


def make_truck(world: World, scenario: Scenario, vehicle: Vehicle, device_id: str, seed: int) -> Truck:
    dice = random.Random(f"{seed}/{device_id}")
    suite = random.Random(f"sensors/{device_id}")
    sensors = suite.choices([kind for _, kind in SUITES], [share for share, _ in SUITES])[0]
    if vehicle.kind == "decoration" or not scenario.sensors:
        sensors = NO_SENSORS
    yard = world.areas.get(f"P{vehicle.company_id}")
    centre = yard.centre if yard else (0.0, 0.0)
    motion = Motion(0.0, _near(centre, 60, dice), dice.uniform(20_000, 180_000) * 1000)
    phase_s = float(dice.randrange(10))
    goes_offline = random.Random(f"{seed}/offline/{device_id}").random() < scenario.offline
    return Truck(world, scenario, vehicle, device_id, dice, sensors, phase_s, motion, goes_offline)


def _windows(hours: str | None, random_s: float) -> list[tuple[float, float]]:
    """(seconds after local midnight, length) of the times of day in which there is work."""
    if not parse_hours(hours):
        return [(random_s, LONGEST_SHIFT_S)]
    windows = []
    for part in (hours or "").split(";"):
        begin, end = (int(h) * HOUR_S + int(m) * MINUTE_S for h, m in (t.split(":") for t in part.split("-")))
        windows.append((begin, (end - begin) % DAY_S))
    return windows


def _near(place: Place, within_m: float, dice: random.Random) -> Place:
    return place[0] + dice.uniform(-0.7, 0.7) * within_m, place[1] + dice.uniform(-0.7, 0.7) * within_m


def _apart(a: Place, b: Place) -> float:
    return float(np.hypot(a[0] - b[0], a[1] - b[1]))


def _ring(x: float, y: float, radius_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The place and eight around it."""
    turn = np.arange(8) * np.pi / 4
    return x + radius_m * np.append(np.cos(turn), 0.0), y + radius_m * np.append(np.sin(turn), 0.0)
