"""What makes a monitor's day suspicious, against its own days before. Each detector is one question.

Days    a list of day profiles (`profiles_of`, as dicts with `day`, a day number), oldest first, the last one the day
        that is examined. Days without readings are missing.
Finding a kind, a score, and in `explained` what was measured against what, in the words an officer reads.
Thresholds are ours, set so that on honest simulated kitchens all together find less than one thing in a thousand outlet-days
(benchmarks/kitchens.py measures it); the questions are domain/fume.md's, section 4.3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analytics.examination.profiles import PARTS

Day = dict[str, Any]
Floats = NDArray[np.float64]

PROBE_SHARE, PROBE_MEALS, PROBE_LEAST = 0.2, 3, 0.05
MEAL_READINGS = 45
DILUTION_MEAN, DILUTION_AIR, DILUTION_DAYS = 0.4, 0.5, 2
SCALE_DAYS, SCALE_BEFORE, SCALE_LEAST, SCALE_ALIKE = 4, 8, 0.6, 0.12
CLIPPED_DAYS, CLIPPED_OF, CLIPPED_COUNT, CLIPPED_RATIO = 3, 7, 15, 3.0
UNPLUGGED_MIN, UNPLUGGED_DAYS, UNPLUGGED_RATIO, UNPLUGGED_OF = 120, 3, 2.0, 14
DIGIT_READINGS, DIGIT_CHI2, DIGIT_DAYS = 400, 60.0, 3
"""χ² of nine degrees of freedom: 60 comes by chance once in a thousand million."""
SHOW_VISITS, SHOW_NEAR, SHOW_ELSE, SHOW_ELSE_MIN = 2, 0.8, 0.4, 600
UNIT_RATIO = 300.0
HISTORY = 30
"""Days before the one examined."""


@dataclass(frozen=True, slots=True)
class Finding:
    kind: str
    score: float
    explained: dict[str, float | str]
    """What was measured, each under its own name."""


@dataclass(frozen=True, slots=True)
class Known:
    """What else is known of the outlet."""

    cleaned: frozenset[int] = frozenset()
    """Days of recorded cleanings."""
    visits: tuple[tuple[int, int], ...] = ()
    """Inspections: day, and half hour of the local day."""
    meals: frozenset[int] = frozenset()
    """Half hours of the local day that lie in its meal hours while it is open."""


def examine(days: Sequence[Day], known: Known) -> list[Finding]:
    """All that is suspicious about the last of `days`."""
    found = (detector(days, known) for detector in DETECTORS)
    return [finding for finding in found if finding is not None]


def probe_out(days: Sequence[Day], _: Known) -> Finding | None:
    """Meals with fan and purifier on at less than a fifth of what such meals were like: out, wrapped, or blocked."""
    usual = _usual_meals(days[:-1])
    shares = []
    for day in days[-3:]:
        for part, (mean, count) in enumerate(zip(day["part_mean"], day["part_count"], strict=True)):
            if mean is not None and count >= MEAL_READINGS and usual[part] >= PROBE_LEAST:
                shares.append(mean / usual[part])
    if len(shares) < PROBE_MEALS or max(shares[-PROBE_MEALS:]) >= PROBE_SHARE:
        return None
    return Finding("probe_out", 0.7, {"meals": PROBE_MEALS, "share_of_usual": max(shares[-PROBE_MEALS:])})


def diluted(days: Sequence[Day], _: Known) -> Finding | None:
    """The mean falls by more than half, and with it how much warmer and damper the duct is when the fan runs."""
    last, before = days[-DILUTION_DAYS:], days[:-DILUTION_DAYS]
    if len(before) < SCALE_BEFORE:
        return None
    ratios = {
        name: [_ratio(day[name], _median(before, name)) for day in last]
        for name in ("mean_on", "warmer_c", "damper_pct")
    }
    air = max(ratios["warmer_c"] + ratios["damper_pct"])
    known = not np.isnan([*ratios["mean_on"], *ratios["warmer_c"], *ratios["damper_pct"]]).any()
    if not known or max(ratios["mean_on"]) > DILUTION_MEAN or air > DILUTION_AIR:
        return None
    return Finding("diluted", 0.7, {"mean_share": max(ratios["mean_on"]), "air_share": air})


def rescaled(days: Sequence[Day], known: Known) -> Finding | None:
    """From one day on, every quantile is the old one times the same factor, in the same air, without a cleaning."""
    if len(days) < SCALE_DAYS + SCALE_BEFORE:
        return None
    after, before = days[-SCALE_DAYS:], days[-SCALE_DAYS - SCALE_BEFORE : -SCALE_DAYS]
    if any(before[-1]["day"] - 3 <= day <= after[-1]["day"] for day in known.cleaned):
        return None
    old, new = _quantiles(before), _quantiles(after)
    halves = _quantiles(before[: SCALE_BEFORE // 2]), _quantiles(before[SCALE_BEFORE // 2 :])
    if not all((values > 0.01).all() for values in (old, *halves)) or not (new >= 0).all():
        return None  # NaN, or too small to tell
    ratio = new / old
    factor = float(np.exp(np.log(np.maximum(ratio, 1e-9)).mean()))
    steady = halves[0] / halves[1]
    alike = np.abs(ratio / factor - 1).max() <= SCALE_ALIKE and np.abs(np.log(steady)).max() <= np.log(1.35)
    air = _ratio(_median(after, "warmer_c"), _median(before, "warmer_c"))
    changed = factor <= SCALE_LEAST or factor >= 1 / SCALE_LEAST
    if not (alike and changed and (np.isnan(air) or air >= DILUTION_AIR)):
        return None
    return Finding("rescaled", 0.6, {"factor": factor, "since_day": float(after[0]["day"])})


def near_limit(days: Sequence[Day], _: Known) -> Finding | None:
    """On several days of a week many readings just under the limit, few below those, and none over it."""
    week = [day for day in days if day["day"] > days[-1]["day"] - CLIPPED_OF]
    piled = [
        day
        for day in week
        if day["over_limit"] == 0
        and day["under_limit"] >= CLIPPED_COUNT
        and day["under_limit"] >= CLIPPED_RATIO * day["below_that"]
    ]
    if len(piled) < CLIPPED_DAYS or piled[-1]["day"] != days[-1]["day"]:
        return None
    return Finding(
        "near_limit",
        0.7,
        {"days": float(len(piled)), "readings": float(sum(d["under_limit"] for d in piled))},
    )


def even_digits(days: Sequence[Day], _: Known) -> Finding | None:
    """The readings' last digits are not as likely one as the other: rounded or made up, not measured."""
    last = days[-DIGIT_DAYS:]
    counts = np.sum([day["last_digits"] for day in last], axis=0).astype(float)
    middle = _median(last, "mean_on")
    total = counts.sum()
    # A hundredth's resolution has zeros only; small values have too few digits to be even.
    if total < DIGIT_READINGS or counts[0] == total or np.isnan(middle) or middle < 0.05:
        return None
    chi2 = float(((counts - total / 10) ** 2 / (total / 10)).sum())
    if chi2 < DIGIT_CHI2 * max(1.0, total / 3000):
        return None
    return Finding(
        "even_digits", 0.5, {"chi2": chi2, "readings": float(total), "most": float(counts.max() / total)}
    )


