"""One pytest run's folder: which servers it started, so that they end with it, also after kill -9.

The process that was called (not an xdist worker) makes the folder and hands its name to the workers
in the environment. The first who needs a server starts it under a file lock and leaves its address
there; the calling process stops all of them at the end, and those of runs that died before.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fleetfume"
RUNS = CACHE / "runs"
VARIABLE = "FLEETFUME_TEST_RUN"
# Kept until the end: a Popen that is collected while its child runs complains, and warnings are errors.
_children: list[subprocess.Popen[bytes]] = []


def begin_run(*, in_memory: bool = False) -> Path:
    """Make this run's folder, and clear away what dead runs left.

    `in_memory`: the run's servers keep their files there, as far as this machine lets us mount it. Making and dropping
    a database is then a few times quicker; figures that are to say something of a disk are taken without.
    """
    RUNS.mkdir(parents=True, exist_ok=True)
    for folder in RUNS.iterdir():
        if not _alive(int(folder.name)):
            end_run(folder)
    run = RUNS / str(os.getpid())
    run.mkdir()
    if in_memory:
        mount_memory(run)
    os.environ[VARIABLE] = str(run)
    return run


def this_run() -> Path:
    return Path(os.environ[VARIABLE])


def end_run(run: Path) -> None:
    """Stop the servers of `run` and remove its files."""
    for record in run.glob("*.server"):
        server = json.loads(record.read_text())
        stop(server["pid"], server["mark"])
        for path in server["remove"]:
            _remove(Path(path))
    _remove(run)


def mount_memory(folder: Path, *, size: str = "50%") -> str:
    """Have `folder` be in memory, at most `size` of it; what went wrong, if that cannot be had."""
    options = f"size={size},mode=0755"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()


def shared_server(
    name: str, start: Callable[[], tuple[subprocess.Popen[bytes], str, dict[str, Any]]]
) -> dict[str, Any]:
    """Return what `start` said about the server `name`, started by the first who asks in this run.

    `start` returns the process, a word of its command line by which it is known again, and facts
    (JSON); `facts["remove"]` lists folders that go with it.
    """
    record = this_run() / f"{name}.server"
    with locked(this_run() / f"{name}.lock"):
        if not record.exists():
            process, mark, facts = start()
            remember(name, process, mark, **facts)
        facts = json.loads(record.read_text())
    return dict(facts)


def remember(
    name: str, process: subprocess.Popen[bytes], mark: str, remove: Sequence[str] = (), **facts: Any
) -> None:
    """Have `process` end with this run, whose command line holds `mark`, and the folders of `remove` go with it."""
    _children.append(process)
    record = {**facts, "remove": list(remove), "pid": process.pid, "mark": mark}
    (this_run() / f"{name}.server").write_text(json.dumps(record))


def stop(pid: int, mark: str, timeout_s: float = 20.0) -> None:
    """End the process `pid` if it still is the one that was started (its command line holds `mark`)."""
    if mark not in _command_line(pid):
        return
    os.kill(pid, signal.SIGINT)  # PostgreSQL: fast shutdown
    deadline = time.monotonic() + timeout_s
    while mark in _command_line(pid):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            break
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove(folder: Path) -> None:
    if folder.is_mount():
        subprocess.run(["umount", "-l", str(folder)], check=False)
    shutil.rmtree(folder, ignore_errors=True)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _alive(pid: int) -> bool:
    return bool(_command_line(pid))
