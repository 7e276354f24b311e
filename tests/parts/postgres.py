"""Real databases: TimescaleDB from the Debian tree, and a fresh migrated database for each test."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from runtime.migrate import migrate, read_migrations
from tests.parts.run import CACHE, free_port, locked, mount_memory, shared_server, this_run

TREE = CACHE / "timescaledb-trixie"
BINARIES = "/usr/lib/postgresql/17/bin"
MISSING = (
    f"The tests need a real TimescaleDB and {TREE} is not there: run 'make parts' once as root "
    "(about a minute), or set FLEETFUME_TEST_DATABASE_URL to a server with TimescaleDB 2.19.1 or newer."
)


def timescaledb_url() -> str:
    """Address of the run's TimescaleDB, as a role that may create databases; starts it if need be."""
    if named := os.environ.get("FLEETFUME_TEST_DATABASE_URL"):
        return named
    if not TREE.is_dir() or os.geteuid() != 0:
        pytest.exit(MISSING, returncode=3)
    return str(shared_server("timescaledb", _start)["url"])


def timescaledb_version() -> str:
    """For the header of the run; read from files, nothing is started."""
    if "FLEETFUME_TEST_DATABASE_URL" in os.environ:
        return "TimescaleDB: the server named by FLEETFUME_TEST_DATABASE_URL"
    if not TREE.is_dir():
        return "TimescaleDB: missing (make parts)"
    control = next(TREE.glob("usr/share/postgresql/17/extension/timescaledb.control")).read_text()
    version = next(line.split("'")[1] for line in control.splitlines() if line.startswith("default_version"))
    server = subprocess.run(
        ["chroot", str(TREE), f"{BINARIES}/postgres", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"TimescaleDB {version} on {server.stdout.strip()}"


def _start() -> tuple[subprocess.Popen[bytes], str, dict[str, Any]]:
    inside = f"/srv/run-{this_run().name}"
    folder = TREE / inside.lstrip("/")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    if this_run().is_mount():
        mount_memory(folder)
    subprocess.run(["cp", "-a", str(TREE / "srv/new-cluster"), str(folder / "data")], check=True)
    port = free_port()
    command = server_command(f"{inside}/data", port)
    log = this_run() / "timescaledb.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    wait_until_up(url, process, log)
    return process, inside, {"url": url, "remove": [str(folder)]}


def server_command(inside: str, port: int, **settings: str) -> list[str]:
    """The tree's PostgreSQL on the cluster `inside` it, on loopback, with `settings` beside ours."""
    ours = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "shared_preload_libraries": "timescaledb",
        "timescaledb.telemetry_level": "off",
        # Speed only: a crash of the machine may cost these databases.
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": 200,
        "shared_buffers": "256MB",
        "max_worker_processes": 16,
    }
    command = ["chroot", "--userspec=postgres:postgres", str(TREE), f"{BINARIES}/postgres", "-D", inside]
    for name, value in {**ours, **settings}.items():
        command += ["-c", f"{name}={value}"]
    return command


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return


@contextlib.contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """A migrated database of its own on `server`; gone afterwards."""
    template = _template(server)
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            # Files copied whole: less than half the work of the other strategy, page by page through the log.
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield with_database(server, name)
    finally:
        _drop(server, name)


@contextlib.contextmanager
def empty_database(server: str) -> Iterator[str]:
    """A database on `server` that no migration has touched; gone afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        yield with_database(server, name)
    finally:
        _drop(server, name)


def _drop(server: str, name: str) -> None:
    """Whoever is still connected is thrown out, after a moment for those who are just leaving: DROP itself looks again
    only every 100 ms.
    """
    with psycopg.connect(server, autocommit=True) as connection:
        for _ in range(10):
            if not connection.execute("SELECT FROM pg_stat_activity WHERE datname = %s", [name]).rowcount:
                break
            time.sleep(0.003)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def with_database(server: str, name: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def _template(server: str) -> str:
    """Name of the migrated database that tests copy; made by the first who asks."""
    digest = hashlib.sha256("".join(m.name + m.sha256 for m in read_migrations()).encode()).hexdigest()
    name = f"fleetfume_template_{digest[:16]}"
    with locked(this_run() / "template.lock"), psycopg.connect(server, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
            return name
        making = f"making_{uuid.uuid4().hex}"
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(making)))
        migrate(with_database(server, making))
        # TimescaleDB's scheduler keeps a connection to every database that allows one,
        # and a database with connections cannot be copied.
        connection.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(making))
        )
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [making]
        )
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(making), sql.Identifier(name))
        )
    return name
