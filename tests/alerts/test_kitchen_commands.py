"""`fleetfume kitchens …`, as somebody uses it who has never seen it."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runtime.cli import main
from tests import builders
from tests.builders import minutes, reading

Run = Callable[..., tuple[int, str, str]]
"""Arguments after `kitchens`; exit code, output, errors."""
NOON = datetime(2025, 11, 23, 4, tzinfo=UTC)
COMMANDS = ("shop-fronts", "cleanings", "examine", "count")


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", database_url)

    def kitchens(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["kitchens", *arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return kitchens


@pytest.fixture
def database(database_url: str) -> Any:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        with connection.transaction():
            builders.district(connection)
        yield connection


def records(path: Path, *lines: str) -> str:
    file = path / "cleanings.csv"
    file.write_text("\n".join(["record,outlet_id,cleaned_on,done_by,note", *lines]) + "\n", "utf-8")
    return str(file)


def cleaned_on(database: Any) -> Any:
    return database.execute("SELECT cleaned_on FROM outlet WHERE outlet_id = 'R0'").fetchone()[0]


def test_the_help_says_what_there_is(run: Run) -> None:
    code, said, _ = run("--help")

    assert code == 0
    for command in COMMANDS:
        assert command in said
    for command, word in (
        ("cleanings", "cleaned_on"),
        ("shop-fronts", "unit_id"),
        ("examine", "--day"),
        ("count", "--days"),
    ):
        code, said, _ = run(command, "--help")
        assert (code, word in said) == (0, True), command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["examine", "--day", "yesterday"], "'yesterday' is no day; write it like 2026-11-23"),
        (["count", "--days", "0"], "--days"),
        (["cleanings", "nowhere.csv"], "nowhere.csv"),
        (["shop-fronts", "nowhere.csv"], "nowhere.csv"),
        (["cleanings"], "FILE"),
        (["wash"], "wash"),
    ],
)
def test_a_mistake_is_one_clear_line_and_no_traceback(run: Run, arguments: list[str], said: str) -> None:
    code, out, errors = run(*arguments)

    assert (code != 0, out) == (True, "")
    assert said in errors
    assert "Traceback" not in errors


def test_a_record_book_is_recorded_once_and_the_register_follows(
    run: Run, database: Any, tmp_path: Path
) -> None:
    book = records(
        tmp_path, "7,R0,2025-11-20,清洗公司,", "8,R1,2025-11-21,,换油烟管", "6,R0,2025-10-01,清洗公司,"
    )

    assert run("cleanings", book)[:2] == (0, "cleanings.csv: 3 cleanings recorded\n")
    assert cleaned_on(database) == date(2025, 11, 20)
    assert database.execute(
        "SELECT done_by, note, recorded_by FROM cleaning_record WHERE outlet_id = 'R1'"
    ).fetchall() == [("", "换油烟管", "command line")]
    assert run("cleanings", book)[1] == "cleanings.csv: 0 cleanings recorded\n"


def test_an_older_record_leaves_the_register_and_tells_those_who_judge_by_it(
    run: Run, database: Any, tmp_path: Path
) -> None:
    run("cleanings", records(tmp_path, "1,R0,2025-11-20,,"))
    before = database.execute("SELECT max(version) FROM registry_version").fetchone()
    run("cleanings", records(tmp_path, "2,R0,2025-10-20,,"))

    assert cleaned_on(database) == date(2025, 11, 20)
    assert database.execute("SELECT max(version) FROM registry_version").fetchone() > before


def test_every_bad_record_is_named_and_none_is_kept(run: Run, database: Any, tmp_path: Path) -> None:
    code, _, errors = run(
        "cleanings", records(tmp_path, "1,R0,2025-11-20,,", "2,R77,2025-11-20,,", "3,R0,2999-01-01,,")
    )
    assert code != 0
    assert "'R77' is not in the register" in errors
    assert "2999-01-01 has not come yet" in errors
    code, _, errors = run(
        "cleanings", records(tmp_path, "1,R0,last week,,", "1,R0,2025-11-20,,", ",R0,2025-11-20,,")
    )
    assert (code != 0, errors.count("cleanings.csv")) == (True, 2)

    assert database.execute("SELECT count(*) FROM cleaning_record").fetchone() == (0,)


def test_shop_fronts_are_loaded_and_a_bad_row_is_named(run: Run, database: Any, tmp_path: Path) -> None:
    file = tmp_path / "fronts.csv"
    file.write_text("unit_id,name,trade,outlet_id\nU1,甲,餐饮,R0\nU2,乙,五金,\n", "utf-8")
    assert run("shop-fronts", str(file))[:2] == (0, "fronts.csv: 2 shop-fronts\n")
    file.write_text("unit_id,name,lat\nU3,丙,north\n", "utf-8")
    code, _, errors = run("shop-fronts", str(file))

    assert (code != 0, "north" in errors) == (True, True)
    assert database.execute("SELECT unit_id FROM shop_front ORDER BY 1").fetchall() == [("U1",), ("U2",)]


def test_figures_are_counted_again_from_the_readings(run: Run, database: Any) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0) - minutes(60)
    now -= minutes(now.minute % 10)
    for n in range(20):
        reading(database, now + minutes(n))

    assert run("count", "--days", "1")[:2] == (0, "2 times ten minutes counted\n")
    assert database.execute("SELECT sum(readings) FROM fume_10min").fetchone() == (20,)


def test_a_day_is_examined_and_what_is_found_is_said_with_its_measures(run: Run, database: Any) -> None:
    """Three times a purifier cuts out and comes back."""
    for n in range(120):
        reading(database, NOON + minutes(n), purifier_on=n % 40 >= 10 or n % 5 == 0)

    run("count", "--days", "9999")
    code, said, _ = run("examine", "--day", "2025-11-23")

    assert code == 0
    assert re.search(r"F0: The purifier may be cutting out \(score 0.5\): episodes 3, minutes 30", said), said
    assert "2025-11-23: 1 findings; each is a reason to look, not a verdict" in said


@pytest.mark.parametrize("command", [["count"], ["examine"], ["cleanings", "{}"], ["shop-fronts", "{}"]])
def test_without_a_schema_it_says_which_command_makes_one(
    command: list[str], any_empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", any_empty_database_url)
    columns = "record,outlet_id,cleaned_on" if command[0] == "cleanings" else "unit_id,name"
    (tmp_path / "file.csv").write_text(f"{columns}\n", "utf-8")
    with pytest.raises(SystemExit):
        main(["kitchens", *(part.format(tmp_path / "file.csv") for part in command)])

    assert "fleetfume db migrate" in capsys.readouterr().err
