"""The score of illegal_dumping: weights fitted on simulated fleets, and what they are worth on those they have not seen.

    python -m benchmarks.score [--hours 8] [--seeds 301 401 501 601]

Candidates are what an officer could be shown: suspected dumpings of the engine, loaded stops, and every stop of three
minutes outside all sites. Of each the terms are known that the engine knows.

Faults   Simulated drivers lift and empty only to dump, so evidence would never be false. Real sensors bounce and
         drop out. So load and lift sensors are given faults (FAULTS a truck-day each, ours: nobody has counted them) while
         the truck is loaded and slow: the load reads 0.05, or the box "up", for half a minute. One sensor at a time.
Fit      The weights, each from 0 to 1, that minimise the Brier score of min(1, sum of the terms' weights) on the fleets
         trained on, held to the weights set by hand (PRIOR) where the fleets say nothing (L-BFGS-B, ANCHOR).
Crossed  A fleet (a seed, in two scenarios) is held out in turn, and the weights fitted on all others.
Shown    On each fleet held out: Brier score, average precision and F1 at 0.5, against the rule alone (an alert or none)
         and the place alone (the longer a stop, the more suspect); on all of them together reliability (is it a dumping as
         often as the score says?). A truth that no candidate stands for is missed.
"""

import argparse
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import minimize

from alerts.catalogue import load_catalogue
from alerts.episodes import Episode
from analytics.records import ILLEGAL_DUMPING, KINDS, LOADED_STOP, OFF_ROUTE
from benchmarks.offline import EVENING, ZONE, Day, judged, simulated
from benchmarks.usual import Ground, stops_by_place
from runtime.instants import instant
from simulators.matching import OpenedAlert, match

TERMS = ("lift", "load_fall", "inferred", "returned", "loaded_stop", "off_route", "night")
PRIOR = (0.6, 0.6, 0.5, 0.15, 0.15, 0.15, 0.1)
"""As set by hand before: one sensor alone 0.6, both 1, a stop alone 0.5."""
ANCHOR = 3e-4
FAULTS = 0.2
FAULTY_FIXES = 3
SLOW_KMH = 10.0
SAME = timedelta(minutes=10)
SCENARIOS = ("noisy", "no_sensors")
DUMPING = KINDS[ILLEGAL_DUMPING]


class Candidate(NamedTuple):
    terms: tuple[float, ...]
    told: bool
    """By the engine's rule."""
    stood_s: float
    is_dumping: bool


@dataclass(frozen=True, slots=True)
class Sample:
    candidates: list[Candidate]
    truths: int

    @property
    def terms(self) -> NDArray[np.float64]:
        return np.array([c.terms for c in self.candidates])

    @property
    def labels(self) -> NDArray[np.float64]:
        return np.array([c.is_dumping for c in self.candidates], np.float64)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--hours", type=float, default=8)
    options.add_argument("--seeds", type=int, nargs="+", default=[301, 401, 501, 601])
    asked = options.parse_args()
    of_seed = {seed: sample(seed, asked.hours) for seed in asked.seeds}
    report_terms(joined(of_seed.values()))
    shipped = np.array([load_catalogue(None).score_weights(DUMPING)[term] for term in TERMS])
    print(f"{'weights':18}" + "".join(f"{term:>12}" for term in TERMS))
    fitted = {}
    for seed in asked.seeds:
        fitted[seed] = fit(joined(one for other, one in of_seed.items() if other != seed))
        _weights(f"without {seed}", fitted[seed])
    _weights("of all", fit(joined(of_seed.values())))
    _weights("shipped", shipped)
    _weights("by hand, before", np.array(PRIOR))
    print(f"{'held out':10}{'scores':16}{'candidates':>11}{'dumpings':>9}{'Brier':>8}{'AP':>8}{'F1':>8}")
    for seed, one in of_seed.items():
        told = np.array([c.told for c in one.candidates], np.float64)
        stood = np.array([c.stood_s for c in one.candidates])
        for name, scores in (
            ("fitted", scored(fitted[seed], one)), ("shipped", scored(shipped, one)),
            ("by hand, before", scored(np.array(PRIOR), one)), ("rule alone", told),
            ("place alone", stood / max(1.0, stood.max())),
        ):  # fmt: skip
            decided = np.ones_like(scores) if name == "place alone" else scores
            brier = float(np.mean((scores - one.labels) ** 2))
            print(
                f"{seed:<10}{name:16}{len(one.candidates):>11}{int(one.labels.sum()):>9}{brier:8.3f}"
                f"{average_precision(scores, one):8.3f}{f1(decided, one):8.3f}"
            )
    everyone = joined(of_seed.values())
    for name, scores in (
        ("fitted on the others", np.concatenate([scored(fitted[s], one) for s, one in of_seed.items()])),
        ("shipped", scored(shipped, everyone)),
    ):
        print(f"reliability, {name}: score from, candidates, mean score, share that are dumpings")
        reliability(scores, everyone)


def report_terms(one: Sample) -> None:
    print(f"{len(one.candidates)} candidates, {int(one.labels.sum())} of them dumpings, {one.truths} truths")
    for n, term in enumerate(TERMS):
        held = one.terms[:, n] > 0
        share = one.labels[held].mean() if held.any() else 0
        print(f"  {term:12} in {int(held.sum()):6}, {share:.3f} of them dumpings")


def _weights(name: str, weights: NDArray[np.float64]) -> None:
    print(f"{name:18}" + "".join(f"{weight:12.2f}" for weight in weights))


def joined(samples: Iterable[Sample]) -> Sample:
    every = list(samples)
    return Sample([c for one in every for c in one.candidates], sum(one.truths for one in every))


