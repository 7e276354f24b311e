import base64
import shutil
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.access import SERVICE_USER
from devices.credentials import (
    ACCESS_FILE,
    PASSWORD_FILE,
    active_devices,
    active_hashes,
    issue_secrets,
    secret_hash,
    write_mosquitto_files,
)
from devices.repository import delete_row, put_row, store_registry
from devices.topics import device_topic, telemetry_topic
from devices.types import Device
from runtime.errors import UserError
from tests.devices.builders import a_registry
from tests.parts.mosquitto import Mosquitto

PREFIX = "ff/v1"
WAIT_S = 10


class User:
    """Someone at the broker, by MQTT 3.1.1: what it may not publish is acknowledged and goes nowhere."""

    def __init__(self, port: int, name: str | None, secret: str | None) -> None:
        self.heard: list[str] = []
        self._done = threading.Event()
        self._code: Any = None
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311)
        self._client.username_pw_set(name, secret)
        self._client.on_connect = lambda _c, _u, _f, code, _p: self._answer(code)
        self._client.on_publish = lambda _c, _u, _m, code, _p: self._answer(code)
        self._client.on_subscribe = lambda _c, _u, _m, codes, _p: self._answer(codes[0])
        self._client.on_message = lambda _c, _u, message: self.heard.append(message.topic)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.connected = self._wait()

    def publish(self, topic: str) -> None:
        """Publish at QoS 1, and wait until the broker has it."""
        self._client.publish(topic, b"{}", qos=1)
        self._wait()

    def subscribe(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)
        self._wait()

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _answer(self, code: Any) -> None:
        self._code = code
        self._done.set()

    def _wait(self) -> Any:
        assert self._done.wait(WAIT_S), "the broker does not answer"
        self._done.clear()
        return self._code


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url) as connection:
        store_registry(connection, a_registry(), actor="duty")
        yield connection


