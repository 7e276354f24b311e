"""What the belief rules and the findings say about real tracks.

    python -m benchmarks.belief TRACK.parquet [--moved gcj02]

Columns `device`, `ts` (UTC), `lat`, `lon`, and `speed_kmh` where there is one. Prints how many fixes get each quality,
and how many device-days each finding, with the widest cases. `--speed-column` names another column for the speed,
to see a wrong unit found.
"""

import argparse
from collections import Counter
from datetime import UTC
from pathlib import Path

import numpy as np
import polars as pl

from alerts.catalogue import load_catalogue
from analytics.district import compile_district
from analytics.findings import Lines, Stretch, findings
from analytics.records import FIX, QUALITIES, UNKNOWN
from analytics.vehicles import judge_vehicles, new_vehicle_states
from devices.types import Registry


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("track", type=Path)
    options.add_argument("--speed-column", default="speed_kmh")
    options.add_argument("--examples", type=int, default=3)
    asked = options.parse_args()
    frame = pl.read_parquet(asked.track).unique(["device", "ts"], keep="first").sort("device", "ts")
    judged = pl.concat([judge(fixes, asked.speed_column) for _, fixes in frame.group_by("device")])
    qualities = judged.group_by("quality").len().sort("len", descending=True)
    print(f"{asked.track.name}: {judged.height:,} fixes of {judged['device'].n_unique()} devices")
    print(
        "  "
        + ", ".join(f"{quality} {n:,} ({100 * n / judged.height:.2f} %)" for quality, n in qualities.rows())
    )
    counts: Counter[str] = Counter()
    told: dict[str, list[str]] = {}
    days = 0
    for (device, day), fixes in judged.with_columns(pl.col("ts").dt.date().alias("day")).group_by(
        "device", "day"
    ):
        days += 1
        for finding in findings(stretch(fixes.sort("ts")), Lines([])):
            counts[finding.code] += 1
            told.setdefault(finding.code, []).append(f"{device} {day}: {finding.detail}")
    print(f"  {days:,} device-days; findings: {dict(counts.most_common()) or 'none'}")
    for code, cases in told.items():
        for case in cases[: asked.examples]:
            print(f"    {code}: {case}")


def judge(fixes: pl.DataFrame, speed_column: str) -> pl.DataFrame:
    """One device's fixes with the quality the engine gives them."""
    records = np.zeros(fixes.height, FIX)
    for name in ("speed_kmh", "heading_deg", "hdop", "odometer_km", "load"):
        records[name] = np.nan
    for name in ("fix", "ignition", "lift", "cover"):
        records[name] = UNKNOWN
    records["ts"] = fixes["ts"].dt.epoch("us").to_numpy()
    records["local"] = records["ts"]
    records["lat"], records["lon"] = fixes["lat"].to_numpy(), fixes["lon"].to_numpy()
    if speed_column in fixes.columns:
        records["speed_kmh"] = fixes[speed_column].cast(pl.Float64).fill_null(np.nan).to_numpy()
    _, quality, _ = judge_vehicles(
        compile_district(Registry()).district,
        load_catalogue(None).vehicle_rules(),
        np.array([-1], np.int32),
        new_vehicle_states(1),
        records,
    )
    return fixes.select("device", "ts", "lat", "lon").with_columns(
        pl.Series("speed_kmh", records["speed_kmh"]),
        pl.Series("quality", [QUALITIES[q] for q in quality.tolist()]),
    )


def stretch(fixes: pl.DataFrame) -> Stretch:
    ts = fixes["ts"].dt.replace_time_zone(str(UTC)).dt.epoch("us").to_numpy()
    unknown = np.full(fixes.height, -1, np.int8)
    return Stretch(
        ts=ts,
        received=ts,
        lat=fixes["lat"].to_numpy(),
        lon=fixes["lon"].to_numpy(),
        speed_kmh=fixes["speed_kmh"].to_numpy(),
        odometer_km=np.full(fixes.height, np.nan),
        fix=unknown,
        ignition=unknown,
        quality=fixes["quality"].to_numpy().astype(str),
    )


if __name__ == "__main__":
    main()
