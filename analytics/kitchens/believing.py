"""Which readings to believe, and what they say of fan and purifier.

Believed   A reading is `flagged` if the instrument itself says that it is not measuring; else `range` if its
           fume is further from zero than an instrument reads, or PM or NMHC is a filler; else `negative` if a
           concentration is below zero, zero drift included; else `ok`. Only ok ones feed what follows.
Switches   One that was not sent neither continues a run nor breaks it. A monitor that has never sent a switch
           has it read from the current, where the register knows from which current on the unit works.
Cooking    A monitor that has never said anything of its fan is taken to hang on the fan's own power: its
           readings count as taken with the fan on. Nobody can say of it that the purifier is off with the fan on.
"""

import math
from typing import Any

from analytics.kernels._compile import inner_kernel
from analytics.records import FLAGGED, NEGATIVE, NO, OK, RANGE, UNKNOWN, YES
from analytics.rules import FumeRules


@inner_kernel
def quality_of(rules: FumeRules, sample: Any) -> int:
    fume, pm, nmhc = sample["fume_mg_m3"], sample["pm_mg_m3"], sample["nmhc_mg_m3"]
    if sample["marked"] == YES:
        return FLAGGED
    if abs(fume) > rules.range_mg_m3 or abs(pm) >= rules.filler_mg_m3 or abs(nmhc) >= rules.filler_mg_m3:
        return RANGE
    if fume < 0.0 or pm < 0.0 or nmhc < 0.0:
        return NEGATIVE
    return OK


@inner_kernel
def is_impossible(rules: FumeRules, quality: int, sample: Any) -> bool:
    """Can no instrument that measures have said this?  Less than zero by more than its drift, or out of range."""
    least = -rules.zero_drift_mg_m3
    below = sample["fume_mg_m3"] < least or sample["pm_mg_m3"] < least or sample["nmhc_mg_m3"] < least
    return quality == RANGE or (quality == NEGATIVE and below)


@inner_kernel
def fan_of(monitor: Any, state: Any, sample: Any) -> int:
    if sample["fan_on"] != UNKNOWN or state["has_fan"] == 1:
        return int(sample["fan_on"])
    return _from_current(sample["fan_a"], monitor["fan_min_a"])


@inner_kernel
def purifier_of(monitor: Any, state: Any, sample: Any) -> int:
    if sample["purifier_on"] != UNKNOWN or state["has_purifier"] == 1:
        return int(sample["purifier_on"])
    return _from_current(sample["purifier_a"], monitor["purifier_min_a"])


@inner_kernel
def _from_current(current_a: float, working_a: float) -> int:
    if math.isnan(current_a) or math.isnan(working_a):
        return UNKNOWN
    return YES if current_a >= working_a else NO


@inner_kernel
def is_cooking(monitor: Any, state: Any, fan: int) -> bool:
    """Does a reading with the fan like that count as taken with the fan on?"""
    return fan == YES or (fan == UNKNOWN and state["has_fan"] == 0 and math.isnan(monitor["fan_min_a"]))
