from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
from typer.testing import CliRunner

from devices.commands import credentials_issue, registry_export, registry_import
from devices.credentials import ACCESS_FILE, PASSWORD_FILE
from devices.nouns import NOUNS
from devices.registry_files import write_directory
from devices.repository import load_registry
from devices.types import Registry
from runtime.errors import UserError
from tests.devices.builders import a_registry, without_versions
from tests.parts.postgres import empty_database


@pytest.fixture(autouse=True)
def service(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)


def stored(database_url: str) -> Registry:
    with psycopg.connect(database_url) as connection:
        return load_registry(connection)


def rows(database_url: str, query: str) -> list[Any]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(query).fetchall()


def test_import_says_per_file_what_changed(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_directory(a_registry(), tmp_path / "district")
    registry_import(tmp_path / "district")

    assert without_versions(stored(database_url)) == a_registry()
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "vehicles.csv: 2 rows: 2 new, 0 changed, 0 removed"
    assert len(said) == len(NOUNS) + 1

    vehicles = tmp_path / "district" / "vehicles.csv"
    vehicles.write_text(vehicles.read_text().replace("19.5", "20", 1))
    (tmp_path / "district" / "vehicle.csv").write_text("misspelt")
    registry_import(tmp_path / "district")

    said = capsys.readouterr().out.splitlines()
    assert said[1] == "vehicles.csv: 2 rows: 0 new, 1 changed, 0 removed"
    assert "vehicle.csv: not a registry file, ignored" in said


def test_export_then_import_changes_nothing(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_directory(a_registry(), tmp_path / "district")
    registry_import(tmp_path / "district")
    before = stored(database_url)

    registry_export(tmp_path / "out")
    registry_import(tmp_path / "out")

    assert stored(database_url) == before
    assert "nothing changed" in capsys.readouterr().out
    for noun in NOUNS:
        assert (tmp_path / "out" / noun.file).read_bytes() == (tmp_path / "district" / noun.file).read_bytes()


def test_one_bad_row_stops_the_whole_import(database_url: str, tmp_path: Path) -> None:
    write_directory(a_registry(), tmp_path)
    with (tmp_path / "outlets.csv").open("a") as outlets:
        outlets.write("O2,烧烤,,,,enormous,,,,\n")

    with pytest.raises(UserError, match=r"outlets\.csv, line 3, scale: 'enormous'"):
        registry_import(tmp_path)

    assert stored(database_url) == Registry()


def test_a_directory_with_one_file_changes_that_noun_alone(database_url: str, tmp_path: Path) -> None:
    write_directory(a_registry(), tmp_path / "district")
    registry_import(tmp_path / "district")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "roads.geojson").write_text('{"type": "FeatureCollection", "features": []}')

    registry_import(tmp_path / "part")

    after = stored(database_url)
    assert after.roads == {}
    assert after.vehicles == a_registry().vehicles


def test_the_sample_district_is_imported(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    registry_import(sample=True)

    assert "vehicles.csv: 686 rows: 686 new, 0 changed, 0 removed" in capsys.readouterr().out
    assert len(stored(database_url).outlets) == 659


def test_a_database_without_a_schema_is_named(
    timescaledb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with empty_database(timescaledb) as url:
        monkeypatch.setenv("FLEETFUME_DATABASE_URL", url)
        with pytest.raises(UserError, match="fleetfume db migrate"):
            registry_export(tmp_path / "out")


def test_import_wants_one_source() -> None:
    with pytest.raises(UserError, match="one of the two"):
        registry_import()
    with pytest.raises(UserError, match="one of the two"):
        registry_import(Path("x"), sample=True)


def test_issue_prints_each_secret_once_and_writes_the_brokers_files(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_directory(a_registry(), tmp_path)
    registry_import(tmp_path)
    capsys.readouterr()

    credentials_issue(every=True, mosquitto=tmp_path / "broker")

    lines = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in lines] == ["F1", "T1", "fleetfume"]
    passwords = (tmp_path / "broker" / PASSWORD_FILE).read_text()
    assert [line.split(":")[0] for line in passwords.splitlines()] == ["fleetfume", "F1", "T1"]
    assert (tmp_path / "broker" / ACCESS_FILE).exists()

    credentials_issue(["T1"], mosquitto=tmp_path / "broker")

    (line,) = capsys.readouterr().out.splitlines()
    assert line.split(",")[0] == "T1"
    changed = (tmp_path / "broker" / PASSWORD_FILE).read_text()
    assert [new == old for new, old in zip(changed.splitlines(), passwords.splitlines(), strict=True)] == [
        True,
        True,
        False,
    ]


def test_the_command_line_takes_them_as_they_are(database_url: str, tmp_path: Path) -> None:
    program = typer.Typer()
    for command in (registry_import, registry_export, credentials_issue):
        program.command()(command)

    def run(*words: str) -> str:
        result = CliRunner().invoke(program, words, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    write_directory(a_registry(), tmp_path / "district")
    assert run("registry-import", "district").endswith("register version 1\n")
    assert run("registry-export", "out").startswith("companies.csv: 1 rows\n")
    assert run("credentials-issue", "T1", "F1").startswith("T1,")
    assert len(run("credentials-issue", "--all", "--mosquitto", "broker").splitlines()) == 3
    assert stored(database_url).version == 1


def test_the_files_can_be_written_anew_without_new_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_directory(a_registry(), tmp_path)
    registry_import(tmp_path)
    credentials_issue(["T1"], mosquitto=tmp_path / "broker")
    before = (tmp_path / "broker" / PASSWORD_FILE).read_text()
    capsys.readouterr()

    credentials_issue(mosquitto=tmp_path / "broker")

    assert capsys.readouterr().out == ""
    assert (tmp_path / "broker" / PASSWORD_FILE).read_text() == before


def test_no_secret_is_kept_if_the_files_cannot_be_written(database_url: str, tmp_path: Path) -> None:
    write_directory(a_registry(), tmp_path)
    registry_import(tmp_path)

    with pytest.raises(UserError, match="cannot be written"):
        credentials_issue(["T1"], mosquitto=tmp_path / "outlets.csv")

    assert rows(database_url, "SELECT * FROM device_credential") == []


@pytest.mark.parametrize(
    ("devices", "every", "complaint"),
    [
        (["T1"], True, "not both"),
        ([], False, "name the devices"),
        (["T9"], False, "no active device T9"),
        (["fleetfume"], False, "--mosquitto DIR"),
    ],
)
def test_issue_says_what_it_cannot_do(devices: list[str], every: bool, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        credentials_issue(devices, every=every)
