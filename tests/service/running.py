"""fleetfume as a process, as an operator starts it, and the little a test needs to talk to it."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx2
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from runtime.cli import main
from tests.parts.run import free_port

PASSWORD = "correct horse battery staple"
HANG_S = 600.0
"""Ends a test that hangs. Nothing that works takes so long, not even to compile the engine on a busy machine; what has
to be quick is timed by itself."""


@dataclass
class Service:
    """One `fleetfume serve`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def environment(directory: Path, **settings: str) -> dict[str, str]:
    return {
        **os.environ,
        "FLEETFUME_DATA_DIR": str(directory),
        "FLEETFUME_LOG_FORMAT": "json",
        **{f"FLEETFUME_{name.upper()}": value for name, value in settings.items()},
    }


def ended(*arguments: str, env: dict[str, str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A command run to its end, in this process: one of its own takes a second to start. That every command can,
    tests/runtime/test_cli.py holds.
    """
    said, complained = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, env, clear=True),
        patch("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")),
        redirect_stdout(said),
        redirect_stderr(complained),
        pytest.raises(SystemExit) as end,
    ):
        main(arguments)
    code = end.value.code or 0
    return subprocess.CompletedProcess(
        arguments, code if isinstance(code, int) else 1, said.getvalue(), complained.getvalue()
    )


def fleetfume(*arguments: str, env: dict[str, str], stdin: str = "") -> str:
    """What a command says on its standard output. AssertionError with all that it said, if it failed."""
    done = ended(*arguments, env=env, stdin=stdin)
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def serving(*arguments: str, env: dict[str, str], directory: Path) -> Iterator[Service]:
    """`fleetfume serve` until the block ends, ready when the block begins."""
    port = free_port()
    log = directory / f"serve-{port}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "runtime.cli", "serve", *arguments],
            env={**env, "FLEETFUME_HTTP_PORT": str(port)}, stdout=sink, stderr=subprocess.STDOUT,
        )  # fmt: skip
    service = Service(process, port, log)
    try:
        wait_until(lambda: _ready(service), what=lambda: f"ready: {log.read_text()[-3000:]}")
        yield service
    finally:
        if process.poll() is None:
            service.stop()


def _ready(service: Service) -> bool:
    assert service.process.poll() is None, service.log.read_text()[-3000:]
    try:
        return httpx2.get(f"{service.url}/readyz", timeout=2).status_code == 200
    except httpx2.TransportError:
        return False


def wait_until(
    condition: Callable[[], bool], *, seconds: float = HANG_S, what: Callable[[], str] = lambda: "condition"
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what()}"
        time.sleep(0.05)


def sign_in(service: Service, name: str) -> httpx2.Client:
    token = httpx2.post(
        f"{service.url}/api/v1/auth/token", data={"username": name, "password": PASSWORD}, timeout=30
    ).json()["access_token"]
    return httpx2.Client(
        base_url=f"{service.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=30
    )


@contextmanager
def publisher(url: str, client_id: str = "tester") -> Iterator[Callable[[str, Any], mqtt.MQTTMessageInfo]]:
    """`publish(topic, payload)`: QoS 1; the block's end waits until the broker has everything."""
    parts = urlsplit(url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
    if parts.username:
        client.username_pw_set(parts.username, parts.password)
    client.max_inflight_messages_set(1000)
    client.connect(parts.hostname or "", parts.port or 1883)
    client.loop_start()
    sent: list[mqtt.MQTTMessageInfo] = []

    def publish(topic: str, payload: Any) -> mqtt.MQTTMessageInfo:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent.append(client.publish(topic, raw, qos=1))
        return sent[-1]

    try:
        yield publish
        for info in sent:
            info.wait_for_publish(60)
    finally:
        client.disconnect()
        client.loop_stop()
