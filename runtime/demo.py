"""`fleetfume demo`: the whole service with a simulated district, on parts that come with the package."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from runtime.embedded.broker import devices_url, embedded_broker, stop_embedded_broker
from runtime.embedded.postgres import embedded_postgres, stop_embedded_postgres
from runtime.embedded.sharing import free_port, tail
from runtime.errors import PartError, UserError
from runtime.migrate import migrate
from runtime.service import stop_on_signals
from runtime.settings import load_settings

DEFAULT_FOLDER = "demo"
USERS = {"duty": "duty", "squad": "squad", "admin": "admin"}
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0
MARK = "fleetfume-demo"


@dataclass(frozen=True, slots=True)
class Child:
    """A command of ours in a process of its own, with its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def demo(
    data_dir: Annotated[
        Path | None, typer.Option(help="Where everything is kept.", show_default=".fleetfume/demo")
    ] = None,
    http_port: Annotated[int | None, typer.Option(help="The console's port; 0: a free one.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Go on with the data of last time.")] = False,  # noqa: FBT002
    catch_up: Annotated[str, typer.Option(help="How much of the past the fleet tells first.")] = "6h",
) -> None:
    """Start database, broker, service and a simulated fleet; Ctrl-C ends all of it."""
    settings = load_settings(http_port=http_port)
    folder = (data_dir or settings.data_dir / DEFAULT_FOLDER).absolute()
    port = _port(settings.http_host, settings.http_port)
    stop = threading.Event()
    with stop_on_signals(stop), contextlib.ExitStack() as opened:
        _prepare(folder, keep=keep)
        typer.echo("starting the database and the broker")
        database_url = opened.enter_context(embedded_postgres(folder))
        mqtt_url = opened.enter_context(embedded_broker(folder, settings.topic_prefix))
        migrate(database_url)
        environment = {
            **os.environ,
            "FLEETFUME_DATABASE_URL": database_url,
            "FLEETFUME_MQTT_URL": mqtt_url,
            "FLEETFUME_DATA_DIR": str(folder),
            "FLEETFUME_HTTP_HOST": settings.http_host,
        }
        password = None
        if not (folder / MARK).exists():
            typer.echo("loading the sample district")
            _run(["registry", "import", "--sample"], environment)
            password = secrets.token_urlsafe(9)
            for name, role in USERS.items():
                _run(["user", "add", name, "--role", role, "--password-stdin"], environment, said=password)
            (folder / MARK).touch(mode=0o600)
        children: list[Child] = []
        opened.callback(_end, children)
        children.append(
            _start("collector", ["serve", "--role", "collector"], folder, environment, free_port())
        )
        children.append(_start("api", ["serve", "--role", "api"], folder, environment, port))
        if not _wait_until_served(f"http://{settings.http_host}:{port}/healthz", children, stop):
            return
        simulate = ["simulate", "demo", "--truth", str(folder / "truth.ndjson"), "--catch-up", catch_up]
        devices = {**environment, "FLEETFUME_MQTT_URL": devices_url(folder, mqtt_url)}
        children.append(_start("simulate", simulate, folder, devices, port))
        _greet(f"http://{settings.http_host}:{port}/", password, folder)
        _watch(children, stop)
        typer.echo("stopping")


def _prepare(folder: Path, *, keep: bool) -> None:
    """An empty folder of ours, or last time's with `keep`. Raises UserError if it is somebody else's."""
    ours = {"postgres", "broker", "truth.ndjson", "log", MARK}
    if not keep and folder.exists():
        strange = sorted(path.name for path in folder.iterdir() if path.name not in ours)
        if strange:
            raise UserError(f"{folder} holds what no demo made ({strange[0]}): choose another --data-dir")
        # What a killed demo left running would go on writing into the fresh folder.
        stop_embedded_postgres(folder)
        stop_embedded_broker(folder)
        shutil.rmtree(folder)
    (folder / "log").mkdir(parents=True, exist_ok=True)


def _port(host: str, wanted: int) -> int:
    """The port for the console. Raises UserError if it is taken, before anything was started."""
    if wanted == 0:
        return free_port()
    try:
        socket.create_server((host, wanted)).close()
    except OSError as error:
        raise UserError(
            f"cannot listen on {host} port {wanted}: {error.strerror or error}. "
            "Choose another with --http-port, or end the program that uses it"
        ) from None
    return wanted


def _command(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "runtime.cli", *arguments]


def _run(arguments: list[str], environment: Mapping[str, str], said: str | None = None) -> None:
    done = subprocess.run(
        _command(arguments),
        env=environment,
        input=said if said is None else said + "\n",
        stdin=subprocess.DEVNULL if said is None else None,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise PartError(
            f"'fleetfume {' '.join(arguments)}' failed: {lines[-1] if lines else 'it said nothing'}"
        )


def _start(name: str, arguments: list[str], folder: Path, environment: Mapping[str, str], port: int) -> Child:
    # A session of its own: Ctrl-C reaches us alone, and we end the children in order.
    log = folder / "log" / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            _command(arguments),
            env={**environment, "FLEETFUME_HTTP_PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Child(name, process, log)


def _wait_until_served(url: str, children: list[Child], stop: threading.Event) -> bool:
    """Wait for the console; False if asked to stop meanwhile. Raises PartError if it does not come."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not stop.wait(0.1):
        _complain_of_the_dead(children)
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return True
        if time.monotonic() > deadline:
            raise PartError(
                f"the console did not answer within {START_TIMEOUT_S:g} s: {tail(children[-1].log)}"
            )
    return False


def _watch(children: list[Child], stop: threading.Event) -> None:
    while not stop.wait(0.5):
        _complain_of_the_dead(children)


def _complain_of_the_dead(children: list[Child]) -> None:
    for child in children:
        if (code := child.process.poll()) is not None:
            raise PartError(
                f"{child.name} ended by itself (code {code}): {tail(child.log)}; whole log: {child.log}"
            )


def _end(children: list[Child]) -> None:
    """End the last started first: no fleet without a collector."""
    for child in reversed(children):
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGTERM)
        try:
            child.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()


def _greet(url: str, password: str | None, folder: Path) -> None:
    login = f"duty, squad or admin; password {password}" if password else "as printed when this demo was made"
    typer.echo(f"\n  console   {url}\n  login     {login}\n  data      {folder}\n\nCtrl-C ends it.")
