"""The embedded servers start from nothing, are shared, and survive being killed."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

import aiomqtt
import msgspec
import psycopg
import pytest

from runtime.embedded.broker import devices_url, embedded_broker, stop_embedded_broker
from runtime.embedded.postgres import embedded_postgres, stop_embedded_postgres
from runtime.embedded.sharing import Running, alive
from runtime.errors import PartError

HOLD = """
import sys, time
from pathlib import Path
from {module} import {name}
with {name}(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Below a folder that nobody but the owner may enter, as a clone in /root is."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    yield private / "data"
    stop_embedded_postgres(private / "data")
    stop_embedded_broker(private / "data")


def client(url: str, identifier: str | None = None, *, clean_session: bool = True) -> aiomqtt.Client:
    parts = urlsplit(url)
    assert parts.hostname
    return aiomqtt.Client(
        parts.hostname,
        parts.port or 0,
        username=parts.username,
        password=parts.password,
        identifier=identifier,
        clean_session=clean_session,
    )


def holder(
    part: Callable[[Path], AbstractContextManager[str]], data_dir: Path
) -> tuple[subprocess.Popen[str], str]:
    """Another process that uses the part; and the URL it was given."""
    code = HOLD.format(module=part.__module__, name=part.__name__)
    process = subprocess.Popen([sys.executable, "-c", code, str(data_dir)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, process.stdout.readline().strip()


def server_of(folder: Path) -> Running:
    return msgspec.json.decode((folder / "server.json").read_bytes(), type=Running)


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()


def test_postgresql_keeps_its_data_and_its_port_from_one_use_to_the_next(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as first, psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")

    assert not alive(server_of(data_dir / "postgres").pid)
    with embedded_postgres(data_dir) as second, psycopg.connect(second) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    assert first == second


def test_postgresql_wants_its_password_and_hides_it_from_other_users(data_dir: Path) -> None:
    with embedded_postgres(data_dir) as url:
        without = urlsplit(url)._replace(netloc=f"fleetfume:wrong@127.0.0.1:{urlsplit(url).port}").geturl()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(without)

    assert (data_dir / "postgres" / "password").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change user")
def test_postgresql_does_not_run_as_root(data_dir: Path) -> None:
    with embedded_postgres(data_dir):
        pid = server_of(data_dir / "postgres").pid
        status = Path(f"/proc/{pid}/status").read_text()

    assert "\nUid:\t65534\t65534\t65534\t65534\n" in status
    assert "\nGroups:\t \n" in status or "\nGroups:\t\n" in status


@pytest.mark.parametrize(("part", "name"), [(embedded_postgres, "postgres"), (embedded_broker, "broker")])
def test_processes_side_by_side_share_one_server_until_the_last_one_leaves(
    data_dir: Path, part: Callable[[Path], AbstractContextManager[str]], name: str
) -> None:
    other, others_url = holder(part, data_dir)
    with part(data_dir) as url:
        assert url == others_url
    assert alive(server_of(data_dir / name).pid)

    with part(data_dir):
        kill(other)
    assert not alive(server_of(data_dir / name).pid)


@pytest.mark.parametrize(("part", "name"), [(embedded_postgres, "postgres"), (embedded_broker, "broker")])
def test_a_server_left_by_a_killed_process_is_used_again_and_then_stopped(
    data_dir: Path, part: Callable[[Path], AbstractContextManager[str]], name: str
) -> None:
    other, others_url = holder(part, data_dir)
    kill(other)
    left = server_of(data_dir / name)
    assert alive(left.pid)

    with part(data_dir) as url:
        assert (url, server_of(data_dir / name)) == (others_url, left)
    assert not alive(left.pid)


@pytest.mark.parametrize(("part", "name"), [(embedded_postgres, "postgres"), (embedded_broker, "broker")])
def test_a_killed_server_starts_again_on_its_port(
    data_dir: Path, part: Callable[[Path], AbstractContextManager[str]], name: str
) -> None:
    other, others_url = holder(part, data_dir)
    os.kill(server_of(data_dir / name).pid, signal.SIGKILL)
    kill(other)

    with part(data_dir) as url:
        assert url == others_url


def test_a_server_whose_port_is_held_for_a_moment_longer_waits_for_it(data_dir: Path) -> None:
    with embedded_broker(data_dir) as first:
        pass
    dying = socket.create_server(("127.0.0.1", urlsplit(first).port or 0))
    release = threading.Timer(0.5, dying.close)
    release.start()

    with embedded_broker(data_dir) as second:
        assert first == second
    release.join()


def test_a_server_in_use_is_not_stopped_by_others(data_dir: Path) -> None:
    with embedded_postgres(data_dir), pytest.raises(PartError, match="in use by another fleetfume"):
        stop_embedded_postgres(data_dir)


async def test_the_broker_keeps_a_persistent_session_through_kill_9(data_dir: Path) -> None:
    with embedded_broker(data_dir) as url:
        async with client(url, "collector", clean_session=False) as collector:
            await collector.subscribe("ff/v1/+/+/telemetry", qos=1)
        async with client(devices_url(data_dir, url), "v1") as device:
            await device.publish("ff/v1/vehicle/v1/telemetry", b'{"seq":1}', qos=1)
        os.kill(server_of(data_dir / "broker").pid, signal.SIGKILL)

    with embedded_broker(data_dir) as url:
        async with client(url, "collector", clean_session=False) as collector, asyncio.timeout(20):
            message = await anext(collector.messages)
    assert message.payload == b'{"seq":1}'


async def test_a_device_reads_its_commands_and_publishes_nothing_but_up_channels(data_dir: Path) -> None:
    with embedded_broker(data_dir) as url:
        async with (
            client(url) as service,
            client(devices_url(data_dir, url), "v1") as device,
            asyncio.timeout(20),
        ):
            await service.subscribe("ff/v1/#", qos=1)
            await device.subscribe("ff/v1/vehicle/v1/cmd", qos=1)
            await service.publish("ff/v1/vehicle/v1/cmd", b"{}", qos=1)
            command = await anext(device.messages)
            await device.publish("ff/v1/vehicle/v1/ack", b"{}", qos=1)
            heard = [str((await anext(service.messages)).topic) for _ in range(2)]
    assert str(command.topic) == "ff/v1/vehicle/v1/cmd"
    assert heard == ["ff/v1/vehicle/v1/cmd", "ff/v1/vehicle/v1/ack"]


async def test_a_device_that_publishes_a_command_is_refused(data_dir: Path) -> None:
    with embedded_broker(data_dir) as url:
        async with client(url) as service, asyncio.timeout(20):
            await service.subscribe("ff/v1/#", qos=0)
            async with client(devices_url(data_dir, url), "v1") as device:
                await device.publish("ff/v1/vehicle/v2/cmd", b"{}", qos=0)
                await device.publish("ff/v1/vehicle/v1/status", b"{}", qos=0)
            first = await anext(service.messages)
    assert str(first.topic) == "ff/v1/vehicle/v1/status"


async def test_a_wrong_password_is_refused(data_dir: Path) -> None:
    with embedded_broker(data_dir) as url:
        wrong = urlsplit(url)._replace(netloc=f"service:wrong@127.0.0.1:{urlsplit(url).port}").geturl()
        with pytest.raises(aiomqtt.MqttError):
            async with client(wrong):
                pass
