"""overspeed: any vehicle, on a listed road, more than a tenth over its limit.

On a road is within its corridor; of several, the nearest counts, with its limit or without one. Opens with the third good
fix in a row; a fix that is not so fast, or on no road with a limit, starts anew. Clears when the speed has been at the
limit or below, or the vehicle on no road with a limit, for 30 s without a break. The road told is the one where it was
most over the limit.
"""

import math

import numpy as np

from analytics.district import District
from analytics.haulage.telling import Record, Records, lasted, tell
from analytics.kernels._compile import inner_kernel
from analytics.kernels.roads import nearest_road
from analytics.records import CLEARED, MINOR, NEVER, OPENED, OVERSPEED, SECOND
from analytics.rules import VehicleRules


@inner_kernel
def fold_overspeed(
    district: District, rules: VehicleRules, state: Record, here: Record, events: Records
) -> None:
    """Judge a fix that is faster than the lowest limit allows, or follows one that was too fast."""
    kmh, most = here["speed_kmh"], 1.0 + rules.overspeed_share
    road = nearest_road(district.roads, here["x"], here["y"])
    limit_kmh = district.road_limit_kmh[road] if road >= 0 else math.nan
    if kmh > limit_kmh * most:
        _go_on(state, here, road, limit_kmh)
        if not state["over_open"] and state["over_fixes"] >= rules.overspeed_fixes:
            state["over_open"] = 1
            events[_say(state, here, events)]["action"] = OPENED
    elif not state["over_open"]:
        state["over_fixes"] = 0
    elif kmh > limit_kmh:
        state["over_back_ts"] = NEVER
    else:
        if state["over_back_ts"] == NEVER:
            state["over_back_ts"] = here["ts"]
        if lasted(state["over_back_ts"], here["ts"], rules.overspeed_clear_s):
            events[_say(state, here, events)]["action"] = CLEARED
            state["over_open"], state["over_fixes"] = 0, 0


@inner_kernel
def _go_on(state: Record, here: Record, road: int, limit_kmh: float) -> None:
    kmh = here["speed_kmh"]
    if state["over_fixes"] == 0:
        state["over_ts"], state["over_lat"], state["over_lon"] = here["ts"], here["lat"], here["lon"]
        state["over_road"] = -1
    if state["over_road"] < 0 or kmh - limit_kmh > state["over_kmh"] - state["over_limit_kmh"]:
        state["over_road"], state["over_kmh"], state["over_limit_kmh"] = road, kmh, limit_kmh
    state["over_fixes"] += 1
    state["over_last_ts"], state["over_back_ts"] = here["ts"], NEVER


@inner_kernel
def _say(state: Record, here: Record, events: Records) -> int:
    """Write the event, all but its action; return its row."""
    said = tell(here, events, state["over_ts"], state["over_lat"], state["over_lon"])
    event = events[said]
    event["kind"], event["severity"], event["road"] = OVERSPEED, MINOR, state["over_road"]
    # The state keeps them in single precision, which holds 72.3 as 72.3000031.
    kmh, limit_kmh = np.round(float(state["over_kmh"]), 2), np.round(float(state["over_limit_kmh"]), 2)
    event["score"] = 0.4 + 0.6 * min(1.0, kmh / limit_kmh - 1.0)
    values = event["values"]
    values[0], values[1] = kmh, limit_kmh
    values[2] = state["over_fixes"]
    values[3] = (state["over_last_ts"] - state["over_ts"]) / SECOND
    return said
