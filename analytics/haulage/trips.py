"""The trip of a load: from the fix at which it leaves its source to the one at which it is no more.

No alert: rows of kind TRIP among the events, which `follow_vehicles` gives and `judge_vehicles` leaves out.
    OPENED   the load has left its source, or was taken up outside every one
    UPDATED  it has passed a listed road: was on it for two good fixes in a row, or (inferred) went along all of it between
             two; the same one again only after ROAD_S elsewhere
    CLEARED  it ended: tipped where it may not be, delivered, or nobody knows
All that is known of the end stands in the last row, so that a stretch judged again writes the trip anew.
"""

import math

from analytics.district import DISPOSAL, TRANSFER, District
from analytics.haulage.off_route import all_routed
from analytics.haulage.state import MAY_UNLOAD, PASSED
from analytics.haulage.telling import Record, Records, tell, within
from analytics.kernels._compile import inner_kernel
from analytics.kernels.projection import distance_m
from analytics.kernels.roads import lies_along, nearest_road
from analytics.records import CLEARED, INFO, NEVER, OPENED, SECOND, TRIP, UPDATED

ROAD_S = 600.0
SWEPT_S = 60.0
"""So far apart two good fixes may be for the straight way between them to count."""
UNKNOWN_END, DELIVERED, DUMPED = 0, 1, 2
OUTCOMES = ("unknown", "delivered", "dumped")
VALUES = ("outcome", "distance_m", "on_route_m", "most_load", "unloaded_s", "routed")
"""Names of the values of a CLEARED row; `unloaded_s` since 1970, UTC, `routed` whether every permit had a route.
An UPDATED row has one value: 1 if the passage is inferred."""


@inner_kernel
def fold_trip(district: District, state: Record, here: Record, events: Records) -> None:
    """To be asked last: the load is what the fix has left of it, the last good fix is still the one before."""
    if state["trip_ts"] != NEVER:
        _go_on(district, state, here, events)
        if not state["hauling"] or state["haul_ts"] != state["trip_ts"]:
            _end(state, here, events)
    if state["trip_ts"] == NEVER and state["hauling"] and state["haul_left"]:
        _begin(district, state, here, events)


@inner_kernel
def _begin(district: District, state: Record, here: Record, events: Records) -> None:
    state["trip_ts"], state["trip_m"], state["trip_route_m"] = state["haul_ts"], 0.0, 0.0
    state["trip_load"] = state["load"]
    state["trip_routed"] = 1 if all_routed(district, state) else 0
    state["trip_site"], state["trip_road"], state["trip_passed"][:] = -1, -1, -1
    state["trip_from_x"], state["trip_from_y"] = here["x"], here["y"]
    event = events[tell(here, events, state["trip_ts"], here["lat"], here["lon"])]
    event["kind"], event["action"], event["severity"], event["score"] = TRIP, OPENED, INFO, 0.0
    event["site"] = state["haul_source"]
    event["permit"] = state["permit"][0] if state["permits"] > 0 else -1


@inner_kernel
def _go_on(district: District, state: Record, here: Record, events: Records) -> None:
    metres = distance_m(state["good_x"], state["good_y"], here["x"], here["y"])
    state["trip_m"] += metres
    # A stretch lies within the corridor if both its ends do. (If the load has just ended, the first one decides.)
    beyond = state["off_ts"] != NEVER and state["off_last_ts"] >= state["good_ts"]
    if state["trip_routed"] and not beyond:
        state["trip_route_m"] += metres
    if not state["load"] <= state["trip_load"]:
        state["trip_load"] = state["load"]
    if here["flags"] & MAY_UNLOAD:
        state["trip_site"], state["trip_site_ts"] = _unloads_at(district, here), here["ts"]
    _pass_roads(district, state, here, events, metres)


