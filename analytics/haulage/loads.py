"""The load: since when, from where, under which permits; unpermitted_haul and unlicensed_loading.

With a load sensor a load begins when `load` reaches 0.3, or rises by 0.4 from there or above in a stay that
touches a source site. It comes from the source site which the stay has touched in the last 10 min; from nowhere
known otherwise. Without one it begins with a stop of 3 min that touched a source site.

A load leaves its source with the first good fix outside; the permits valid then, for this vehicle and source,
are in force for it until it ends.
"""

import math

import numpy as np

from analytics.district import District
from analytics.haulage.loaded_stop import end_loaded_stop
from analytics.haulage.off_route import end_off_route
from analytics.haulage.outside_hours import end_outside_hours
from analytics.haulage.places import permits
from analytics.haulage.state import AT_SOURCE, AT_TRANSFER, MAY_UNLOAD, PERMITS
from analytics.haulage.stays import ONE_STEP, RISES, ROUNDING, last_before_change, stopped_for
from analytics.haulage.telling import Record, Records, tell, within
from analytics.haulage.uncovered_load import end_uncovered
from analytics.haulage.undelivered_load import end_undelivered
from analytics.kernels._compile import inner_kernel
from analytics.kernels.projection import distance_m, to_degrees
from analytics.records import CLEARED, DAY, MAJOR, NEVER, OPENED, SECOND, UNLICENSED_LOADING, UNPERMITTED_HAUL
from analytics.rules import VehicleRules

UNPERMITTED_SCORE = 0.7
UNLICENSED_SCORE = 0.7


@inner_kernel
def loads_here(rules: VehicleRules, state: Record) -> bool:
    """Without a load sensor: whether the stop that is going on has become a loading."""
    return bool(
        not state["has_load"]
        and state["stop_source"] >= 0
        and not state["stop_loads"]
        and stopped_for(state, rules.loading_stop_s)
    )


@inner_kernel
def fold_load(district: District, rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    """Begin a load, of which `load_may_change` or `loads_here` has said that it may."""
    if state["has_load"]:
        _fold_sensed(district, rules, state, here, events)
    else:
        state["stop_loads"], state["loaded"] = 1, 1
        _begin(district, rules, state, here, state["stop_source"], events)


@inner_kernel
def is_delivered(rules: VehicleRules, state: Record) -> bool:
    """Whether the load is no more, by the sensor, or is held to be delivered, without one."""
    if state["has_load"]:
        return bool(state["load"] < rules.loaded_load)
    return bool(
        state["stop_flags"] & MAY_UNLOAD
        and not state["stop_loads"]
        and stopped_for(state, rules.delivery_stop_s)
    )


@inner_kernel
def end_load(district: District, rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    """Clear what needs a load, and forget it. What a sensor says of it stays."""
    end_off_route(district, rules, state, here, events, math.nan)
    end_loaded_stop(state, here, events)
    end_outside_hours(state, here, events)
    end_uncovered(state, here, events)
    end_undelivered(rules, state, here, events)
    if state["unpermitted"]:
        events[_say_unpermitted(state, here, events)]["action"] = CLEARED
        state["unpermitted"] = 0
    state["hauling"], state["permits"], state["recent"], state["tip_ts"] = 0, 0, 0, NEVER
    if math.isnan(state["load"]):
        state["loaded"] = 0


@inner_kernel
def _fold_sensed(
    district: District, rules: VehicleRules, state: Record, here: Record, events: Records
) -> None:
    if math.isnan(state["load"]):
        return  # the sensor has spoken in a bad fix only
    source = here["stay_source"]
    again = False
    if state["load"] - here["least"] >= rules.load_change - ROUNDING:
        same = within(state["rise_ts"], here["ts"], rules.same_s) and (
            distance_m(state["rise_x"], state["rise_y"], here["x"], here["y"]) <= rules.same_m
        )
        if not same:
            again = source >= 0 and here["least"] >= rules.loaded_load - ROUNDING
            if not here["stay_flags"] & (AT_SOURCE | AT_TRANSFER) and not _being_unloaded(rules, state, here):
                _say_unlicensed(district, state, here, events)
        state["rise_ts"], state["rise_x"], state["rise_y"] = here["ts"], here["x"], here["y"]
    before = state["loaded"]
    state["loaded"] = 1 if state["load"] >= rules.loaded_load else 0
    if state["loaded"] and (not before or again):
        _begin(district, rules, state, here, source, events)


@inner_kernel
def _being_unloaded(rules: VehicleRules, state: Record, here: Record) -> bool:
    """Whether it unloaded a moment ago in this stay, where it may: then a rise by a step is the sensor's swing."""
    away_m = distance_m(state["unloading_x"], state["unloading_y"], here["x"], here["y"])
    return bool(
        state["load"] - here["least"] <= ONE_STEP + ROUNDING
        and here["stay_flags"] & MAY_UNLOAD
        and within(state["unloading_ts"], here["ts"], rules.same_s)
        and away_m <= rules.same_m
    )


@inner_kernel
def _begin(
    district: District, rules: VehicleRules, state: Record, here: Record, source: int, events: Records
) -> None:
    if state["hauling"]:
        if state["haul_source"] == source and not state["haul_left"]:
            return
        end_load(district, rules, state, here, events)
        state["loaded"] = 1
    state["hauling"], state["haul_ts"], state["haul_source"] = 1, here["ts"], source
    state["haul_left"] = 1 if source < 0 else 0
    state["haul_left_ts"] = here["ts"] if source < 0 else NEVER
    state["haul_delivered"] = 0


@inner_kernel
def leave(district: District, state: Record, here: Record, events: Records) -> None:
    """The load's first fix outside its source."""
    state["haul_left"], state["haul_left_ts"] = 1, here["ts"]
    state["left_lat"], state["left_lon"] = here["lat"], here["lon"]
    vehicle, found = here["vehicle"], 0
    if vehicle >= 0:
        for i in range(district.vehicle_permits_start[vehicle], district.vehicle_permits_start[vehicle + 1]):
            permit = district.vehicle_permits[i]
            if found < PERMITS and permits(
                district, vehicle, permit, state["haul_source"], here["local"] // DAY
            ):
                state["permit"][found], state["segment"][found] = permit, -1
                found += 1
    state["permits"] = found
    if found == 0:
        state["unpermitted"] = 1
        events[_say_unpermitted(state, here, events)]["action"] = OPENED


@inner_kernel
def _say_unpermitted(state: Record, here: Record, events: Records) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["haul_left_ts"], state["left_lat"], state["left_lon"])
    event = events[said]
    event["kind"], event["severity"], event["score"] = UNPERMITTED_HAUL, MAJOR, UNPERMITTED_SCORE
    event["site"] = state["haul_source"]
    values = event["values"]
    values[0] = np.round(state["load"], 4)
    values[1] = (here["ts"] - state["haul_left_ts"]) / SECOND
    values[2] = state["haul_ts"] / SECOND
    return said


@inner_kernel
def _say_unlicensed(district: District, state: Record, here: Record, events: Records) -> None:
    i = last_before_change(state, here["least"], RISES)
    lat, lon = to_degrees(district.plane, state["stay_x"][i], state["stay_y"][i])
    said = tell(here, events, state["stay_ts"][i], lat, lon)
    event = events[said]
    event["kind"], event["action"] = UNLICENSED_LOADING, OPENED
    event["severity"], event["score"] = MAJOR, UNLICENSED_SCORE
    values = event["values"]
    values[0], values[1] = np.round(here["least"], 4), np.round(state["load"], 4)
    values[2] = (here["ts"] - state["stay_ts"][i]) / SECOND
