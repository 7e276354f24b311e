"""What receivers, clocks and networks do to readings on their way.

Figures: the trade's (JT/T 794, vendors, Sichuan's 2025 fleet report), as gathered for this project; the
shares are simulator parameters. Errors are random but come from the device's own generator.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from simulators.readings import SECOND_US
from simulators.roads import HILLS_NORTH_LAT, LAT_M, LON_M

OPEN_SIGMA_M, HILLS_SIGMA_M, CANYON_SIGMA_M = 4.0, 10.0, 20.0
TAU_S = 60.0
TAIL_SHARE = 0.002
CANYON_LAT, CANYON_LON = (36.700, 36.730), (117.485, 117.535)
"""The built-up middle of the district."""
PARKED_WANDER_SHARE = 0.01
UNFIXED_SHARE, ZERO_SHARE = 0.01, 0.001
LATE_SHARE, DOUBLE_SHARE, CONTRADICTING_SHARE = 0.005, 0.003, 0.001
HOLES_AN_HOUR = 0.25
"""In the hills; a tenth of it elsewhere."""
WRONG_CLOCK_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Flaws:
    """What is wrong with one device for good."""

    clock_off_us: int


def flaws_of(rng: np.random.Generator) -> Flaws:
    wrong = rng.random() < WRONG_CLOCK_SHARE
    return Flaws(int(rng.integers(-60, 61)) * SECOND_US if wrong else 0)


def disturbed_fixes(
    rows: NDArray[np.void],
    flaws: Flaws,
    rng: np.random.Generator,
    holes: float = 1.0,
    *,
    keeps: bool = True,
) -> NDArray[np.void]:
    """The fixes of one stretch as they arrive: in order of `due`, some twice, some without a fix.

    `holes`: times the usual holes in the network. `keeps`: the terminal keeps what it cannot send, and sends it later.
    """
    count = len(rows)
    if not count:
        return rows
    rows = rows.copy()
    sigma = _sigma(rows)
    moving = rows["speed_kmh"] > 1
    sigma = np.where(moving, sigma, 5.0)
    east, north = _wander(count, rng) * sigma, _wander(count, rng) * sigma
    _throw(east, north, rng.random(count) < TAIL_SHARE, (100, 2000), rng)
    _throw(east, north, ~moving & (rng.random(count) < PARKED_WANDER_SHARE), (20, 100), rng)
    rows["lat"] += north / LAT_M
    rows["lon"] += east / LON_M
    rows["speed_kmh"] = np.abs(rows["speed_kmh"] + rng.normal(0, np.where(moving, 0.8, 0.3), count))
    rows["heading_deg"] = (rows["heading_deg"] + np.where(moving, rng.normal(0, 4, count), 0)) % 360
    rows["hdop"] = np.clip(0.7 + sigma / 12 + rng.exponential(0.2, count), 0.6, 4)
    rows["sats"] = np.clip(rng.normal(16 - sigma / 3, 2, count), 4, 24).astype(np.int32)
    rows["load"] = np.clip(rows["load"] + rng.normal(0, 0.015, count), 0, 1)
    # A clock that jitters by up to a second; the truck is where it is.
    jitter_us = np.round(rng.uniform(-1, 1, count) * 1000).astype(np.int64) * 1000
    rows["due"] = rows["ts"] + SECOND_US + (rng.uniform(0, 2, count) * SECOND_US).astype(np.int64)
    rows["ts"] += flaws.clock_off_us + np.where(moving, jitter_us, 0)
    _lose_fixes(rows, rng)
    lost = _lose_network(rows, rng, holes)
    if not keeps:
        rows = rows[~lost]
        count = len(rows)
    late = rng.random(count) < LATE_SHARE
    rows["due"][late] += rng.integers(10, 35, int(late.sum())) * SECOND_US
    rows = np.concatenate([rows, _again(rows, rng)])
    return rows[np.argsort(rows["due"], kind="stable")]


def disturbed_samples(rows: NDArray[np.void], rng: np.random.Generator) -> NDArray[np.void]:
    """A kitchen's readings as they arrive; the network is the town's, so there are few holes."""
    count = len(rows)
    if not count:
        return rows
    rows = rows.copy()
    for name in ("fan_a", "purifier_a"):
        rows[name] = np.maximum(rows[name] + rng.normal(0, 0.02, count), 0)
    rows["due"] = rows["ts"] + SECOND_US + (rng.uniform(0, 2, count) * SECOND_US).astype(np.int64)
    late = rng.random(count) < LATE_SHARE
    rows["due"][late] += rng.integers(60, 200, int(late.sum())) * SECOND_US
    double = rows[rng.random(count) < DOUBLE_SHARE].copy()
    double["due"] += SECOND_US
    rows = np.concatenate([rows, double])
    return rows[np.argsort(rows["due"], kind="stable")]


def _sigma(rows: NDArray[np.void]) -> NDArray[np.float64]:
    lat, lon = rows["lat"], rows["lon"]
    canyon = (lat > CANYON_LAT[0]) & (lat < CANYON_LAT[1]) & (lon > CANYON_LON[0]) & (lon < CANYON_LON[1])
    return np.where(canyon, CANYON_SIGMA_M, np.where(lat < HILLS_NORTH_LAT, HILLS_SIGMA_M, OPEN_SIGMA_M))


def _wander(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """AR(1) of unit variance over fixes 10 s apart."""
    keep = float(np.exp(-10 / TAU_S))
    steps = rng.normal(0, (1 - keep**2) ** 0.5, count)
    steps[0] = rng.normal()
    return np.fromiter(accumulate(steps.tolist(), lambda now, step: keep * now + step), float, count)


def _throw(
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    which: NDArray[np.bool_],
    far_m: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Put the fixes `which` a random way off."""
    far, turn = rng.uniform(*far_m, len(which)), rng.uniform(0, 2 * np.pi, len(which))
    east[which] += (far * np.cos(turn))[which]
    north[which] += (far * np.sin(turn))[which]


