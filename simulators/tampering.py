"""What is done to a monitor's readings so that they look better than the kitchen, in place.

Within a meal: stuck, impossible, clipped, copied; each long enough to meet the contract's definition.
Over days: see `DAILY`, for the nightly examination.
Patterns: domain/fume.md, section 4.3. The shares are simulator parameters.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Fumes = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Done:
    """Rows from `first` to `last`; the definition is met at `decided`."""

    first: int
    last: int
    decided: int
    note: str


def tamper(
    fume: Fumes, first: int, last: int, limit: float, dice: random.Random, rng: np.random.Generator
) -> Done | None:
    """See to readings of the meal of rows `first` to `last`; None where it is too short for what was drawn."""
    return dice.choice(TRICKS)(fume, first, last, limit, dice, rng)


def stuck(
    fume: Fumes, first: int, last: int, limit: float, dice: random.Random, rng: np.random.Generator
) -> Done | None:
    begin, count = _part(first, last, 35, 90, dice)
    if count < 35:
        return None
    fume[begin : begin + count] = round(float(rng.uniform(0.05, 0.4)) * limit, 3)
    return Done(begin, begin + count - 1, begin + 31, "stuck at one value")


def impossible(
    fume: Fumes,
    first: int,
    last: int,
    limit: float,  # noqa: ARG001 - as every trick
    dice: random.Random,
    rng: np.random.Generator,  # noqa: ARG001 - as every trick
) -> Done | None:
    begin, count = _part(first, last, 11, 40, dice)
    if count < 11:
        return None
    fume[begin : begin + count] = dice.choice((999.99, -999.0, 9999.0, -5.0))
    return Done(begin, begin + count - 1, begin + 3, "values no instrument reads")


def clipped(
    fume: Fumes, first: int, last: int, limit: float, dice: random.Random, rng: np.random.Generator
) -> Done | None:
    """A wok hot enough to be over the limit half of the time, cut off just under it."""
    begin, count = _part(first, last, 90, 150, dice)
    if count < 90:
        return None
    part = fume[begin : begin + count]
    part *= 1.05 * limit / max(float(np.median(part)), 1e-9)
    cut = rng.uniform(0.93, 0.97) * limit
    high = part > 0.9 * limit
    part[high] = cut + rng.uniform(-0.02, 0.02, int(high.sum())) * limit
    seen = np.flatnonzero(high)
    return Done(
        begin, begin + count - 1, begin + int(seen[min(35, len(seen) - 1)]), "cut off under the limit"
    )


def copied(
    fume: Fumes,
    first: int,
    last: int,
    limit: float,  # noqa: ARG001 - as every trick
    dice: random.Random,  # noqa: ARG001 - as every trick
    rng: np.random.Generator,  # noqa: ARG001 - as every trick
) -> Done | None:
    """The meal's own beginning, sent again."""
    count = (last - first) // 2
    if count < 63:
        return None
    begin = last - count
    fume[first : first + count] = np.round(fume[first : first + count], 3)
    fume[begin : begin + count] = fume[first : first + count]
    return Done(begin, last - 1, begin + 60, "an earlier hour sent again")


def _part(first: int, last: int, least: int, most: int, dice: random.Random) -> tuple[int, int]:
    """Beginning and length of a part of the meal, no longer than the meal."""
    count = min(dice.randint(least, most), last - first)
    return first + dice.randint(0, max(0, last - first - count)), count


Trick = Callable[[Fumes, int, int, float, random.Random, np.random.Generator], Done | None]
TRICKS: Final[tuple[Trick, ...]] = (stuck, impossible, clipped, copied)
