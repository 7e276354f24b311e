"""no_go_entry: any vehicle, loaded or not, inside a zone while it is barred.

Opens with the second good fix in a row; clears when outside, or the zone not barred any more, for 60 s without a
break. Up to four zones at once.

Swept    Where the rules ask for it (`no_go_swept_s`), also with the first good fix beyond a zone that the straight way from
         the last one has met, with one fix inside or none. Such an entry is inferred, until two fixes have lain inside.
"""

import math

from analytics.district import NO_GO, District
from analytics.haulage.places import barred_at
from analytics.haulage.state import ZONES
from analytics.haulage.telling import Record, Records, lasted, tell, within
from analytics.kernels._compile import inner_kernel
from analytics.kernels.sweeping import meets
from analytics.records import CLEARED, DAY, MAJOR, MINUTE, NEVER, NO_GO_ENTRY, OPENED, SECOND
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
def sweep_no_go(
    district: District, rules: VehicleRules, state: Record, here: Record, events: Records
) -> None:
    """Judge the way from the last good fix; to be asked before `fold_no_go`."""
    if not within(state["good_ts"], here["ts"], rules.no_go_swept_s):
        return
    day, minute = here["local"] // DAY, here["local"] % DAY // MINUTE
    for zone in range(district.site_kind.shape[0]):
        if (
            district.site_kind[zone] == NO_GO
            and district.site_from_day[zone] <= day <= district.site_to_day[zone]
            and barred_at(district, zone, minute)
            and not _is_barred(here, zone)
            and meets(district.zones.outlines, zone, state["good_x"], state["good_y"], here["x"], here["y"])
        ):
            _cross(state, here, events, zone)


@inner_kernel
def _cross(state: Record, here: Record, events: Records, zone: int) -> None:
    """It was in the zone between the last good fix and this one, which is outside."""
    k = _place_for(state, zone)
    if k < 0 or state["zone_open"][k]:
        return
    if state["zone"][k] < 0:
        state["zone"][k], state["zone_fixes"][k] = zone, 0
        state["zones"] += 1
        state["zone_ts"][k] = state["good_ts"]
        state["zone_lat"][k], state["zone_lon"][k] = state["good_lat"], state["good_lon"]
        state["zone_last_ts"][k] = state["good_ts"]
    state["zone_open"][k], state["zone_out_ts"][k] = 1, NEVER
    events[_say(state, here, events, k, 1)]["action"] = OPENED


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
        inferred = 1 if state["zone_fixes"][k] < rules.no_go_fixes else 0
        events[_say(state, here, events, k, inferred)]["action"] = CLEARED
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
        events[_say(state, here, events, k, 0)]["action"] = OPENED


@inner_kernel
def _say(state: Record, here: Record, events: Records, k: int, inferred: int) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["zone_ts"][k], state["zone_lat"][k], state["zone_lon"][k])
    event = events[said]
    event["kind"], event["severity"], event["score"] = NO_GO_ENTRY, MAJOR, SCORE
    event["place"] = event["site"] = state["zone"][k]
    values = event["values"]
    values[0] = state["zone_fixes"][k]
    values[1] = (state["zone_last_ts"][k] - state["zone_ts"][k]) / SECOND
    values[2] = 1.0 if inferred else math.nan
    return said
