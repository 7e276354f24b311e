"""`fleetfume doctor`: one line for each thing the service stands on."""

import contextlib
import re
import shutil
import socket
import ssl
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
from runtime.tls import broker_tls

OLDEST_TIMESCALEDB = (2, 19, 1)
CLOCK_TOLERANCE_S = 2.0
DISK_WANTED_BYTES = 5 * 2**30
REFUSAL_WAIT_S = 0.5


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
            found.append(broker(url, settings))
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


def broker(url: str, settings: Settings) -> Finding:
    parts_of = urlsplit(url)
    host, port = parts_of.hostname or "", parts_of.port or (8883 if parts_of.scheme == "mqtts" else 1883)
    where = f"{host}:{port}"
    tls = broker_tls(settings, url)
    try:
        connection = socket.create_connection((host, port), timeout=5)
    except OSError as error:
        text = f"nothing answers at {where} ({error}): start it, or correct FLEETFUME_MQTT_URL"
        return _ill("broker", text)
    with connection:
        if tls is None:
            return _well("broker", f"answers at {where}")
        try:
            with tls.wrap_socket(connection, server_hostname=host) as secured:
                # In TLS 1.3 a broker refuses our certificate only after the handshake; one that does not waits for us.
                secured.settimeout(REFUSAL_WAIT_S)
                with contextlib.suppress(TimeoutError):
                    secured.recv(1)
                return _well("broker", f"answers at {where}, {secured.version()}")
        except OSError as error:
            return _ill("broker", f"at {where}: {_tls_fault(error, host)}")


def _tls_fault(error: OSError, host: str) -> str:
    """What is wrong with TLS, and what to do."""
    said = getattr(error, "verify_message", None) or getattr(error, "reason", None) or str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        if "mismatch" in said or "doesn't match" in said:
            return (
                f"its certificate is not for {host!r}: use the name it was made for, or make it for this one"
            )
        if "expired" in said or "not yet valid" in said:
            return f"{said}: renew the broker's certificate, or set the clock right"
        return f"{said}: name the certificate of the CA that signed the broker's in FLEETFUME_MQTT_CA_FILE"
    if "CERTIFICATE_REQUIRED" in said or "HANDSHAKE_FAILURE" in said:
        return "it asks for a certificate of ours: set FLEETFUME_MQTT_CERT_FILE and FLEETFUME_MQTT_KEY_FILE"
    if "UNKNOWN_CA" in said or "BAD_CERTIFICATE" in said or "CERTIFICATE_UNKNOWN" in said:
        return "it does not believe our certificate (FLEETFUME_MQTT_CERT_FILE): have it signed by the CA the broker knows"
    return f"no TLS ({said}): is this the broker's TLS port?"


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
