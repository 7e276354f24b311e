"""no_go_entry: any vehicle, loaded or not, inside a zone while it is barred.

Opens with the second good fix in a row; clears when outside, or the zone not barred any more, for 60 s without a
break. Up to four zones at once.
"""

from analytics.haulage.state import ZONES
from analytics.haulage.telling import Record, Records, lasted, tell
from analytics.kernels._compile import inner_kernel
from analytics.records import CLEARED, MAJOR, NEVER, NO_GO_ENTRY, OPENED, SECOND
from analytics.rules import VehicleRules

SCORE = 0.8


@inner_kernel
def fold_no_go(rules: VehicleRules, state: Record, here: Record, events: Records) -> None:
    for k in range(ZONES):
        if state["zone"][k] >= 0 and not _is_barred(here, state["zone"][k]):
            _outside(rules, state, here, events, k)
    for i in range(here["barreds"]):
        k = _place_for(state, here["barred"][i])
        if k >= 0:
            _inside(rules, state, here, events, k, here["barred"][i])


@inner_kernel
def _is_barred(here: Record, zone: int) -> bool:
    for i in range(here["barreds"]):  # noqa: SIM110 - numba has no any()
        if here["barred"][i] == zone:
            return True
    return False


@inner_kernel
def _place_for(state: Record, zone: int) -> int:
    """Where the zone is remembered, or may be; -1: it is one too many."""
    free = -1
    for k in range(ZONES):
        if state["zone"][k] == zone:
            return k
        if state["zone"][k] < 0 and free < 0:
            free = k
    return free


@inner_kernel
def _outside(rules: VehicleRules, state: Record, here: Record, events: Records, k: int) -> None:
    if not state["zone_open"][k]:
        state["zone"][k] = -1
        state["zones"] -= 1
        return
    if state["zone_out_ts"][k] == NEVER:
        state["zone_out_ts"][k] = here["ts"]
    if lasted(state["zone_out_ts"][k], here["ts"], rules.no_go_clear_s):
        events[_say(state, here, events, k)]["action"] = CLEARED
        state["zone"][k] = -1
        state["zones"] -= 1


@inner_kernel
def _inside(rules: VehicleRules, state: Record, here: Record, events: Records, k: int, zone: int) -> None:
    if state["zone"][k] < 0:
        state["zone"][k], state["zone_open"][k], state["zone_fixes"][k] = zone, 0, 0
        state["zones"] += 1
        state["zone_ts"][k], state["zone_lat"][k], state["zone_lon"][k] = here["ts"], here["lat"], here["lon"]
    state["zone_fixes"][k] += 1
    state["zone_last_ts"][k], state["zone_out_ts"][k] = here["ts"], NEVER
    if not state["zone_open"][k] and state["zone_fixes"][k] >= rules.no_go_fixes:
        state["zone_open"][k] = 1
        events[_say(state, here, events, k)]["action"] = OPENED


@inner_kernel
def _say(state: Record, here: Record, events: Records, k: int) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["zone_ts"][k], state["zone_lat"][k], state["zone_lon"][k])
    event = events[said]
    event["kind"], event["severity"], event["score"] = NO_GO_ENTRY, MAJOR, SCORE
    event["place"] = event["site"] = state["zone"][k]
    values = event["values"]
    values[0] = state["zone_fixes"][k]
    values[1] = (state["zone_last_ts"][k] - state["zone_ts"][k]) / SECOND
    return said