def unplugged(days: Sequence[Day], known: Known) -> Finding | None:
    """Silent at its meal hours, or when this kitchen usually cooks, much more than at other times."""
    fortnight = [day for day in days if day["day"] > days[-1]["day"] - UNPLUGGED_OF]
    fan = np.array([day["fan"] for day in days], float)
    cooks = np.median(fan, axis=0) >= 10
    cooks[list(known.meals)] = True  # else who is unplugged at every meal would never seem to cook
    if len(fortnight) < DILUTION_DAYS + 3 or not cooks.any() or cooks.all():
        return None
    silent = 30.0 - np.minimum(
        30.0, np.array([day["heard"] for day in fortnight], float) * _interval_min(days)
    )
    cooking_min, other_min = silent[:, cooks].sum(), silent[:, ~cooks].sum()
    bad_days = int((silent[:, cooks].sum(axis=1) >= 30).sum())
    share, chance = cooking_min / max(1.0, cooking_min + other_min), float(cooks.mean())
    today = silent[-1, cooks].sum() >= 30
    enough = cooking_min >= UNPLUGGED_MIN and bad_days >= UNPLUGGED_DAYS and today
    if not enough or share < UNPLUGGED_RATIO * chance:
        return None
    return Finding(
        "unplugged", 0.6, {"silent_min": float(cooking_min), "days": float(bad_days), "share": float(share)}
    )


