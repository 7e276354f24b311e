"""The command line from outside: one line and a code for a mistake, and nothing heavy for help."""

import contextlib
import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.cli import COMMANDS, main
from tests.parts.mosquitto import Mosquitto
from tests.service.running import ended, environment

ROOT = Path(__file__).parents[2]
SAMPLE_DISTRICT = ROOT / "simulators" / "district_data"
HEAVY = {"numba", "polars", "shapely", "numpy", "fastapi", "uvicorn", "psycopg", "aiomqtt", "paho"}


def fleetfume(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FLEETFUME_")}
    environment |= {f"FLEETFUME_{key.upper()}": value for key, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "runtime.cli", *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def every_command() -> list[list[str]]:
    return [
        [name, *rest]
        for name, entry in COMMANDS.items()
        for rest in ([[sub] for sub in entry] if isinstance(entry, dict) else [[]])
    ]


def test_help_names_every_command(tmp_path: Path) -> None:
    shown = fleetfume("--help", folder=tmp_path)

    assert shown.returncode == 0
    assert all(f"\n  {name} " in shown.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_each_command_explains_itself(command: list[str], tmp_path: Path) -> None:
    shown = fleetfume(*command, "--help", folder=tmp_path)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"Usage: fleetfume {' '.join(command)} " in shown.stdout


def test_help_and_version_load_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys\nfrom runtime.cli import main\ntry: main([sys.argv[1]])\nexcept SystemExit: pass\nprint(*sys.modules)"
    for flag in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", code, flag], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert not HEAVY & set(done.stdout.split())


def test_a_collectors_process_does_not_load_the_api() -> None:
    code = """
import sys
from pydantic import SecretStr
from api.server import create_app
from runtime.settings import Settings
create_app(Settings(database_url=SecretStr("postgresql://127.0.0.1:9/x")), role="collector")
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not [name for name in done.stdout.split() if name == "api.v1" or name.startswith("api.routes")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "fleetfume: No such command 'nope'."),
        (["db", "nope"], "fleetfume db: No such command 'nope'."),
        (["serve", "--role", "judge"], "fleetfume serve: Invalid value for '--role'"),
        (["serve", "--http-port", "70000"], "fleetfume: --http-port: "),
        (["user", "add", "wang"], "fleetfume user add: Missing option '--role'."),
        (
            ["export", "--from", "2026-11-23", "--to", "2026-11-24", "-o", "x.csv"],
            "fleetfume: --from '2026-11-23' is no instant; ",
        ),
        (
            ["report", "daily", "--date", "0001-01-01", "-o", "x.json"],
            "fleetfume: --date '0001-01-01' is no day; ",
        ),
        (["findings", "--from", "9999-12-31"], "fleetfume: --from '9999-12-31' is no day; "),
        (["kitchens", "examine", "--day", "0001-01-01"], "fleetfume: --day '0001-01-01' is no day; "),
        (
            ["simulate", "quiet", "--start", "0001-01-01T00:00:00Z"],
            "fleetfume: --start 0001-01-01T00:00:00Z lies",
        ),
    ],
)
def test_a_mistake_costs_one_line_and_a_code(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = ended(*arguments, env=environment(tmp_path))

    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1


def test_an_absent_database_costs_one_line(tmp_path: Path) -> None:
    done = fleetfume("db", "migrate", folder=tmp_path, database_url="postgresql://u:hunter2@127.0.0.1:9/x")

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be reached" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_taken_port_costs_one_line_and_starts_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for command in ("serve", "demo"):
            done = fleetfume(command, folder=tmp_path, http_port=port)

            assert done.returncode == 2
            assert f"cannot listen on 127.0.0.1 port {port}: " in done.stderr
            assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_migrating_by_command_twice_says_what_was_done(tmp_path: Path) -> None:
    first = fleetfume("db", "migrate", folder=tmp_path)
    again = fleetfume("db", "migrate", folder=tmp_path)

    assert "applied 0001_registry\n" in first.stdout
    assert again.stdout == "the schema is up to date\n"


def test_the_doctor_finds_a_whole_service_well(tmp_path: Path, database_url: str, broker: Mosquitto) -> None:
    done = fleetfume("doctor", folder=tmp_path, database_url=database_url, mqtt_url=broker.url)

    lines = [line.split()[:2] for line in done.stdout.splitlines()]
    things = ["database", "extension", "schema", "clock", "credentials", "broker", "disk"]
    assert lines == [["ok", thing] for thing in things]
    assert done.returncode == 0


def test_the_doctor_names_everything_that_is_wrong(tmp_path: Path) -> None:
    done = fleetfume(
        "doctor", folder=tmp_path, database_url="postgresql://u@127.0.0.1:9/x", mqtt_url="mqtt://127.0.0.1:9"
    )

    assert [line.split()[:2] for line in done.stdout.splitlines()][:2] == [
        ["FAIL", "database"],
        ["FAIL", "broker"],
    ]
    assert done.returncode == 1


def test_the_doctor_says_that_the_schema_is_missing(tmp_path: Path, broker: Mosquitto) -> None:
    done = fleetfume("doctor", folder=tmp_path, mqtt_url=broker.url)

    assert "FAIL  schema       none yet: run 'fleetfume db migrate'" in done.stdout
    assert done.returncode == 1


SPAN = ("--from", "2026-11-23T00:00:00Z", "--to", "2026-11-24T00:00:00Z")


def test_every_command_that_needs_the_schema_says_in_one_line_what_to_run(
    any_empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", any_empty_database_url)
    truth = tmp_path / "truth.ndjson"
    truth.write_text("")
    for arguments in (
        ["registry", "import", str(SAMPLE_DISTRICT)],
        ["registry", "export", str(tmp_path / "out")],
        ["credentials", "issue", "--all"],
        ["user", "add", "wang", "--role", "duty", "--password-stdin"],
        ["kitchens", "count"],
        ["kitchens", "examine"],
        ["quarantine", "list"],
        ["findings", "--from", "2026-11-23"],
        ["explain", "1"],
        ["evidence", "1", "-o", str(tmp_path / "lead.zip")],
        ["draw", "companies", "--seed", "1", "-o", str(tmp_path / "draw.json")],
        ["hotspots", *SPAN],
        ["export", *SPAN, "-o", str(tmp_path / "out.csv")],
        ["reevaluate", *SPAN],
        ["score", "--truth", str(truth)],
        ["report", "daily", "--date", "2026-11-23", "-o", str(tmp_path / "day.json")],
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery staple\n"))
        said = io.StringIO()
        with contextlib.redirect_stderr(said), pytest.raises(SystemExit) as ended:
            main(arguments)
        lines = said.getvalue().splitlines()
        assert (ended.value.code, len(lines)) == (2, 1), (arguments, lines)
        assert "run 'fleetfume db migrate' first" in lines[0], arguments
