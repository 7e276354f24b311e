"""Trucks judged: which fixes to believe, who leaves the permitted route, who unloads where he may not.

A fold: per vehicle, in event time, one fix after the other; no clock. Cutting the fixes into other batches
changes nothing. The rules are in `analytics.haulage`, one module each; this one says in which order they
judge a fix.

Sources  The contract, section 4; what it leaves open is in docs/rules.md.
Units    Event times int64 microseconds UTC; metres in the district's plane; km/h; load 0 to 1.
NaN      A value that was not sent. The last one known stands; a speed that was not sent is a slow one.
Tests    tests/analytics/test_vehicles.py, clause by clause; tests/analytics/test_vehicles_oracle.py holds it
         against plain Python.
"""

import math

import numpy as np
from numpy.typing import NDArray

from analytics.district import District
from analytics.haulage.believing import quality_after, quality_alone
from analytics.haulage.loaded_stop import end_loaded_stop, fold_loaded_stop
from analytics.haulage.loads import fold_delivery, fold_load
from analytics.haulage.no_go import fold_no_go
from analytics.haulage.off_route import fold_off_route
from analytics.haulage.places import fold_place
from analytics.haulage.state import HERE, VEHICLE_LAYOUT, VEHICLE_STATE, new_vehicle_states
from analytics.haulage.stays import fold_stay, fold_stop, recall_stay, stop_ends_here
from analytics.haulage.telling import MOST_EVENTS_A_FIX, Record, Records
from analytics.haulage.unloading import fold_inferred, fold_unloading, note_stop
from analytics.kernels._compile import inner_kernel, kernel
from analytics.kernels.projection import to_plane
from analytics.records import EVENT, FIX, OK, UNKNOWN
from analytics.rules import VehicleRules

__all__ = ["VEHICLE_LAYOUT", "VEHICLE_STATE", "judge_vehicles", "new_vehicle_states"]

_REMEMBERED_S = 600.0


def judge_vehicles(
    district: District, rules: VehicleRules, vehicles: NDArray[np.int32], states: Records, fixes: Records
) -> tuple[Records, NDArray[np.int8], Records]:
    """Fold `fixes` (N,) FIX, sorted by slot and ts, into `states` (S,) VEHICLE_STATE.

    `vehicles` (S,) is the district's vehicle row of each slot; -1: not in the register, so nothing permits it.
    Returns the states after, the fixes' qualities (N,) int8, and the events (M,) EVENT as they were caused.
    The arguments stay as they are. A fix no newer than its vehicle's last one gets the quality it has by
    itself and changes nothing else.
    """
    if not 0 < rules.load_change_s <= _REMEMBERED_S:
        raise ValueError(
            f"illegal_dumping: load_change_s is {rules.load_change_s}, may be up to {_REMEMBERED_S}"
        )
    exact = VehicleRules._make(type(d)(r) for d, r in zip(VehicleRules(), rules, strict=True))
    after = np.zeros(len(states), VEHICLE_STATE)
    after.view(np.uint8)[:] = np.ascontiguousarray(states).view(np.uint8)  # with what lies between the fields
    vehicles = np.ascontiguousarray(vehicles, np.int32)
    fixes = np.ascontiguousarray(fixes, FIX)
    quality = np.empty(len(fixes), np.int8)
    events = np.empty(2 * MOST_EVENTS_A_FIX, EVENT)
    desk = np.zeros(1, HERE)
    found = np.empty(district.zones.most, np.int32)
    row = 0
    while True:
        row = _fold(district, exact, vehicles, after, fixes, quality, events, desk, found, row)
        if row == len(fixes):
            return after, quality, events[: desk["said"][0]].copy()
        events = np.concatenate([events, np.empty(len(events), EVENT)])


@kernel
def _fold(
    district: District,
    rules: VehicleRules,
    vehicles: NDArray[np.int32],
    states: Records,
    fixes: Records,
    quality: NDArray[np.int8],
    events: Records,
    desk: Records,
    found: NDArray[np.int32],
    row: int,
) -> int:
    """Fold from `row` on until all is done, or `events` may not suffice; return the row to go on from."""
    here = desk[0]
    while row < fixes.shape[0] and here["said"] + MOST_EVENTS_A_FIX <= events.shape[0]:
        fix = fixes[row]
        state = states[fix["slot"]]
        quality[row] = quality_alone(rules, fix)
        if fix["ts"] > state["last_ts"]:
            state["last_ts"] = fix["ts"]
            _hear_sensors(state, fix)
            if quality[row] == OK:
                here["row"], here["slot"], here["vehicle"] = row, fix["slot"], vehicles[fix["slot"]]
                here["ts"], here["local"] = fix["ts"], fix["local"]
                here["lat"], here["lon"] = fix["lat"], fix["lon"]
                here["x"], here["y"] = to_plane(district.plane, fix["lat"], fix["lon"])
                here["speed_kmh"] = fix["speed_kmh"]
                quality[row] = quality_after(rules, district.plane, state, here)
                if quality[row] == OK:
                    _fold_good_fix(district, rules, state, fix, here, events, found)
        row += 1
    return row


@inner_kernel
def _hear_sensors(state: Record, fix: Record) -> None:
    """A terminal has a sensor once it has sent its field, be it in a bad fix."""
    if not math.isnan(fix["load"]):
        state["has_load"] = 1
    if fix["lift"] != UNKNOWN:
        state["has_lift"] = 1
    if fix["cover"] != UNKNOWN:
        state["has_cover"] = 1


@inner_kernel
def _fold_good_fix(
    district: District,
    rules: VehicleRules,
    state: Record,
    fix: Record,
    here: Record,
    events: Records,
    found: NDArray[np.int32],
) -> None:
    if not math.isnan(fix["load"]):
        state["load"] = fix["load"]
    if fix["lift"] != UNKNOWN:
        state["lift"] = fix["lift"]
    if fix["cover"] != UNKNOWN:
        state["cover"] = fix["cover"]

    fold_place(district, state, here, found)
    if stop_ends_here(rules, state, here):
        end_loaded_stop(state, here, events)
        note_stop(rules, state)
    fold_stop(rules, state, here)
    fold_stay(state, here, rules.stay_m)
    recall_stay(rules, state, here)

    fold_inferred(district, rules, state, here, events)
    fold_load(district, rules, state, here, events)
    if state["loaded"] and state["hauling"] and state["haul_left"]:
        fold_off_route(district, rules, state, here, events)
    fold_unloading(district, rules, state, here, events)
    fold_delivery(district, rules, state, here, events)
    fold_loaded_stop(rules, state, here, events)
    fold_no_go(rules, state, here, events)

    state["good_ts"], state["good_lat"], state["good_lon"] = here["ts"], here["lat"], here["lon"]
    state["good_x"], state["good_y"], state["good_speed_kmh"] = here["x"], here["y"], here["speed_kmh"]
