"""A TimescaleDB server of one test's own, which it may kill, starve of disk, and start again."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from tests.parts.postgres import MISSING, TREE, server_command, wait_until_up
from tests.parts.run import free_port, mount_memory, remember, this_run


class Cluster:
    """One server whose commits outlive kill -9, on a small file system of its own (tmpfs), so that the disk
    can be full in earnest.
    """

    def __init__(self, name: str, *, disk_mb: int = 400) -> None:
        if not TREE.is_dir() or os.geteuid() != 0:
            pytest.exit(MISSING, returncode=3)
        self._name = f"/srv/{name}-{os.getpid()}"
        self._disk = TREE / self._name.lstrip("/")
        self._disk.mkdir(mode=0o755)
        self._log = this_run() / f"{name}.log"
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        trouble = mount_memory(self._disk, size=f"{disk_mb}m")
        assert not trouble, (
            f"no small file system could be mounted, which a full disk needs ({trouble}): "
            "run the tests where root may mount a tmpfs"
        )
        subprocess.run(["cp", "-a", str(TREE / "srv/new-cluster"), str(self._disk / "data")], check=True)

    def start(self) -> None:
        """Start, and wait until it answers. After `kill` the orphans of the last one have to leave first."""
        deadline = time.monotonic() + 60
        while True:
            with self._log.open("ab") as output:
                self._process = subprocess.Popen(
                    server_command(
                        f"{self._name}/data",
                        self.port,
                        synchronous_commit="on",  # or kill -9 loses what was said to be committed
                        max_wal_size="64MB",
                        min_wal_size="32MB",
                        restart_after_crash="on",
                    ),
                    stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
            remember(
                self._name.strip("/").replace("/", "-"),
                self._process,
                f"{self._name}/data",
                [str(self._disk)],
            )
            try:
                wait_until_up(self.url, self._process, self._log)
            except AssertionError:
                assert time.monotonic() < deadline, self._log.read_text()[-3000:]
                time.sleep(0.1)
            else:
                return

    def kill(self) -> None:
        """kill -9 the postmaster; its children notice by themselves."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """A fast shutdown: who is connected is thrown out."""
        self._end(signal.SIGINT)

    def pause(self) -> None:
        """Every process of it stands still, and no connection is told."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def fill_disk(self, *, leave_kb: int = 0) -> None:
        """Nothing more can be written but what `leave_kb` holds."""
        with (self._disk / "ballast").open("wb", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):  # ENOSPC is what is wanted
                    while ballast.write(bytes(size)) == size:
                        pass
            ballast.truncate(max(0, ballast.tell() - leave_kb * 1024))

    def free_disk(self) -> None:
        (self._disk / "ballast").unlink(missing_ok=True)

    def remove(self) -> None:
        self.stop()
        subprocess.run(["umount", "-l", str(self._disk)], check=False)
        self._disk.rmdir()

    def ensure_running(self) -> None:
        """A full disk may have ended it."""
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        if self._process is None:
            self.start()

    def read_only(self, on: bool) -> None:
        """As a managed server is made when its disk is nearly full."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}")
            connection.execute("SELECT pg_reload_conf()")

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process is not None
        for pid in (self._process.pid, *_children(self._process.pid)):
            os.kill(pid, number)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
