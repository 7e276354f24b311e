"""off_route: loaded, under permits, and beyond the corridors of all of them.

Only where every permit in force has a route with a line, and outside the permits' own sites. Measured against
the nearest of the routes. Opens after 60 s and 3 fixes beyond, without one that is back; `minor`, and `major`
once it was more than 300 m away or 10 min have passed. Clears when back for 60 s without a break, or when the
load ends.

Where the rules ask for a margin, a run begins beyond corridor and margin, and once it is told only the corridor itself
is back: a truck that wavers about the edge is told once, or not at all.
"""

import math

from analytics.district import District
from analytics.haulage.places import is_inside
from analytics.haulage.taking_back import note_episode
from analytics.haulage.telling import Record, Records, lasted, tell
from analytics.kernels._compile import inner_kernel
from analytics.kernels.corridor import distance_to_route
from analytics.records import CLEARED, MAJOR, MINOR, NEVER, OFF_ROUTE, OPENED, SECOND, UPDATED
from analytics.rules import VehicleRules


@inner_kernel
def fold_off_route(
    district: District, rules: VehicleRules, state: Record, here: Record, events: Records
) -> None:
    """Judge a fix of a vehicle that is loaded and has left its source."""
    if not all_routed(district, state):
        return
    margin_m = 0.0 if state["off_open"] else _margin_m(rules, here)
    metres, permit, beyond = _off_by(district, state, here, margin_m)
    ts = here["ts"]
    if beyond:
        _go_on(state, here, metres, permit)
        severity = MINOR
        if state["off_most_m"] > rules.off_route_major_m or lasted(
            state["off_ts"], ts, rules.off_route_major_s
        ):
            severity = MAJOR
        if state["off_open"]:
            graver = severity > state["off_severity"]
            state["off_severity"] = max(severity, state["off_severity"])
            if graver or lasted(state["off_said_ts"], ts, rules.off_route_update_s):
                events[_say(district, rules, state, here, events, metres)]["action"] = UPDATED
        elif state["off_fixes"] >= rules.off_route_fixes and lasted(state["off_ts"], ts, rules.off_route_s):
            state["off_open"], state["off_severity"] = 1, severity
            events[_say(district, rules, state, here, events, metres)]["action"] = OPENED
            note_episode(state, OFF_ROUTE, state["off_ts"], state["off_lat"], state["off_lon"])
    elif not state["off_open"]:
        state["off_ts"] = NEVER
    else:
        if state["off_back_ts"] == NEVER:
            state["off_back_ts"] = ts
        if lasted(state["off_back_ts"], ts, rules.off_route_clear_s):
            end_off_route(district, rules, state, here, events, metres)


@inner_kernel
def end_off_route(
    district: District, rules: VehicleRules, state: Record, here: Record, events: Records, metres: float
) -> None:
    """Clear what is open, forget the run. `metres` NaN: nobody asked how far it is now."""
    if state["off_open"]:
        events[_say(district, rules, state, here, events, metres)]["action"] = CLEARED
    state["off_open"], state["off_ts"] = 0, NEVER


@inner_kernel
def all_routed(district: District, state: Record) -> bool:
    """Whether there are permits in force and every one has a route with a line."""
    for i in range(state["permits"]):
        route = district.permit_route[state["permit"][i]]
        if route < 0 or district.routes.route_start[route] == district.routes.route_start[route + 1]:
            return False
    return bool(state["permits"] > 0)


@inner_kernel
def _margin_m(rules: VehicleRules, here: Record) -> float:
    """Metres; a fix that did not send its hdop counts as one of 1."""
    hdop = 1.0 if math.isnan(here["hdop"]) else here["hdop"]
    return rules.off_route_margin_m + rules.off_route_hdop_m * hdop


@inner_kernel
def _off_by(district: District, state: Record, here: Record, margin_m: float) -> tuple[float, int, bool]:
    """Metres to the nearest of the permits' routes, that permit, and whether it is beyond them all."""
    least, nearest, beyond = math.inf, -1, True
    for i in range(state["permits"]):
        permit = state["permit"][i]
        route = district.permit_route[permit]
        metres, state["segment"][i] = distance_to_route(
            district.routes, route, here["x"], here["y"], state["segment"][i]
        )
        if metres < least:
            least, nearest = metres, permit
        if metres <= district.route_corridor_m[route] + margin_m:
            beyond = False
        if is_inside(here, district.permit_source[permit]) or is_inside(
            here, district.permit_disposal[permit]
        ):
            beyond = False
    return least, nearest, beyond


@inner_kernel
def _go_on(state: Record, here: Record, metres: float, permit: int) -> None:
    ts = here["ts"]
    if state["off_ts"] == NEVER:
        state["off_ts"], state["off_lat"], state["off_lon"] = ts, here["lat"], here["lon"]
        state["off_fixes"], state["off_most_m"] = 0, 0.0
    state["off_fixes"] += 1
    state["off_most_m"] = max(state["off_most_m"], metres)
    state["off_last_ts"], state["off_back_ts"], state["off_permit"] = ts, NEVER, permit


@inner_kernel
def _say(
    district: District,
    rules: VehicleRules,
    state: Record,
    here: Record,
    events: Records,
    metres: float,
) -> int:
    """Write the event, all but its action; return its row."""
    seconds = (state["off_last_ts"] - state["off_ts"]) / SECOND
    permit = state["off_permit"]
    route = district.permit_route[permit]
    corridor_m = district.route_corridor_m[route] if route >= 0 else math.nan  # it may have lost it meanwhile
    far = min(1.0, state["off_most_m"] / rules.off_route_major_m)
    long = min(1.0, seconds / rules.off_route_major_s)
    said = tell(here, events, state["off_ts"], state["off_lat"], state["off_lon"])
    event = events[said]
    event["kind"], event["severity"] = OFF_ROUTE, state["off_severity"]
    event["score"] = 0.4 + 0.3 * far + 0.3 * long
    event["permit"], event["site"] = permit, state["haul_source"]
    values = event["values"]
    values[0], values[1], values[2] = metres, state["off_most_m"], corridor_m
    values[3], values[4], values[5] = state["off_fixes"], seconds, state["off_last_ts"] / SECOND
    state["off_said_ts"] = here["ts"]
    return said
