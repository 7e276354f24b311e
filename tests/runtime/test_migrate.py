"""The schema is brought up to date once, whoever asks and however many ask at once."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from runtime.errors import MigrationError
from runtime.migrate import Migration, migrate, plan, read_migrations


def names() -> list[str]:
    return [migration.name for migration in read_migrations()]


def test_a_fresh_database_gets_every_file_in_order(any_empty_database_url: str) -> None:
    assert migrate(any_empty_database_url) == names()


def test_running_it_again_does_nothing(any_database_url: str) -> None:
    assert migrate(any_database_url) == []


def test_several_at_once_apply_each_file_once(any_empty_database_url: str) -> None:
    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(migrate, [any_empty_database_url] * 6))

    assert sorted(results) == sorted([[], [], [], [], [], names()])


def test_readings_are_hypertables_where_timescaledb_is_there(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT hypertable_name FROM timescaledb_information.hypertables ORDER BY 1"
        ).fetchall()

    assert [name for (name,) in found][:2] == ["fume_reading", "vehicle_position"]


def test_an_edited_file_is_refused_by_name(any_empty_database_url: str, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (id int);")
    migrate(any_empty_database_url, tmp_path)
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (id bigint);")

    with pytest.raises(MigrationError, match="'0001_first' was edited"):
        migrate(any_empty_database_url, tmp_path)


def test_a_vanished_file_is_refused_by_name(any_empty_database_url: str, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (id int);")
    migrate(any_empty_database_url, tmp_path)
    (tmp_path / "0001_first.sql").unlink()

    with pytest.raises(MigrationError, match=r"'0001_first' was applied .* not part of this program"):
        migrate(any_empty_database_url, tmp_path)


def test_a_file_that_fails_leaves_nothing_of_itself_and_all_of_those_before(
    any_empty_database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (id int);")
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE second (id int); SELECT 1 / 0;")

    with pytest.raises(MigrationError, match="'0002_second' failed: division by zero"):
        migrate(any_empty_database_url, tmp_path)

    with psycopg.connect(any_empty_database_url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relname IN ('first', 'second')"
        ).fetchall()
    assert tables == [("first",)]
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE second (id int);")
    assert migrate(any_empty_database_url, tmp_path) == ["0002_second"]


def test_a_new_file_before_an_applied_one_is_refused() -> None:
    files = [Migration("0001_a", ""), Migration("0002_b", "")]

    with pytest.raises(MigrationError, match="'0001_a' comes before '0002_b'"):
        plan(files, {"0002_b": hashlib.sha256(b"").hexdigest()})
