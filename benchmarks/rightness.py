"""How often is an alert right, and what is missed?  Simulated days with known truth against the real service.

    python -m benchmarks.rightness [SCENARIO…] [--hours 24] [--seed 7] [--jt808 SHARE]

A real Mosquitto, a real TimescaleDB, `fleetfume serve --role collector`, the sample district: the scenario's
day is published as fast as it goes, and `fleetfume score` compares.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import fresh_database, timescaledb_url
from tests.parts.run import begin_run, end_run
from tests.service.running import environment, fleetfume, serving

AS_FAST_AS_IT_GOES = 1_000_000
COLUMNS = ("truths", "alerts", "matched", "precision", "recall", "f1", "latency_p50_s", "latency_p95_s")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("scenarios", nargs="*", default=["clean", "noisy", "honest"])
    options.add_argument("--hours", type=float, default=24)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--details", action="store_true")
    options.add_argument("--jt808", type=float, default=0.0, help="share of the trucks that speak JT/T 808")
    asked = options.parse_args()
    run = begin_run()
    try:
        for scenario in asked.scenarios:
            with tempfile.TemporaryDirectory() as name, fresh_database(timescaledb_url()) as database_url:
                broker = Mosquitto(Path(name), survives_kill=False)
                broker.start()
                try:
                    play(Path(name), database_url, broker.url, scenario, asked)
                finally:
                    broker.stop()
    finally:
        end_run(run)


def play(directory: Path, database_url: str, mqtt_url: str, scenario: str, asked: argparse.Namespace) -> None:
    dialects = directory / "terminals.toml"
    dialects.write_text('[[jt808.terminals]]\nprofile = "simulated"\nserials = [""]\n')
    env = environment(directory, database_url=database_url, mqtt_url=mqtt_url, terminals_file=str(dialects))
    fleetfume("registry", "import", "--sample", env=env)
    truth = directory / "truth.ndjson"
    start = datetime.now(UTC) - timedelta(hours=asked.hours, minutes=5)
    begun = time.monotonic()
    with serving("--role", "collector", env=env, directory=directory):
        subprocess.run(
            [
                sys.executable, "-m", "runtime.cli", "simulate", scenario, "--start", start.isoformat(),
                "--duration", f"{asked.hours:g}h", "--speed", str(AS_FAST_AS_IT_GOES), "--seed", str(asked.seed),
                "--truth", str(truth), "--jt808", str(asked.jt808),
            ],
            env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        readings = settled(database_url)
        took_s = time.monotonic() - begun
    print(f"\n{scenario}, {asked.hours:g} h, seed {asked.seed}: {readings:,} readings in {took_s:.0f} s")
    if asked.details:
        print(fleetfume("score", "--truth", str(truth), "--details", env=env))
    else:
        print(fleetfume("score", "--truth", str(truth), env=env))
    with psycopg.connect(database_url) as connection:
        late = connection.execute(
            "SELECT state, late, count(*) FROM alert GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
    print("alerts by state and whether late readings had a part:", json.dumps(late))


def settled(database_url: str) -> int:
    """The number of readings stored, once it has stopped growing."""
    before, still = -1, 0
    while still < 5:
        with psycopg.connect(database_url) as connection:
            ((now,),) = connection.execute(
                "SELECT (SELECT count(*) FROM vehicle_position) + (SELECT count(*) FROM fume_reading)"
            ).fetchall()
        still = still + 1 if now == before else 0
        before = now
        time.sleep(2)
    return before


if __name__ == "__main__":
    main()
