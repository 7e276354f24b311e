"""A backlog of any length does not grow the collector: the process that takes it in stays small."""

from pathlib import Path

import psycopg
import pytest

from devices.repository import store_registry
from tests.parts.mosquitto import Mosquitto
from tests.parts.raw_mqtt import Terminal
from tests.service.running import environment, serving, wait_until
from tests.small_district import registry

MOST_MB = 400
"""Resident, at most: what the program and its compiled engine need, and `ingest.broker.arrivals.MOST_BYTES`."""
PATIENCE_S = 900.0
"""Ends a test that hangs."""


def resident_at_most_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def take_in_a_backlog(database_url: str, tmp_path: Path, *, messages: int, padding: int) -> float:
    """Megabytes resident at most while `messages`, that waited at the broker, are worked off.

    They come from nobody who is registered: the dearest to hold, and the cheapest to judge.
    """
    with psycopg.connect(database_url) as connection:
        store_registry(connection, registry(trucks=2), actor="test", note="")
    broker = Mosquitto(tmp_path, survives_kill=False)
    broker.start()
    env = environment(tmp_path, database_url=database_url, mqtt_url=broker.url)
    waiting = [
        ("ff/v1/vehicle/V0/telemetry", b"no reading %07d" % n + b" " * padding) for n in range(messages)
    ]
    try:
        with serving("--role", "collector", env=env, directory=tmp_path):
            pass  # so that the broker keeps a session for it
        terminal = Terminal(broker.port, waiting)
        terminal.start()
        terminal.join(PATIENCE_S)
        assert terminal.acknowledged == messages
        with serving("--role", "collector", env=env, directory=tmp_path) as service:
            wait_until(lambda: quarantined(database_url) == messages, seconds=PATIENCE_S)
            return resident_at_most_mb(service.process.pid)
    finally:
        broker.stop()


def quarantined(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM quarantine").fetchall()
    return int(count)


def test_large_messages_that_waited_leave_the_collector_small(database_url: str, tmp_path: Path) -> None:
    """300 MB of them: a collector that held what the broker sends would hold all of it."""
    assert take_in_a_backlog(database_url, tmp_path, messages=1500, padding=200_000) < MOST_MB


@pytest.mark.slow
def test_a_million_messages_that_waited_leave_the_collector_small(database_url: str, tmp_path: Path) -> None:
    used = take_in_a_backlog(database_url, tmp_path, messages=1_000_000, padding=200)
    print(f"{used:.0f} MB resident at most")
    assert used < MOST_MB
