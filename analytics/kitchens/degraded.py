"""purifier_degraded: dirty by its readings, or its cleaning is overdue. A recorded cleaning ends it.

Baseline  The median of the believed readings with fan and purifier on over the seven local days after that of
          the last cleaning, at least `degraded_readings` of them. It is taken from a histogram of 4 % a bin, as
          the mean of the bin's readings: exact for readings that are all alike, else good to 2 %.
Dirty     Of such readings over the last seven local days, today's included, at least half are half above the
          baseline: then their median is. Days of the baseline count as not above. So a day alone,
          a feast, opens nothing; it takes half a week's readings.
Overdue   More than `cleaning_days` local days after the last cleaning. Without either nothing is overdue.
"""

import math
from typing import Any

from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel
from analytics.kitchens.copies import PER_MG
from analytics.kitchens.state import BINS, CLEANINGS, NO_DAY, WEEK
from analytics.kitchens.telling import tell
from analytics.records import (
    CLEARED,
    DAY,
    MINOR,
    NEVER,
    NOTHING_DUE,
    OPENED,
    PURIFIER_DEGRADED,
    UPDATED,
)
from analytics.rules import FumeRules

DIRTY, OVERDUE = 1, 2
_LEAST = 0.03 * PER_MG
"""Where the histogram begins; what is below is in its first bin, what is over 5.4 mg/m³ in its last."""
_BIN = math.log(1.5) / 10
_MOST = 20 * PER_MG
_MOST_A_BIN = 10_000
"""With _MOST, what a bin's sum can hold."""


@inner_kernel
def cleaning_due(monitor: Any, state: Any) -> int:
    """When the next cleaning is noticed that this state does not know of."""
    found = _next_cleaning(monitor, state["cleaned"])
    if found == state["cleaned"]:
        return NOTHING_DUE
    return _midnight(found, state) if found > state["cleaned"] else int(state["last_ts"])


@inner_kernel
def _next_cleaning(monitor: Any, known: int) -> int:
    """The first cleaning after the one that is `known`; without any, the last one there is."""
    following, last, still_there = NO_DAY, NO_DAY, False
    for n in range(CLEANINGS):
        cleaned = monitor["cleaned"][n]
        still_there = still_there or cleaned == known
        last = max(last, cleaned)
        if cleaned > known and (following == NO_DAY or cleaned < following):
            following = cleaned
    if following != NO_DAY:
        return int(following)
    return int(known) if still_there or known == NO_DAY else int(last)


@inner_kernel
def notice_cleaning(
    monitor: Any, state: Any, slot: int, ts: int, row: int, events: NDArray[Any], said: int
) -> int:
    found = _next_cleaning(monitor, state["cleaned"])
    if state["degraded_since"] != NEVER and found > state["cleaned"]:
        _tell(monitor, state, slot, ts, row, events[said], CLEARED)
        state["degraded_since"], state["degraded_causes"] = NEVER, 0
        said += 1
    state["cleaned"], state["baseline"] = found, 0
    state["base_count"][:], state["base_sum"][:] = 0, 0
    state["day"], state["day_count"][:], state["day_above"][:] = NO_DAY, 0, 0
    return said


@inner_kernel
def overdue_due(monitor: Any, state: Any) -> int:
    if state["cleaned"] == NO_DAY or monitor["cleaning_days"] <= 0 or state["degraded_causes"] & OVERDUE:
        return NOTHING_DUE
    return _midnight(state["cleaned"] + monitor["cleaning_days"] + 1, state)


@inner_kernel
def _midnight(day: int, state: Any) -> int:
    """The UTC time a local day begins at, as far ahead as the wall clock was at the last reading; no past."""
    return max(int(day) * DAY - int(state["ahead"]), int(state["last_ts"]))


@inner_kernel
def say_degraded(
    monitor: Any, state: Any, cause: int, slot: int, ts: int, row: int, events: NDArray[Any], said: int
) -> int:
    if state["degraded_causes"] & cause:
        return said
    opens = state["degraded_since"] == NEVER
    if opens:
        state["degraded_since"] = ts
    state["degraded_causes"] |= cause
    _tell(monitor, state, slot, ts, row, events[said], OPENED if opens else UPDATED)
    return said + 1


@inner_kernel
def fold_cleanliness(
    rules: FumeRules, monitor: Any, state: Any, sample: Any, row: int, events: NDArray[Any], said: int
) -> int:
    """A believed reading with fan and purifier on."""
    fume, cleaned = sample["fume_mg_m3"], state["cleaned"]
    if cleaned == NO_DAY or math.isnan(fume):
        return said
    day = sample["local"] // DAY
    value = min(round(fume * PER_MG), _MOST)
    if day <= cleaned:
        return said
    _turn_to(state, day)
    state["day_count"][0] += 1
    if day <= cleaned + WEEK:
        at = (
            min(BINS - 1, max(0, int(math.log(max(value, 1) / _LEAST) / _BIN + 1e-9)))
            if value > _LEAST
            else 0
        )
        if state["base_count"][at] < _MOST_A_BIN:
            state["base_count"][at] += 1
            state["base_sum"][at] += int(value)
        return said
    if state["baseline"] == 0:
        state["baseline"] = _median(state, rules.degraded_readings)
    if state["baseline"] == 0:
        return said
    if value >= rules.degraded_ratio * state["baseline"]:
        state["day_above"][0] += 1
    count, above = _sums(state)
    if count >= rules.degraded_readings and 2 * above >= count:
        return say_degraded(monitor, state, DIRTY, sample["slot"], sample["ts"], row, events, said)
    return said


@inner_kernel
def _turn_to(state: Any, day: int) -> None:
    if day == state["day"]:
        return
    ahead = WEEK if state["day"] == NO_DAY else min(WEEK, day - state["day"])
    for n in range(WEEK - 1, -1, -1):
        state["day_count"][n] = state["day_count"][n - ahead] if n >= ahead else 0
        state["day_above"][n] = state["day_above"][n - ahead] if n >= ahead else 0
    state["day"] = day


@inner_kernel
def _sums(state: Any) -> tuple[int, int]:
    count = above = 0
    for n in range(WEEK):
        count += state["day_count"][n]
        above += state["day_above"][n]
    return count, above


@inner_kernel
def _median(state: Any, enough: int) -> int:
    """0 if there are not enough readings, or they are all zero."""
    count = 0
    for n in range(BINS):
        count += int(state["base_count"][n])
    if count < enough:
        return 0
    below, middle = 0, (count + 1) // 2
    for n in range(BINS):
        below += int(state["base_count"][n])
        if below >= middle:
            return int(state["base_sum"][n] / int(state["base_count"][n]) + 0.5)
    return 0


@inner_kernel
def _tell(monitor: Any, state: Any, slot: int, ts: int, row: int, event: Any, action: int) -> None:
    tell(event, slot, row, ts, PURIFIER_DEGRADED, action)
    causes, values = state["degraded_causes"], event["values"]
    event["severity"], event["started"] = MINOR, state["degraded_since"]
    event["score"] = 0.6 if causes & DIRTY else 0.5
    values[0], values[1] = 1.0 if causes & DIRTY else 0.0, 1.0 if causes & OVERDUE else 0.0
    if state["cleaned"] != NO_DAY:
        values[2] = (ts + state["ahead"]) // DAY - state["cleaned"]
    if monitor["cleaning_days"] > 0:
        values[3] = monitor["cleaning_days"]
    if state["baseline"] > 0:
        count, above = _sums(state)
        values[4], values[5] = state["baseline"] / PER_MG, above / max(1, count)
