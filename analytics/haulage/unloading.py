"""Unloading, and illegal_dumping where it may not be.

(a) by the box: raised at less than 10 km/h, on 2 good fixes that follow one another and span 10 s, while loaded
    or within 10 min of it. Lawful if one of the raised fixes lies where it may unload.
(b) by the load sensor: the load falls by 0.4 within 10 min and a stay within 300 m. Lawful if any fix of the
    whole unbroken stay, be it longer than 10 min, lies where it may unload. A fall within 10 min and 300 m of a
    rise, in a stay at a source site, by no more than 0.5 is none: under the excavator the load goes up and down, and
    a sensor that knows three steps (JT/T 808) shows half a load of it.
(c) with neither sensor: after leaving its source the loaded vehicle stood for 3 min, no fix of the stop in any
    site; then it came to a source site, or stood in parking sites for 30 min, without a fix where it may unload
    in between. The last such stop is the place.

The first verdict stands for all evidence within 10 min and 300 m of the evidence before it; more evidence raises
the score. An officer clears it, the engine never. Any unloading ends the load.
"""

import math

import numpy as np

from analytics.district import District
from analytics.haulage.loads import end_load
from analytics.haulage.state import AT_PARKING, AT_SOURCE, MAY_UNLOAD
from analytics.haulage.stays import FALLS, ONE_STEP, ROUNDING, last_before_change, stopped_for
from analytics.haulage.taking_back import take_back
from analytics.haulage.telling import Record, Records, lasted, tell, within
from analytics.kernels._compile import inner_kernel
from analytics.kernels.projection import distance_m, to_degrees
from analytics.records import (
    CRITICAL,
    DAY,
    HOUR,
    ILLEGAL_DUMPING,
    MAJOR,
    MINOR,
    NEVER,
    OPENED,
    SECOND,
    UPDATED,
    YES,
)  # fmt: skip
from analytics.rules import VehicleRules

LIFT, LOAD_FALL, INFERRED, RETURNED, LOADED_STOP, OFF, NIGHT = 1, 2, 4, 8, 16, 32, 64
"""Terms of the score, as bits."""


@inner_kernel
def fold_unloading(
    district: District, rules: VehicleRules, state: Record, here: Record, events: Records
) -> None:
    """Judge (a) and (b) at this fix, the load being what it was when the fix came."""
    before = state["unloading_ts"]
    if _raised_enough(rules, state, here):
        lawful = state["raised_flags"] & MAY_UNLOAD
        parking = state["raised_parking"]
        load = here["most"]
        _fold_evidence(
            rules, state, here, LIFT, lawful, parking, load,
            state["raised_ts"], state["raised_lat"], state["raised_lon"], events,
        )  # fmt: skip
    if here["most"] - state["load"] >= rules.load_change - ROUNDING:
        if not _being_loaded(rules, state, here):
            i = last_before_change(state, here["most"], FALLS)
            lawful = here["stay_flags"] & MAY_UNLOAD
            parking = state["stay_flags"][i] & AT_PARKING
            lat, lon = to_degrees(district.plane, state["stay_x"][i], state["stay_y"][i])
            _fold_evidence(
                rules, state, here, LOAD_FALL, lawful, parking, here["most"],
                state["stay_ts"][i], lat, lon, events,
            )  # fmt: skip
        state["fall_ts"] = here["ts"]
    if state["unloading_ts"] != before:
        end_load(district, rules, state, here, events)


@inner_kernel
def _being_loaded(rules: VehicleRules, state: Record, here: Record) -> bool:
    """Whether the load rose a moment ago in this stay at a source site: then a fall by a step is the sensor's swing."""
    away_m = distance_m(state["rise_x"], state["rise_y"], here["x"], here["y"])
    return bool(
        here["most"] - state["load"] <= ONE_STEP + ROUNDING
        and here["stay_source"] >= 0
        and within(state["rise_ts"], here["ts"], rules.load_change_s)
        and away_m <= rules.stay_m
    )


@inner_kernel
def _raised_enough(rules: VehicleRules, state: Record, here: Record) -> bool:
    """Follow the run of raised fixes."""
    if state["lift"] != YES or here["speed_kmh"] >= rules.lift_kmh:
        state["raised_fixes"] = 0
        return False
    if state["raised_fixes"] == 0 or (state["raised_told"] and not _same_unloading(rules, state, here)):
        state["raised_fixes"], state["raised_told"] = 0, 0
        state["raised_ts"], state["raised_lat"], state["raised_lon"] = here["ts"], here["lat"], here["lon"]
        state["raised_flags"] = 0
        state["raised_parking"] = 1 if here["flags"] & AT_PARKING else 0
    state["raised_fixes"] += 1
    state["raised_flags"] |= here["flags"]
    return bool(
        state["raised_fixes"] >= rules.lift_fixes
        and lasted(state["raised_ts"], here["ts"], rules.lift_s)
        and within(state["loaded_ts"], here["ts"], rules.lift_loaded_s)
    )


