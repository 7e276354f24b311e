"""How long from a reading's publication to its alert on the stream, with the whole fleet reporting?

    python -m benchmarks.latency [--trucks 686] [--interval 10] [--tippings 200]

A real Mosquitto, a real TimescaleDB and `fleetfume serve` as one process, all on this machine. Every truck
sends a fix each interval; one after the other tips its load in the fields, and the clock runs from the
publication of the fix that completes the tipping to the arrival of `alert.opened` at a WebSocket client.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path

import psycopg
from websockets.sync.client import connect

from devices.repository import store_registry
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import fresh_database, timescaledb_url
from tests.parts.run import begin_run, end_run
from tests.service.running import PASSWORD, environment, fleetfume, publisher, serving, sign_in
from tests.small_district import place, registry

TIPPINGS_A_ROUND = 20


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trucks", type=int, default=686)
    options.add_argument("--interval", type=float, default=10.0)
    options.add_argument("--tippings", type=int, default=200)
    asked = options.parse_args()
    run = begin_run()
    try:
        with tempfile.TemporaryDirectory() as name, fresh_database(timescaledb_url()) as database_url:
            broker = Mosquitto(Path(name))
            broker.start()
            measure(Path(name), database_url, broker.url, asked.trucks, asked.interval, asked.tippings)
            broker.stop()
    finally:
        end_run(run)


def measure(
    directory: Path, database_url: str, mqtt_url: str, trucks: int, interval_s: float, tippings: int
) -> None:
    env = environment(directory, database_url=database_url, mqtt_url=mqtt_url)
    fleetfume("user", "add", "bench", "--role", "viewer", "--password-stdin", env=env, stdin=PASSWORD + "\n")
    with psycopg.connect(database_url) as connection:
        store_registry(connection, registry(trucks=trucks), actor="bench", note="")
    with (
        serving(env=env, directory=directory) as service,
        sign_in(service, "bench") as viewer,
        publisher(mqtt_url) as publish,
    ):
        published: dict[str, float] = {}
        took_s: list[float] = []
        listening, stop = threading.Event(), threading.Event()

        def listen() -> None:
            with connect(
                f"ws://127.0.0.1:{service.port}/api/v1/stream",
                additional_headers={"Authorization": viewer.headers["Authorization"]},
            ) as stream:
                listening.set()
                while not stop.is_set():
                    try:
                        event = json.loads(stream.recv(timeout=0.5))
                    except TimeoutError:
                        continue
                    if event["type"] == "alert.opened" and event["alert"]["device_id"] in published:
                        took_s.append(time.perf_counter() - published.pop(event["alert"]["device_id"]))

        listener = threading.Thread(target=listen)
        listener.start()
        listening.wait()
        lat, lon = place(2000, 800)
        rounds = max(1, tippings // TIPPINGS_A_ROUND)
        every = max(1, trucks // TIPPINGS_A_ROUND)
        tipped = 0
        for turn in range(rounds):
            begun = time.time()
            for truck in range(trucks):
                time.sleep(max(0.0, begun + interval_s * truck / trucks - time.time()))
                device_id = f"V{truck}"
                topic = f"ff/v1/vehicle/{device_id}/telemetry"
                # Every truck stands in the fields, loaded; each tips once at the most.
                fix = {"lat": lat, "lon": lon, "speed_kmh": 0, "load": 0.9, "fix": True}
                if truck % every == turn % every:
                    publish(topic, {**fix, "ts": time.time() - 1})
                    published[device_id] = time.perf_counter()
                    publish(topic, {**fix, "ts": time.time(), "load": 0.1})
                    tipped += 1
                elif truck % every > turn:
                    publish(topic, {**fix, "ts": time.time()})
                else:
                    publish(topic, {**fix, "ts": time.time(), "load": 0.1})
        time.sleep(2)
        stop.set()
        listener.join()
    took_s.sort()
    print(
        f"{trucks} trucks, a fix each {interval_s:g} s: {len(took_s)} of {tipped} tippings told; "
        f"p50 {1000 * statistics.median(took_s):.0f} ms, p99 {1000 * took_s[int(0.99 * (len(took_s) - 1))]:.0f} ms, "
        f"longest {1000 * took_s[-1]:.0f} ms"
    )


if __name__ == "__main__":
    main()