@inner_kernel
def _pass_roads(district: District, state: Record, here: Record, events: Records, metres: float) -> None:
    """Tell which roads it has passed with this fix, `metres` after the last good one."""
    roads = district.roads
    road = nearest_road(roads, here["x"], here["y"])
    if road >= 0 and road == state["trip_road"]:
        _pass(state, here, events, road, math.nan)
    state["trip_road"] = road
    neighbours = within(state["good_ts"], here["ts"], SWEPT_S)
    if neighbours:
        ax, ay, bx, by = state["trip_from_x"], state["trip_from_y"], state["good_x"], state["good_y"]
        reach_m = metres + distance_m(ax, ay, bx, by)
        found = 0
        for other in range(roads.corridor_m.shape[0]):
            # Of the road it is on the next fix will tell more.
            if (
                roads.extent_m[other] <= reach_m + 2.0 * roads.corridor_m[other]
                and other != road
                and found < PASSED
                and lies_along(roads, other, ax, ay, bx, by, here["x"], here["y"])
            ):
                _pass(state, here, events, other, 1.0)
                found += 1
    state["trip_from_x"] = state["good_x"] if neighbours else here["x"]
    state["trip_from_y"] = state["good_y"] if neighbours else here["y"]


@inner_kernel
def _pass(state: Record, here: Record, events: Records, road: int, inferred: float) -> None:
    """Tell of `road`, unless it has been told of less than ROAD_S ago."""
    oldest, again = 0, False
    for i in range(PASSED):
        if state["trip_passed"][i] == road:
            oldest = i
            again = within(state["trip_passed_ts"][i], here["ts"], ROAD_S)
            break
        if state["trip_passed_ts"][i] < state["trip_passed_ts"][oldest]:
            oldest = i
    state["trip_passed"][oldest], state["trip_passed_ts"][oldest] = road, here["ts"]
    if not again:
        event = events[tell(here, events, state["trip_ts"], here["lat"], here["lon"])]
        event["kind"], event["action"], event["severity"], event["score"] = TRIP, UPDATED, INFO, 0.0
        event["road"] = road
        event["values"][0] = inferred


@inner_kernel
def _unloads_at(district: District, here: Record) -> int:
    """The site that holds the fix and takes loads: disposal and transfer before what a permit names."""
    for i in range(here["insides"]):
        if district.site_kind[here["inside"][i]] in (DISPOSAL, TRANSFER):
            return int(here["inside"][i])
    return int(here["inside"][0])


@inner_kernel
def _end(state: Record, here: Record, events: Records) -> None:
    lat, lon, unloaded_ts, outcome = here["lat"], here["lon"], here["ts"], UNKNOWN_END
    lawful = state["unloading_ts"] == here["ts"] and state["dumping_ts"] == NEVER
    there = lawful or (here["flags"] | state["stop_flags"]) & MAY_UNLOAD != 0
    if state["dumping_ts"] != NEVER and state["dumping_ts"] >= state["trip_ts"]:
        outcome, unloaded_ts = DUMPED, state["dumping_ts"]
        lat, lon = state["dumping_lat"], state["dumping_lon"]
    elif there:
        outcome = DELIVERED
    elif state["trip_site"] >= 0 and not state["has_load"]:
        # Without a sensor a load counts as delivered where it has been, when the next one is taken up.
        outcome, unloaded_ts, lat, lon = DELIVERED, state["trip_site_ts"], math.nan, math.nan
    event = events[tell(here, events, state["trip_ts"], lat, lon)]
    event["kind"], event["action"], event["severity"], event["score"] = TRIP, CLEARED, INFO, 0.0
    event["site"] = state["trip_site"] if outcome == DELIVERED else -1
    values = event["values"]
    values[0], values[1] = outcome, state["trip_m"]
    values[2] = state["trip_route_m"] if state["trip_routed"] else math.nan
    values[3], values[4], values[5] = state["trip_load"], unloaded_ts / SECOND, state["trip_routed"]
    state["trip_ts"] = NEVER
