"""How much does the collector take in, beside what its broker and its database can do at all?  One run, read the ratios.

    python -m benchmarks.ingest [--readings 400000] [--trucks 686] [--rounds 3]

A real Mosquitto, a real TimescaleDB, and `fleetfume serve --role collector` as one process, all on this machine:

  broker   single readings through Mosquitto at QoS 1: a publisher and a subscriber on bare sockets
           (tests/parts/raw_mqtt.py), no library, payloads looked at by nobody
  COPY     the same readings into vehicle_position with its unique index: binary rows made beforehand,
           one transaction for every BATCH_MAX_ROWS of them
  1 10 50  published in messages of that many readings by the same publisher, until the last one is
           committed and judged
  engine   the engine alone, over the same readings in batches of BATCH_MAX_ROWS
  paho, ours  microseconds of processor time to receive and acknowledge a message, and do nothing else:
           with paho-mqtt, and with ingest/broker/receiver.py (decision 0006)
"""

import argparse
import json
import multiprocessing
import queue
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import numpy as np
import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from psycopg import sql

from alerts.catalogue import load_catalogue
from analytics.records import FIX
from devices.repository import store_registry
from devices.types import Registry
from ingest.broker.arrivals import Arrivals
from ingest.broker.receiver import Receiver, erase_session
from ingest.fleet import Fleet
from ingest.judging import JUDGES
from ingest.tables import VEHICLE_POSITION
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import fresh_database, timescaledb_url
from tests.parts.raw_mqtt import Terminal, receive_and_acknowledge
from tests.parts.run import begin_run, end_run
from tests.service.running import Service, environment, serving
from tests.small_district import place, registry

BATCH = 20_000
RECEIVED = 50_000
COPY_COLUMNS = ("ts", "device_id", "quality", "received_at", *VEHICLE_POSITION.columns)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--readings", type=int, default=400_000)
    options.add_argument("--trucks", type=int, default=686)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    run = begin_run()
    try:
        rounds = [measure(asked.readings, asked.trucks) for _ in range(asked.rounds)]
    finally:
        end_run(run)
    print(
        f"\n{asked.readings} readings of {asked.trucks} trucks, medians of {asked.rounds} rounds, readings a second"
    )
    for name in rounds[0]:
        median = statistics.median(one[name] for one in rounds)
        print(f"  {name:<42}{median:12,.{2 if median < 10 else 0}f}")


