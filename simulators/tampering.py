"""What is done to a monitor's readings so that they look better than the kitchen, in place.

Within a meal: stuck, impossible, clipped, copied; each long enough to meet the contract's definition.
Over days (`DAILY`), for the nightly examination: on the rows of some days of a kitchen.
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


PLAUSIBLE_S = 3600.0


@dataclass(slots=True)
class Suspicion:
    """How long what was done to a monitor makes it suspect: until it has been plausible for an hour (contract, section 4).

    What is done to it before that is more of the same episode. Instants are seconds since 1970.
    """

    _tampered: float = -np.inf
    _plausible: float = np.inf

    def begin(self, last_s: float) -> None:
        """Readings up to then were seen to."""
        self._tampered, self._plausible = last_s, np.inf

    def is_over(self, cooking_s: NDArray[np.float64], at_s: float) -> bool:
        """Whether it is at `at_s`, `cooking_s` being when readings with the fan on came, on the days since, day by day."""
        seen = cooking_s[(cooking_s > self._tampered) & (cooking_s < at_s)]
        if len(seen):
            self._plausible = min(self._plausible, float(seen[0]))
            if seen[-1] - self._plausible >= PLAUSIBLE_S:
                self._tampered = -np.inf
        return self._tampered == -np.inf


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
    return Done(begin, begin + count - 1, begin + 30, "stuck at one value")


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
    return Done(begin, begin + count - 1, begin + 2, "values no instrument reads")


def clipped(
    fume: Fumes, first: int, last: int, limit: float, dice: random.Random, rng: np.random.Generator
) -> Done | None:
    """A wok hot enough to be over the limit half of the time, cut off just under it."""
    begin, count = _part(first, last, 90, 150, dice)
    if count < 90:
        return None
    part = fume[begin : begin + count]
    before = part.copy()
    part *= 1.05 * limit / max(float(np.median(part)), 1e-9)
    cut = rng.uniform(0.93, 0.97) * limit
    high = part > 0.9 * limit
    part[high] = cut + rng.uniform(-0.02, 0.02, int(high.sum())) * limit
    pile = np.cumsum((part >= 0.9 * limit) & (part < limit))
    below = np.cumsum((part >= 0.8 * limit) & (part < 0.9 * limit))
    met = np.flatnonzero((pile >= 30) & (pile >= 3 * below))
    if not len(met):
        part[:] = before
        return None
    return Done(begin, begin + count - 1, begin + int(met[0]), "cut off under the limit")


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
    return Done(begin, last - 1, begin + 59, "an earlier hour sent again")


def _part(first: int, last: int, least: int, most: int, dice: random.Random) -> tuple[int, int]:
    """Beginning and length of a part of the meal, no longer than the meal."""
    count = min(dice.randint(least, most), last - first)
    return first + dice.randint(0, max(0, last - first - count)), count


Trick = Callable[[Fumes, int, int, float, random.Random, np.random.Generator], Done | None]
TRICKS: Final[tuple[Trick, ...]] = (stuck, impossible, clipped, copied)


Rows = NDArray[np.void]


def probe_pulled_out(days: list[Rows], limit: float, rng: np.random.Generator) -> None:  # noqa: ARG001
    for rows in days:
        rows["fume_mg_m3"] = np.abs(rng.normal(0, 0.01, len(rows)))


def duct_diluted(days: list[Rows], limit: float, rng: np.random.Generator) -> None:  # noqa: ARG001
    for rows in days:
        rows["fume_mg_m3"] *= 0.3
        rows["temp_c"] = 21 + (rows["temp_c"] - 21) * 0.3
        rows["rh_pct"] = 45 + (rows["rh_pct"] - 45) * 0.3


def coefficient_halved(days: list[Rows], limit: float, rng: np.random.Generator) -> None:  # noqa: ARG001
    factor = rng.uniform(0.3, 0.5)
    for rows in days:
        rows["fume_mg_m3"] *= factor


def made_up_digits(days: list[Rows], limit: float, rng: np.random.Generator) -> None:  # noqa: ARG001
    for rows in days:
        rows["fume_mg_m3"] = np.round(rows["fume_mg_m3"] * 200) / 200


def cut_off(days: list[Rows], limit: float, rng: np.random.Generator) -> None:
    for rows in days:
        fume, fan = rows["fume_mg_m3"], rows["fan_on"]
        fume[fan] *= 2.2 * limit / max(float(np.median(fume[fan])), 1e-9) * 0.5
        high = fan & (fume > 0.9 * limit)
        fume[high] = rng.uniform(0.92, 0.985, int(high.sum())) * limit


def pulled_at_meals(days: list[Rows], limit: float, rng: np.random.Generator) -> None:  # noqa: ARG001
    """An hour and a half of each day's cooking is not sent."""
    for n, rows in enumerate(days):
        cooking = np.flatnonzero(rows["fan_on"])
        if len(cooking) > 120:
            first = cooking[int(rng.integers(0, len(cooking) - 100))]
            days[n] = np.delete(rows, slice(first, first + 90))


def purifier_for_show(days: list[Rows], limit: float, rng: np.random.Generator) -> None:  # noqa: ARG001
    """Off, but for two hours around noon of every tenth day, when the officers come."""
    for n, rows in enumerate(days):
        minute = np.arange(len(rows))
        shown = (n % 10 == 5) & (np.abs(minute - 12 * 60) < 120)
        rows["purifier_on"] &= shown
        rows["purifier_a"] = np.where(rows["purifier_on"], rows["purifier_a"], 0.05)


def micrograms(days: list[Rows], limit: float, rng: np.random.Generator) -> None:  # noqa: ARG001
    for rows in days:
        rows["fume_mg_m3"] /= 1000


DAILY: Final[dict[str, Callable[[list[Rows], float, np.random.Generator], None]]] = {
    "probe_out": probe_pulled_out,
    "diluted": duct_diluted,
    "rescaled": coefficient_halved,
    "even_digits": made_up_digits,
    "near_limit": cut_off,
    "unplugged": pulled_at_meals,
    "for_show": purifier_for_show,
    "unit_changed": micrograms,
}
"""By what it should be found as."""
