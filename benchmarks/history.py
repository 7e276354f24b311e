"""What does it take to judge history again?  Days of the whole fleet in Parquet, through `fleetfume reevaluate --archive`.

    python -m benchmarks.history [--days 6] [--parked-interval-s 300]

One noisy day of the 686 trucks is simulated and written as `fleetfume export` writes it, then once for each of --days, a day
later each; the trucks' states carry on. The command is run on all of it, against an empty database with the sample
register; what it took on the wall, in processor time of all threads, and the most memory it held are printed, beside what
reading the files and the compiled engine take alone. With `--parked-interval-s 10` every truck reports every ten
seconds around the clock: 90 days of that are the 533 million fixes of the target (15 min on two cores), and 10 GB of
disk in --directory, freed in the end.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl

from analytics.records import FIX
from analytics.vehicles import follow_vehicles, new_vehicle_states
from benchmarks.offline import START, ZONE, retelling, simulated
from devices.recordings import SCHEMAS, write_recording
from devices.types import Registry
from ingest.history.retelling import columns_of, records_of
from ingest.history.stored import archived_frames
from ingest.judging import JUDGES
from simulators.commands import SAMPLE_DISTRICT
from simulators.scenarios import scenario_named
from tests.parts.postgres import fresh_database, timescaledb_url
from tests.parts.run import begin_run, end_run
from tests.service.running import environment, fleetfume

TARGET_FIXES, TARGET_MIN = 533_000_000, 15
SAMPLE_ROWS = 500_000


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--days", type=int, default=6)
    options.add_argument("--parked-interval-s", type=float, default=300)
    options.add_argument("--directory", type=Path, help="where there is room for the archive")
    asked = options.parse_args()
    run = begin_run()
    try:
        with tempfile.TemporaryDirectory(dir=asked.directory) as name:
            measure(Path(name), asked.days, asked.parked_interval_s)
    finally:
        end_run(run)


def measure(directory: Path, days: int, parked_interval_s: float) -> None:
    noisy = scenario_named("noisy")
    # Who is silent for a day would be silent every day.
    scenario = msgspec.structs.replace(noisy, parked_interval_s=parked_interval_s, offline=0.0)
    day = simulated(scenario, seed=71)
    frame = as_exported(day.frame, day.registry)
    begun = time.monotonic()
    paths = [directory / f"{n:03}.parquet" for n in range(days)]
    for n, path in enumerate(paths):
        write_recording(frame.lazy().with_columns(pl.col("ts", "received_at") + timedelta(days=n)), path)
    fixes, size_gb = len(frame) * days, sum(path.stat().st_size for path in paths) / 1e9
    trucks = frame["device_id"].n_unique()
    written_s = time.monotonic() - begun
    print(
        f"{fixes:,} fixes of {trucks} trucks in {days} days, {size_gb:.2f} GB of Parquet, written in {written_s:.0f} s"
    )

    rate = rate_of_reading(paths[:6])
    print(f"reading alone   {rate / 1e6:6.2f} M fixes/s of processor time")
    rate = statistics.median(rate_of_engine(day.registry, day.frame.head(SAMPLE_ROWS)) for _ in range(3))
    print(f"engine alone    {rate / 1e6:6.2f} M fixes/s of processor time")
    del day, frame

    took = reevaluated(directory, paths, days)
    print(
        f"reevaluate      {took.wall_s / 60:6.1f} min on the wall, {took.processor_s / 60:.1f} min of processor time "
        f"({fixes / took.processor_s / 1e6:.2f} M fixes/s), at most {took.most_mb:,.0f} MB; "
        f"load {took.load[0]:.1f} at its beginning, {took.load[1]:.1f} at its end"
    )
    print(took.said)
    if fixes < TARGET_FIXES:
        reckoned_min = took.processor_s * TARGET_FIXES / fixes / 60 / 2
        print(f"reckoned for {TARGET_FIXES:,} fixes on two cores: {reckoned_min:.1f} min of {TARGET_MIN}")


def as_exported(positions: pl.DataFrame, registry: Registry) -> pl.DataFrame:
    """With the columns that an export has."""
    plates = {device_id: device.bound_to for device_id, device in registry.devices.items()}
    return positions.with_columns(
        plate=pl.col("device_id").replace_strict(plates, return_dtype=pl.String()),
        quality=pl.lit("ok"),
        received_at=pl.col("ts") + timedelta(seconds=2),
    ).select(SCHEMAS["vehicle"].keys())


def rate_of_reading(paths: Sequence[Path]) -> float:
    """Fixes a second of processor time."""
    begun = time.process_time()
    # From before the beginning: some simulated clocks are wrong.
    span = START - timedelta(days=1), START + timedelta(days=len(paths) + 1)
    read = sum(len(frame) for frame in archived_frames(paths, *span, columns_of(JUDGES["vehicle"])))
    return read / (time.process_time() - begun)


def rate_of_engine(registry: Registry, sample: pl.DataFrame) -> float:
    """Fixes a second of the compiled fold, over fixes in their order."""
    told, fleet = retelling(registry, workers=1)
    told.close()
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


class Took(NamedTuple):
    wall_s: float
    processor_s: float
    most_mb: float
    load: tuple[float, float]
    """Of the machine, before and after."""
    said: str


def reevaluated(directory: Path, paths: Sequence[Path], days: int) -> Took:
    """`fleetfume reevaluate` over the archive."""
    with fresh_database(timescaledb_url()) as database_url:
        env = environment(directory, database_url=database_url)
        fleetfume("registry", "import", str(SAMPLE_DISTRICT), env=env)
        archive = [argument for path in paths for argument in ("--archive", str(path))]
        span = ["--from", START.isoformat(), "--to", (START + timedelta(days=days)).isoformat()]
        out = directory / "said.txt"
        load, begun = os.getloadavg()[0], time.monotonic()
        with out.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "runtime.cli", "reevaluate", *span, *archive], env=env, stdout=sink
            )
            _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - begun
    assert status == 0, f"reevaluate ended with {status}"
    said = out.read_text().strip().splitlines()[-1]
    return Took(
        wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, (load, os.getloadavg()[0]), said
    )


if __name__ == "__main__":
    main()
