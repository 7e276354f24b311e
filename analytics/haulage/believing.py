"""Which fixes to believe.

A fix is `zero`, `unfixed` or of poor `hdop` by itself: such a one says nothing about where the vehicle is, and
neither joins nor breaks a chain. It is a `jump` if the vehicle cannot have come so far since the last good fix.
But that one may have been wrong: when the third in a row of such fixes agrees with the two before it, each
reachable from the one before, it is `ok` and the next are held against it. The two before stay `jump`.
"""

import math

from analytics.haulage.telling import Record
from analytics.kernels._compile import inner_kernel
from analytics.kernels.projection import Plane, distance_m, ground_m
from analytics.records import HDOP, JUMP, NEVER, NO, OK, SECOND, UNFIXED, ZERO
from analytics.rules import VehicleRules


@inner_kernel
def quality_alone(rules: VehicleRules, fix: Record) -> int:
    """What the fix itself says of its quality."""
    if fix["lat"] == 0.0 and fix["lon"] == 0.0:
        return ZERO
    if fix["fix"] == NO or math.isnan(fix["lat"]) or math.isnan(fix["lon"]):
        return UNFIXED
    return HDOP if fix["hdop"] > rules.hdop_max else OK


@inner_kernel
def reachable(
    rules: VehicleRules, plane: Plane, ts: int, x: float, y: float, speed_kmh: float, here: Record
) -> bool:
    """Whether a vehicle that was at (x, y) then can be here now."""
    seconds = (here["ts"] - ts) / SECOND
    kmh = rules.jump_kmh
    known = not math.isnan(speed_kmh) and not math.isnan(here["speed_kmh"])
    if known and seconds <= rules.jump_speeds_s:
        kmh = max(speed_kmh, here["speed_kmh"]) + rules.jump_slack_kmh
    reach_m = rules.jump_slack_m + seconds * kmh / 3.6
    # The plane is nowhere more than 1.1e-5 too short: what it says is clearly in reach is so over ground.
    if distance_m(x, y, here["x"], here["y"]) <= reach_m * (1 - 1e-4):
        return True
    return bool(ground_m(plane, x, y, here["x"], here["y"]) <= reach_m)


@inner_kernel
def quality_after(rules: VehicleRules, plane: Plane, state: Record, here: Record) -> int:
    """OK or JUMP, as the fixes before it say; keeps the chain."""
    if state["good_ts"] == NEVER or reachable(
        rules, plane, state["good_ts"], state["good_x"], state["good_y"], state["good_speed_kmh"], here
    ):
        state["stray_count"] = 0
        return OK
    if state["stray_count"] > 0 and not reachable(
        rules, plane, state["stray_ts"], state["stray_x"], state["stray_y"], state["stray_speed_kmh"], here
    ):
        state["stray_count"] = 0
    state["stray_count"] += 1
    if state["stray_count"] >= rules.jump_agreeing:
        state["stray_count"] = 0
        return OK
    state["stray_ts"], state["stray_speed_kmh"] = here["ts"], here["speed_kmh"]
    state["stray_x"], state["stray_y"] = here["x"], here["y"]
    return JUMP
