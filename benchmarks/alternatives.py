"""How often is the engine right, and how often are the usual alternatives, in one run over the same fixes?

    python -m benchmarks.alternatives [SCENARIO…] [--seed 9001] [--hours 10] [--rules FILE]

Scenarios: clean, noisy, holes (six times the holes), lossy (the same, and what they delay is lost), no_sensors, honest:
each a night from 20:00 local on with all 686 trucks, most hauls being at night. Offline (benchmarks.offline): the service's
figures, with late readings and kitchens, are those of benchmarks.rightness. The seed is not one the rules were made with.
`visible`: truths of which what arrived still fulfils the definition; `beside`:
false alerts about something that did happen, which another alert told or which lies over 300 m away.
"""

import argparse
from pathlib import Path

import polars as pl

from alerts.catalogue import Catalogue, load_catalogue
from analytics.records import INFO, SEVERITIES
from benchmarks.offline import EVENING, Day, as_alerts, judged, simulated
from benchmarks.usual import Ground, one_fix_geofences, stops_by_place
from simulators.matching import Comparison, OpenedAlert, compare

SCENARIOS = ("clean", "noisy", "holes", "lossy", "no_sensors", "honest")
OF_ALTERNATIVES = {"one-fix geofence": ("off_route", "no_go_entry"), "stop by place": ("illegal_dumping",)}


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("scenarios", nargs="*", default=SCENARIOS)
    options.add_argument("--seed", type=int, default=9001)
    options.add_argument("--hours", type=float, default=10)
    options.add_argument("--rules", type=Path, help="other rules, like a FLEETFUME_RULES_FILE")
    asked = options.parse_args()
    for scenario in asked.scenarios:
        day = simulated(scenario, seed=asked.seed, hours=asked.hours, start=EVENING)
        report(scenario, day, load_catalogue(asked.rules))


def report(scenario: str, day: Day, catalogue: Catalogue) -> None:
    episodes = judged(day, catalogue)
    ground = Ground(day.registry)
    hours = _vehicle_hours(day)
    told = as_alerts(episodes)
    found = compare(day.truths, told)
    graver = sum(e.severity != SEVERITIES[INFO] for own in episodes.values() for e in own)
    print(
        f"\n{scenario}: {len(day.frame):,} fixes, {hours:,.0f} vehicle-hours, {len(day.truths)} truths, "
        f"{graver} alerts above info"
    )
    print(
        f"{'':18}{'kind':20}{'truths':>7}{'visible':>8}{'alerts':>7}{'beside':>7}{'prec.':>7}{'recall':>7}{'of vis.':>8}"
        f"{'F1':>7}{'p50 s':>7}{'p95 s':>7}"
    )
    _rows("fleetfume", found, None)
    others: dict[str, list[OpenedAlert]] = {
        "one-fix geofence": one_fix_geofences(day, ground),
        "stop by place": stops_by_place(day, ground),
    }
    for name, kinds in OF_ALTERNATIVES.items():
        truths = [truth for truth in day.truths if truth.kind in kinds]
        _rows(name, compare(truths, others[name]), kinds)
    false = sum(alert.kind != "loaded_stop" for alert in found.false_alarms)
    print(f"false alerts above info per 1,000 vehicle-hours: {1000 * false / hours:.2f}")


def _rows(name: str, found: Comparison, kinds: tuple[str, ...] | None) -> None:
    for kind, one in found.kinds.items():
        if kinds is None or kind in kinds:
            precision, recall, of_visible, f1 = (
                "-" if v is None else f"{v:.3f}"
                for v in (one.precision, one.recall, one.recall_visible, one.f1)
            )
            shares = f"{precision:>7}{recall:>7}{of_visible:>8}{f1:>7}"
            delays = "".join(
                f"{'-' if v is None else f'{v:.0f}':>7}" for v in (one.latency_p50_s, one.latency_p95_s)
            )
            print(
                f"{name:18}{kind:20}{one.truths:>7}{one.visible:>8}{one.alerts:>7}{one.beside:>7}{shares}{delays}"
            )


def _vehicle_hours(day: Day) -> float:
    """Between each vehicle's first and last fix."""
    total = day.frame.group_by("device_id").agg(first=pl.col("ts").min(), last=pl.col("ts").max())
    return float((total["last"] - total["first"]).dt.total_seconds().sum()) / 3600


if __name__ == "__main__":
    main()
