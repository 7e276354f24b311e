"""What a truck's doings amount to by the contract's definitions, read off a track: the true one, or what arrived of it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry import LineString

from simulators.fleet.truck import Stretch, Truck
from simulators.roads import Place, to_degrees
from simulators.truth import Truth
from simulators.witnessing import Spell, Track, runs
from simulators.world import Area, Haul


def truth_of(
    truck: Truck, kind: str, started_s: float, ended_s: float, decided_s: float, place: Place, note: str
) -> Truth:
    lon, lat = to_degrees(*place)
    return Truth(kind, truck.device_id, started_s, ended_s, lat, lon, note, decided_s)


def truth_of_spell(truck: Truck, kind: str, track: Track, spell: Spell, note: str) -> Truth:
    started, decided, ended = (float(track["at"][row]) for row in spell)
    return truth_of(truck, kind, started, ended, decided, place_in(track, spell.first), note)


def witnessed(whole: Stretch, witness: Callable[[Track], list[Truth]], *others: Truth) -> Stretch:
    """`whole` with what `witness` says of its track, and with `others`."""
    return replace(whole, truths=[*others, *witness(whole.track)], witness=witness)


def silence_of(truck: Truck, fix: np.void, before: np.void, after: np.void, planted: list[Truth]) -> Truth:
    """The loss of signal between two `TRACK` rows, last seen at `fix`; `planted`: those it chose itself."""
    since, until = float(before["at"]), float(after["at"])
    own = [truth.note for truth in planted if truth.started_s < until and truth.ended_s > since]
    place = float(fix["x"]), float(fix["y"])
    note = own[0] if own else "a hole in the network, and nothing kept"
    return truth_of(truck, "signal_loss", since, until, since + 300, place, note)


def place_in(track: Track, row: int) -> Place:
    return float(track["x"][row]), float(track["y"][row])


def left_source(truck: Truck, track: Track, source: str, begin: float) -> tuple[float, Place]:
    """When, and where, it was first seen outside its source after `begin`."""
    inside = shapely.contains_xy(truck.world.areas[source].shape, track["x"], track["y"])
    left = int(np.argmax((track["at"] >= begin) & ~inside))
    return float(track["at"][left]), place_in(track, left)


def off_route(track: Track, *, truck: Truck, haul: Haul, begin: float, end: float, note: str) -> list[Truth]:
    """Every stay beyond the corridor, loaded, outside the two sites, of 60 s and 3 fixes at least."""
    spots = shapely.points(track["x"], track["y"])
    off_m = np.asarray(shapely.distance(spots, LineString(haul.points)))
    inside = np.zeros(len(track), bool)
    for site in (haul.source, haul.disposal):
        inside |= shapely.contains_xy(truck.world.areas[site].shape, track["x"], track["y"])
    off = (off_m > haul.corridor_m) & ~inside & (track["at"] >= begin) & (track["at"] <= end)
    truths = []
    for first, last in runs(off):
        started, ended = float(track["at"][first]), float(track["at"][last])
        if ended - started < 60 or last - first < 2:
            continue
        worst_m = float(off_m[first : last + 1].max())
        grade = "major" if worst_m > 300 or ended - started > 600 else "minor"
        text = f"{note}: {grade}, up to {worst_m:.0f} m off"
        place = place_in(track, first)
        truths.append(truth_of(truck, "off_route", started, ended, started + 60, place, text))
    return truths


def entries(track: Track, *, truck: Truck, zone: Area) -> list[Truth]:
    """Every drive through `zone` that two fixes in a row tell of."""
    inside = shapely.contains_xy(zone.shape, track["x"], track["y"])
    spells = [Spell(first, first + 1, last) for first, last in runs(inside) if last > first]
    text = f"through {zone.site.name}"
    return [truth_of_spell(truck, "no_go_entry", track, spell, text) for spell in spells]
