"""Kitchens judged: which readings to believe, whose fumes are over the limit, whose purifier is off.

A fold: per monitor, in event time, one reading after the other; no clock. Cutting the readings into other
batches changes nothing.

Believed   A reading is `range` if its fume is further from zero than an instrument reads, or PM or NMHC is
           a filler; else `negative` if a concentration is below zero, zero drift included; else `ok`. Only
           ok ones feed what follows.
Switches   One that was not sent neither continues a run nor breaks it. A monitor that has never sent
           `fan_on` is taken to hang on the fan's own power: its readings count as taken with the fan on, for
           the means. Nobody can say of it that the purifier is off with the fan on.
Windows    Ten minutes from :00, :10 … local. A reading counts in its window's mean if it is ok, holds a fume
           and was taken with the fan on. The window is judged at the reading that fills it (the last one
           expected, and as many as expected), else at the first one after it; what else comes in a judged
           window counts no more. Fewer valid readings than 75 %: as if the window had not been.
Exceeding  A mean over the limit opens: minor; major at two windows that follow one another or three within
           an hour, before or after an alert was cleared; critical at three times the limit. Severity never
           falls. Each further window over the limit updates. Three windows that follow one another at 0.9 of
           the limit or less clear, and so does ten minutes of readings with the fan off.
Score      Exceeding: 0.5 at the limit, 1 at three times, by the highest mean. Purifier off: 0.7 at ten
           minutes, 1 at an hour.
Tests      tests/analytics/test_fume.py holds it against plain Python.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel, kernel
from analytics.records import (
    CLEARED,
    CRITICAL,
    EVENT,
    FUME_EXCEEDANCE,
    MAJOR,
    MINOR,
    NEGATIVE,
    NEVER,
    NO,
    NO_REASON,
    OK,
    OPENED,
    PURIFIER_OFF,
    RANGE,
    SECOND,
    UNKNOWN,
    UPDATED,
    YES,
)
from analytics.rules import FumeRules

FUME_LAYOUT = 1
"""To be raised with every change of FUME_STATE: a state of another layout cannot be read."""

_HISTORY = 8

FUME_STATE = np.dtype(
    [
        ("last_ts", "i8"),  # newest reading folded in, whatever its quality
        ("window", "i8"),  # start of the window being filled, UTC
        ("total", "f8"),  # of its valid readings
        ("judged", "i8"),  # start of the newest window judged
        ("last_valid", "i8"),  # start of the newest window with a valid mean
        ("over", "i8", (_HISTORY,)),  # starts of windows over the limit, newest first
        ("exceeding_since", "i8"),  # start of the open episode's first window; NEVER: none is open
        ("max_mean_mg_m3", "f8"),  # of the open episode
        ("fan_off_since", "i8"),
        ("purifier_off_since", "i8"),
        ("purifier_said", "i8"),  # when the open episode was last spoken of
        ("received", "i4"),  # in the window being filled
        ("valid", "i4"),
        ("over_in_a_row", "i4"),
        ("calm_in_a_row", "i4"),
        ("windows_over", "i4"),  # of the open episode
        ("severity", "i1"),  # of the open episode
        ("has_fan", "i1"),  # 1 once `fan_on` has been sent
        ("purifier_open", "i1"),
        (
            "spare",
            "i1",
        ),  # no gaps: what numpy leaves in them is anything, and a state is compared by its bytes
    ],
    align=True,
)

MONITOR = np.dtype([("limit_mg_m3", "f8"), ("interval_s", "f8")], align=True)
"""Per slot: NaN as limit, nothing is over it; NaN or nonsense as interval, DEFAULT_INTERVAL_S."""

DEFAULT_INTERVAL_S = 60.0
_MOST_EVENTS_A_SAMPLE = 4  # two windows, the fan, the purifier


def new_fume_states(count: int) -> NDArray[np.void]:
    """States of monitors never heard of."""
    states = np.zeros(count, FUME_STATE)
    for name in ("last_ts", "window", "judged", "over", "last_valid", "exceeding_since"):
        states[name] = NEVER
    for name in ("fan_off_since", "purifier_off_since", "purifier_said"):
        states[name] = NEVER
    return states


def judge_fume(
    rules: FumeRules, monitors: NDArray[np.void], states: NDArray[np.void], samples: NDArray[np.void]
) -> tuple[NDArray[np.void], NDArray[np.int8], NDArray[np.void]]:
    """Fold `samples` (N,) SAMPLE, sorted by slot and ts, into `states` (S,), of `monitors` (S,) MONITOR.

    Returns the states after, the readings' qualities, and the events as they were caused. The arguments stay
    as they are. A reading no newer than its monitor's last one gets its quality and changes nothing else.
    """
    if not 1 <= rules.major_count <= _HISTORY:
        raise ValueError(f"fume_exceedance: major_count is {rules.major_count}, may be 1 to {_HISTORY}")
    exact = FumeRules._make(type(d)(r) for d, r in zip(FumeRules(), rules, strict=True))  # one compilation
    after = np.array(states, FUME_STATE)
    monitors, samples = np.ascontiguousarray(monitors, MONITOR), np.ascontiguousarray(samples)
    quality = np.empty(len(samples), np.int8)
    events = np.empty(64, EVENT)
    row = said = 0
    while True:
        row, said = _fold(exact, monitors, after, samples, quality, events, row, said)
        if row == len(samples):
            return after, quality, events[:said].copy()
        events = np.concatenate([events, np.empty(len(events), EVENT)])


@kernel
def _fold(
    rules: FumeRules,
    monitors: NDArray[np.void],
    states: NDArray[np.void],
    samples: NDArray[np.void],
    quality: NDArray[np.int8],
    events: NDArray[np.void],
    row: int,
    said: int,
) -> tuple[int, int]:
    """Fold from `row` on, with `said` events there already, until all is done or `events` may not suffice."""
    while row < samples.shape[0] and said + _MOST_EVENTS_A_SAMPLE <= events.shape[0]:
        sample = samples[row]
        state = states[sample["slot"]]
        monitor = monitors[sample["slot"]]
        quality[row] = _quality(rules, sample)
        ts = sample["ts"]
        if ts > state["last_ts"]:
            state["last_ts"] = ts
            if sample["fan_on"] != UNKNOWN:
                state["has_fan"] = 1
            said = _fold_window(rules, monitor, state, sample, quality[row], row, events, said)
            if quality[row] == OK:
                said = _fold_fan(rules, monitor, state, sample, row, events, said)
                said = _fold_purifier(rules, state, sample, row, events, said)
        row += 1
    return row, said


@inner_kernel
def _quality(rules: FumeRules, sample: Any) -> int:
    fume, pm, nmhc = sample["fume_mg_m3"], sample["pm_mg_m3"], sample["nmhc_mg_m3"]
    if abs(fume) > rules.range_mg_m3 or abs(pm) >= rules.filler_mg_m3 or abs(nmhc) >= rules.filler_mg_m3:
        return RANGE
    if fume < 0.0 or pm < 0.0 or nmhc < 0.0:
        return NEGATIVE
    return OK


@inner_kernel
def _fold_window(
    rules: FumeRules,
    monitor: Any,
    state: Any,
    sample: Any,
    quality: int,
    row: int,
    events: NDArray[np.void],
    said: int,
) -> int:
    length = int(rules.window_s * SECOND)
    window = sample["ts"] - sample["local"] % length
    if window == state["judged"]:
        return said
    if window != state["window"]:
        if state["window"] != NEVER:
            said = _judge_window(rules, monitor, state, sample, row, events, said)
        state["window"] = window
        state["total"], state["received"], state["valid"] = 0.0, 0, 0
    state["received"] += 1
    fan_on = sample["fan_on"] == YES or state["has_fan"] == 0
    if quality == OK and fan_on and not math.isnan(sample["fume_mg_m3"]):
        state["total"] += sample["fume_mg_m3"]
        state["valid"] += 1
    interval_s = _interval_s(monitor)
    last_expected = sample["ts"] + int(interval_s * SECOND) >= window + length
    if last_expected and state["received"] >= math.floor(rules.window_s / interval_s):
        said = _judge_window(rules, monitor, state, sample, row, events, said)
        state["window"] = NEVER
    return said


@inner_kernel
def _interval_s(monitor: Any) -> float:
    interval_s = monitor["interval_s"]
    return float(interval_s) if interval_s > 0.0 and not math.isinf(interval_s) else DEFAULT_INTERVAL_S


@inner_kernel
def _judge_window(
    rules: FumeRules, monitor: Any, state: Any, sample: Any, row: int, events: NDArray[np.void], said: int
) -> int:
    window = state["window"]
    state["judged"] = window
    expected = rules.window_s / _interval_s(monitor)
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
        for older in range(_HISTORY - 1, 0, -1):
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
        _tell_exceedance(rules, monitor, state, sample, row, events[said], UPDATED if going_on else OPENED)
    elif going_on and state["calm_in_a_row"] >= rules.clear_in_a_row:
        _tell_exceedance(rules, monitor, state, sample, row, events[said], CLEARED)
        state["exceeding_since"] = NEVER
    else:
        return said
    values = events[said]["values"]
    values[0], values[4], values[5], values[6] = mean, state["valid"], expected, window / SECOND
    return said + 1


@inner_kernel
def _fold_fan(
    rules: FumeRules, monitor: Any, state: Any, sample: Any, row: int, events: NDArray[np.void], said: int
) -> int:
    if sample["fan_on"] == YES:
        state["fan_off_since"] = NEVER
    elif sample["fan_on"] == NO:
        if state["fan_off_since"] == NEVER:
            state["fan_off_since"] = sample["ts"]
        off_us = sample["ts"] - state["fan_off_since"]
        if state["exceeding_since"] != NEVER and off_us >= int(rules.fan_off_s * SECOND):
            _tell_exceedance(rules, monitor, state, sample, row, events[said], CLEARED)
            state["exceeding_since"] = NEVER
            said += 1
    return said


@inner_kernel
def _fold_purifier(
    rules: FumeRules, state: Any, sample: Any, row: int, events: NDArray[np.void], said: int
) -> int:
    ts = sample["ts"]
    if sample["fan_on"] == NO or sample["purifier_on"] == YES:
        if state["purifier_open"] == 1:
            _tell_purifier(rules, state, sample, row, events[said], CLEARED)
            state["purifier_open"] = 0
            said += 1
        state["purifier_off_since"] = NEVER
    elif sample["fan_on"] == YES and sample["purifier_on"] == NO:
        if state["purifier_off_since"] == NEVER:
            state["purifier_off_since"] = ts
        if state["purifier_open"] == 1:
            if ts - state["purifier_said"] >= int(rules.purifier_update_s * SECOND):
                _tell_purifier(rules, state, sample, row, events[said], UPDATED)
                said += 1
        elif ts - state["purifier_off_since"] >= int(rules.purifier_off_s * SECOND):
            _tell_purifier(rules, state, sample, row, events[said], OPENED)
            state["purifier_open"] = 1
            said += 1
    return said


@inner_kernel
def _tell_exceedance(
    rules: FumeRules, monitor: Any, state: Any, sample: Any, row: int, event: Any, action: int
) -> None:
    _tell(sample, row, event, FUME_EXCEEDANCE, action)
    limit, most = monitor["limit_mg_m3"], state["max_mean_mg_m3"]
    event["severity"] = state["severity"]
    event["started"] = state["exceeding_since"]
    if limit > 0.0:
        event["score"] = min(1.0, max(0.0, 0.5 + 0.5 * (most / limit - 1) / (rules.critical_ratio - 1)))
    else:
        event["score"] = 1.0
    values = event["values"]
    values[1], values[2], values[3] = limit, most, state["windows_over"]


@inner_kernel
def _tell_purifier(rules: FumeRules, state: Any, sample: Any, row: int, event: Any, action: int) -> None:
    _tell(sample, row, event, PURIFIER_OFF, action)
    state["purifier_said"] = sample["ts"]
    seconds = (sample["ts"] - state["purifier_off_since"]) / SECOND
    event["severity"] = MAJOR
    event["started"] = state["purifier_off_since"]
    event["score"] = min(1.0, max(0.0, 0.7 + 0.3 * (seconds - rules.purifier_off_s) / 3000))
    values = event["values"]
    values[0], values[1], values[2] = seconds, sample["fan_a"], sample["purifier_a"]


@inner_kernel
def _tell(sample: Any, row: int, event: Any, kind: int, action: int) -> None:
    event["slot"], event["index"], event["ts"] = sample["slot"], row, sample["ts"]
    event["kind"], event["action"], event["reason"] = kind, action, NO_REASON
    event["place"], event["permit"], event["site"] = -1, -1, -1
    event["lat"], event["lon"] = math.nan, math.nan
    event["values"][:] = math.nan
