"""Smoke as a real low-cost sensor saw it: the shape and the jitter of what leaves the wok, in the scenario `smoke`.

The record is an hour of a Nova SDS011 (laser scattering) in a closed room: incense is burnt for a quarter of an hour, the
smoke mixes, then an air cleaner takes it away. Source, licence and what was left out: docs/simulators.md.
"""

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

STEP_S = 10
A_MINUTE = 60 // STEP_S
NEIGHBOURS = 7
CLEAR_UG_M3 = 20.0
"""Below this the sensor's resolution of 0.1 µg/m³ is more than its jitter."""

Floats = NDArray[np.float64]


@cache
def record() -> Floats:
    """µg/m³ of PM2.5, every ten seconds."""
    text = files("simulators").joinpath("smoke_data/incense_sds011.csv").read_text(encoding="ascii")
    return np.array([float(line.split(",")[1]) for line in text.splitlines()[1:]])


@cache
def plume() -> Floats:
    """A mean a minute, the highest 1: up within a quarter of an hour, and away as slowly."""
    whole = record()[: len(record()) // A_MINUTE * A_MINUTE].reshape(-1, A_MINUTE).mean(axis=1)
    shape: Floats = whole / whole.max()
    return shape


@cache
def jitter() -> Floats:
    """How far each reading of thick smoke lies from the mean of those around it, as a share."""
    around = np.convolve(record(), np.full(NEIGHBOURS, 1 / NEIGHBOURS), "valid")
    middle = record()[NEIGHBOURS // 2 : -(NEIGHBOURS // 2)]
    found: Floats = (middle / around - 1)[around > CLEAR_UG_M3]
    return found


def smoke_over(count: int, plumes_an_hour: float, rng: np.random.Generator) -> Floats:
    """(count,) minutes: plumes of different strength over one another, as the sensor would have seen them."""
    begins = np.where(rng.random(count) < plumes_an_hour / 60, rng.uniform(0.3, 1.0, count), 0.0)
    smoke = np.convolve(begins, plume())[:count]
    seen: Floats = smoke * (1 + np.roll(np.resize(jitter(), count), int(rng.integers(0, len(jitter())))))
    return seen
