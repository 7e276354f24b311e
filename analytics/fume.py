"""Kitchens judged: whose fumes are over the limit, whose purifier is off or dirty, which monitor is silent or suspect.

A fold: per monitor, in event time, one reading after the other; no clock. Cutting the readings into other
batches changes nothing. What time alone brings about (a window closes, a silence is long enough, a cleaning is
overdue) has its instant too: `pass_time` tells it up to a clock's reading, and every reading tells what was due
before it, so that it makes no difference whether a clock ran in between.

Each idea is a module of `analytics.kitchens`, which says its rules.
Tests: tests/analytics/test_fume.py and test_kitchens.py hold it against plain Python.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel, kernel
from analytics.kitchens.believing import fan_of, is_cooking, purifier_of, quality_of
from analytics.kitchens.copies import fold_piece, piece_hash
from analytics.kitchens.degraded import (
    OVERDUE,
    cleaning_due,
    fold_cleanliness,
    notice_cleaning,
    overdue_due,
    say_degraded,
)
from analytics.kitchens.exceedance import close_window, fold_fan, fold_window, window_due
from analytics.kitchens.offline import end_offline, offline_due, say_offline
from analytics.kitchens.purifier import fold_purifier
from analytics.kitchens.state import (
    FUME_LAYOUT,
    FUME_STATE,
    MONITOR,
    OVER,
    PIECE,
    new_fume_states,
    new_monitors,
)
from analytics.kitchens.suspect import fold_suspect
from analytics.records import EVENT, NEVER, NOTHING_DUE, OK, UNKNOWN, YES
from analytics.rules import FumeRules

__all__ = [
    "FUME_LAYOUT", "FUME_STATE", "MONITOR", "fume_due", "judge_fume", "new_fume_states", "new_monitors",
    "pass_fume_time", "piece_hashes",
]  # fmt: skip

_MOST_EVENTS_OF_TIME = 12  # a window, a silence, and for each of four cleanings an end and a being overdue
_MOST_EVENTS_A_SAMPLE = 2 * _MOST_EVENTS_OF_TIME + 8


def judge_fume(
    rules: FumeRules, monitors: NDArray[np.void], states: NDArray[np.void], samples: NDArray[np.void]
) -> tuple[NDArray[np.void], NDArray[np.int8], NDArray[np.void]]:
    """Fold `samples` (N,) SAMPLE, sorted by slot and ts, into `states` (S,), of `monitors` (S,) MONITOR.

    Returns the states after, the readings' qualities, and the events as they were caused. The arguments stay
    as they are. A reading no newer than its monitor's last one gets its quality and changes nothing else.
    """
    exact = _exact(rules)
    after = np.array(states, FUME_STATE)
    monitors, samples = np.ascontiguousarray(monitors, MONITOR), np.ascontiguousarray(samples)
    quality = np.empty(len(samples), np.int8)
    events = np.empty(4 * _MOST_EVENTS_A_SAMPLE, EVENT)
    row = said = 0
    while True:
        row, said = _fold(exact, monitors, after, samples, quality, events, row, said)
        if row == len(samples):
            return after, quality, events[:said].copy()
        events = np.concatenate([events, np.empty(len(events), EVENT)])


def pass_fume_time(
    rules: FumeRules, monitors: NDArray[np.void], states: NDArray[np.void], clock_us: int
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """The states after, and the events of, time passing up to `clock_us` without a reading. Their `index` is -1."""
    after, monitors = np.array(states, FUME_STATE), np.ascontiguousarray(monitors, MONITOR)
    events = np.empty(len(after) * _MOST_EVENTS_OF_TIME, EVENT)
    said = _pass_all(_exact(rules), monitors, after, clock_us, events)
    return after, events[:said].copy()


def fume_due(rules: FumeRules, monitors: NDArray[np.void], states: NDArray[np.void]) -> NDArray[np.int64]:
    """(S,) when `pass_fume_time` next has something to say of each, if nothing comes; NOTHING_DUE: never."""
    out = np.empty(len(states), np.int64)
    states = np.ascontiguousarray(states, FUME_STATE)
    _due_all(_exact(rules), np.ascontiguousarray(monitors, MONITOR), states, out)
    return out


def piece_hashes(
    rules: FumeRules, monitors: NDArray[np.void], states: NDArray[np.void], samples: NDArray[np.void]
) -> NDArray[np.int64]:
    """(N,) for each reading, the hash of the piece of sixty that it ends; 0: it ends none that varies."""
    hashes = np.zeros(len(samples), np.int64)
    _hash_pieces(
        _exact(rules), np.ascontiguousarray(monitors, MONITOR), np.array(states, FUME_STATE),
        np.ascontiguousarray(samples), hashes,
    )  # fmt: skip
    return hashes


def _exact(rules: FumeRules) -> FumeRules:
    """`rules` with each number of its own type, so that there is one compilation."""
    for name, most in (("major_count", OVER), ("impossible_count", OVER), ("copied_distinct", PIECE)):
        if not 1 <= getattr(rules, name) <= most:
            raise ValueError(f"{name} is {getattr(rules, name)}, may be 1 to {most}")
    return FumeRules._make(type(d)(r) for d, r in zip(FumeRules(), rules, strict=True))


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
        quality[row] = quality_of(rules, sample)
        if sample["ts"] > state["last_ts"]:
            said = _fold_one(rules, monitor, state, sample, quality[row], row, events, said)
        row += 1
    return row, said


@inner_kernel
def _fold_one(
    rules: FumeRules,
    monitor: Any,
    state: Any,
    sample: Any,
    quality: int,
    row: int,
    events: NDArray[np.void],
    said: int,
) -> int:
    ts, slot = sample["ts"], sample["slot"]
    first = state["heard_ts"] == NEVER
    if not first:
        said = _pass_time(rules, monitor, state, slot, ts, events, said)
    if state["offline_since"] != NEVER:
        said = end_offline(state, slot, ts, row, events, said)
    state["last_ts"] = state["heard_ts"] = ts
    state["ahead"] = sample["local"] - ts
    _notice_sensors(state, sample)
    fan = fan_of(monitor, state, sample)
    cooking = is_cooking(monitor, state, fan)
    said = fold_window(rules, monitor, state, sample, quality == OK and cooking, row, events, said)
    said = fold_suspect(rules, monitor, state, sample, quality, cooking, fan, row, events, said)
    if first:
        said = _pass_time(rules, monitor, state, slot, ts, events, said)
    if quality == OK:
        purifier = purifier_of(monitor, state, sample)
        said = fold_fan(rules, monitor, state, sample, fan, row, events, said)
        said = fold_purifier(rules, state, sample, fan, purifier, row, events, said)
        if fan == YES and purifier == YES:
            said = fold_cleanliness(rules, monitor, state, sample, row, events, said)
    return said


@inner_kernel
def _notice_sensors(state: Any, sample: Any) -> None:
    if sample["fan_on"] != UNKNOWN:
        state["has_fan"] = 1
    if sample["purifier_on"] != UNKNOWN:
        state["has_purifier"] = 1


@inner_kernel
def _next_due(rules: FumeRules, monitor: Any, state: Any) -> tuple[int, int]:
    """When time alone next brings something about, and what: 0 a cleaning, 1 a window, 2 a silence, 3 overdue."""
    if state["heard_ts"] == NEVER:
        return NOTHING_DUE, 0
    due, what = cleaning_due(monitor, state), 0
    other = window_due(rules, state)
    if other < due:
        due, what = other, 1
    other = offline_due(rules, monitor, state)
    if other < due:
        due, what = other, 2
    other = overdue_due(monitor, state)
    if other < due:
        due, what = other, 3
    return due, what


@inner_kernel
def _pass_time(
    rules: FumeRules, monitor: Any, state: Any, slot: int, until: int, events: NDArray[np.void], said: int
) -> int:
    while True:
        due, what = _next_due(rules, monitor, state)
        if due > until or due == NOTHING_DUE:
            return said
        # What comes now for a time before this is late: the device is judged again.
        state["last_ts"] = max(state["last_ts"], due - 1)
        if what == 0:
            said = notice_cleaning(monitor, state, slot, due, -1, events, said)
        elif what == 1:
            said = close_window(rules, monitor, state, slot, due, events, said)
        elif what == 2:
            said = say_offline(rules, state, slot, due, -1, events, said)
        else:
            said = say_degraded(monitor, state, OVERDUE, slot, due, -1, events, said)


@kernel
def _pass_all(
    rules: FumeRules,
    monitors: NDArray[np.void],
    states: NDArray[np.void],
    until: int,
    events: NDArray[np.void],
) -> int:
    said = 0
    for slot in range(states.shape[0]):
        said = _pass_time(rules, monitors[slot], states[slot], slot, until, events, said)
    return said


@kernel
def _due_all(
    rules: FumeRules, monitors: NDArray[np.void], states: NDArray[np.void], out: NDArray[np.int64]
) -> None:
    for slot in range(states.shape[0]):
        due, _ = _next_due(rules, monitors[slot], states[slot])
        out[slot] = due


@kernel
def _hash_pieces(
    rules: FumeRules,
    monitors: NDArray[np.void],
    states: NDArray[np.void],
    samples: NDArray[np.void],
    hashes: NDArray[np.int64],
) -> None:
    """`states` are used up."""
    for row in range(samples.shape[0]):
        sample = samples[row]
        state, monitor = states[sample["slot"]], monitors[sample["slot"]]
        if sample["ts"] > state["last_ts"]:
            state["last_ts"] = sample["ts"]
            _notice_sensors(state, sample)
            fan = fan_of(monitor, state, sample)
            cooking = is_cooking(monitor, state, fan)
            if fold_piece(state, sample, quality_of(rules, sample), cooking, fan):
                hashes[row] = piece_hash(rules, state)
