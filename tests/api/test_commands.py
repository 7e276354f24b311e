import subprocess
import sys
from pathlib import Path

import psycopg

from api.auth import _passwords


def user_add(
    database_url: str, directory: Path, *arguments: str, password: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtime.cli", "user", "add", *arguments, "--password-stdin"],
        input=password + "\n", capture_output=True, text=True, check=False, timeout=60,
        env={"FLEETFUME_DATABASE_URL": database_url, "FLEETFUME_DATA_DIR": str(directory), "PATH": ""},
    )  # fmt: skip


def test_a_user_is_made_with_a_hashed_password(database_url: str, tmp_path: Path) -> None:
    done = user_add(database_url, tmp_path, "王五", "--role", "duty", password="long enough")
    assert done.returncode == 0, done.stderr
    with psycopg.connect(database_url) as connection:
        ((name, role, hashed),) = connection.execute(
            "SELECT name, role, password_hash FROM console_user"
        ).fetchall()
    assert (name, role) == ("王五", "duty")
    assert hashed.startswith("$argon2id$")
    assert _passwords.verify("long enough", hashed)


def test_mistakes_are_told_in_one_line(database_url: str, tmp_path: Path) -> None:
    assert user_add(database_url, tmp_path, "a", "--role", "admin", password="long enough").returncode == 0
    for arguments, password, said in [
        (("b", "--role", "boss"), "long enough", "there is no role 'boss'"),
        (("b", "--role", "duty"), "short", "10 characters at least"),
        ((" b", "--role", "duty"), "long enough", "without spaces around"),
        (("a", "--role", "duty"), "long enough", "there is a user 'a' already"),
    ]:
        done = user_add(database_url, tmp_path, *arguments, password=password)
        assert done.returncode != 0
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
