"""outside_hours: loaded, under permits, on the move at a time that none of them allows.

Moving: not in a stop that has lasted 3 min. Opens after 5 min of it without a break: a fix within the hours of one
of the permits, or in such a stop, starts anew. Clears when the hours of one begin, or the load ends; standing still
does not clear it. A permit without hours allows every time.
"""

from analytics.district import District
from analytics.haulage.stays import stopped_for
from analytics.haulage.taking_back import note_episode
from analytics.haulage.telling import Record, Records, lasted, tell
from analytics.kernels._compile import inner_kernel
from analytics.records import CLEARED, DAY, MINOR, MINUTE, NEVER, OPENED, OUTSIDE_HOURS, SECOND
from analytics.rules import VehicleRules

SCORE = 0.5


@inner_kernel
def fold_outside_hours(
    district: District, rules: VehicleRules, state: Record, here: Record, events: Records
) -> None:
    """Judge a fix of a vehicle that is loaded and has left its source."""
    outside = _outside_all(district, state, here["local"] % DAY // MINUTE)
    if state["hours_open"]:
        if not outside:
            end_outside_hours(state, here, events)
    elif outside and not stopped_for(state, rules.moving_stop_s):
        if state["hours_ts"] == NEVER:
            state["hours_ts"], state["hours_lat"], state["hours_lon"] = here["ts"], here["lat"], here["lon"]
        if lasted(state["hours_ts"], here["ts"], rules.outside_hours_s):
            state["hours_open"] = 1
            events[_say(state, here, events)]["action"] = OPENED
            note_episode(state, OUTSIDE_HOURS, state["hours_ts"], state["hours_lat"], state["hours_lon"])
    else:
        state["hours_ts"] = NEVER


@inner_kernel
def end_outside_hours(state: Record, here: Record, events: Records) -> None:
    """Clear what is open, forget the run."""
    if state["hours_open"]:
        events[_say(state, here, events)]["action"] = CLEARED
    state["hours_open"], state["hours_ts"] = 0, NEVER


@inner_kernel
def _outside_all(district: District, state: Record, minute: int) -> bool:
    for i in range(state["permits"]):
        permit = state["permit"][i]
        first, last = district.permit_hours_start[permit], district.permit_hours_start[permit + 1]
        if first == last:
            return False
        for k in range(first, last):
            if district.permit_hours[k, 0] <= minute < district.permit_hours[k, 1]:
                return False
    return bool(state["permits"] > 0)


@inner_kernel
def _say(state: Record, here: Record, events: Records) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["hours_ts"], state["hours_lat"], state["hours_lon"])
    event = events[said]
    event["kind"], event["severity"], event["score"] = OUTSIDE_HOURS, MINOR, SCORE
    event["site"] = state["haul_source"]
    event["permit"] = state["permit"][0] if state["permits"] > 0 else -1
    event["values"][0] = (here["ts"] - state["hours_ts"]) / SECOND
    return said
