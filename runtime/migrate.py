"""Bring the schema up to date: plain SQL files, in order of name, each once, each in a transaction.

Files      runtime/migrations/NNNN_name.sql. A file that was released is never edited: its SHA-256
           stands in `schema_migration`, and a difference is refused by name.
Several    may start at once: an advisory lock lets one work while the others wait, then find nothing to do.
Why our own: docs/decisions/0004-plain-sql-migrations.md.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import LiteralString

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from runtime.database import connect
from runtime.errors import MigrationError

LOCK = 0x666C656574  # "fleet"; any number, as long as it is always this one

CREATE_TABLE: LiteralString = """
    CREATE TABLE IF NOT EXISTS schema_migration (
        name       text PRIMARY KEY,
        sha256     text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file; `name` is without `.sql`."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrate(url: str, directory: Traversable | None = None) -> list[str]:
    """Apply what is missing and return its names, oldest first; `directory` is this program's own if None.

    Raises MigrationError (and leaves the database at the last whole file) if a file fails or was
    edited, or if the database was migrated by a newer program; DatabaseUnreachable.
    """
    files = read_migrations(directory)
    # Without a time limit: an index over a year of readings takes its time, and so does waiting for the lock.
    with connect(url, autocommit=True, statement_timeout_s=0) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            connection.execute(CREATE_TABLE)
            pending = plan(files, applied(connection))
            for migration in pending:
                _apply(connection, migration)
        finally:
            if not connection.closed:
                connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    return [migration.name for migration in pending]


def read_migrations(directory: Traversable | None = None) -> list[Migration]:
    """Read the files, oldest first."""
    folder = directory if directory is not None else resources.files("runtime") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [Migration(f.name.removesuffix(".sql"), f.read_text(encoding="utf-8")) for f in files]


def applied(connection: Connection[TupleRow]) -> dict[str, str]:
    """SHA-256 by name of what the database holds."""
    return dict(connection.execute("SELECT name, sha256 FROM schema_migration").fetchall())


def plan(files: Sequence[Migration], applied: Mapping[str, str]) -> list[Migration]:
    """Which of `files` are still to be applied. Raises MigrationError where the two do not fit."""
    known = {migration.name: migration for migration in files}
    for name in sorted(applied):
        if name not in known:
            raise MigrationError(
                f"migration {name!r} was applied to this database, and its file is not part of this program: "
                "install the version of fleetfume that made it, or a newer one"
            )
        if known[name].sha256 != applied[name]:
            raise MigrationError(
                f"migration {name!r} was edited after it was applied to this database: "
                "restore the file, and put the change into a new one"
            )
    pending = [migration for migration in files if migration.name not in applied]
    newest = max(applied, default="")
    for migration in pending:
        if migration.name < newest:
            raise MigrationError(
                f"migration {migration.name!r} comes before {newest!r}, which was applied already: "
                "give it a higher number"
            )
    return pending


def _apply(connection: Connection[TupleRow], migration: Migration) -> None:
    try:
        with connection.transaction():
            connection.execute(migration.sql.encode())
            connection.execute(
                "INSERT INTO schema_migration (name, sha256) VALUES (%s, %s)",
                [migration.name, migration.sha256],
            )
    except psycopg.Error as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MigrationError(f"migration {migration.name!r} failed: {reason}") from error