def measure(readings: int, trucks: int) -> dict[str, float]:
    district = registry(trucks=trucks)
    fixes = drive(trucks, readings // trucks)
    found: dict[str, float] = {}
    with fresh_database(timescaledb_url()) as database_url:
        found["COPY"] = len(fixes) / copy_all(database_url, fixes)
        found["engine"] = len(fixes) / judge_all(database_url, district, fixes)
    with tempfile.TemporaryDirectory() as name:
        broker = Mosquitto(Path(name), survives_kill=False)
        broker.start()
        try:
            found["broker"] = len(fixes) / through_the_broker(broker, messages(fixes, 1))
            few = messages(fixes[:RECEIVED], 1)
            found["paho, microseconds a message"] = processor_us(broker, few, receive_with_paho)
            found["ours, microseconds a message"] = processor_us(broker, few, receive_with_ours)
            for size in (1, 10, 50):
                with fresh_database(timescaledb_url()) as database_url:
                    sent = messages(drive(trucks, readings // trucks), size)
                    taken_s, resident_mb = ingest(Path(name), database_url, broker, district, sent)
                rate = len(fixes) / taken_s
                limit = "broker" if size == 1 else "COPY"
                found[f"fleetfume, {size} a message"] = rate
                found[f"  … of the limit of {limit}, {size} a message"] = rate / found[limit]
                found[f"  … MB resident at most, {size} a message"] = resident_mb
        finally:
            broker.stop()
    print({name: round(value, 2) for name, value in found.items()}, flush=True)
    return found


Fix = dict[str, Any]


def drive(trucks: int, each: int) -> list[Fix]:
    """Empty trucks to and fro on the road within a minute that begins now (what is older than two is no live reading,
    and goes another way); truck by truck within an instant.
    """
    now, every_s = int(time.time()), 60 / each
    fixes = []
    for step in range(each):
        for truck in range(trucks):
            along = int(step * every_s * 11 + truck * 37) % 11_000
            lat, lon = place(min(along, 11_000 - along), truck % 40)
            fixes.append(
                {
                    "device_id": f"V{truck}", "ts": round(now + step * every_s, 3),
                    "lat": round(lat, 6), "lon": round(lon, 6),
                    "speed_kmh": 39.6, "heading_deg": 90.0 if along < 5500 else 270.0, "alt_m": 61.0, "hdop": 0.9,
                    "sats": 12, "fix": True, "ignition": True, "odometer_km": 51234.5 + step * 0.11, "load": 0.02,
                    "lift": False, "cover": "closed", "seq": step,
                }
            )  # fmt: skip
    return fixes


def messages(fixes: list[Fix], size: int) -> list[tuple[str, bytes]]:
    """Messages of `size` readings of one truck, in the order in which terminals would send them."""
    waiting: dict[str, list[Fix]] = {}
    sent = []

    def send(device_id: str) -> None:
        fix = [{k: v for k, v in fix.items() if k != "device_id"} for fix in waiting.pop(device_id)]
        body = json.dumps(fix[0] if len(fix) == 1 else {"batch": fix}, separators=(",", ":"))
        sent.append((f"ff/v1/vehicle/{device_id}/telemetry", body.encode()))

    for fix in fixes:
        waiting.setdefault(fix["device_id"], []).append(fix)
        if len(waiting[fix["device_id"]]) == size:
            send(fix["device_id"])
    for device_id in list(waiting):
        send(device_id)
    return sent


def copy_all(database_url: str, fixes: list[Fix]) -> float:
    """Seconds to COPY all of `fixes`, whose binary form is made before the clock runs."""
    # Within a transaction by device and time, as the collector writes them.
    batches = [fixes[i : i + BATCH] for i in range(0, len(fixes), BATCH)]
    chunks = [
        binary_rows(database_url, sorted(batch, key=lambda fix: (fix["device_id"], fix["ts"])))
        for batch in batches
    ]
    statement = sql.SQL("COPY vehicle_position ({}) FROM STDIN (FORMAT binary)").format(
        sql.SQL(", ").join(map(sql.Identifier, COPY_COLUMNS))
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        begun = time.perf_counter()
        for chunk in chunks:
            with connection.cursor() as cursor, cursor.copy(statement) as copy:
                copy.write(chunk)
        return time.perf_counter() - begun


def binary_rows(database_url: str, fixes: list[Fix]) -> bytes:
    """`fixes` in COPY's binary form, as the server itself writes it."""
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE same (LIKE vehicle_position) ON COMMIT DROP")
        columns = sql.SQL(", ").join(map(sql.Identifier, COPY_COLUMNS))
        with cursor.copy(sql.SQL("COPY same ({}) FROM STDIN (FORMAT binary)").format(columns)) as copy:
            copy.set_types(("timestamptz", "text", "text", "timestamptz", *VEHICLE_POSITION.types))
            now = datetime.now(UTC)
            for fix in fixes:
                key = (datetime.fromtimestamp(fix["ts"], UTC), fix["device_id"], "ok", now)
                copy.write_row((*key, *[fix[column] for column in VEHICLE_POSITION.columns]))
        with cursor.copy(sql.SQL("COPY same ({}) TO STDOUT (FORMAT binary)").format(columns)) as copy:
            return b"".join(bytes(part) for part in copy)


def judge_all(database_url: str, district: Registry, fixes: list[Fix]) -> float:
    """Seconds of the engine alone."""
    with psycopg.connect(database_url) as connection:
        store_registry(connection, district, actor="bench", note="")
        fleet = Fleet.load(connection, load_catalogue(None))
    judge = JUDGES["vehicle"]
    device_ids = sorted({fix["device_id"] for fix in fixes})
    slots = {device_id: slot for slot, device_id in enumerate(device_ids)}
    records = np.zeros(len(fixes), FIX)
    records["slot"] = [slots[fix["device_id"]] for fix in fixes]
    records["ts"] = [round(fix["ts"] * 1_000_000) for fix in fixes]
    records["local"] = records["ts"] + 8 * 3600 * 1_000_000
    for name in (
        "lat",
        "lon",
        "speed_kmh",
        "heading_deg",
        "hdop",
        "odometer_km",
        "load",
        "fix",
        "ignition",
        "lift",
    ):
        records[name] = [fix[name] for fix in fixes]
    batches = [records[i : i + BATCH] for i in range(0, len(records), BATCH)]
    batches = [batch[np.lexsort((batch["ts"], batch["slot"]))] for batch in batches]
    states = judge.new_states(len(device_ids))
    judge.judge(fleet, device_ids, states, batches[0])
    begun = time.perf_counter()
    for batch in batches:
        states, _, _ = judge.judge(fleet, device_ids, states, batch)
    return time.perf_counter() - begun


def through_the_broker(broker: Mosquitto, sent: list[tuple[str, bytes]]) -> float:
    """Seconds from the first publication until the subscriber has acknowledged the last message."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    subscriber = context.Process(
        target=receive_and_acknowledge, args=(broker.port, "ff/v1/#", len(sent), ready)
    )
    subscriber.start()
    ready.wait()
    return timed_publication(context, broker, sent, subscriber.join)


def processor_us(broker: Mosquitto, sent: list[tuple[str, bytes]], receive: Callable[..., None]) -> float:
    """Of the process that receives `sent`, for each of them."""
    context = multiprocessing.get_context("fork")
    ready, spent = context.Event(), context.Value("d", 0.0)
    receiver = context.Process(target=receive, args=(broker.url, len(sent), ready, spent))
    receiver.start()
    ready.wait()
    timed_publication(context, broker, sent, receiver.join)
    return float(1e6 * spent.value / len(sent))


def receive_with_paho(url: str, count: int, ready: Any, spent: Any) -> None:
    port = urlsplit(url).port or 0
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="by-paho", manual_ack=True)
    client.on_subscribe = lambda *_: ready.set()
    taken: queue.SimpleQueue[int] = queue.SimpleQueue()
    client.on_message = lambda _client, _data, message: taken.put(message.mid)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("ff/v1/#", 1)
    ready.wait()
    begun = time.process_time()
    for _ in range(count):
        client.ack(taken.get(), 1)
    spent.value = time.process_time() - begun
    client.disconnect()
    client.loop_stop()


def receive_with_ours(url: str, count: int, ready: Any, spent: Any) -> None:
    receiver = Receiver(url, ["ff/v1/#"], client_id="by-ours", into=Arrivals())
    receiver.start()
    while not receiver.connected:
        time.sleep(0.01)
    ready.set()
    begun = time.process_time()
    while count:
        batch = receiver.arrivals.take(max_bytes=1_000_000, max_wait_s=1, quiet_s=0.01)
        receiver.acknowledge(batch)
        receiver.arrivals.settle(batch)
        count -= len(batch)
    spent.value = time.process_time() - begun
    receiver.stop()
    erase_session(url, "by-ours", receiver.version)


def timed_publication(
    context: Any, broker: Mosquitto, sent: list[tuple[str, bytes]], until: Callable[[], None]
) -> float:
    publisher = context.Process(target=publish, args=(broker.port, sent))
    begun = time.perf_counter()
    publisher.start()
    until()
    took_s = time.perf_counter() - begun
    publisher.join()
    return took_s


def publish(port: int, sent: list[tuple[str, bytes]]) -> None:
    terminal = Terminal(port, sent)
    terminal.start()
    terminal.join()


def ingest(
    directory: Path, database_url: str, broker: Mosquitto, district: Registry, sent: list[tuple[str, bytes]]
) -> tuple[float, float]:
    """Seconds until the last reading is committed, and the collector's largest resident size in MB."""
    readings = sum(max(1, payload.count(b'"ts"')) for _, payload in sent)
    with psycopg.connect(database_url) as connection:
        store_registry(connection, district, actor="bench", note="")
    env = environment(directory, database_url=database_url, mqtt_url=broker.url, batch_max_rows=str(BATCH))
    with serving("--role", "collector", env=env, directory=directory) as service:

        def until_stored() -> None:
            while stored(service) < readings:
                time.sleep(0.1)  # each answer costs the collector some 10 ms

        took_s = timed_publication(multiprocessing.get_context("fork"), broker, sent, until_stored)
        resident_mb = most_resident_mb(service.process.pid)
    with psycopg.connect(database_url) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM vehicle_position").fetchall()
    assert count == readings, f"{count} of {readings} stored"
    return took_s, resident_mb


def stored(service: Service) -> int:
    """As the collector counts them, after the commit."""
    for line in httpx2.get(f"{service.url}/metrics", timeout=10).text.splitlines():
        if line.startswith('fleetfume_readings_total{outcome="stored"}'):
            return int(float(line.split()[1]))
    return 0


def most_resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


if __name__ == "__main__":
    main()