@inner_kernel
def _fold_evidence(
    rules: VehicleRules,
    state: Record,
    here: Record,
    term: int,
    lawful: int,
    parking: int,
    load_before: float,
    started: int,
    lat: float,
    lon: float,
    events: Records,
) -> None:
    """One more piece of evidence (a or b): of the last unloading, or of a new one."""
    same = _same_unloading(rules, state, here)
    state["raised_told"] = 1
    state["unloading_ts"], state["unloading_x"], state["unloading_y"] = here["ts"], here["x"], here["y"]
    if same:
        if state["dumping_ts"] != NEVER:
            state["dumping_after"] = state["load"]
            if not state["dumping_terms"] & term:
                state["dumping_terms"] |= term
                if not load_before <= state["dumping_before"]:
                    state["dumping_before"] = load_before
                events[_say_dumping(rules, state, here, events)]["action"] = UPDATED
    elif lawful:
        state["dumping_ts"] = NEVER
    else:
        terms = term
        stop_s = 0.0
        if state["stop_ts"] != NEVER and state["hauling"] and state["haul_left"]:
            stop_s = (here["ts"] - max(state["stop_ts"], state["haul_left_ts"])) / SECOND
        if stop_s >= rules.tip_stop_s:
            terms |= LOADED_STOP
        if state["off_ts"] != NEVER:
            terms |= OFF
        if at_night(rules, started + here["local"] - here["ts"]):
            terms |= NIGHT
        state["dumping_ts"], state["dumping_lat"], state["dumping_lon"] = started, lat, lon
        state["dumping_before"], state["dumping_after"] = load_before, state["load"]
        state["dumping_stop_s"], state["dumping_terms"] = stop_s, terms
        state["dumping_severity"] = MINOR if parking else CRITICAL
        events[_say_dumping(rules, state, here, events)]["action"] = OPENED


@inner_kernel
def _same_unloading(rules: VehicleRules, state: Record, here: Record) -> bool:
    away_m = distance_m(state["unloading_x"], state["unloading_y"], here["x"], here["y"])
    return bool(within(state["unloading_ts"], here["ts"], rules.same_s) and away_m <= rules.same_m)


@inner_kernel
def at_night(rules: VehicleRules, local: int) -> bool:
    hour = (local % DAY) / HOUR
    if rules.night_from_h <= rules.night_to_h:
        return bool(rules.night_from_h <= hour < rules.night_to_h)
    return bool(hour >= rules.night_from_h or hour < rules.night_to_h)


@inner_kernel
def _say_dumping(rules: VehicleRules, state: Record, here: Record, events: Records) -> int:
    """Write the event, all but its action; return its row."""
    terms = state["dumping_terms"]
    weights = (
        rules.score_lift, rules.score_load_fall, rules.score_inferred, rules.score_returned,
        rules.score_loaded_stop, rules.score_off_route, rules.score_night,
    )  # fmt: skip
    score = 0.0
    for i in range(7):
        if terms >> i & 1:
            score += weights[i]
    said = tell(here, events, state["dumping_ts"], state["dumping_lat"], state["dumping_lon"])
    event = events[said]
    event["kind"], event["severity"] = ILLEGAL_DUMPING, state["dumping_severity"]
    event["score"] = min(1.0, score)
    event["site"] = state["haul_source"] if state["hauling"] else -1
    event["permit"] = state["permit"][0] if state["permits"] > 0 else -1
    values = event["values"]
    for i in range(7):
        values[i] = terms >> i & 1
    values[7], values[8] = np.round(state["dumping_before"], 4), np.round(state["dumping_after"], 4)
    values[9] = state["dumping_stop_s"]
    return said


@inner_kernel
def note_stop(rules: VehicleRules, state: Record) -> None:
    """A stop is over: it may be the one where a load without sensors was tipped (c)."""
    if (
        state["hauling"]
        and state["haul_left"]
        and not state["haul_delivered"]
        and not state["has_load"]
        and not state["has_lift"]
        and state["stop_flags"] == 0
        and state["stop_ts"] >= state["haul_left_ts"]
        and stopped_for(state, rules.tip_stop_s)
    ):
        state["tip_ts"], state["tip_last_ts"] = state["stop_ts"], state["stop_last_ts"]
        state["tip_lat"], state["tip_lon"] = state["stop_lat"], state["stop_lon"]
        state["tip_x"], state["tip_y"] = state["stop_x"], state["stop_y"]
        state["tip_off_route"] = 1 if state["off_ts"] != NEVER else 0


@inner_kernel
def fold_parked(state: Record, here: Record) -> None:
    """Since when it has been in a parking site."""
    if not here["flags"] & AT_PARKING:
        state["parked_ts"] = NEVER
    elif state["parked_ts"] == NEVER:
        state["parked_ts"] = here["ts"]


@inner_kernel
def is_tipped(rules: VehicleRules, state: Record, here: Record) -> bool:
    """Whether this fix decides (c), of a load that has left its source."""
    if state["has_load"] or state["has_lift"]:
        return False
    if here["flags"] & MAY_UNLOAD:
        state["tip_ts"] = NEVER
    if state["tip_ts"] == NEVER:
        return False
    return bool(here["flags"] & AT_SOURCE or lasted(state["parked_ts"], here["ts"], rules.day_end_s))


@inner_kernel
def fold_inferred(
    district: District, rules: VehicleRules, state: Record, here: Record, events: Records
) -> None:
    """The load is held to have been tipped at the stop that was noted."""
    returned = here["flags"] & AT_SOURCE != 0
    terms = INFERRED
    if returned:
        terms |= RETURNED
    if state["tip_off_route"]:
        terms |= OFF
    if at_night(rules, state["tip_ts"] + here["local"] - here["ts"]):
        terms |= NIGHT
    state["unloading_ts"] = state["tip_last_ts"]
    state["unloading_x"], state["unloading_y"] = state["tip_x"], state["tip_y"]
    state["dumping_ts"] = state["tip_ts"]
    state["dumping_lat"], state["dumping_lon"] = state["tip_lat"], state["tip_lon"]
    state["dumping_before"], state["dumping_after"] = math.nan, math.nan
    state["dumping_stop_s"] = (state["tip_last_ts"] - state["tip_ts"]) / SECOND
    state["dumping_terms"], state["dumping_severity"] = terms, MAJOR
    events[_say_dumping(rules, state, here, events)]["action"] = OPENED
    take_back(state, here, events, state["tip_ts"])
    end_load(district, rules, state, here, events)
