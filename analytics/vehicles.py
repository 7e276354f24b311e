"""Trucks judged: which fixes to believe, who leaves the permitted route, who unloads where he may not.

A fold: per vehicle, in event time, one fix after the other; no clock. Cutting the fixes into other batches
changes nothing. The rules are in `analytics.haulage` and `analytics.terminals`, one module each; this one says in which
order they judge a fix.

Silence  What waits for silence, or for a time to be up, can be told in two ways that agree. The next reading says
         what the gap before it meant, `opened` at the instant it was long enough. `silent_vehicles` says the same of
         the gap that is still going on at a given instant; `vehicles_due` says when it will have something to say.
         A reading from within a silence that was told takes it back. So what stands in the end is a function of
         the readings and of the last instant asked about, however often, and whenever, was asked before.

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
from analytics.haulage.loaded_stop import fold_loaded_stop, fold_standing
from analytics.haulage.loads import end_load, fold_load, is_delivered, leave, loads_here
from analytics.haulage.no_go import fold_no_go, sweep_no_go
from analytics.haulage.off_route import fold_off_route
from analytics.haulage.outside_hours import fold_outside_hours
from analytics.haulage.overspeed import fold_overspeed
from analytics.haulage.places import fold_place, is_inside, place_nowhere
from analytics.haulage.signal_loss import end_loss, fold_loss, loss_due
from analytics.haulage.state import HERE, VEHICLE_LAYOUT, VEHICLE_STATE, new_vehicle_states
from analytics.haulage.stays import fold_stay, fold_stop, load_may_change, recall_stay, stop_ends_here
from analytics.haulage.telling import MOST_EVENTS_A_FIX, Record, Records, microseconds
from analytics.haulage.trips import fold_trip
from analytics.haulage.uncovered_load import fold_uncovered
from analytics.haulage.undelivered_load import fold_undelivered, tell_undelivered, undelivered_due
from analytics.haulage.unloading import fold_inferred, fold_parked, fold_unloading, is_tipped, note_stop
from analytics.kernels._compile import inner_kernel, kernel
from analytics.kernels.projection import to_plane
from analytics.kernels.zones import containing
from analytics.records import EVENT, FIX, NEVER, OK, REFUSED, TRIP, UNFIXED, UNKNOWN, YES
from analytics.rules import VehicleRules
from analytics.terminals.device_fault import MOST_READINGS, fold_fault
from analytics.terminals.device_offline import end_offline, fold_offline, offline_due

__all__ = [
    "VEHICLE_LAYOUT", "VEHICLE_STATE", "follow_vehicles", "judge_vehicles", "new_vehicle_states", "silent_vehicles",
    "vehicles_due",
]  # fmt: skip

_REMEMBERED_S = 600.0
_MOST_SILENCES = 3


def judge_vehicles(
    district: District, rules: VehicleRules, vehicles: NDArray[np.int32], states: Records, fixes: Records
) -> tuple[Records, NDArray[np.int8], Records]:
    """Fold `fixes` (N,) FIX, sorted by slot and ts, into `states` (S,) VEHICLE_STATE.

    `vehicles` (S,) is the district's vehicle row of each slot; -1: not in the register, so nothing permits it.
    Returns the states after, the fixes' qualities (N,) int8, and the events (M,) EVENT as they were caused.
    The arguments stay as they are. A fix no newer than its vehicle's last one gets the quality it has by
    itself and changes nothing else. A REFUSED row's quality means nothing.
    """
    after, quality, told = follow_vehicles(district, rules, vehicles, states, fixes)
    return after, quality, told[told["kind"] != TRIP]


def follow_vehicles(
    district: District, rules: VehicleRules, vehicles: NDArray[np.int32], states: Records, fixes: Records
) -> tuple[Records, NDArray[np.int8], Records]:
    """As `judge_vehicles`, with the rows that tell of trips (kind TRIP) among the events."""
    exact, after = _checked(rules), _copied(states)
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


def silent_vehicles(
    district: District, rules: VehicleRules, vehicles: NDArray[np.int32], states: Records, clock_us: int
) -> tuple[Records, Records]:
    """What it means that nothing has come of `states` (S,) until `clock_us`: (the states after, the events).

    Nothing is due by `clock_us` in the states after. The arguments stay as they are.
    """
    after, events = _copied(states), np.empty(_MOST_SILENCES * len(states), EVENT)
    desk = np.zeros(1, HERE)
    _silent(
        district, _checked(rules), np.ascontiguousarray(vehicles, np.int32), after, events, desk, clock_us
    )
    return after, events[: desk["said"][0]].copy()


def vehicles_due(rules: VehicleRules, states: Records) -> NDArray[np.int64]:
    """When each of `states` (S,) has something to say though nothing comes: (S,) event times, NOTHING_DUE."""
    due = np.empty(len(states), np.int64)
    _due(_checked(rules), np.ascontiguousarray(states, VEHICLE_STATE), due)
    return due


def _checked(rules: VehicleRules) -> VehicleRules:
    """The rules in the types the kernels are compiled for; raises ValueError where a state cannot remember enough."""
    if not 0 < rules.load_change_s <= _REMEMBERED_S:
        raise ValueError(
            f"illegal_dumping: load_change_s is {rules.load_change_s}, may be up to {_REMEMBERED_S}"
        )
    if not 0 < rules.fault_readings <= MOST_READINGS:
        raise ValueError(
            f"device_fault: fault_readings is {rules.fault_readings}, may be 1 to {MOST_READINGS}"
        )
    return VehicleRules._make(type(d)(r) for d, r in zip(VehicleRules(), rules, strict=True))


def _copied(states: Records) -> Records:
    after = np.zeros(len(states), VEHICLE_STATE)
    after.view(np.uint8)[:] = np.ascontiguousarray(states).view(np.uint8)  # with what lies between the fields
    return after


@kernel
def _due(rules: VehicleRules, states: Records, due: NDArray[np.int64]) -> None:
    for slot in range(states.shape[0]):
        state = states[slot]
        due[slot] = min(loss_due(rules, state), offline_due(rules, state), undelivered_due(rules, state))


@kernel
def _silent(
    district: District,
    rules: VehicleRules,
    vehicles: NDArray[np.int32],
    states: Records,
    events: Records,
    desk: Records,
    clock_us: int,
) -> None:
    here = desk[0]
    for slot in range(states.shape[0]):
        state = states[slot]
        here["row"], here["slot"], here["vehicle"], here["ts"] = -1, slot, vehicles[slot], clock_us
        fold_loss(rules, state, here, events, clock_us)
        tell_undelivered(rules, state, here, events, clock_us)
        fold_offline(district, rules, state, here, events, clock_us)


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
        here["row"], here["slot"], here["vehicle"] = row, fix["slot"], vehicles[fix["slot"]]
        if fix["fix"] == REFUSED:
            quality[row] = UNFIXED
            here["ts"] = max(fix["ts"], state["last_ts"])
            state["refused_ts"] = max(fix["ts"], state["refused_ts"])
            fold_fault(rules, state, here, events, 1, 1)
            row += 1
            continue
        quality[row] = quality_alone(rules, fix)
        if fix["ts"] > state["last_ts"]:
            here["ts"], here["local"] = fix["ts"], fix["local"]
            if state["last_ts"] != NEVER and (
                state["lost"] or state["offline"] or fix["ts"] - state["last_ts"] >= _least_silence(rules)
            ):
                _fold_gap(district, rules, state, here, events)
            state["last_ts"] = fix["ts"]
            _hear_sensors(state, fix)
            if quality[row] == OK:
                here["lat"], here["lon"] = fix["lat"], fix["lon"]
                here["x"], here["y"] = to_plane(district.plane, fix["lat"], fix["lon"])
                here["speed_kmh"], here["hdop"] = fix["speed_kmh"], fix["hdop"]
                quality[row] = quality_after(rules, district.plane, state, here)
                if quality[row] == OK:
                    _fold_good_fix(district, rules, state, fix, here, events, found)
            if quality[row] != OK or state["fault_bad"] != 0 or state["fault_window"] < rules.fault_readings:
                fold_fault(rules, state, here, events, 0 if quality[row] == OK else 1, 0)
        row += 1
    return row


@inner_kernel
def _least_silence(rules: VehicleRules) -> int:
    return microseconds(min(rules.signal_loss_s, rules.offline_s))


@inner_kernel
def _fold_gap(district: District, rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    """What it meant that nothing came until this reading."""
    fold_loss(rules, state, here, events, here["ts"])
    end_loss(rules, state, here, events)
    fold_offline(district, rules, state, here, events, here["ts"])
    end_offline(rules, state, here, events)


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
    """In the order of the rules. Those that most fixes do not concern are asked before they are called: a call hands
    over every array of a `District`, which takes longer than most rules.
    """
    if not math.isnan(fix["load"]):
        state["load"] = fix["load"]
    if fix["lift"] != UNKNOWN:
        state["lift"] = fix["lift"]
    if fix["cover"] != UNKNOWN:
        state["cover"] = fix["cover"]

    count = containing(district.zones, here["x"], here["y"], found)
    if count > 0:
        fold_place(district, state, here, found, count)
    else:
        place_nowhere(state, here)
    if state["stand_ts"] != NEVER:
        fold_standing(rules, state, here, events)
    if stop_ends_here(rules, state, here):
        note_stop(rules, state)
    fold_stop(rules, state, here)
    fold_stay(state, here, rules.stay_m)
    changes = load_may_change(rules, state)
    loads = changes or loads_here(rules, state)
    if loads or state["lift"] == YES:
        recall_stay(rules, state, here)

    fold_parked(state, here)
    if state["hauling"] and state["haul_left"]:
        fold_undelivered(rules, state, here, events)
        if is_tipped(rules, state, here):
            fold_inferred(district, rules, state, here, events)
    if loads:
        fold_load(district, rules, state, here, events)
    if state["loaded"]:
        state["loaded_ts"] = here["ts"]
    if state["hauling"] and not state["haul_left"] and not is_inside(here, state["haul_source"]):
        leave(district, state, here, events)
    if state["loaded"] and state["hauling"]:
        if state["haul_left"] and state["permits"] > 0:
            fold_off_route(district, rules, state, here, events)
            fold_outside_hours(district, rules, state, here, events)
        if state["cover"] == YES or state["bare_ts"] != NEVER:
            fold_uncovered(rules, state, here, events)
    if changes or state["lift"] == YES:
        fold_unloading(district, rules, state, here, events)
    else:
        state["raised_fixes"] = 0
    if state["hauling"] and is_delivered(rules, state):
        end_load(district, rules, state, here, events)
    fold_loaded_stop(rules, state, here, events)
    if rules.no_go_swept_s > 0.0:
        sweep_no_go(district, rules, state, here, events)
    if here["barreds"] > 0 or state["zones"] > 0:
        fold_no_go(rules, state, here, events)
    if state["over_fixes"] > 0 or here["speed_kmh"] > district.least_limit_kmh * (
        1.0 + rules.overspeed_share
    ):
        fold_overspeed(district, rules, state, here, events)
    if state["trip_ts"] != NEVER or (state["hauling"] and state["haul_left"]):
        fold_trip(district, state, here, events)

    state["good_ts"], state["good_lat"], state["good_lon"] = here["ts"], here["lat"], here["lon"]
    state["good_x"], state["good_y"], state["good_speed_kmh"] = here["x"], here["y"], here["speed_kmh"]
