"""`fleetfume device-test`."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from psycopg.errors import UndefinedTable

from alerts.catalogue import load_catalogue
from devices.channels import decoders
from devices.registry_files import read_directory
from devices.repository import load_registry
from devices.terminals import load_terminals
from devices.topics import DEVICE_ID
from devices.types import Device, DeviceKind, Registry
from ingest.conformance.agreement import AGREEMENT
from ingest.conformance.captured import Captured, read_captured, write_captured
from ingest.conformance.content import CONTENT
from ingest.conformance.findings import Finding, some
from ingest.conformance.heard import Heard, heard
from ingest.conformance.listening import listen
from ingest.conformance.transport import TRANSPORT
from runtime import parts
from runtime.database import connect
from runtime.errors import UserError
from runtime.settings import Settings, load_settings
from runtime.tls import broker_tls

_MARKS = {"wrong": "WRONG", "doubtful": "doubt", "note": "note ", "right": "right"}


def device_test(
    device_id: Annotated[str, typer.Argument(metavar="DEVICE", help="Whose messages to look at.")],
    minutes: Annotated[float, typer.Option(help="How long to listen; Ctrl-C ends it early.")] = 5.0,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Look at messages saved before, in place of the broker's."),
    ] = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep what was heard.")] = None,
    registry: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Registry files. [default: the database's register]")
    ] = None,
    kind: Annotated[
        DeviceKind | None, typer.Option(help="For a device that no register has: what it is …")
    ] = None,
    serial: Annotated[str | None, typer.Option(help="… its phone number or MN …")] = None,
    interval_s: Annotated[float | None, typer.Option(help="… and how often it should report.")] = None,
) -> None:
    """Say what is right and what is wrong with what a terminal publishes; exit 1 if something is wrong."""
    if DEVICE_ID.fullmatch(device_id) is None:
        raise UserError(f"{device_id!r} is not a device id: 1 to 32 of A-Z a-z 0-9 _ -")
    settings = load_settings()
    if kind is not None:
        device = Device(
            device_id=device_id,
            kind=kind,
            bound_to=None,
            serial=serial,
            interval_s=interval_s,
            status="active",
        )
    elif serial is not None or interval_s is not None:
        raise UserError("--serial and --interval-s describe a device that no register has; give --kind too")
    else:
        device = _registered(settings, registry, device_id)
    messages = read_captured(file) if file is not None else _listened(settings, device_id, minutes)
    if save is not None:
        try:
            write_captured(save, messages)
        except OSError as error:
            raise UserError(f"{save} cannot be written: {error.strerror}") from None
    session = heard(
        messages,
        device,
        decoders=decoders(load_terminals(settings.terminals_file)),
        catalogue=load_catalogue(settings.rules_file),
        prefix=settings.topic_prefix,
        zone=settings.zone,
        retention_us=settings.retention_days * 24 * 3600 * 1_000_000,
    )
    found = list(findings(session))
    for line in report(session, found):
        typer.echo(line)
    raise typer.Exit(1 if any(finding.level == "wrong" for finding in found) else 0)


def findings(session: Heard) -> Iterator[Finding]:
    """What every check has to say, in order."""
    for check in (*TRANSPORT, *CONTENT, *AGREEMENT):
        yield from check(session)


def report(session: Heard, found: Sequence[Finding]) -> Iterator[str]:
    """What is wrong first, each with what to do."""
    device = session.device
    yield f"{device.device_id} ({device.kind}): {some(len(session.messages), 'message')}"
    for level, mark in _MARKS.items():
        for finding in found:
            if finding.level == level:
                yield f"{mark}  {finding.check:<10} {finding.says}"
                if finding.do:
                    yield f"{'':<18} -> {finding.do}"
    wrong = sum(finding.level == "wrong" for finding in found)
    doubtful = sum(finding.level == "doubtful" for finding in found)
    yield f"{wrong} wrong, {doubtful} doubtful"


def _registered(settings: Settings, directory: Path | None, device_id: str) -> Device:
    register = read_directory(directory) if directory is not None else _stored(settings)
    device = register.devices.get(device_id)
    if device is None:
        raise UserError(
            f"the register has no device {device_id!r}; register it, or describe it with --kind, --serial, --interval-s"
        )
    return device


def _stored(settings: Settings) -> Registry:
    with parts.database(settings) as url, connect(url) as connection:
        try:
            return load_registry(connection)
        except UndefinedTable:
            raise UserError("the database has no register yet; run 'fleetfume db migrate' first") from None


def _listened(settings: Settings, device_id: str, minutes: float) -> list[Captured]:
    if not minutes > 0:
        raise UserError(f"--minutes {minutes} is not above 0")
    messages: list[Captured] = []
    topic_filter = f"{settings.topic_prefix}/+/{device_id}/#"
    with parts.broker(settings) as url:
        tls = broker_tls(settings, url)
        listening = listen(
            url,
            topic_filter,
            minutes * 60,
            messages.append,
            begun=lambda: typer.echo(f"listening to {topic_filter} for {minutes:g} min", err=True),
            tls=tls,
        )
        asyncio.run(_until_interrupted(listening))
    return messages


async def _until_interrupted(listening: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(listening)
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
