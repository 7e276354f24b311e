"""A device's secret is renewed while it publishes: nothing that the broker acknowledged is lost."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.access import SERVICE_USER
from devices.credentials import ACCESS_FILE, PASSWORD_FILE
from devices.repository import store_registry
from tests.parts.certificates import Authority
from tests.parts.mosquitto import Mosquitto
from tests.service.running import HANG_S, environment, fleetfume, serving, wait_until
from tests.small_district import registry


class Guarded(Mosquitto):
    """It speaks TLS alone, and knows the devices by the two files in `credentials`."""

    def __init__(self, folder: Path, credentials: Path, authority: Authority) -> None:
        super().__init__(folder)
        server = authority.sign("server")
        configuration = folder / "mosquitto.conf"
        text = configuration.read_text().replace("max_queued_messages 0", "max_queued_messages 100000")
        configuration.write_text(
            text.replace("allow_anonymous true", "allow_anonymous false")
            + f"cafile {authority.ca}\ncertfile {server.cert}\nkeyfile {server.key}\n"
            f"password_file {credentials / PASSWORD_FILE}\nacl_file {credentials / ACCESS_FILE}\n"
        )
        self.credentials = credentials

    def read_again(self) -> None:
        """What `kill -HUP` does."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGHUP)


class Monitor:
    """A device that keeps what was not acknowledged, and connects again by itself."""

    def __init__(self, secret: str, port: int, authority: Authority) -> None:
        self.connected, self.refused = threading.Event(), threading.Event()
        self._sent: list[tuple[float, int]] = []
        self._acknowledged: set[int] = set()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="F0", clean_session=False)
        self.use(secret)
        self._client.tls_set(str(authority.ca))
        self._client.on_connect = self._on_connect
        self._client.on_publish = lambda _client, _data, mid, *_: self._acknowledged.add(mid)
        self._client.on_disconnect = lambda *_: self.connected.clear()
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def use(self, secret: str) -> None:
        self._client.username_pw_set("F0", secret)

    def publish(self, ts: float) -> None:
        payload = f'{{"ts":{ts},"fume_mg_m3":0.4,"fan_on":true}}'
        self._sent.append((ts, self._client.publish("ff/v1/fume/F0/telemetry", payload, qos=1).mid))

    def acknowledged(self) -> list[float]:
        return [ts for ts, mid in self._sent if mid in self._acknowledged]

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, _client: object, _data: object, _flags: object, code: Any, *_: object) -> None:
        (self.refused if code.is_failure else self.connected).set()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def env(tmp_path: Path, database_url: str) -> dict[str, str]:
    with psycopg.connect(database_url) as connection:
        store_registry(connection, registry(kitchens=1), actor="test", note="")
    return environment(tmp_path, database_url=database_url)


@pytest.fixture
def secrets(tmp_path: Path, env: dict[str, str]) -> dict[str, str]:
    """What `credentials issue` printed."""
    return issue(env, tmp_path, "F0")


def issue(env: dict[str, str], tmp_path: Path, *names: str) -> dict[str, str]:
    said = fleetfume("credentials", "issue", *names, "--mosquitto", str(tmp_path / "credentials"), env=env)
    return dict(line.split(",") for line in said.splitlines())


@pytest.fixture
def broker(tmp_path: Path, authority: Authority, secrets: dict[str, str]) -> Iterator[Guarded]:
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    guarded = Guarded(folder, tmp_path / "credentials", authority)
    guarded.start()
    yield guarded
    guarded.stop()


def test_a_renewed_secret_loses_nothing_that_was_acknowledged(
    env: dict[str, str],
    secrets: dict[str, str],
    broker: Guarded,
    authority: Authority,
    tmp_path: Path,
    database_url: str,
) -> None:
    env |= {
        "FLEETFUME_MQTT_URL": f"mqtts://{SERVICE_USER}:{secrets[SERVICE_USER]}@127.0.0.1:{broker.port}",
        "FLEETFUME_MQTT_CA_FILE": str(authority.ca),
    }
    begin = round(time.time()) - 3600

    def stored() -> list[int]:
        with psycopg.connect(database_url) as connection:
            found = connection.execute("SELECT extract(epoch FROM ts)::bigint FROM fume_reading ORDER BY ts")
            return [ts - begin for (ts,) in found]

    monitor = Monitor(secrets["F0"], broker.port, authority)
    try:
        with serving("--role", "collector", env=env, directory=tmp_path):
            assert monitor.connected.wait(HANG_S)
            renewed = threading.Thread(target=lambda: secrets.update(issue(env, tmp_path, "F0")))
            renewed.start()
            second = 0
            while renewed.is_alive() or second < 300:  # it publishes all the while
                monitor.publish(begin + second)
                second += 1
                time.sleep(0.01)
            wait_until(lambda: len(monitor.acknowledged()) == second)

            broker.read_again()  # from now on the old secret is none, and Mosquitto ends the session that had it
            assert monitor.refused.wait(HANG_S)
            assert not monitor.connected.is_set()
            for late in range(second, second + 100):
                monitor.publish(begin + late)
            assert len(monitor.acknowledged()) == second

            monitor.use(secrets["F0"])
            assert monitor.connected.wait(HANG_S)
            everything = list(range(second + 100))
            wait_until(lambda: len(monitor.acknowledged()) == len(everything))
            wait_until(lambda: len(stored()) >= len(everything), what=lambda: f"{len(stored())} stored")
            assert stored() == everything
    finally:
        monitor.leave()
