"""Does a backlog delay live alerts?

    python -m benchmarks.backlog [--trucks 686] [--stored 100] [--hours 2] [--size 50] [--newest-first]

A real Mosquitto, a real TimescaleDB and `fleetfume serve` as one process, all on this machine. `stored` trucks were
in a hole for `hours`; they are back, report live, and upload what they stored in messages of `size` fixes, all at
once. The rest of the fleet reports each 10 s, and tips its load in the fields one truck after the other: the clock
runs from the publication of the fix that completes the tipping to its alert at a WebSocket client.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from websockets.sync.client import connect

from devices.repository import store_registry
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import fresh_database, timescaledb_url
from tests.parts.run import begin_run, end_run
from tests.service.running import PASSWORD, Service, environment, fleetfume, publisher, serving, sign_in
from tests.small_district import place, registry

INTERVAL_S = 10
TIPPINGS_A_SECOND = 2.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trucks", type=int, default=686)
    options.add_argument("--stored", type=int, default=100)
    options.add_argument("--hours", type=float, default=2.0)
    options.add_argument("--size", type=int, default=50)
    options.add_argument("--newest-first", action="store_true")
    options.add_argument("--quiet-s", type=float, default=20.0, help="live alone, to compare with")
    asked = options.parse_args()
    run = begin_run()
    try:
        with tempfile.TemporaryDirectory() as name, fresh_database(timescaledb_url()) as database_url:
            broker = Mosquitto(Path(name), survives_kill=False)
            broker.start()
            measure(Path(name), database_url, broker.url, asked)
            broker.stop()
    finally:
        end_run(run)


def stored_fixes(hours: float) -> list[dict[str, Any]]:
    """Round trips along the road, with a load that is tipped where it should be."""
    fixes = []
    begin = time.time() - hours * 3600
    for n in range(int(hours * 3600 / INTERVAL_S)):
        minute = n * INTERVAL_S / 60 % 40
        if minute < 5:
            east, load = 0.0, 0.0 if minute < 3 else 0.9
        elif minute < 18:
            east, load = (minute - 5) / 13 * 6000, 0.9
        elif minute < 23:
            east, load = 6000.0, 0.9 if minute < 20 else 0.0
        else:
            east, load = max(0.0, 6000 - (minute - 23) / 13 * 6000), 0.0
        lat, lon = place(east, 0)
        moving = 0.0 < east < 6000
        fixes.append(
            {"ts": round(begin + n * INTERVAL_S, 3), "lat": lat, "lon": lon, "speed_kmh": 28.0 if moving else 0.0,
             "load": load, "fix": True}
        )  # fmt: skip
    return fixes


def measure(directory: Path, database_url: str, mqtt_url: str, asked: argparse.Namespace) -> None:
    env = environment(directory, database_url=database_url, mqtt_url=mqtt_url, log_format="console")
    fleetfume("user", "add", "bench", "--role", "viewer", "--password-stdin", env=env, stdin=PASSWORD + "\n")
    with psycopg.connect(database_url) as connection:
        store_registry(connection, registry(trucks=asked.trucks), actor="bench", note="")
    fixes = stored_fixes(asked.hours)
    with (
        serving(env=env, directory=directory) as service,
        sign_in(service, "bench") as viewer,
        publisher(mqtt_url, "live") as live,
        publisher(mqtt_url, "stored") as upload,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        fleet = Live(service, viewer.headers["Authorization"], live, asked.stored, asked.trucks)
        with fleet:
            lat, lon = place(0, 0)
            for truck in range(asked.stored):
                live(topic(truck), {"ts": time.time(), "lat": lat, "lon": lon, "load": 0, "fix": True})
            time.sleep(asked.quiet_s)
            before = fleet.begin_measuring()
            begun = time.time()
            messages = [fixes[i : i + asked.size] for i in range(0, len(fixes), asked.size)]
            if asked.newest_first:
                messages = [message[::-1] for message in messages[::-1]]
            for message in messages:
                payload = message[0] if len(message) == 1 else {"batch": message}
                raw = json.dumps(payload).encode()
                for truck in range(asked.stored):
                    upload(topic(truck), raw)
            wanted = asked.stored * len(fixes)
            peak_mb = 0.0
            while (done := stored_count(connection, asked.stored, begun)) < wanted:
                time.sleep(0.25)
                peak_mb = max(peak_mb, resident_mb(service))
                if time.time() > begun + 280:
                    break
            took_s = time.time() - begun
            during = fleet.begin_measuring()
    order = "newest first" if asked.newest_first else "oldest first"
    print(f"{asked.stored} trucks, {len(fixes)} stored fixes each, {asked.size} a message, {order}")
    print(f"  backlog: {done} of {wanted} fixes in {took_s:.1f} s, {done / took_s:.0f} a second")
    print(f"  alerts with live traffic alone: {said(before)}")
    print(f"  alerts while the backlog is worked off: {said(during)}")
    print(f"  collector and API, resident: at most {peak_mb:.0f} MB")


def said(took_s: list[float]) -> str:
    if not took_s:
        return "none"
    ordered = sorted(took_s)
    return (
        f"{len(ordered)}, p50 {1000 * statistics.median(ordered):.0f} ms, "
        f"p99 {1000 * ordered[int(0.99 * (len(ordered) - 1))]:.0f} ms, longest {1000 * ordered[-1]:.0f} ms"
    )


def topic(truck: int) -> str:
    return f"ff/v1/vehicle/V{truck}/telemetry"


def stored_count(connection: psycopg.Connection, trucks: int, begun: float) -> int:
    row = connection.execute(
        "SELECT count(*) FROM vehicle_position WHERE ts < to_timestamp(%s) AND device_id = ANY(%s)"
        " AND ts < received_at - INTERVAL '5 seconds'",
        (begun, [f"V{truck}" for truck in range(trucks)]),
    ).fetchone()
    return int(row[0]) if row else 0


def resident_mb(service: Service) -> float:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


class Live:
    """The rest of the fleet: reports, tips, and the alerts that are heard of it."""

    def __init__(
        self,
        service: Service,
        authorization: str,
        publish: Callable[[str, Any], Any],
        first: int,
        trucks: int,
    ) -> None:
        self._service, self._authorization, self._publish = service, authorization, publish
        self._trucks = list(range(first, trucks))
        self._published: dict[str, float] = {}
        self._took_s: list[float] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._listen), threading.Thread(target=self._report)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def begin_measuring(self) -> list[float]:
        """What was measured so far; from now on anew."""
        measured, self._took_s = self._took_s, []
        return measured

    def _listen(self) -> None:
        with connect(
            f"ws://127.0.0.1:{self._service.port}/api/v1/stream",
            additional_headers={"Authorization": self._authorization},
        ) as stream:
            while not self._stop.is_set():
                try:
                    event = json.loads(stream.recv(timeout=0.5))
                except TimeoutError:
                    continue
                if event["type"] == "alert.opened" and event["alert"]["kind"] == "illegal_dumping":
                    begun = self._published.pop(event["alert"]["device_id"], None)
                    if begun is not None:
                        self._took_s.append(time.perf_counter() - begun)

    def _report(self) -> None:
        """Every truck stands in the fields, loaded; it tips when its turn comes, and is loaded again elsewhere."""
        lat, lon = place(2000, 800)
        fix = {"lat": lat, "lon": lon, "speed_kmh": 0, "load": 0.9, "fix": True}
        pace = INTERVAL_S / len(self._trucks)
        tip_every = max(1, int(1 / TIPPINGS_A_SECOND / pace))
        tipped: set[int] = set()
        begun, n = time.time(), 0
        while not self._stop.is_set():
            time.sleep(max(0.0, begun + n * pace - time.time()))
            truck = self._trucks[n % len(self._trucks)]
            if n % tip_every == 0 and n >= len(self._trucks) and truck not in tipped:
                tipped.add(truck)
                self._published[f"V{truck}"] = time.perf_counter()
            self._publish(topic(truck), {**fix, "ts": time.time(), "load": 0.1 if truck in tipped else 0.9})
            n += 1


if __name__ == "__main__":
    main()