def sample(seed: int, hours: float) -> Sample:
    return joined(
        Sample(*candidates_of(with_faults(simulated(scenario, seed=seed, hours=hours, start=EVENING), seed)))
        for scenario in SCENARIOS
    )


def with_faults(day: Day, seed: int) -> Day:
    """Sensors that bounce now and then."""
    rng = np.random.default_rng(seed)
    frame = day.frame.sort("device_id", "ts")
    load, lift = frame["load"].to_numpy(writable=True), frame["lift"].to_list()
    slow = frame["speed_kmh"].fill_null(0.0).to_numpy() < SLOW_KMH
    begins = frame.with_row_index().group_by("device_id").agg(pl.col("index").min(), pl.len()).sort("index")
    for _, first, count in begins.iter_rows():
        rows = np.arange(first, first + count - FAULTY_FIXES)
        rows = rows[(load[rows] > 0.5) & slow[rows]]
        for sensor in ("load", "lift"):
            if len(rows) and rng.random() < FAULTS:
                row = int(rng.choice(rows))
                for n in range(row, row + FAULTY_FIXES):
                    if sensor == "load":
                        load[n] = 0.05
                    elif lift[n] is not None:
                        lift[n] = True
    faulty = frame.with_columns(pl.Series("load", load), pl.Series("lift", lift, dtype=pl.Boolean))
    return replace(day, frame=faulty.with_columns(pl.col("load").fill_nan(None)).sort("ts", "device_id"))


def candidates_of(day: Day) -> tuple[list[Candidate], int]:
    episodes = judged(day)
    offs = {d: [e for e in own if e.kind == KINDS[OFF_ROUTE]] for d, own in episodes.items()}
    shown: list[tuple[OpenedAlert, tuple[float, ...], bool, float]] = []
    taken: dict[str, list[OpenedAlert]] = {}

    def show(alert: OpenedAlert, terms: dict[str, float], *, told: bool, stood_s: float) -> None:
        near = taken.setdefault(alert.device_id, [])
        if any(one.started_at - SAME <= alert.started_at <= one.until + SAME for one in near):
            return  # the same event, shown already
        near.append(alert)
        hour = alert.started_at.astimezone(ZONE).hour
        night = {"night": float(hour >= 22 or hour < 6)}
        shown.append((alert, tuple((night | terms).get(term, 0.0) for term in TERMS), told, stood_s))

    for device_id, own in episodes.items():
        for e in (e for e in own if e.kind == DUMPING):
            terms = {term: e.values.get(f"term_{term}", 0.0) for term in TERMS}
            show(_alert(device_id, e), terms, told=True, stood_s=e.values.get("stop_s", 0.0))
    for device_id, own in episodes.items():
        for e in (e for e in own if e.kind == KINDS[LOADED_STOP]):
            off = any(o.started <= e.started <= o.last for o in offs[device_id])
            stood_s = (e.last - e.started) / 1e6
            show(
                _alert(device_id, e),
                {"loaded_stop": 1.0, "off_route": float(off)},
                told=False,
                stood_s=stood_s,
            )
    for stop in stops_by_place(day, Ground(day.registry)):
        show(stop, {}, told=False, stood_s=(stop.until - stop.started_at).total_seconds())
    truths = [truth for truth in day.truths if truth.kind == DUMPING]
    alerts = [replace(alert, kind=DUMPING) for alert, *_ in shown]
    right = set(match(truths, alerts).values())
    found = [Candidate(terms, told, stood, n in right) for n, (_, terms, told, stood) in enumerate(shown)]
    return found, len(truths)


def _alert(device_id: str, e: Episode) -> OpenedAlert:
    return OpenedAlert(
        0, e.kind, device_id, True, instant(e.started), instant(e.opened), instant(e.last), e.lat, e.lon,  # noqa: FBT003
    )  # fmt: skip


def scored(weights: NDArray[np.float64], one: Sample) -> NDArray[np.float64]:
    return np.minimum(1.0, one.terms @ weights)


def fit(train: Sample) -> NDArray[np.float64]:
    def loss(weights: NDArray[np.float64]) -> float:
        return float(
            np.mean((scored(weights, train) - train.labels) ** 2) + ANCHOR * np.sum((weights - PRIOR) ** 2)
        )

    starts = (np.full(len(TERMS), share) for share in (0.1, 0.4, 0.7))
    found = [minimize(loss, start, method="L-BFGS-B", bounds=[(0, 1)] * len(TERMS)) for start in starts]
    best: NDArray[np.float64] = min(found, key=lambda one: one.fun).x
    return best


def average_precision(scores: NDArray[np.float64], one: Sample) -> float:
    """Mean of the precision at every truth, ties taken together; a truth without a candidate counts 0."""
    total, hits, shown = 0.0, 0.0, 0
    for value in np.unique(scores)[::-1]:
        rows = scores == value
        right = float(one.labels[rows].sum())
        hits, shown = hits + right, shown + int(rows.sum())
        total += right * hits / shown
    return total / one.truths


def f1(scores: NDArray[np.float64], one: Sample) -> float:
    told = scores >= 0.5
    return float(2 * one.labels[told].sum() / (told.sum() + one.truths))


def reliability(scores: NDArray[np.float64], one: Sample) -> None:
    edges = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.01)
    for low, high in itertools.pairwise(edges):
        rows = (scores >= low) & (scores < high)
        if rows.any():
            print(
                f"  {low:4.2f} {int(rows.sum()):6} {scores[rows].mean():6.3f} {one.labels[rows].mean():6.3f}"
            )


if __name__ == "__main__":
    main()
