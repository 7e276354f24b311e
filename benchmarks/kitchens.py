"""Kitchens judged without a service: how right, how often wrong on honest ones, how fast.

    python -m benchmarks.kitchens [--days 3] [--outlets 659] [--seed 7]

Simulated days of the sample district's outlets (of a tenth of them four weeks, for purifiers that age) go straight
through the engine, and what it tells is compared with what was done. Then a day of 12,000 outlets at one reading a
minute is judged on one core.
"""

import argparse
import io
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alerts.catalogue import load_catalogue
from alerts.episodes import Event, fold, named_events
from analytics.district import compile_district
from analytics.fume import judge_fume, new_fume_states, piece_hashes
from analytics.records import SAMPLE, SECOND
from devices.kitchens import Kitchens
from devices.registry_files import read_directory
from devices.types import Registry
from ingest.fleet import Fleet
from simulators.kitchens import Kitchen
from simulators.matching import Comparison, OpenedAlert, compare
from simulators.purifiers import ROUND_DAYS, last_cleaning
from simulators.scenarios import Scenario, scenario_named
from simulators.truth import Truth, TruthWriter, read_truths

DATA = Path(__file__).parents[1] / "simulators" / "district_data"
OFFSET_S = 8 * 3600
START_S = 20_800 * 86_400 - OFFSET_S
"""A local midnight."""
ROUND_S = 20_800 // ROUND_DAYS * ROUND_DAYS * 86_400 - OFFSET_S
"""The one before the first day of a cleaning firm's round."""


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--days", type=int, default=3)
    options.add_argument("--outlets", type=int, default=659)
    options.add_argument("--seed", type=int, default=7)
    asked = options.parse_args()
    registry = read_directory(DATA)
    played = [("clean", asked.days, START_S), ("smoke", asked.days, START_S), ("honest", asked.days, START_S)]
    played += [("ageing", ROUND_DAYS - 2, ROUND_S)]
    for scenario, length, start_s in played:
        outlets = asked.outlets if length == asked.days else asked.outlets // 10
        comparison, days = judged(registry, scenario_named(scenario), outlets, length, asked.seed, start_s)
        print(f"\n{scenario}: {days:,} outlet-days")
        for kind, score in comparison.kinds.items():
            print(f"  {kind:18s} truths {score.truths:5d} alerts {score.alerts:5d} matched {score.matched:5d}"
                  f"  precision {_share(score.precision)} recall {_share(score.recall)}")  # fmt: skip
        missed = Counter((truth.kind, truth.note) for truth in comparison.missed)
        print("  missed:", dict(missed), " false alarms a 1,000 outlet-days:",
              round(1000 * len(comparison.false_alarms) / days, 2))  # fmt: skip
    speed()


def judged(
    registry: Registry, scenario: Scenario, outlets: int, days: int, seed: int, start_s: int = START_S
) -> tuple[Comparison, int]:
    """What the engine makes of so many days of so many outlets."""
    device_ids = [d.device_id for d in registry.devices.values() if d.kind == "fume"][:outlets]
    fleet = Fleet(
        registry,
        compile_district(registry),
        load_catalogue(None),
        cleaned(registry, scenario, device_ids, start_s, days),
    )
    out = io.BytesIO()
    truths = TruthWriter(out)
    alerts: list[OpenedAlert] = []
    for device_id in device_ids:
        rows, done = _life(registry, device_id, scenario, days, seed, start_s)
        for truth in done:
            truths.add(truth)
        alerts += _alerts(fleet, device_id, rows)
    truths.close(start_s + days * 86_400)
    return compare(read_truths(io.BytesIO(out.getvalue())), alerts), days * len(device_ids)


def cleaned(
    registry: Registry, scenario: Scenario, device_ids: list[str], start_s: int, days: int
) -> Kitchens:
    """The round's cleanings as they would be recorded; those of the register where there is no round."""
    first = (start_s + OFFSET_S) // 86_400
    found = {}
    for device_id in device_ids if scenario.ageing else ():
        last = last_cleaning(device_id, first + days)
        both = [last, last_cleaning(device_id, last)]
        found[registry.devices[device_id].bound_to or ""] = tuple(
            date(1970, 1, 1) + timedelta(d) for d in both
        )
    return Kitchens(cleanings=found)


