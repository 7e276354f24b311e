"""Standing still (`stop`), and staying about (the ring of recent places).

A stop is the fixes under 5 km/h, or without a speed, that follow one another within 50 m of its first one.

The ring remembers the last places in entries of up to 25 s, during which the load changed by less than 0.05: ten
minutes at least, at any rate of reporting, unless the load keeps changing. An entry's place is that of its last
fix. What falls out of the ring leaves behind where it was and what kinds of site the stay had touched until then.
"""

import math

from analytics.haulage.state import AT_PERMITTED, STAYS
from analytics.haulage.telling import Record, lasted, within
from analytics.kernels._compile import inner_kernel
from analytics.kernels.projection import distance_m
from analytics.records import NEVER
from analytics.rules import VehicleRules

FALLS, RISES = 0, 1
ENTRY_S = 25.0
SAME_LOAD = 0.05
ROUNDING = 1e-6
"""Loads are kept as float32; 0.7 to 0.3 is a fall by 0.4 all the same."""
ONE_STEP = 0.5
"""JT/T 808 knows three steps of load (status, bits 8-9): a change by more than one of them is no swing of the sensor."""


@inner_kernel
def fold_stop(rules: VehicleRules, state: Record, here: Record) -> None:
    """Go on with the stop, begin another, or end it."""
    if here["speed_kmh"] >= rules.stopped_kmh:
        state["stop_ts"] = NEVER
        return
    away_m = distance_m(state["stop_x"], state["stop_y"], here["x"], here["y"])
    if state["stop_ts"] == NEVER or away_m > rules.stopped_m:
        state["stop_ts"], state["stop_lat"], state["stop_lon"] = here["ts"], here["lat"], here["lon"]
        state["stop_x"], state["stop_y"] = here["x"], here["y"]
        state["stop_source"], state["stop_flags"], state["stop_loads"] = -1, 0, 0
        state["stop_loaded"] = 1  # until a fix of it says otherwise
    state["stop_last_ts"] = here["ts"]
    better = here["flags"] & AT_PERMITTED and not state["stop_flags"] & AT_PERMITTED
    if here["source"] >= 0 and (state["stop_source"] < 0 or better):
        state["stop_source"] = here["source"]
    state["stop_flags"] |= here["flags"]


@inner_kernel
def stop_ends_here(rules: VehicleRules, state: Record, here: Record) -> bool:
    """Whether the fix puts an end to the stop that is going on; to be asked before `fold_stop`."""
    if state["stop_ts"] == NEVER:
        return False
    away_m = distance_m(state["stop_x"], state["stop_y"], here["x"], here["y"])
    return bool(here["speed_kmh"] >= rules.stopped_kmh or away_m > rules.stopped_m)


@inner_kernel
def stopped_for(state: Record, seconds: float) -> bool:
    return bool(lasted(state["stop_ts"], state["stop_last_ts"], seconds))


@inner_kernel
def fold_stay(state: Record, here: Record, stay_m: float) -> None:
    """Put the fix into the ring."""
    newest = (state["stay_next"] + STAYS - 1) % STAYS
    if state["stay_count"] == 0 or not _continues(state, here, newest):
        newest = state["stay_next"]
        if state["stay_count"] == STAYS:
            _drop(state, newest, stay_m)
        else:
            state["stay_count"] += 1
        state["stay_next"] = (newest + 1) % STAYS
        state["stay_begun_ts"] = here["ts"]
        state["stay_flags"][newest], state["stay_source"][newest] = 0, -1
        state["stay_most"][newest] = state["stay_least"][newest] = state["load"]
    state["stay_ts"][newest] = here["ts"]
    state["stay_x"][newest], state["stay_y"][newest] = here["x"], here["y"]
    state["stay_most"][newest] = larger(state["stay_most"][newest], state["load"])
    state["stay_least"][newest] = -larger(-state["stay_least"][newest], -state["load"])
    better = here["flags"] & AT_PERMITTED and not state["stay_flags"][newest] & AT_PERMITTED
    if here["source"] >= 0 and (state["stay_source"][newest] < 0 or better):
        state["stay_source"][newest] = here["source"]
    state["stay_flags"][newest] |= here["flags"]
    if math.isnan(state["load_high"]):
        state["load_high"] = state["load_low"] = state["load"]
    elif state["load"] > state["load_high"]:
        state["load_high"] = state["load"]
    elif state["load"] < state["load_low"]:
        state["load_low"] = state["load"]


