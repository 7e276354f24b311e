"""How often is an alert right, and what is missed?  Simulated days with known truth against the real service.

    python -m benchmarks.rightness [SCENARIO…] [--hours 24] [--seed 7] [--jt808 SHARE] [--kitchens N]

A real Mosquitto, a real TimescaleDB, `fleetfume serve --role collector`, the sample district: the scenario's
day is published as fast as it goes, and `fleetfume score` compares. With --kitchens N no truck is played, and N kitchens
are. Purifiers that age want weeks: `ageing` is played from the firm's round on, with a few kitchens, its record book
imported by `fleetfume kitchens cleanings`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as dt_time
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from devices.registry_files import read_directory, write_directory
from devices.types import Registry
from simulators.purifiers import ROUND_DAYS, cleanings_csv
from simulators.scenarios import scenario_named
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import fresh_database, timescaledb_url
from tests.parts.run import begin_run, end_run
from tests.service.running import environment, fleetfume, serving

AS_FAST_AS_IT_GOES = 1_000_000
AGEING_KITCHENS, AGEING_HOURS = 24, 24.0 * 24
SAMPLE = Path(__file__).parents[1] / "simulators" / "district_data"


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("scenarios", nargs="*", default=["clean", "noisy", "smoke", "honest", "ageing"])
    options.add_argument("--hours", type=float, default=24)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--details", action="store_true")
    options.add_argument("--jt808", type=float, default=0.0, help="share of the trucks that speak JT/T 808")
    options.add_argument("--kitchens", type=int, help="so many kitchens, and no trucks")
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
    ageing = scenario_named(scenario).ageing > 0
    kitchens = asked.kitchens or (AGEING_KITCHENS if ageing else None)
    played = directory / "register"
    fleet = read_directory(SAMPLE)
    fleet = only_kitchens(fleet, kitchens) if kitchens else fleet
    write_directory(fleet, played)
    fleetfume("registry", "import", str(played), env=env)
    truth, book = directory / "truth.ndjson", directory / "cleanings.csv"
    hours = AGEING_HOURS if ageing else asked.hours
    start = after_the_round() if ageing else datetime.now(UTC) - timedelta(hours=hours, minutes=5)
    begun = time.monotonic()
    simulated = [
        "simulate", scenario, "--registry", str(played), "--start", start.isoformat(), "--duration", f"{hours:g}h",
        "--speed", str(AS_FAST_AS_IT_GOES), "--seed", str(asked.seed), "--truth", str(truth), "--jt808", str(asked.jt808),
    ]  # fmt: skip
    if ageing:
        until = start + timedelta(hours=hours)
        book.write_text(cleanings_csv(fleet, start.date(), until.date()), encoding="utf-8")
        print(fleetfume("kitchens", "cleanings", str(book), env=env).strip())
    with serving("--role", "collector", env=env, directory=directory):
        subprocess.run(
            [sys.executable, "-m", "runtime.cli", *simulated],
            env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        readings, stored_at = settled(database_url)
        took_s = stored_at - begun
    whose = f"{scenario}, {hours:g} h, seed {asked.seed}, {kitchens or 'all'} kitchens"
    print(f"\n{whose}: {readings:,} readings in {took_s:.0f} s")
    if asked.details:
        print(fleetfume("score", "--truth", str(truth), "--details", env=env))
    else:
        print(fleetfume("score", "--truth", str(truth), env=env))
    with psycopg.connect(database_url) as connection:
        late = connection.execute(
            "SELECT state, late, count(*) FROM alert GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
    print("alerts by state and whether late readings had a part:", json.dumps(late))


def only_kitchens(registry: Registry, count: int) -> Registry:
    monitors = [device for device in registry.devices.values() if device.kind == "fume"][:count]
    return replace(registry, devices={device.device_id: device for device in monitors})


def after_the_round() -> datetime:
    """The local midnight before the last round that leaves time for all that is played."""
    local = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(hours=AGEING_HOURS + 1)
    day = (local.date() - date(1970, 1, 1)).days // ROUND_DAYS * ROUND_DAYS
    return datetime.combine(date(1970, 1, 1) + timedelta(days=day), dt_time(), ZoneInfo("Asia/Shanghai"))


def settled(database_url: str) -> tuple[int, float]:
    """The number of readings stored, once it has not grown for 10 s, and when it grew last (monotonic)."""
    before, grew = -1, time.monotonic()
    while time.monotonic() - grew < 10:
        with psycopg.connect(database_url) as connection:
            ((now,),) = connection.execute(
                "SELECT (SELECT count(*) FROM vehicle_position) + (SELECT count(*) FROM fume_reading)"
            ).fetchall()
        if now != before:
            before, grew = now, time.monotonic()
        time.sleep(0.5)
    return before, grew


if __name__ == "__main__":
    main()
