"""monitor_offline: nothing for half an hour within the outlet's opening hours.

The half hour lies within one stretch of opening hours: it begins with the last reading, or with the opening
if the monitor was silent by then. So a monitor that is switched with the kitchen is not offline at night, and
is when the kitchen has been open for half an hour without it. Without hours in the register: always open.
"""

from typing import Any

from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel
from analytics.kitchens.state import RANGES
from analytics.kitchens.telling import tell
from analytics.records import (
    CLEARED,
    DAY,
    MINOR,
    MINUTE,
    MONITOR_OFFLINE,
    NEVER,
    NOTHING_DUE,
    OPENED,
    SECOND,
)
from analytics.rules import FumeRules

_DAYS_AHEAD = 2
"""Hours are the same every day: what does not come about until the day after tomorrow never does."""


@inner_kernel
def offline_due(rules: FumeRules, monitor: Any, state: Any) -> int:
    """When it is offline if nothing comes."""
    if state["offline_since"] != NEVER:
        return NOTHING_DUE
    heard = state["heard_ts"] + state["ahead"]
    silence = int(rules.monitor_offline_s * SECOND)
    if monitor["hours"][0, 0] < 0:
        return int(state["heard_ts"]) + silence
    opened = closed = NEVER
    for day in range(heard // DAY - 1, heard // DAY + _DAYS_AHEAD + 1):
        for n in range(RANGES):
            if monitor["hours"][n, 0] < 0:
                break
            begin, end = (
                day * DAY + monitor["hours"][n, 0] * MINUTE,
                day * DAY + monitor["hours"][n, 1] * MINUTE,
            )
            if begin > closed:
                opened = begin
            closed = max(closed, end)
            since = max(opened, heard)
            if closed - since >= silence:
                return int(since + silence - state["ahead"])
    return NOTHING_DUE


@inner_kernel
def say_offline(
    rules: FumeRules, state: Any, slot: int, ts: int, row: int, events: NDArray[Any], said: int
) -> int:
    state["offline_since"] = ts - int(rules.monitor_offline_s * SECOND)
    _tell(state, slot, ts, row, events[said], OPENED)
    return said + 1


@inner_kernel
def end_offline(state: Any, slot: int, ts: int, row: int, events: NDArray[Any], said: int) -> int:
    _tell(state, slot, ts, row, events[said], CLEARED)
    state["offline_since"] = NEVER
    return said + 1


@inner_kernel
def _tell(state: Any, slot: int, ts: int, row: int, event: Any, action: int) -> None:
    tell(event, slot, row, ts, MONITOR_OFFLINE, action)
    event["severity"], event["score"], event["started"] = MINOR, 0.5, state["offline_since"]
    event["values"][0] = (ts - state["heard_ts"]) / SECOND
    event["values"][1] = state["heard_ts"] / SECOND