class Guarded:
    """A Mosquitto that knows the devices by our two files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mosquitto = Mosquitto(folder)
        configuration = folder / "mosquitto.conf"
        # With no limit on its queues, Mosquitto 2.0.11 drops the connection at a publish that is not allowed.
        changes = {
            "max_queued_messages 0": "max_queued_messages 100000",
            "allow_anonymous true": "allow_anonymous false",
        }
        text = configuration.read_text()
        text += f"password_file {folder / PASSWORD_FILE}\nacl_file {folder / ACCESS_FILE}\n"
        for line, ours in changes.items():
            text = text.replace(line, ours)
        configuration.write_text(text)
        self._users: list[User] = []

    def start(self) -> None:
        self._mosquitto.start()

    def user(self, name: str | None, secret: str | None) -> User:
        user = User(self._mosquitto.port, name, secret)
        self._users.append(user)
        return user

    def stop(self) -> None:
        for user in self._users:
            user.leave()
        self._mosquitto.stop()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    guarded = Guarded(tmp_path)
    yield guarded
    guarded.stop()


def test_the_hash_is_the_one_mosquitto_passwd_makes(tmp_path: Path) -> None:
    program = shutil.which("mosquitto_passwd")
    assert program, "the tests need mosquitto_passwd, which comes with Mosquitto"
    subprocess.run([program, "-b", "-c", str(tmp_path / "theirs"), "T1", "öffne dich"], check=True)
    theirs = (tmp_path / "theirs").read_text().strip().removeprefix("T1:")

    salt = base64.b64decode(theirs.split("$")[3])

    assert secret_hash("öffne dich", salt) == theirs
    assert secret_hash("öffne dich") != theirs


def test_a_device_publishes_below_its_own_id_and_the_collector_hears_it(
    connection: psycopg.Connection[Any], guarded: Guarded
) -> None:
    secrets = issue_secrets(connection, ["T1", "F1"])
    service = write_mosquitto_files(guarded.folder, active_hashes(connection), PREFIX)
    guarded.start()
    collector = guarded.user(SERVICE_USER, service)
    for channel in ("telemetry", "jt808", "hj212", "status", "ack"):
        collector.subscribe(f"$share/judges/{PREFIX}/+/+/{channel}")
    truck = guarded.user("T1", secrets["T1"])
    own = [
        device_topic(PREFIX, "vehicle", "T1", channel) for channel in ("telemetry", "jt808", "status", "ack")
    ]
    others = [
        telemetry_topic(PREFIX, "vehicle", "T2"),
        telemetry_topic(PREFIX, "fume", "F1"),
        device_topic(PREFIX, "vehicle", "T1", "cmd"),
        device_topic(PREFIX, "vehicle", "T1", "hj212"),
        f"{PREFIX}/vehicle/T1/telemetry/more",
        "elsewhere/T1",
    ]

    for topic in others + own:
        truck.publish(topic)
    monitor = guarded.user("F1", secrets["F1"])
    monitor.publish(device_topic(PREFIX, "fume", "F1", "hj212"))
    # The broker answers this after it has sent out what came before.
    collector.publish("the end")

    assert collector.heard == [*own, device_topic(PREFIX, "fume", "F1", "hj212")]


def test_a_device_hears_its_own_commands_and_nobody_elses(
    connection: psycopg.Connection[Any], guarded: Guarded
) -> None:
    secrets = issue_secrets(connection, ["T1", "F1"])
    service = write_mosquitto_files(guarded.folder, active_hashes(connection), PREFIX)
    guarded.start()
    collector, truck = guarded.user(SERVICE_USER, service), guarded.user("T1", secrets["T1"])
    truck.subscribe("#")
    own = device_topic(PREFIX, "vehicle", "T1", "cmd")

    collector.publish(device_topic(PREFIX, "fume", "F1", "cmd"))
    truck.publish(telemetry_topic(PREFIX, "vehicle", "T1"))
    collector.publish(own)
    # Answered after what came before it was delivered.
    truck.publish(telemetry_topic(PREFIX, "vehicle", "T1"))

    assert truck.heard == [own]


def test_nobody_gets_in_without_a_secret_or_with_an_old_one(
    connection: psycopg.Connection[Any], guarded: Guarded
) -> None:
    old = issue_secrets(connection, ["T1", "F1"])
    new = issue_secrets(connection, ["T1"])
    write_mosquitto_files(guarded.folder, active_hashes(connection), PREFIX)
    guarded.start()

    for name, secret in [("T1", old["T1"]), ("T1", ""), ("T1", old["F1"]), ("T9", new["T1"]), (None, None)]:
        assert str(guarded.user(name, secret).connected) == "Not authorized"
    assert str(guarded.user("T1", new["T1"]).connected) == "Success"
    assert str(guarded.user("F1", old["F1"]).connected) == "Success"


def test_a_secret_is_random_and_nowhere_kept(connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    secrets = issue_secrets(connection, ["T1", "F1", "T1"])
    write_mosquitto_files(tmp_path, active_hashes(connection), PREFIX)

    kept = (tmp_path / PASSWORD_FILE).read_text() + str(
        connection.execute("SELECT device_credential::text FROM device_credential").fetchall()
    )
    assert list(secrets) == ["T1", "F1"]
    assert len(set(secrets.values())) == 2
    for secret in secrets.values():
        assert len(base64.urlsafe_b64decode(secret)) == 24
        assert secret not in kept


def test_the_files_are_not_for_everyone(tmp_path: Path) -> None:
    write_mosquitto_files(tmp_path, {}, PREFIX)

    assert [stat.filemode((tmp_path / name).stat().st_mode) for name in (PASSWORD_FILE, ACCESS_FILE)] == [
        "-rw-r-----"
    ] * 2
    assert {path.name for path in tmp_path.iterdir()} == {PASSWORD_FILE, ACCESS_FILE}


def test_the_collectors_secret_stays_until_it_is_renewed(tmp_path: Path) -> None:
    assert write_mosquitto_files(tmp_path, {}, PREFIX) is not None
    before = (tmp_path / PASSWORD_FILE).read_text()

    assert write_mosquitto_files(tmp_path, {}, PREFIX) is None
    assert (tmp_path / PASSWORD_FILE).read_text() == before

    assert write_mosquitto_files(tmp_path, {}, PREFIX, renew_service=True) is not None
    assert (tmp_path / PASSWORD_FILE).read_text() != before


def test_devices_that_left_service_are_in_no_file(connection: psycopg.Connection[Any]) -> None:
    issue_secrets(connection, active_devices(connection))
    assert list(active_hashes(connection)) == ["F1", "T1"]

    device = Device(device_id="T1", kind="vehicle", bound_to="鲁A12345", status="disabled")
    put_row(connection, "devices", device, actor="admin")
    delete_row(connection, "devices", "F1", actor="admin")

    assert active_hashes(connection) == {}


@pytest.mark.parametrize("unknown", ["T9", "T2"])
def test_an_unknown_or_disabled_device_gets_no_secret_and_stops_the_others(
    connection: psycopg.Connection[Any], unknown: str
) -> None:
    with pytest.raises(UserError, match=f"no active device {unknown}; nothing was issued"):
        issue_secrets(connection, ["T1", unknown])

    assert active_hashes(connection) == {}


def test_a_device_may_not_have_the_collectors_name(connection: psycopg.Connection[Any]) -> None:
    put_row(
        connection,
        "devices",
        Device(device_id=SERVICE_USER, kind="fume", bound_to=None, status="active"),
        actor="admin",
    )

    with pytest.raises(UserError, match="collector's user name"):
        issue_secrets(connection, [SERVICE_USER])
