"""loaded_stop: a loaded vehicle stands about, outside every site.

A stop, loaded at all of its fixes and none of them in a site (a no_go zone is none): opens when it has lasted 3 min.
Clears when the vehicle moves on, or when the load ends. It has moved on with the first good fix at 5 km/h or more, or with
the second slow one in a row beyond 50 m of the stop's first fix. One alone is how a parked receiver wanders: it ends the
stop by the contract's definition, and the vehicle stands where it stood.
"""

from analytics.haulage.stays import stopped_for
from analytics.haulage.taking_back import note_episode
from analytics.haulage.telling import Record, Records, tell
from analytics.kernels._compile import inner_kernel
from analytics.kernels.projection import distance_m
from analytics.records import CLEARED, INFO, LOADED_STOP, NEVER, OPENED, SECOND
from analytics.rules import VehicleRules

SCORE = 0.3


@inner_kernel
def fold_standing(rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    """Go on with the open episode, or clear it where the vehicle moves on."""
    slow = not here["speed_kmh"] >= rules.stopped_kmh
    away_m = distance_m(state["stand_x"], state["stand_y"], here["x"], here["y"])
    if slow and away_m <= rules.stopped_m:
        state["stand_last_ts"], state["stand_astray"] = here["ts"], 0
    elif slow and not state["stand_astray"]:
        state["stand_astray"] = 1
    else:
        _clear(state, here, events)


@inner_kernel
def fold_loaded_stop(rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    """Judge the stop that the fix begins or goes on with, the load being what the fix has left of it."""
    if not (state["loaded"] and state["hauling"]):
        state["stop_loaded"] = 0
    if (
        state["stop_loaded"]
        and state["stand_ts"] == NEVER
        and state["stop_flags"] == 0
        and stopped_for(state, rules.loaded_stop_s)
    ):
        state["stand_ts"], state["stand_lat"], state["stand_lon"] = (
            state["stop_ts"], state["stop_lat"], state["stop_lon"],
        )  # fmt: skip
        state["stand_x"], state["stand_y"] = state["stop_x"], state["stop_y"]
        state["stand_last_ts"], state["stand_astray"] = here["ts"], 0
        events[_say(state, here, events)]["action"] = OPENED
        note_episode(state, LOADED_STOP, state["stand_ts"], state["stand_lat"], state["stand_lon"])


@inner_kernel
def end_loaded_stop(state: Record, here: Record, events: Records) -> None:
    """The load has ended: clear what is open. The stop is not loaded throughout any more."""
    if state["stand_ts"] != NEVER:
        _clear(state, here, events)
    state["stop_loaded"] = 0


@inner_kernel
def _clear(state: Record, here: Record, events: Records) -> None:
    events[_say(state, here, events)]["action"] = CLEARED
    state["stand_ts"] = NEVER


@inner_kernel
def _say(state: Record, here: Record, events: Records) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["stand_ts"], state["stand_lat"], state["stand_lon"])
    event = events[said]
    event["kind"], event["severity"], event["score"] = LOADED_STOP, INFO, SCORE
    event["site"] = state["haul_source"]
    event["values"][0] = (state["stand_last_ts"] - state["stand_ts"]) / SECOND
    return said
