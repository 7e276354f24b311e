"""loaded_stop: a loaded vehicle stands about, outside every site.

A stop, loaded at all of its fixes and none of them in a site (a no_go zone is none): opens when it has lasted 3 min.
Clears with the first good fix that is not of the stop any more, or when the load ends.
"""

from analytics.haulage.stays import stopped_for
from analytics.haulage.taking_back import note_episode
from analytics.haulage.telling import Record, Records, tell
from analytics.kernels._compile import inner_kernel
from analytics.records import CLEARED, INFO, LOADED_STOP, OPENED, SECOND
from analytics.rules import VehicleRules

SCORE = 0.3


@inner_kernel
def fold_loaded_stop(rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    """Judge the stop that the fix begins or goes on with, the load being what the fix has left of it."""
    if not (state["loaded"] and state["hauling"]):
        state["stop_loaded"] = 0
    if (
        state["stop_loaded"]
        and not state["stop_open"]
        and state["stop_flags"] == 0
        and stopped_for(state, rules.loaded_stop_s)
    ):
        state["stop_open"] = 1
        events[_say(state, here, events)]["action"] = OPENED
        note_episode(state, LOADED_STOP, state["stop_ts"], state["stop_lat"], state["stop_lon"])


@inner_kernel
def end_loaded_stop(state: Record, here: Record, events: Records) -> None:
    """It has moved on, or the load has ended: clear what is open. The stop is not loaded throughout any more."""
    if state["stop_open"]:
        events[_say(state, here, events)]["action"] = CLEARED
    state["stop_open"], state["stop_loaded"] = 0, 0


@inner_kernel
def _say(state: Record, here: Record, events: Records) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["stop_ts"], state["stop_lat"], state["stop_lon"])
    event = events[said]
    event["kind"], event["severity"], event["score"] = LOADED_STOP, INFO, SCORE
    event["site"] = state["haul_source"]
    event["values"][0] = (state["stop_last_ts"] - state["stop_ts"]) / SECOND
    return said
