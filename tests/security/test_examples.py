"""The examples of docs/firmware.md over TLS, each with a device's own secret, as device-test hears them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.access import SERVICE_USER
from devices.credentials import secret_hash, write_mosquitto_files
from tests.parts.certificates import Authority
from tests.security.test_rotation import Guarded
from tests.service.test_firmware_examples import example

SECRETS = {"T-0001": "s3cret-of-1", "T-0002": "s3cret-of-2"}


@dataclass
class Guard:
    broker: Guarded
    authority: Authority
    service_secret: str

    def terminal(self, folder: Path, *, secret_of: str) -> dict[str, str]:
        """The environment of an example that is T-0001, with the secret of this one."""
        return {
            **os.environ, "BROKER": "127.0.0.1", "PORT": str(self.broker.port), "DEVICE": "T-0001",
            "SECRET": SECRETS[secret_of], "CAFILE": str(self.authority.ca), "INTERVAL_S": "1",
            "STORE": str(folder / "readings.db"),
        }  # fmt: skip


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    folder = tmp_path_factory.mktemp("guarded")
    hashes = {device_id: secret_hash(secret) for device_id, secret in SECRETS.items()}
    service_secret = write_mosquitto_files(folder, hashes, "ff/v1")
    assert service_secret is not None
    authority = Authority(folder / "authority")
    broker = Guarded(folder, folder, authority)
    broker.start()
    yield Guard(broker, authority, service_secret)
    broker.stop()


def command(language: str, folder: Path) -> list[str]:
    if language == "sh":
        return ["sh", "-euc", f"while :; do {example('sh')} sleep 1; done"]
    if language == "python":
        (folder / "terminal.py").write_text(example("python"), encoding="utf-8")
        return [sys.executable, str(folder / "terminal.py")]
    (folder / "terminal.c").write_text(example("c"), encoding="utf-8")
    subprocess.run(["cc", "-o", "terminal", "terminal.c", "-lpaho-mqtt3cs"], cwd=folder, check=True)
    return [str(folder / "terminal")]


def device_test(guard: Guard) -> tuple[int, str]:
    """What the service's own user hears of T-0001 in three seconds."""
    done = subprocess.run(
        [
            sys.executable, "-m", "runtime.cli", "device-test", "T-0001", "--kind", "vehicle", "--interval-s", "1",
            "--minutes", "0.05",
        ],
        env={
            **os.environ,
            "FLEETFUME_MQTT_URL": f"mqtts://{SERVICE_USER}:{guard.service_secret}@127.0.0.1:{guard.broker.port}",
            "FLEETFUME_MQTT_CA_FILE": str(guard.authority.ca),
        },
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("language", ["sh", "python", "c"])
def test_each_example_is_let_in_and_passes(guard: Guard, tmp_path: Path, language: str) -> None:
    with subprocess.Popen(
        command(language, tmp_path), env=guard.terminal(tmp_path, secret_of="T-0001")
    ) as terminal:
        try:
            code, said = device_test(guard)
        finally:
            terminal.kill()

    assert code == 0, said
    assert "on ff/v1/vehicle/T-0001/telemetry" in said


def test_one_with_the_secret_of_another_is_not_heard_and_device_test_says_where_to_look(
    guard: Guard, tmp_path: Path
) -> None:
    with subprocess.Popen(
        command("python", tmp_path), env=guard.terminal(tmp_path, secret_of="T-0002")
    ) as terminal:
        try:
            code, said = device_test(guard)
        finally:
            terminal.kill()

    assert code == 1
    assert "no readings were heard" in said or "nothing was heard" in said
