"""`fleetfume doctor`: one line for each thing the service stands on."""

import re
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import typer
from psycopg import Connection
from psycopg.errors import UndefinedTable
from psycopg.rows import TupleRow

from runtime import parts
from runtime.database import connect, place
from runtime.errors import FleetfumeError
from runtime.migrate import applied, plan, read_migrations
from runtime.settings import Settings, load_settings

OLDEST_TIMESCALEDB = (2, 19, 1)
CLOCK_TOLERANCE_S = 2.0
DISK_WANTED_BYTES = 5 * 2**30


class Finding(NamedTuple):
    """One line; `well` False makes the command fail."""

    what: str
    well: bool
    text: str


def _well(what: str, text: str) -> Finding:
    return Finding(what, True, text)  # noqa: FBT003


def _ill(what: str, text: str) -> Finding:
    return Finding(what, False, text)  # noqa: FBT003


def doctor() -> None:
    """Check database, extension, broker, clock, credentials and disk; exit 1 if one of them fails."""
    settings = load_settings()
    failed = False
    for finding in findings(settings):
        failed = failed or not finding.well
        typer.echo(f"{'ok  ' if finding.well else 'FAIL'}  {finding.what:<12} {finding.text}")
    raise typer.Exit(1 if failed else 0)


def findings(settings: Settings) -> list[Finding]:
    """Look at everything, also after the first thing that fails."""
    found: list[Finding] = []
    try:
        with parts.database(settings) as url, connect(url, autocommit=True) as connection:
            found.append(
                _well("database", f"PostgreSQL {connection.info.server_version // 10000} at {place(url)}")
            )
            found += [check(connection) for check in DATABASE_CHECKS]
    except FleetfumeError as error:
        found.append(_ill("database", str(error)))
    try:
        with parts.broker(settings) as url:
            found.append(broker(url))
    except FleetfumeError as error:
        found.append(_ill("broker", str(error)))
    return [*found, disk(settings)]


def extension(connection: Connection[TupleRow]) -> Finding:
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    if row is None:
        return _well("extension", "no TimescaleDB: readings stay in plain tables")
    version = tuple(int(number) for number in re.findall(r"\d+", row[0])[:3])
    if version < OLDEST_TIMESCALEDB:
        text = f"TimescaleDB {row[0]} can lose rows on conflicts in compressed chunks: upgrade to 2.19.1 or newer"
        return _ill("extension", text)
    return _well("extension", f"TimescaleDB {row[0]}")


def schema(connection: Connection[TupleRow]) -> Finding:
    try:
        pending = plan(read_migrations(), applied(connection))
    except UndefinedTable:
        return _ill("schema", "none yet: run 'fleetfume db migrate'")
    except FleetfumeError as error:
        return _ill("schema", str(error))
    if pending:
        return _ill("schema", f"{len(pending)} migrations behind: run 'fleetfume db migrate'")
    return _well("schema", "up to date")


def clock(connection: Connection[TupleRow]) -> Finding:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM
    apart_s = abs((datetime.now(UTC) - row[0]).total_seconds())
    text = f"{apart_s:.1f} s from the database's"
    if apart_s > CLOCK_TOLERANCE_S:
        return _ill("clock", f"{text}: readings would be dated wrongly; synchronise both (NTP)")
    return _well("clock", text)


def credentials(connection: Connection[TupleRow]) -> Finding:
    try:
        row = connection.execute(
            "SELECT count(*), count(c.device_id) FROM device d LEFT JOIN device_credential c USING (device_id) "
            "WHERE d.status = 'active'"
        ).fetchone()
    except UndefinedTable:
        return _ill("credentials", "no register yet: run 'fleetfume db migrate'")
    assert row is not None  # noqa: S101 - an aggregate
    return _well("credentials", f"issued to {row[1]} of {row[0]} active devices")


def broker(url: str) -> Finding:
    parts_of = urlsplit(url)
    host, port = parts_of.hostname or "", parts_of.port or (8883 if parts_of.scheme == "mqtts" else 1883)
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError as error:
        text = f"nothing answers at {host}:{port} ({error}): start it, or correct FLEETFUME_MQTT_URL"
        return _ill("broker", text)
    return _well("broker", f"answers at {host}:{port}")


def disk(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free / 2**30:.1f} GiB free at {folder}"
    if free < DISK_WANTED_BYTES:
        return _ill("disk", f"{text}: at least 5 are wanted")
    return _well("disk", text)


DATABASE_CHECKS: tuple[Callable[[Connection[TupleRow]], Finding], ...] = (
    extension,
    schema,
    clock,
    credentials,
)
