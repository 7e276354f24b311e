"""fume_exceedance: ten-minute means over the limit.

Windows    Ten minutes from :00, :10 … local. A reading counts in its window's mean if it is ok, holds a fume
           and was taken with the fan on. The window is judged at the reading that fills it (the last one
           expected, and as many as expected), else at the first one after it, or ten minutes after its end by
           the clock alone. What else comes in a judged window counts no more, unless it comes late. Fewer
           valid readings than 75 %: as if the window had not been.
Exceeding  A mean over the limit opens: minor; major at two windows that follow one another or three within
           an hour, before or after an alert was cleared; critical at three times the limit. Severity never
           falls. Each further window over the limit updates. Three windows that follow one another at 0.9 of
           the limit or less clear, and so does ten minutes of readings with the fan off.
Score      0.5 at the limit, 1 at three times, by the highest mean.
"""

import math
from typing import Any

from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel
from analytics.kitchens.state import DEFAULT_INTERVAL_S, OVER
from analytics.kitchens.telling import tell
from analytics.records import (
    CLEARED,
    CRITICAL,
    FUME_EXCEEDANCE,
    MAJOR,
    MINOR,
    NEVER,
    NO,
    NOTHING_DUE,
    OPENED,
    SECOND,
    UPDATED,
    YES,
)
from analytics.rules import FumeRules


@inner_kernel
def fold_window(
    rules: FumeRules,
    monitor: Any,
    state: Any,
    sample: Any,
    counts: bool,  # noqa: FBT001 - a kernel's argument
    row: int,
    events: NDArray[Any],
    said: int,
) -> int:
    """`counts`: the reading may count in its window's mean."""
    ts = sample["ts"]
    length = int(rules.window_s * SECOND)
    window = ts - sample["local"] % length
    if window == state["judged"]:
        return said
    if window != state["window"]:
        if state["window"] != NEVER:
            said = _judge(rules, monitor, state, sample["slot"], ts, row, events, said)
        state["window"] = window
        state["total"], state["received"], state["valid"] = 0.0, 0, 0
    state["received"] += 1
    if counts and not math.isnan(sample["fume_mg_m3"]):
        state["total"] += sample["fume_mg_m3"]
        state["valid"] += 1
    interval_s = interval_of(monitor)
    last_expected = ts + int(interval_s * SECOND) >= window + length
    if last_expected and state["received"] >= math.floor(rules.window_s / interval_s):
        said = _judge(rules, monitor, state, sample["slot"], ts, row, events, said)
        state["window"] = NEVER
    return said


@inner_kernel
def interval_of(monitor: Any) -> float:
    interval_s = monitor["interval_s"]
    return float(interval_s) if interval_s > 0.0 and not math.isinf(interval_s) else DEFAULT_INTERVAL_S


@inner_kernel
def window_due(rules: FumeRules, state: Any) -> int:
    """When the window being filled is judged though nothing comes."""
    if state["window"] == NEVER:
        return NOTHING_DUE
    return int(state["window"]) + int(rules.window_s * SECOND) + int(rules.window_wait_s * SECOND)


@inner_kernel
def close_window(
    rules: FumeRules, monitor: Any, state: Any, slot: int, ts: int, events: NDArray[Any], said: int
) -> int:
    said = _judge(rules, monitor, state, slot, ts, -1, events, said)
    state["window"] = NEVER
    return said


@inner_kernel
def _judge(
    rules: FumeRules, monitor: Any, state: Any, slot: int, ts: int, row: int, events: NDArray[Any], said: int
) -> int:
    window = state["window"]
    state["judged"] = window
    expected = rules.window_s / interval_of(monitor)
    if state["valid"] == 0 or state["valid"] < rules.valid_share * expected:
        return said
    mean, limit = state["total"] / state["valid"], monitor["limit_mg_m3"]
    length = int(rules.window_s * SECOND)
    follows = state["last_valid"] != NEVER and state["last_valid"] + length == window
    state["last_valid"] = window
    over = mean > limit
    calm = mean <= rules.clear_ratio * limit
    state["over_in_a_row"] = (state["over_in_a_row"] if follows else 0) + 1 if over else 0
    state["calm_in_a_row"] = (state["calm_in_a_row"] if follows else 0) + 1 if calm else 0
    going_on = state["exceeding_since"] != NEVER
    if over:
        for older in range(OVER - 1, 0, -1):
            state["over"][older] = state["over"][older - 1]
        state["over"][0] = window
        first = state["over"][rules.major_count - 1]
        often = first != NEVER and window + length - first <= int(rules.major_within_s * SECOND)
        severity = MINOR
        if mean >= rules.critical_ratio * limit:
            severity = CRITICAL
        elif often or state["over_in_a_row"] >= rules.major_in_a_row:
            severity = MAJOR
        if not going_on:
            state["exceeding_since"] = window
            state["max_mean_mg_m3"], state["windows_over"], state["severity"] = mean, 0, severity
        state["windows_over"] += 1
        state["max_mean_mg_m3"] = max(state["max_mean_mg_m3"], mean)
        state["severity"] = max(state["severity"], severity)
        _tell(rules, monitor, state, slot, ts, row, events[said], UPDATED if going_on else OPENED)
    elif going_on and state["calm_in_a_row"] >= rules.clear_in_a_row:
        _tell(rules, monitor, state, slot, ts, row, events[said], CLEARED)
        state["exceeding_since"] = NEVER
    else:
        return said
    values = events[said]["values"]
    values[0], values[4], values[5], values[6] = mean, state["valid"], expected, window / SECOND
    return said + 1


@inner_kernel
def fold_fan(
    rules: FumeRules,
    monitor: Any,
    state: Any,
    sample: Any,
    fan: int,
    row: int,
    events: NDArray[Any],
    said: int,
) -> int:
    """Ten minutes of readings with the fan off end an exceedance."""
    if fan == YES:
        state["fan_off_since"] = NEVER
    elif fan == NO:
        ts = sample["ts"]
        if state["fan_off_since"] == NEVER:
            state["fan_off_since"] = ts
        off_us = ts - state["fan_off_since"]
        if state["exceeding_since"] != NEVER and off_us >= int(rules.fan_off_s * SECOND):
            _tell(rules, monitor, state, sample["slot"], ts, row, events[said], CLEARED)
            state["exceeding_since"] = NEVER
            said += 1
    return said


@inner_kernel
def _tell(
    rules: FumeRules, monitor: Any, state: Any, slot: int, ts: int, row: int, event: Any, action: int
) -> None:
    tell(event, slot, row, ts, FUME_EXCEEDANCE, action)
    limit, most = monitor["limit_mg_m3"], state["max_mean_mg_m3"]
    event["severity"] = state["severity"]
    event["started"] = state["exceeding_since"]
    if limit > 0.0:
        event["score"] = min(1.0, max(0.0, 0.5 + 0.5 * (most / limit - 1) / (rules.critical_ratio - 1)))
    else:
        event["score"] = 1.0
    values = event["values"]
    values[1], values[2], values[3] = limit, most, state["windows_over"]