def _life(
    registry: Registry, device_id: str, scenario: Scenario, days: int, seed: int, start_s: int = START_S
) -> tuple[NDArray[np.void], list[Truth]]:
    kitchen = Kitchen(registry.outlets[registry.devices[device_id].bound_to or ""], device_id, scenario, seed)
    parts = list(
        takewhile(lambda day: day.until_s <= start_s + days * 86_400, kitchen.days(start_s, OFFSET_S))
    )
    return as_samples(np.concatenate([part.rows for part in parts])), [
        t for part in parts for t in part.truths
    ]


def as_samples(rows: NDArray[np.void]) -> NDArray[np.void]:
    """Simulated rows as the engine takes them, rounded as firmware rounds."""
    samples = np.zeros(len(rows), SAMPLE)
    samples["ts"], samples["local"] = rows["ts"], rows["ts"] + OFFSET_S * SECOND
    for name, digits in (
        ("fume_mg_m3", 3), ("pm_mg_m3", 3), ("nmhc_mg_m3", 3), ("temp_c", 1), ("rh_pct", 0), ("fan_a", 2),
        ("purifier_a", 2),
    ):  # fmt: skip
        samples[name] = np.round(rows[name], digits)
    samples["fan_on"], samples["purifier_on"] = rows["fan_on"], rows["purifier_on"]
    return samples


def _alerts(fleet: Fleet, device_id: str, rows: NDArray[np.void]) -> Iterator[OpenedAlert]:
    rules, monitors = fleet.catalogue.fume_rules(), fleet.monitors([device_id])
    hashes = piece_hashes(rules, monitors, new_fume_states(1), rows)
    first: dict[int, int] = {}
    for row in np.flatnonzero(hashes).tolist():
        seen = first.setdefault(int(hashes[row]), int(rows["ts"][row]))
        rows["seen"][row] = seen if seen < rows["ts"][row] else 0
    _, _, events = judge_fume(rules, monitors, new_fume_states(1), rows)
    told: list[Event] = named_events(events, site_ids=[], permit_ids=[])
    for n, episode in enumerate(fold([], told).values()):
        until = episode.cleared if episode.cleared is not None else episode.updated
        yield OpenedAlert(
            n,
            episode.kind,
            device_id,
            is_vehicle=False,
            started_at=_at(episode.started),
            opened_at=_at(episode.opened),
            until=_at(until),
            lat=None,
            lon=None,
        )


def speed(outlets: int = 12_000, at_once: int = 500) -> None:
    """A day of 12,000 outlets, in pieces that fit in memory; twenty different kitchens take turns."""
    registry = read_directory(DATA)
    fleet = Fleet(registry, compile_district(registry), load_catalogue(None))
    device_ids = [d.device_id for d in registry.devices.values() if d.kind == "fume"][:20]
    lives = [_life(registry, device_id, scenario_named("clean"), 1, 7)[0] for device_id in device_ids]
    pieces = []
    for slot in range(at_once):
        rows = lives[slot % len(lives)].copy()
        rows["slot"] = slot
        pieces.append(rows)
    samples = np.concatenate(pieces)
    monitors = fleet.monitors([device_ids[slot % len(lives)] for slot in range(at_once)])
    rules = fleet.catalogue.fume_rules()
    judge_fume(rules, monitors, new_fume_states(at_once), samples[:10])
    piece_hashes(rules, monitors, new_fume_states(at_once), samples[:10])
    took = hashed = 0.0
    readings = 0
    for _ in range(outlets // at_once):
        begun = time.process_time()
        judge_fume(rules, monitors, new_fume_states(at_once), samples)
        took += time.process_time() - begun
        begun = time.process_time()
        piece_hashes(rules, monitors, new_fume_states(at_once), samples)
        hashed += time.process_time() - begun
        readings += len(samples)
    print(f"\na day of {outlets:,} outlets, {readings:,} readings, one core: judged in {took:.1f} s,"
          f" pieces hashed in {hashed:.1f} s")  # fmt: skip


def _share(value: float | None) -> str:
    return "    -" if value is None else f"{value:5.3f}"


def _at(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


if __name__ == "__main__":
    main()