def for_show(days: Sequence[Day], known: Known) -> Finding | None:
    """The purifier runs while officers are there, within two hours of a visit, and seldom else."""
    by_day = {day["day"]: day for day in days}
    near = {(day, slot + n) for day, slot in known.visits if day in by_day for n in range(-4, 5)}
    if len({day for day, _ in near}) < SHOW_VISITS:
        return None
    fan_near = both_near = fan_else = both_else = 0
    for number, day in by_day.items():
        for slot, (fan, both) in enumerate(zip(day["fan"], day["both"], strict=True)):
            if (number, slot) in near:
                fan_near, both_near = fan_near + fan, both_near + both
            else:
                fan_else, both_else = fan_else + fan, both_else + both
    if fan_near < 30 or fan_else < SHOW_ELSE_MIN:
        return None
    shown, otherwise = both_near / fan_near, both_else / fan_else
    if shown < SHOW_NEAR or otherwise > SHOW_ELSE:
        return None
    return Finding("for_show", 0.7, {"linkage_at_visits": shown, "linkage_else": otherwise})


def unit_changed(days: Sequence[Day], _: Known) -> Finding | None:
    """The middle reading is hundreds of times what it was: micrograms for milligrams, or raw counts."""
    if len(days) < SCALE_BEFORE:
        return None
    known = [day["quantiles"][2] for day in days[:-1] if day["quantiles"][2]]
    usual, now = float(np.median(known)) if known else float("nan"), days[-1]["quantiles"][2]
    ratio = _ratio(now, usual)
    if days[-1]["on"] < MEAL_READINGS or np.isnan(ratio) or 1 / UNIT_RATIO < ratio < UNIT_RATIO:
        return None
    return Finding("unit_changed", 0.6, {"ratio": ratio})


DETECTORS: Final[tuple[Callable[[Sequence[Day], Known], Finding | None], ...]] = (
    probe_out, diluted, rescaled, near_limit, even_digits, unplugged, for_show, unit_changed,
)  # fmt: skip
SUSPICIONS: Final = (*(detector.__name__ for detector in DETECTORS), "cloned", "power_protection")
"""`cloned` is found where the pieces are kept: two monitors with the same sixty readings at the same instants.
`power_protection`, where ten minutes are: a purifier that cut out three times in a day. Of the kitchen, not its monitor.
"""


def _usual_meals(days: Sequence[Day]) -> Floats:
    """Per part of the day, the median of its meals' means; 0 where there were not three of them."""
    parts: list[list[float]] = [[] for _ in PARTS]
    for day in days:
        for part, mean, count in zip(parts, day["part_mean"], day["part_count"], strict=True):
            if mean is not None and count >= MEAL_READINGS:
                part.append(mean)
    return np.array([np.median(part) if len(part) >= 3 else 0.0 for part in parts])


def _quantiles(days: Sequence[Day]) -> Floats:
    found = np.array([[np.nan if q is None else q for q in day["quantiles"]] for day in days], float)
    with np.errstate(all="ignore"):
        middle: Floats = np.median(found, axis=0)
    return middle


def _median(days: Sequence[Day], name: str) -> float:
    known = [day[name] for day in days if day[name] is not None]
    return float(np.median(known)) if known else float("nan")


def _ratio(value: float | None, usual: float) -> float:
    return float("nan") if value is None or not usual > 0 else value / usual


def _interval_min(days: Sequence[Day]) -> float:
    """Minutes a reading stands for, by the fullest half hours."""
    full = np.percentile([day["heard"] for day in days], 90)
    return 30.0 / full if full > 0 else 30.0
