"""Scenarios as data: how often simulated people do what, and through what noise it is seen."""

import tomllib
from pathlib import Path

import msgspec

from runtime.errors import UserError

FILE = Path(__file__).with_name("scenarios.toml")


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    about: str
    noise: bool = False
    catch_up_h: float = 0.0
    """How much of the past is played before it goes on live."""
    speed: float = 1.0
    holes: float = 1.0
    """Times the usual holes in the network, where there is noise."""
    keeps: bool = True
    """No: terminals keep nothing, and what a hole in the network should delay is lost."""
    sensors: bool = True
    """No: no terminal has a load, lift or cover sensor."""
    duty: float
    """Share of trucks that work a shift; 0: all stand in their yards."""
    parked_interval_s: float = 300.0
    """How often a terminal reports with the ignition off."""
    dumping_on_route: float = 0.0
    """Chance, as all that follow: of each haul."""
    dumping_off_route: float = 0.0
    detour: float = 0.0
    side_lane: float = 0.0
    no_go: float = 0.0
    unpermitted: float = 0.0
    unlicensed: float = 0.0
    undelivered: float = 0.0
    uncovered: float = 0.0
    overspeed: float = 0.0
    signal_loss: float = 0.0
    device_fault: float = 0.0
    outside_hours: float = 0.0
    """Of each shift, one more haul after its hours."""
    offline: float = 0.0
    """Share of trucks that say nothing for a day."""
    purifier_off: float = 0.0
    """Of each meal."""
    fume_exceedance: float = 0.0
    monitor_offline: float = 0.0
    ageing: float = 0.0
    """Of the kitchens: those whose purifier is neglected after its cleaning. Above 0, all are cleaned on the round."""
    smoke: bool = False
    """Fumes have the shape and the jitter of smoke that a real low-cost sensor saw."""
    tampering: float = 0.0
    """With the monitor's readings; of each meal with none of the above, as the silence before it."""


def scenarios() -> dict[str, Scenario]:
    return msgspec.convert(tomllib.loads(FILE.read_text(encoding="utf-8")), dict[str, Scenario])


def scenario_named(name: str) -> Scenario:
    known = scenarios()
    if name not in known:
        raise UserError(f"there is no scenario {name!r}; there are {', '.join(known)}")
    return known[name]
