"""The examples of docs/firmware.md, copied and run against a real broker."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from alerts.catalogue import load_catalogue
from devices.channels import decoders
from devices.terminals import Terminals
from devices.types import Device
from ingest.conformance.captured import Captured
from ingest.conformance.commands import findings
from ingest.conformance.findings import Finding
from ingest.conformance.heard import heard
from tests.parts.mosquitto import Mosquitto
from tests.service.running import HANG_S, wait_until

PAGE = (Path(__file__).parents[2] / "docs" / "firmware.md").read_text(encoding="utf-8")
DEVICE = Device(device_id="T-0001", kind="vehicle", bound_to=None, interval_s=1, status="active")


def example(language: str) -> str:
    (code,) = [block.partition("```")[0] for block in PAGE.split(f"```{language}\n")[1:]]
    return code


class Listener:
    """A lasting session at the broker that keeps every message."""

    def __init__(self, broker: Mosquitto, name: str) -> None:
        self.messages: list[Captured] = []
        self.ready = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        self.client.on_connect = lambda client, *_: client.subscribe("ff/v1/#", qos=2)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self._take
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert self.ready.wait(HANG_S)

    def _take(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self.messages.append(
            Captured(
                topic=message.topic, payload=bytes(message.payload), qos=message.qos,
                retained=message.retain or None, received_us=time.time_ns() // 1000,
            )
        )  # fmt: skip

    def readings(self) -> list[dict[str, Any]]:
        found = []
        for message in self.messages:
            if message.topic.endswith("/telemetry"):
                said = json.loads(message.payload)
                found += said.get("batch", [said])
        return found

    def statuses(self) -> list[bool]:
        return [
            json.loads(message.payload)["online"]
            for message in self.messages
            if message.topic.endswith("/status")
        ]

    def faults(self) -> list[Finding]:
        session = heard(
            self.messages,
            DEVICE,
            decoders=decoders(Terminals()),
            catalogue=load_catalogue(None),
            prefix="ff/v1",
            zone=ZoneInfo("Asia/Shanghai"),
            retention_us=400 * 86_400_000_000,
        )
        return [finding for finding in findings(session) if finding.level in ("wrong", "doubtful")]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def listener(broker: Mosquitto, request: pytest.FixtureRequest) -> Iterator[Listener]:
    listener = Listener(broker, request.node.name[:23])
    yield listener
    listener.close()


def environment(broker: Mosquitto, folder: Path) -> dict[str, str]:
    return {
        **os.environ, "BROKER": "127.0.0.1", "PORT": str(broker.port), "DEVICE": "T-0001", "SECRET": "secret", "CAFILE": "",
        "INTERVAL_S": "1", "STORE": str(folder / "readings.db"),
    }  # fmt: skip


@pytest.fixture(scope="module", params=["python", "c"])
def terminal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that starts the example."""
    folder = tmp_path_factory.mktemp("terminal")
    if request.param == "python":
        (folder / "terminal.py").write_text(example("python"), encoding="utf-8")
        return [sys.executable, str(folder / "terminal.py")]
    if shutil.which("cc") is None:
        pytest.exit("The examples need a C compiler and paho.mqtt.c: run 'make parts' as root.", returncode=3)
    (folder / "terminal.c").write_text(example("c"), encoding="utf-8")
    build = ["cc", "-Wall", "-Wextra", "-Werror", "-o", "terminal", "terminal.c", "-lpaho-mqtt3cs"]
    subprocess.run(build, cwd=folder, check=True)
    return [str(folder / "terminal")]


@contextmanager
def running(terminal: list[str], env: dict[str, str]) -> Iterator[None]:
    """Until the block ends; then its power is cut."""
    with subprocess.Popen(terminal, env=env) as process:
        try:
            yield
            assert process.poll() is None
        finally:
            process.kill()


def test_a_terminal_loses_nothing_while_the_broker_is_away(
    terminal: list[str], broker: Mosquitto, listener: Listener, tmp_path: Path
) -> None:
    with running(terminal, environment(broker, tmp_path)):
        wait_until(lambda: len(listener.readings()) >= 2)
        broker.stop()
        time.sleep(3.5)
        broker.start()
        before = len(listener.readings())
        wait_until(lambda: len(listener.readings()) >= before + 6)
    wait_until(lambda: listener.statuses()[-1:] == [False], what=lambda: str(listener.statuses()))

    numbers = [reading["seq"] for reading in listener.readings()]
    assert set(numbers) == set(range(min(numbers), max(numbers) + 1))
    said = {json.dumps(reading, sort_keys=True) for reading in listener.readings()}
    assert len(said) == len(set(numbers))
    assert listener.faults() == []


def waiting(store: Path) -> int:
    """Readings that a terminal keeps until the broker is back."""
    with (
        closing(sqlite3.connect(store)) as connection,
        suppress(sqlite3.OperationalError),
    ):  # not made yet, or busy
        return int(connection.execute("SELECT count(*) FROM reading").fetchone()[0])
    return 0


def test_a_terminal_with_a_store_goes_on_where_its_power_was_cut(
    broker: Mosquitto, listener: Listener, tmp_path: Path
) -> None:
    (tmp_path / "terminal.py").write_text(example("python"), encoding="utf-8")
    terminal, env = [sys.executable, str(tmp_path / "terminal.py")], environment(broker, tmp_path)
    broker.stop()
    with running(terminal, env):
        wait_until(lambda: waiting(tmp_path / "readings.db") >= 3)
    back = time.time()
    broker.start()
    with running(terminal, env):
        wait_until(lambda: len(listener.readings()) >= 5)

    numbers = {reading["seq"] for reading in listener.readings()}
    assert numbers == set(range(1, len(numbers) + 1))
    times = [reading["ts"] for reading in listener.readings()]
    assert min(times) < back < max(times)
    assert listener.faults() == []


def test_a_reading_by_hand_arrives(broker: Mosquitto, listener: Listener, tmp_path: Path) -> None:
    if shutil.which("mosquitto_pub") is None:
        pytest.exit("The examples need mosquitto_pub: run 'make parts' as root.", returncode=3)
    subprocess.run(
        ["sh", "-euc", example("sh")], env=environment(broker, tmp_path), check=True, timeout=HANG_S
    )

    wait_until(lambda: len(listener.readings()) == 1)
    assert not [finding for finding in listener.faults() if finding.level == "wrong"]
