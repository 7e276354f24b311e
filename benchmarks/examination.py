"""The nightly examination on simulated kitchens: how often it errs on honest ones, how much it finds of what was done.

    python -m benchmarks.examination [--outlets 80] [--planted 30] [--days 40]

Honest kitchens are examined every night from the ninth day on. Then each pattern is planted from the middle of other
kitchens' days on, and counts as found if a later night names it. `cloned` is looked for as the night does, among the
pieces of sixty readings that the engine keeps: in the honest kitchens, and where one sends another's day.
"""

import argparse
from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from alerts.kitchens.night import meal_slots
from analytics.examination.detectors import HISTORY, Day, Finding, Known, examine
from analytics.examination.profiles import READINGS, profiles_of
from analytics.fume import MONITOR, new_fume_states, piece_hashes
from analytics.records import SAMPLE
from analytics.rules import FumeRules
from benchmarks.kitchens import OFFSET_S, START_S
from devices.meals import MealHours, Meals
from devices.registry_files import read_directory
from devices.types import Outlet
from simulators.kitchens import Kitchen
from simulators.scenarios import scenario_named
from simulators.tampering import DAILY, Rows

DATA = Path(__file__).parents[1] / "simulators" / "district_data"
FIRST_DAY = (START_S + OFFSET_S) // 86_400


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--outlets", type=int, default=80, help="honest kitchens")
    options.add_argument("--planted", type=int, default=30, help="kitchens that each pattern is planted at")
    options.add_argument("--days", type=int, default=40)
    asked = options.parse_args()
    outlets = list(read_directory(DATA).outlets.values())[: asked.outlets]
    false: Counter[str] = Counter()
    pieces: Pieces = {}
    for n, outlet in enumerate(outlets):
        lived = life(outlet, n, asked.days)
        false["cloned"] += clones(pieces, np.concatenate(lived), str(n))
        profiles = profiles_over(lived, limit_of(outlet))
        visits = tuple((FIRST_DAY + day, 24) for day in range(5, asked.days, 10))
        for _, findings in nights(profiles, Known(visits=visits, meals=meals_of(outlet))):
            false.update(finding.kind for finding in findings)
    days = len(outlets) * asked.days
    print(f"{days:,} honest outlet-days: {sum(false.values())} findings, "
          f"{1000 * sum(false.values()) / days:.2f} a 1,000 outlet-days {dict(+false)}")  # fmt: skip
    some = outlets[: asked.planted]
    for kind in DAILY:
        found = sum(planted(outlet, n, kind, asked.days) for n, outlet in enumerate(some))
        print(f"  {kind:13s} found at {found} of {len(some)} kitchens", flush=True)
    found = sum(
        clones(pieces, life(outlet, n, asked.days)[-1], f"a clone of {n}") > 0
        for n, outlet in enumerate(some)
    )
    print(f"  cloned        found at {found} of {len(some)} kitchens")


Pieces = dict[tuple[int, int], str]
"""Whose piece it was: by its end (us) and hash."""


def clones(pieces: Pieces, rows: Rows, whose: str) -> int:
    """How many pieces of `rows` another monitor has sent at the same instants; they are added to `pieces`."""
    samples = np.zeros(len(rows), SAMPLE)
    for name in set(rows.dtype.names or ()) & set(SAMPLE.names or ()):
        samples[name] = rows[name]
    samples["fume_mg_m3"] = np.round(samples["fume_mg_m3"], 3)
    hashes = piece_hashes(FumeRules(), np.zeros(1, MONITOR), new_fume_states(1), samples)
    ends = np.flatnonzero(hashes)
    keys = list(zip(samples["ts"][ends].tolist(), hashes[ends].tolist(), strict=True))
    return sum(pieces.setdefault(key, whose) != whose for key in keys)


def planted(outlet: Outlet, number: int, kind: str, days: int) -> bool:
    """Is `kind` found at a kitchen where it was done from the middle on?"""
    lived, rng = life(outlet, number, days), np.random.default_rng(number)
    done = lived if kind == "for_show" else lived[days // 2 :]
    DAILY[kind](done, limit_of(outlet), rng)
    lived[len(lived) - len(done) :] = done
    visits = tuple((FIRST_DAY + day, 24) for day in range(5, days, 10)) if kind == "for_show" else ()
    profiles = profiles_over(lived, limit_of(outlet))
    return any(
        finding.kind == kind
        for day, findings in nights(profiles, Known(visits=visits, meals=meals_of(outlet)))
        for finding in findings
        if kind == "for_show" or day >= FIRST_DAY + days // 2
    )


def life(outlet: Outlet, number: int, days: int) -> list[Rows]:
    kitchen = Kitchen(outlet, f"F{number:04d}", scenario_named("honest"), 7)
    return [day.rows for day in islice(kitchen.days(START_S, OFFSET_S), days)]


def meals_of(outlet: Outlet) -> frozenset[int]:
    """By the default: half past ten to half past one, half past four to half past eight."""
    default = MealHours(
        "default", "", date(2000, 1, 1), "10:30-13:30;16:30-20:30", confirmed=False, source=""
    )
    return meal_slots(outlet, Meals({}, [default]), date(2026, 1, 1))


def limit_of(outlet: Outlet) -> float:
    return Kitchen(outlet, "", scenario_named("honest"), 7).limit_mg_m3


def profiles_over(days: list[Rows], limit: float) -> list[Day]:
    """A kitchen's days, each as a monitor of its own: one pass for all of them."""
    tables = []
    for n, rows in enumerate(days):
        local_s = rows["ts"] // 1_000_000 + OFFSET_S
        tables.append(
            pl.DataFrame(
                {
                    "device_id": [str(FIRST_DAY + n)] * len(rows),
                    "minute": (local_s % 86_400 // 60).astype(np.int32),
                    "ok": True,
                    "fume_mg_m3": np.round(rows["fume_mg_m3"], 3),
                    "temp_c": np.round(rows["temp_c"], 1),
                    "rh_pct": np.round(rows["rh_pct"]),
                    "fan_on": rows["fan_on"],
                    "purifier_on": rows["purifier_on"],
                    "limit_mg_m3": limit,
                },
                schema=READINGS,
            )
        )
    return [
        {**profile, "day": int(profile["device_id"])} for profile in profiles_of(pl.concat(tables)).to_dicts()
    ]


def nights(profiles: list[Day], known: Known) -> list[tuple[int, list[Finding]]]:
    return [
        (profiles[n]["day"], examine(profiles[max(0, n - HISTORY) : n + 1], known))
        for n in range(8, len(profiles))
    ]


if __name__ == "__main__":
    main()
