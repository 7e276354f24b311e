"""signal_loss: loaded and on the move, then nothing for five minutes.

Waits for silence: told when five minutes have passed since the last stored reading, be it by the next reading or by the
stream clock. Any stored reading breaks a silence. The last good fix before it speaks for it, if under five minutes older:
a load followed, over 10 km/h; its place is the alert's. Clears with the next reading; is withdrawn if that one is from
within the five minutes. (One from further back is late: the vehicle is judged again, and the silence was none.)
"""

from analytics.haulage.state import TOLD, UNTOLD
from analytics.haulage.taking_back import note_episode
from analytics.haulage.telling import Record, Records, microseconds, settle, tell
from analytics.kernels._compile import inner_kernel
from analytics.records import (
    HEARD_AFTER_ALL,
    MAJOR,
    NEVER,
    NOTHING_DUE,
    OPENED,
    SECOND,
    SIGNAL_LOSS,
)  # fmt: skip
from analytics.rules import VehicleRules

SCORE = 0.6


@inner_kernel
def loss_due(rules: VehicleRules, state: Record) -> int:
    """When it must be told, if nothing comes until then."""
    if (
        state["lost"] == UNTOLD
        and state["loaded"]
        and state["hauling"]
        and state["good_ts"] != NEVER
        and state["good_speed_kmh"] > rules.signal_loss_kmh
        and state["last_ts"] - state["good_ts"] < microseconds(rules.signal_fix_s)
    ):
        return int(state["last_ts"] + microseconds(rules.signal_loss_s))
    return NOTHING_DUE


@inner_kernel
def fold_loss(rules: VehicleRules, state: Record, here: Record, events: Records, until: int) -> None:
    """Tell it, if it is due by `until`."""
    due = loss_due(rules, state)
    if due <= until:
        state["lost"] = TOLD
        event = events[_say(state, here, events, due)]
        event["action"], event["ts"] = OPENED, due


@inner_kernel
def end_loss(rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    """A reading has come."""
    if state["lost"] == TOLD:
        event = events[_say(state, here, events, here["ts"])]
        if settle(event, state["last_ts"] + microseconds(rules.signal_loss_s), HEARD_AFTER_ALL):
            note_episode(state, SIGNAL_LOSS, state["last_ts"], state["good_lat"], state["good_lon"])
    state["lost"] = UNTOLD


@inner_kernel
def _say(state: Record, here: Record, events: Records, until: int) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["last_ts"], state["good_lat"], state["good_lon"])
    event = events[said]
    event["kind"], event["severity"], event["score"] = SIGNAL_LOSS, MAJOR, SCORE
    event["site"] = state["haul_source"]
    values = event["values"]
    values[0] = state["good_speed_kmh"]
    values[1] = (until - state["last_ts"]) / SECOND
    return said
