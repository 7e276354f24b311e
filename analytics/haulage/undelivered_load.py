"""undelivered_load: four hours since the load left its source, and it has been nowhere it may be unloaded.

Its time is up at the same instant whoever notices: the first good fix from then on, or the stream clock. Reached is: one
good fix in a valid disposal or transfer site, or in the one its permit names, after it left; within four hours counts
to the microsecond. Clears there, or when the load ends; is withdrawn if that was in time after all.
"""

from analytics.haulage.state import MAY_UNLOAD
from analytics.haulage.telling import Record, Records, microseconds, settle, tell
from analytics.kernels._compile import inner_kernel
from analytics.records import (
    MINOR,
    NOTHING_DUE,
    OPENED,
    SECOND,
    UNDELIVERED_LOAD,
    UNLOADED_IN_TIME,
)  # fmt: skip
from analytics.rules import VehicleRules

SCORE = 0.5


@inner_kernel
def undelivered_due(rules: VehicleRules, state: Record) -> int:
    """When it must be told, if it reaches no such site until then."""
    if (
        state["hauling"]
        and state["haul_left"]
        and state["haul_source"] >= 0
        and not state["haul_delivered"]
        and not state["undelivered"]
    ):
        return int(state["haul_left_ts"] + microseconds(rules.undelivered_s))
    return NOTHING_DUE


@inner_kernel
def tell_undelivered(rules: VehicleRules, state: Record, here: Record, events: Records, until: int) -> None:
    """Tell it, if it is due by `until`."""
    due = undelivered_due(rules, state)
    if due <= until:
        state["undelivered"] = 1
        event = events[_say(state, here, events, due)]
        event["action"], event["ts"] = OPENED, due


@inner_kernel
def fold_undelivered(rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    """Judge a good fix, before anything else is made of it."""
    reached = here["flags"] & MAY_UNLOAD != 0
    tell_undelivered(rules, state, here, events, here["ts"] - 1 if reached else here["ts"])
    if reached and state["hauling"] and state["haul_left"]:
        state["haul_delivered"] = 1
        _end(rules, state, here, events, 1)


@inner_kernel
def end_undelivered(rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    """The load has ended."""
    _end(rules, state, here, events, 0)


@inner_kernel
def _end(rules: VehicleRules, state: Record, here: Record, events: Records, grace_us: int) -> None:
    if state["undelivered"]:
        event = events[_say(state, here, events, here["ts"])]
        due = state["haul_left_ts"] + microseconds(rules.undelivered_s) + grace_us
        settle(event, due, UNLOADED_IN_TIME)
    state["undelivered"] = 0


@inner_kernel
def _say(state: Record, here: Record, events: Records, until: int) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["haul_left_ts"], state["left_lat"], state["left_lon"])
    event = events[said]
    event["kind"], event["severity"], event["score"] = UNDELIVERED_LOAD, MINOR, SCORE
    event["site"] = state["haul_source"]
    event["permit"] = state["permit"][0] if state["permits"] > 0 else -1
    event["values"][0] = (until - state["haul_left_ts"]) / SECOND
    return said
