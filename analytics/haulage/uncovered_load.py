"""uncovered_load: loaded, driving, and the cover open.

Opens after 30 s of it without a break: a fix under 10 km/h or without a speed, with the cover closed, or without a load
starts anew. Clears when the cover is closed, or the load ends; slowing down does not clear it. A terminal that has never
sent `cover` has no cover to judge.
"""

from analytics.haulage.taking_back import note_episode
from analytics.haulage.telling import Record, Records, lasted, tell
from analytics.kernels._compile import inner_kernel
from analytics.records import CLEARED, MINOR, NEVER, OPENED, SECOND, UNCOVERED_LOAD, YES
from analytics.rules import VehicleRules

SCORE = 0.5


@inner_kernel
def fold_uncovered(rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    """Judge a fix of a loaded vehicle."""
    if state["bare_open"]:
        if state["cover"] != YES:
            end_uncovered(state, here, events)
    elif state["cover"] == YES and here["speed_kmh"] >= rules.uncovered_kmh:
        if state["bare_ts"] == NEVER:
            state["bare_ts"], state["bare_lat"], state["bare_lon"] = here["ts"], here["lat"], here["lon"]
        if lasted(state["bare_ts"], here["ts"], rules.uncovered_s):
            state["bare_open"] = 1
            events[_say(state, here, events)]["action"] = OPENED
            note_episode(state, UNCOVERED_LOAD, state["bare_ts"], state["bare_lat"], state["bare_lon"])
    else:
        state["bare_ts"] = NEVER


@inner_kernel
def end_uncovered(state: Record, here: Record, events: Records) -> None:
    """Clear what is open, forget the run."""
    if state["bare_open"]:
        events[_say(state, here, events)]["action"] = CLEARED
    state["bare_open"], state["bare_ts"] = 0, NEVER


@inner_kernel
def _say(state: Record, here: Record, events: Records) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["bare_ts"], state["bare_lat"], state["bare_lon"])
    event = events[said]
    event["kind"], event["severity"], event["score"] = UNCOVERED_LOAD, MINOR, SCORE
    event["site"] = state["haul_source"]
    event["values"][0], event["values"][1] = (here["ts"] - state["bare_ts"]) / SECOND, here["speed_kmh"]
    return said
