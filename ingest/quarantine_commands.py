"""`fleetfume quarantine …`."""

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC
from typing import Annotated, Any

import typer
from psycopg import Connection

from alerts.catalogue import load_catalogue
from devices.channels import decoders
from devices.reasons import Reason
from devices.terminals import load_terminals
from ingest.pipeline import Pipeline
from ingest.quarantine import Outcome, Wanted, listed, retry
from runtime.database import connect
from runtime.errors import UserError
from runtime.instants import read_instant
from runtime.parts import database
from runtime.settings import Settings, load_settings

SHOWN_BYTES = 60

ReasonOption = Annotated[
    list[Reason] | None, typer.Option("--reason", help="Only this reason; may be given several times.")
]
DeviceOption = Annotated[
    list[str] | None,
    typer.Option("--device", metavar="ID", help="Only this device; may be given several times."),
]
From = Annotated[
    str | None, typer.Option("--from", metavar="T", help="Received then or later, like 2026-11-23T00:00:00Z.")
]
To = Annotated[str | None, typer.Option("--to", metavar="T", help="Received before then.")]


def quarantine_list(
    reason: ReasonOption = None,
    device: DeviceOption = None,
    from_: From = None,
    to: To = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> None:
    """Show what could not be read and is not resolved, the newest first."""
    wanted = _wanted(reason, device, from_, to)
    with _connected(load_settings()) as connection:
        rows = listed(connection, wanted, limit=limit)
    for row in rows:
        typer.echo(
            f"{row.id}  {row.received_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}  {row.reason}  {row.topic}  "
            f"{_printable(row.detail)}  {_shown(row.payload)}"
        )
    typer.echo(f"{len(rows)} rows" + (" (there may be more: --limit)" if len(rows) == limit else ""))


def quarantine_retry(
    reason: ReasonOption = None,
    device: DeviceOption = None,
    from_: From = None,
    to: To = None,
    dry_run: Annotated[  # noqa: FBT002 - typer's way of a flag
        bool, typer.Option("--dry-run", help="Say what would come of it, and undo it.")
    ] = False,
) -> None:
    """Read what was quarantined again: after the register was corrected, a decoder mended, a profile added.

    What can be read now is stored and judged as if it had been read when it came. Safe to run again, and beside
    running collectors. A time that was in the future (future_time) is believed once it has come: leave terminals
    whose clock was wrong out. Parts of messages (incomplete_message) are left alone: a part is read by itself when
    the other parts come, and is of no use an hour later.
    """
    if reason == [Reason.INCOMPLETE_MESSAGE]:
        raise UserError(
            "incomplete_message is not read again: a part is read by itself when the other parts come; "
            "have the device send the whole message again"
        )
    wanted = _wanted(reason, device, from_, to)
    settings = load_settings()
    pipeline = Pipeline(
        load_catalogue(settings.rules_file),
        decoders=decoders(load_terminals(settings.terminals_file)),
        prefix=settings.topic_prefix,
        zone=settings.zone,
        retention_days=settings.retention_days,
    )
    with _connected(settings) as connection:
        outcome = retry(connection, pipeline, wanted, dry_run=dry_run)
    _report(outcome, dry_run=dry_run)


def _report(outcome: Outcome, *, dry_run: bool) -> None:
    typer.echo(
        f"{outcome.rows} rows read again: {outcome.resolved} resolved, {outcome.rows - outcome.resolved} still "
        f"cannot be read; {outcome.stored} readings stored, {outcome.repeated} were there already"
        + (" (dry run: nothing is kept)" if dry_run else "")
    )
    for reason, rows in outcome.still.most_common():
        typer.echo(f"  {reason}: {rows}")


def _wanted(
    reasons: list[Reason] | None, device_ids: list[str] | None, from_: str | None, to: str | None
) -> Wanted:
    return Wanted(
        reasons=reasons or None,
        device_ids=device_ids or None,
        begin=read_instant("--from", from_) if from_ else None,
        end=read_instant("--to", to) if to else None,
    )


def _shown(payload: bytes) -> str:
    """The beginning of a payload, as text where it is text."""
    head = payload[:SHOWN_BYTES]
    text = head.decode("utf-8", "replace")
    shown = json.dumps(text, ensure_ascii=False) if _printable(text) == text else head.hex()
    return shown + (f" … {len(payload)} bytes" if len(payload) > SHOWN_BYTES else "")


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


@contextlib.contextmanager
def _connected(settings: Settings) -> Iterator[Connection[Any]]:
    with database(settings) as url, connect(url, autocommit=True) as connection:
        yield connection
