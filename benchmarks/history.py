"""What does it take to judge history again?  Reading Parquet and judging, apart and together.

    python -m benchmarks.history [--days 6] [--hours 24] [--workers 2]

A simulated noisy day of the whole fleet is written as Parquet, once for each of --days (shifted by a day), and judged
as `fleetfume reevaluate --archive` does. Processor seconds of all threads are counted, not those on the wall, so that
what else the machine does matters little. The last line says what that comes to for 686 vehicles × 90 days at a fix every
10 s (533 million), if the work is shared evenly by two cores.
"""

import argparse
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from analytics.records import FIX
from analytics.vehicles import follow_vehicles, new_vehicle_states
from benchmarks.offline import START, ZONE, retelling, simulated
from devices.types import Registry
from ingest.history.retelling import records_of
from ingest.history.stored import archived_frames

FLEET_90_DAYS = 533_000_000


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--days", type=int, default=6)
    options.add_argument("--hours", type=float, default=24)
    options.add_argument("--workers", type=int, default=2)
    asked = options.parse_args()
    day = simulated("noisy", seed=71, hours=asked.hours)
    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name) / f"{n}.parquet" for n in range(asked.days)]
        for n, path in enumerate(paths):
            day.frame.with_columns(pl.col("ts") + timedelta(days=n)).write_parquet(path)
        size_mb = sum(path.stat().st_size for path in paths) / 1e6
        fixes = len(day.frame) * asked.days
        print(f"{fixes:,} fixes of {day.frame['device_id'].n_unique()} vehicles, {size_mb:.0f} MB of Parquet")

        # From before the beginning: some simulated clocks are wrong.
        span = START - timedelta(days=1), START + timedelta(days=asked.days + 1)
        begun = time.process_time()
        read = sum(len(frame) for frame in archived_frames(paths, *span))
        reading_s = time.process_time() - begun
        assert read == fixes
        print(f"reading alone          {fixes / reading_s / 1e6:6.2f} M fixes/s of processor time")

        engine = [_engine_alone(day.registry, day.frame) for _ in range(3)]
        print(f"engine alone           {statistics.median(engine) / 1e6:6.2f} M fixes/s of processor time")

        told, _ = retelling(day.registry, workers=asked.workers)
        begun = time.process_time()
        for frame in archived_frames(paths, *span):
            told.fold(frame)
        whole_s = time.process_time() - begun
        told.close()
        rate = fixes / whole_s
        print(f"together               {rate / 1e6:6.2f} M fixes/s of processor time")
        print(f"686 vehicles × 90 days (533 M fixes): {FLEET_90_DAYS / rate / 60 / 2:.1f} min on two cores")


def _engine_alone(registry: Registry, frame: pl.DataFrame) -> float:
    """Fixes a second of the compiled fold, over half a million fixes in their order."""
    told, fleet = retelling(registry, workers=1)
    told.close()
    sample = frame.head(500_000)
    ids = sample["device_id"].unique(maintain_order=True).to_list()
    slot = sample["device_id"].replace_strict({d: n for n, d in enumerate(ids)}, return_dtype=pl.Int64)
    records = records_of(sample, FIX, ZONE)
    records["slot"] = slot.to_numpy()
    records = records[np.argsort(records["slot"], kind="stable")]
    rules, rows = fleet.catalogue.vehicle_rules(), fleet.vehicle_rows(ids)
    states = new_vehicle_states(len(ids))
    follow_vehicles(fleet.compiled.district, rules, rows, states, records[:10])
    begun = time.process_time()
    follow_vehicles(fleet.compiled.district, rules, rows, states, records)
    return len(records) / (time.process_time() - begun)


if __name__ == "__main__":
    main()