def _lose_fixes(rows: NDArray[np.void], rng: np.random.Generator) -> None:
    """Bursts of three readings that repeat the last place and say so; now and then a zero."""
    count = len(rows)
    for begin in np.flatnonzero(rng.random(count) < UNFIXED_SHARE / 3).tolist():
        burst = slice(begin, begin + 3)
        rows["fix"][burst] = False
        rows["lat"][burst], rows["lon"][burst] = rows["lat"][begin], rows["lon"][begin]
        rows["sats"][burst], rows["hdop"][burst] = 0, 25.5
    zero = rng.random(count) < ZERO_SHARE
    rows["lat"][zero] = rows["lon"][zero] = 0.0
    rows["fix"][zero] = rng.random(int(zero.sum())) < 0.2


def _lose_network(rows: NDArray[np.void], rng: np.random.Generator, holes: float) -> NDArray[np.bool_]:
    """Holes of 2 to 20 minutes; what was kept is sent after each, oldest first, beside the live readings.

    Returns which rows fell into one.
    """
    lost = np.zeros(len(rows), bool)
    hilly = rows["lat"] < HILLS_NORTH_LAT
    moving = rows["speed_kmh"] > 5
    chance = np.where(hilly, HOLES_AN_HOUR, HOLES_AN_HOUR / 10) * holes * 10 / 3600 * moving
    for begin in np.flatnonzero(rng.random(len(rows)) < chance).tolist():
        opened = rows["due"][begin]
        closed = opened + int(rng.uniform(2, 20) * 60) * SECOND_US
        kept = (rows["due"] >= opened) & (rows["due"] < closed)
        order = np.arange(int(kept.sum()))
        # Thirty at a time, every 2 s.
        rows["due"][kept] = closed + (order // 30) * 2 * SECOND_US
        lost |= kept
    return lost


def _again(rows: NDArray[np.void], rng: np.random.Generator) -> NDArray[np.void]:
    """Readings sent a second time; a few say another place then."""
    double = rows[rng.random(len(rows)) < DOUBLE_SHARE].copy()
    double["due"] += SECOND_US
    other = rows[rng.random(len(rows)) < CONTRADICTING_SHARE].copy()
    other["due"] += 2 * SECOND_US
    other["lat"] += 30 / LAT_M
    return np.concatenate([double, other])
