"""One server for all processes that use the same folder: the first starts it, the last one out stops it.

Users      Each holds a shared lock on `users.lock` while it uses the server. The system drops the
           lock of a process that is killed, so nothing has to be cleaned up after kill -9: a server
           left running is found again by the next process, and stopped when that one leaves.
Starting   and stopping happen under `start.lock`, one process at a time.
"""

import contextlib
import fcntl
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypedDict

import msgspec

from runtime.errors import PartError

STOP_TIMEOUT_S = 30.0
PORT_TIMEOUT_S = 5.0
"""A killed server holds its port until the kernel has done with it, which may be after its successor looks."""

# A server may outlive its users in this process; a Popen that is collected while its child runs complains.
_children: dict[int, subprocess.Popen[bytes]] = {}


class Running(msgspec.Struct, frozen=True):
    """A started server, as `server.json` remembers it."""

    pid: int
    port: int


class Server(Protocol):
    """How one kind of server is started and recognised."""

    @property
    def name(self) -> str: ...

    def answers(self, running: Running) -> bool:
        """Whether it is this folder's server that listens on that port."""

    def start(self, port: int) -> Running:
        """Start on `port` and wait until it answers; PartError if it does not."""


@contextlib.contextmanager
def shared(folder: Path, server: Server, stop_signal: signal.Signals) -> Iterator[Running]:
    """Yield the server of `folder`, started if need be; stop it if nobody else uses it any more."""
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "server.json"
    with (folder / "users.lock").open("a") as users:
        with _starting(folder):
            running = _ensure(record, server)
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield running
        finally:
            with _starting(folder):
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass
                else:
                    stop(running.pid, stop_signal)


def in_use(folder: Path) -> bool:
    """Whether any process uses the server of `folder` now."""
    try:
        with (folder / "users.lock").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def stop_unused(folder: Path, server: Server, stop_signal: signal.Signals) -> None:
    """Stop what a killed process left running in `folder`; PartError while another process uses it."""
    if not folder.exists():
        return
    with _starting(folder):
        if in_use(folder):
            raise PartError(
                f"the {server.name} in {folder} is in use by another fleetfume: stop that one first"
            )
        running = _remembered(folder / "server.json")
        if running is not None and alive(running.pid) and server.answers(running):
            stop(running.pid, stop_signal)


@contextlib.contextmanager
def _starting(folder: Path) -> Iterator[None]:
    with (folder / "start.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure(record: Path, server: Server) -> Running:
    known = _remembered(record)
    if known is not None and alive(known.pid) and server.answers(known):
        return known
    problem = None
    for attempt in range(3):
        # The port of last time, for who wrote it down; another one if somebody took it.
        port = known.port if known is not None and attempt == 0 and _becomes_free(known.port) else free_port()
        try:
            running = server.start(port)
        except PartError as error:
            problem = error
            time.sleep(0.5)
        else:
            record.write_bytes(msgspec.json.encode(running))
            return running
    assert problem is not None  # noqa: S101
    raise problem


def _remembered(record: Path) -> Running | None:
    try:
        return msgspec.json.decode(record.read_bytes(), type=Running)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def spawn(
    command: Sequence[str | Path], log: Path, *, user: int | None = None, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C at the terminal does not reach it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            start_new_session=True,
            pass_fds=pass_fds,
            **as_user(user),
        )
    _children[process.pid] = process
    return process


class Identity(TypedDict, total=False):
    """Arguments of subprocess for whom to run as."""

    user: int
    group: int
    extra_groups: list[int]


def as_user(user: int | None) -> Identity:
    """Give up root's rights for `user`; nothing for None."""
    return Identity() if user is None else Identity(user=user, group=user, extra_groups=[])


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not yet collected does not."""
    if pid in _children:
        return _children[pid].poll() is None
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def stop(pid: int, how: signal.Signals) -> None:
    """Ask the server to end, and wait until it did; kill it after STOP_TIMEOUT_S."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while alive(pid):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + STOP_TIMEOUT_S
        time.sleep(0.02)
    _children.pop(pid, None)


PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Below the ports the kernel gives to connections: one of those may be taken while its server is away."""
    return next(port for port in random.sample(PORTS, len(PORTS)) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _becomes_free(port: int) -> bool:
    deadline = time.monotonic() + PORT_TIMEOUT_S
    while not _is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def tail(log: Path, lines: int = 5) -> str:
    """The end of a log, on one line, for a message."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return "(no log)"
    return " | ".join(line.strip() for line in text.splitlines()[-lines:]) or "(empty log)"
