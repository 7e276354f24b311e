"""device_offline: nothing at all, for a day, from a vehicle that is in service.

Waits for silence: told when a day has passed since the last stored reading, good or not, be it by the next
reading or by the stream clock. Clears with the next reading; is withdrawn if that one is from within the day.
"""

from analytics.district import District
from analytics.haulage.state import PASSED_OVER, TOLD, UNTOLD
from analytics.haulage.telling import Record, Records, microseconds, settle, tell
from analytics.kernels._compile import inner_kernel
from analytics.records import (
    DEVICE_OFFLINE,
    HEARD_AFTER_ALL,
    MINOR,
    NEVER,
    NOTHING_DUE,
    OPENED,
    SECOND,
)  # fmt: skip
from analytics.rules import VehicleRules

SCORE = 0.5


@inner_kernel
def offline_due(rules: VehicleRules, state: Record) -> int:
    """When it must be told, if nothing comes until then."""
    if state["offline"] != UNTOLD or state["last_ts"] == NEVER:
        return NOTHING_DUE
    return int(state["last_ts"] + microseconds(rules.offline_s))


@inner_kernel
def fold_offline(
    district: District, rules: VehicleRules, state: Record, here: Record, events: Records, until: int
) -> None:
    """Tell it, if it is due by `until`."""
    due = offline_due(rules, state)
    if due <= until:
        vehicle = here["vehicle"]
        state["offline"] = PASSED_OVER
        if vehicle >= 0 and district.vehicle_in_service[vehicle]:
            state["offline"] = TOLD
            event = events[_say(state, here, events, due)]
            event["action"], event["ts"] = OPENED, due


@inner_kernel
def end_offline(rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    """A reading has come."""
    if state["offline"] == TOLD:
        event = events[_say(state, here, events, here["ts"])]
        settle(event, state["last_ts"] + microseconds(rules.offline_s), HEARD_AFTER_ALL)
    state["offline"] = UNTOLD


@inner_kernel
def _say(state: Record, here: Record, events: Records, until: int) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["last_ts"], state["good_lat"], state["good_lon"])
    event = events[said]
    event["kind"], event["severity"], event["score"] = DEVICE_OFFLINE, MINOR, SCORE
    event["values"][0] = (until - state["last_ts"]) / SECOND
    return said
