"""monitor_suspect: readings that speak against the monitor, not against the kitchen.

Stuck       Readings with the fan on are equal, over 0.02 mg/m³, for half an hour.
Impossible  Three readings within an hour that no instrument that measures can have said: out of its range, or
            below zero by more than its drift.
Clipped     A pile just under the limit: on one local day, since the last reading at the limit or over it, thirty
            readings with the fan on within the last tenth under the limit, and three times as many as in the
            tenth below. A tail that thins out, as a kitchen's does, makes no pile.
Copied      A piece of sixty readings that was seen before (`analytics.kitchens.copies`).
Over        After an hour of plausible readings: believed, with the fan on, and nothing of the above.
Takes no reading from the other detections: suspicion is not proof.
"""

import math
from typing import Any

from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel
from analytics.kitchens.believing import is_impossible
from analytics.kitchens.copies import fold_piece, piece_begun
from analytics.kitchens.state import OVER
from analytics.kitchens.telling import tell
from analytics.records import CLEARED, DAY, MAJOR, MONITOR_SUSPECT, NEVER, NO, OK, OPENED, SECOND, UPDATED
from analytics.rules import FumeRules

STUCK, IMPOSSIBLE, CLIPPED, COPIED = 1, 2, 4, 8


@inner_kernel
def fold_suspect(
    rules: FumeRules,
    monitor: Any,
    state: Any,
    sample: Any,
    quality: int,
    cooking: bool,  # noqa: FBT001 - a kernel's argument
    fan: int,
    row: int,
    events: NDArray[Any],
    said: int,
) -> int:
    ts = sample["ts"]
    impossible = is_impossible(rules, quality, sample)
    measured = quality == OK and cooking and not math.isnan(sample["fume_mg_m3"])
    whole_piece = fold_piece(state, sample, quality, cooking, fan)
    causes, since = 0, ts
    if impossible:
        for older in range(OVER - 1, 0, -1):
            state["impossible"][older] = state["impossible"][older - 1]
        state["impossible"][0] = ts
        first = state["impossible"][rules.impossible_count - 1]
        if first != NEVER and ts - first <= int(rules.impossible_within_s * SECOND):
            causes, since = causes | IMPOSSIBLE, min(since, first)
    if measured:
        if _is_stuck(rules, state, sample):
            causes, since = causes | STUCK, min(since, state["equal_since"])
        if _is_clipped(rules, monitor, state, sample):
            causes, since = causes | CLIPPED, min(since, state["pile_since"])
        if whole_piece and sample["seen"] != 0:
            causes, since = causes | COPIED, min(since, piece_begun(state))
            state["copied_from"] = sample["seen"]
    elif quality == OK and fan == NO:
        state["equal_since"] = NEVER
    if state["suspect_since"] == NEVER:
        if causes == 0:
            return said
        state["suspect_since"], state["suspect_causes"], state["plausible_since"] = since, causes, NEVER
        _tell(rules, monitor, state, sample, row, events[said], OPENED)
        return said + 1
    if causes != 0 or impossible:
        more = causes & ~state["suspect_causes"]
        state["suspect_causes"] |= causes
        state["plausible_since"] = NEVER
        if more != 0 or ts - state["suspect_said"] >= int(rules.suspect_update_s * SECOND):
            _tell(rules, monitor, state, sample, row, events[said], UPDATED)
            said += 1
    elif measured:
        if state["plausible_since"] == NEVER:
            state["plausible_since"] = ts
        if ts - state["plausible_since"] >= int(rules.plausible_s * SECOND):
            _tell(rules, monitor, state, sample, row, events[said], CLEARED)
            said += 1
            state["suspect_since"], state["suspect_causes"] = NEVER, 0
            state["pile"], state["under_pile"], state["pile_since"] = 0, 0, NEVER
    return said


@inner_kernel
def _is_stuck(rules: FumeRules, state: Any, sample: Any) -> bool:
    fume = sample["fume_mg_m3"]
    if state["equal_since"] == NEVER or fume != state["equal_mg_m3"]:
        state["equal_since"], state["equal_mg_m3"] = sample["ts"], fume
    lasted = sample["ts"] - state["equal_since"]
    return bool(fume > rules.stuck_mg_m3 and lasted >= int(rules.stuck_s * SECOND))


@inner_kernel
def _is_clipped(rules: FumeRules, monitor: Any, state: Any, sample: Any) -> bool:
    fume, limit = sample["fume_mg_m3"], monitor["limit_mg_m3"]
    day = sample["local"] // DAY
    if day != state["pile_day"] or fume >= limit:
        state["pile_day"] = day
        state["pile"], state["under_pile"], state["pile_since"] = 0, 0, NEVER
    share = fume / limit if limit > 0.0 else math.nan
    if share >= 1.0 - rules.clipped_band and share < 1.0:
        if state["pile"] == 0:
            state["pile_since"] = sample["ts"]
        state["pile"] += 1
        few_below = state["pile"] >= rules.clipped_ratio * state["under_pile"]
        return bool(state["pile"] >= rules.clipped_count and few_below)
    if share >= 1.0 - 2.0 * rules.clipped_band and share < 1.0:
        state["under_pile"] += 1
    return False


@inner_kernel
def _tell(rules: FumeRules, monitor: Any, state: Any, sample: Any, row: int, event: Any, action: int) -> None:
    ts = sample["ts"]
    tell(event, sample["slot"], row, ts, MONITOR_SUSPECT, action)
    state["suspect_said"] = ts
    causes = state["suspect_causes"]
    event["severity"], event["started"] = MAJOR, state["suspect_since"]
    score, values = 0.0, event["values"]
    if causes & STUCK:
        score = max(score, rules.suspect_stuck)
        values[0], values[4] = 1.0, state["equal_mg_m3"]
    if causes & IMPOSSIBLE:
        score = max(score, rules.suspect_impossible)
        values[1] = 1.0
    if causes & CLIPPED:
        score = max(score, rules.suspect_clipped)
        values[2], values[5], values[6] = 1.0, state["pile"], monitor["limit_mg_m3"]
    if causes & COPIED:
        score = max(score, rules.suspect_copied)
        values[3], values[7] = 1.0, state["copied_from"] / SECOND
    event["score"] = score
    values[8] = (ts - state["suspect_since"]) / SECOND
