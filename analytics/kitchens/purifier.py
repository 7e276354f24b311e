"""purifier_off: the fan runs and the purifier does not, for ten minutes without a break.

The ten minutes are also the tolerance: a purifier may start so long after the fan, and a fan run on so long
after it. Score: 0.7 at ten minutes, 1 at an hour.
"""

from typing import Any

from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel
from analytics.kitchens.telling import tell
from analytics.records import CLEARED, MAJOR, NEVER, NO, OPENED, PURIFIER_OFF, SECOND, UPDATED, YES
from analytics.rules import FumeRules


@inner_kernel
def fold_purifier(
    rules: FumeRules,
    state: Any,
    sample: Any,
    fan: int,
    purifier: int,
    row: int,
    events: NDArray[Any],
    said: int,
) -> int:
    ts = sample["ts"]
    if fan == NO or purifier == YES:
        if state["purifier_open"] == 1:
            _tell(rules, state, sample, row, events[said], CLEARED)
            state["purifier_open"] = 0
            said += 1
        state["purifier_off_since"] = NEVER
    elif fan == YES and purifier == NO:
        if state["purifier_off_since"] == NEVER:
            state["purifier_off_since"] = ts
        if state["purifier_open"] == 1:
            if ts - state["purifier_said"] >= int(rules.purifier_update_s * SECOND):
                _tell(rules, state, sample, row, events[said], UPDATED)
                said += 1
        elif ts - state["purifier_off_since"] >= int(rules.purifier_off_s * SECOND):
            _tell(rules, state, sample, row, events[said], OPENED)
            state["purifier_open"] = 1
            said += 1
    return said


@inner_kernel
def _tell(rules: FumeRules, state: Any, sample: Any, row: int, event: Any, action: int) -> None:
    tell(event, sample["slot"], row, sample["ts"], PURIFIER_OFF, action)
    state["purifier_said"] = sample["ts"]
    seconds = (sample["ts"] - state["purifier_off_since"]) / SECOND
    event["severity"] = MAJOR
    event["started"] = state["purifier_off_since"]
    event["score"] = min(1.0, max(0.0, 0.7 + 0.3 * (seconds - rules.purifier_off_s) / 3000))
    values = event["values"]
    values[0], values[1], values[2] = seconds, sample["fan_a"], sample["purifier_a"]
