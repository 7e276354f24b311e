"""device_fault: a terminal of whose last readings too many are of no use.

The window is its last 60 readings: stored ones, good or not, and those refused for their time (ahead of the clock, or
older than the retention), which are not good either, each where it came. Once there are 60, opens when over half of
them are not good, or ten were refused for their time. Clears when all 60 are good. It began with the first that was not,
of those that follow one another with fewer than 10 good ones between; its place is the last good fix before that one.
"""

from analytics.haulage.telling import Record, Records, tell
from analytics.kernels._compile import inner_kernel
from analytics.records import CLEARED, DEVICE_FAULT, MINOR, NEVER, OPENED, SECOND
from analytics.rules import VehicleRules

SCORE = 0.5
MOST_READINGS = 60
_APART = 10
_RUN_ENDS = 100


@inner_kernel
def fold_fault(
    rules: VehicleRules, state: Record, here: Record, events: Records, bad: int, refused: int
) -> None:
    """Judge one more reading; `bad` and `refused` are 0 or 1."""
    window = rules.fault_readings
    if state["fault_window"] < window:
        state["fault_window"] += 1
    if not bad and state["fault_bad"] == 0:
        return
    mask = (1 << window) - 1
    state["fault_bad"] = (state["fault_bad"] << 1 | bad) & mask
    state["fault_off"] = (state["fault_off"] << 1 | refused) & mask
    if bad:
        apart = state["fault_ts"] == NEVER or state["fault_good_run"] >= _APART
        if apart and not state["fault_open"]:
            state["fault_ts"] = here["ts"]
            state["fault_lat"], state["fault_lon"] = state["good_lat"], state["good_lon"]
        state["fault_good_run"] = 0
    elif state["fault_good_run"] < _RUN_ENDS:
        state["fault_good_run"] += 1
    if state["fault_open"]:
        if state["fault_bad"] == 0:
            events[_say(state, here, events)]["action"] = CLEARED
            state["fault_open"] = 0
    elif state["fault_window"] >= window:  # a good reading may be what fills it
        many = _ones(state["fault_bad"]) > rules.fault_share * window
        if many or _ones(state["fault_off"]) >= rules.fault_clock:
            state["fault_open"] = 1
            events[_say(state, here, events)]["action"] = OPENED


@inner_kernel
def _ones(bits: int) -> int:
    count = 0
    while bits != 0:
        bits &= bits - 1
        count += 1
    return count


@inner_kernel
def _say(state: Record, here: Record, events: Records) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["fault_ts"], state["fault_lat"], state["fault_lon"])
    event = events[said]
    event["kind"], event["severity"], event["score"] = DEVICE_FAULT, MINOR, SCORE
    values = event["values"]
    values[0], values[1] = _ones(state["fault_bad"]), _ones(state["fault_off"])
    values[2] = state["fault_window"]
    values[3] = (here["ts"] - state["fault_ts"]) / SECOND
    return said
