"""`fleetfume registry …` and `fleetfume credentials …`."""

import contextlib
import getpass
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from psycopg import Connection
from psycopg.rows import TupleRow

from devices.access import SERVICE_USER
from devices.credentials import (
    active_devices,
    active_hashes,
    issue_secrets,
    write_mosquitto_files,
)
from devices.nouns import NOUNS
from devices.registry_files import read_directory, write_directory
from devices.repository import Changes, compare, load_registry, lock_registry, store_registry
from runtime.database import connect
from runtime.errors import UserError
from runtime.parts import database
from runtime.settings import Settings, load_settings


def registry_import(
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Directory with the registry files.")
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="The sample district, in place of DIR.")] = False,  # noqa: FBT002
) -> None:
    """Load the registry files, all or nothing.

    A file that is there replaces what the register holds of its noun; a file that is absent leaves it alone.
    """
    if sample == (directory is not None):
        raise UserError("name the directory of the registry files, or --sample; one of the two")
    with resources.as_file(resources.files("simulators") / "district_data") as district:
        source = directory or district
        with _register(load_settings()) as connection:
            lock_registry(connection)
            before = load_registry(connection)
            after = read_directory(source, base=before)
            version = store_registry(connection, after, actor=_actor(), note=f"import of {source.name}")
    changes = compare(before, after)
    for noun in NOUNS:
        if (source / noun.file).exists():
            change = changes.get(noun.name, Changes())
            typer.echo(
                f"{noun.file}: {len(getattr(after, noun.name))} rows: {len(change.added)} new, "
                f"{len(change.changed)} changed, {len(change.removed)} removed"
            )
    for name in sorted({path.name for path in source.iterdir()} - {noun.file for noun in NOUNS}):
        if name.endswith((".csv", ".geojson")):
            typer.echo(f"{name}: not a registry file, ignored")
    typer.echo(f"register version {version}" + ("" if changes else ": nothing changed"))


def registry_export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Directory to write to; made if need be.")],
) -> None:
    """Write the registry files as the register is now; importing them changes nothing."""
    with _register(load_settings()) as connection:
        registry = load_registry(connection)
    try:
        counts = write_directory(registry, directory)
    except OSError as error:
        raise UserError(f"{directory} cannot be written: {error.strerror}") from None
    for name, count in counts.items():
        typer.echo(f"{name}: {count} rows")
    typer.echo(f"register version {registry.version}")


def credentials_issue(
    devices: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DEVICE]...", help=f"Device ids; {SERVICE_USER!r} renews the collector's own secret."
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every active device of the register.")] = False,  # noqa: FBT002
    mosquitto: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write fleetfume.passwd and fleetfume.acl there, for Mosquitto."),
    ] = None,
) -> None:
    """Make device secrets and show each once: a line with the device id, a comma, the secret.

    A device that had a secret gets a new one. With --mosquitto alone, writes the files anew and makes none.
    """
    named = list(devices or [])
    renew_service = SERVICE_USER in named
    if every and named:
        raise UserError("name the devices, or --all; not both")
    if not every and not named and mosquitto is None:
        raise UserError("name the devices, or --all")
    if renew_service and mosquitto is None:
        raise UserError(
            f"the secret of {SERVICE_USER!r} lives in fleetfume.passwd; say where, with --mosquitto DIR"
        )
    settings = load_settings()
    with _register(settings) as connection:
        wanted = active_devices(connection) if every else [name for name in named if name != SERVICE_USER]
        made = issue_secrets(connection, wanted)
        if mosquitto is not None:
            # Before the commit: hashes that no file came of are not kept.
            try:
                service = write_mosquitto_files(
                    mosquitto, active_hashes(connection), settings.topic_prefix, renew_service=renew_service
                )
            except OSError as error:
                raise UserError(f"{mosquitto} cannot be written: {error.strerror}") from None
            if service is not None:
                made[SERVICE_USER] = service
    for name, secret in made.items():
        typer.echo(f"{name},{secret}")


@contextlib.contextmanager
def _register(settings: Settings) -> Iterator[Connection[TupleRow]]:
    """The database's connection, in a transaction that commits at the end; without a time limit."""
    with database(settings) as url, connect(url, statement_timeout_s=0) as connection:
        yield connection


def _actor() -> str:
    try:
        return f"{getpass.getuser()} at the command line"
    except (KeyError, OSError):
        return "the command line"