@inner_kernel
def load_may_change(rules: VehicleRules, state: Record) -> bool:
    """Whether the sensor may tell of a loading or an unloading at this fix; where it cannot, nobody need ask the ring.

    By bounds of what the ring holds, kept wide: they are drawn in again each time they do not rule it out.
    """
    load = state["load"]
    change = rules.load_change - 2 * ROUNDING
    if state["load_high"] - load >= change or load - state["load_low"] >= change:
        high = low = load
        for i in range(state["stay_count"]):
            high, low = larger(high, state["stay_most"][i]), -larger(-low, -state["stay_least"][i])
        state["load_high"], state["load_low"] = high, low
        if high - load >= change or load - low >= change:
            return True
    return bool(state["has_load"] and (load >= rules.loaded_load) != (state["loaded"] != 0))


@inner_kernel
def _continues(state: Record, here: Record, newest: int) -> bool:
    if not within(state["stay_begun_ts"], here["ts"], ENTRY_S):
        return False
    load, most, least = state["load"], state["stay_most"][newest], state["stay_least"][newest]
    if math.isnan(load) or math.isnan(most):
        return math.isnan(load) and math.isnan(most)
    return bool(most - load < SAME_LOAD - ROUNDING and load - least < SAME_LOAD - ROUNDING)


@inner_kernel
def _drop(state: Record, oldest: int, stay_m: float) -> None:
    x, y = state["stay_x"][oldest], state["stay_y"][oldest]
    if distance_m(state["older_x"], state["older_y"], x, y) > stay_m:
        state["older_flags"] = 0
    state["older_x"], state["older_y"] = x, y
    state["older_flags"] |= state["stay_flags"][oldest]


@inner_kernel
def recall_stay(rules: VehicleRules, state: Record, here: Record) -> None:
    """Write into `here` what the stay that ends with this fix has touched, and how its load went.

    The load's most since the last evidence of a fall, its least since that of a rise: a change is told once.
    """
    flags, source, permitted = 0, -1, False
    most, least = state["load"], state["load"]
    count = state["stay_count"]
    unbroken = True
    for back in range(count):
        i = (state["stay_next"] + 2 * STAYS - 1 - back) % STAYS
        if distance_m(state["stay_x"][i], state["stay_y"][i], here["x"], here["y"]) > rules.stay_m:
            unbroken = False
            break
        flags |= state["stay_flags"][i]
        if within(state["stay_ts"][i], here["ts"], rules.load_change_s):
            if state["stay_source"][i] >= 0 and (
                source < 0 or (not permitted and state["stay_flags"][i] & AT_PERMITTED)
            ):
                source = state["stay_source"][i]
                permitted = state["stay_flags"][i] & AT_PERMITTED != 0
            if state["stay_ts"][i] >= state["fall_ts"]:
                most = larger(most, state["stay_most"][i])
            if state["stay_ts"][i] >= state["rise_ts"]:
                least = -larger(-least, -state["stay_least"][i])
    if unbroken and count == STAYS and state["older_flags"] != 0:
        away_m = distance_m(state["older_x"], state["older_y"], here["x"], here["y"])
        if away_m <= rules.stay_m:
            flags |= state["older_flags"]
    here["stay_flags"], here["stay_source"] = flags, source
    here["most"], here["least"] = most, least


@inner_kernel
def larger(known: float, other: float) -> float:
    """The larger of the two; `known` if `other` is NaN, or both are."""
    return max(known, other)


@inner_kernel
def last_before_change(state: Record, load: float, way: int) -> int:
    """The newest entry whose load is still about `load`: the ring's row; the caller knows that there is one."""
    i = 0
    for back in range(state["stay_count"]):
        i = (state["stay_next"] + 2 * STAYS - 1 - back) % STAYS
        if way == FALLS and state["stay_most"][i] >= load - SAME_LOAD - ROUNDING:
            break
        if way == RISES and state["stay_least"][i] <= load + SAME_LOAD + ROUNDING:
            break
    return i
