"""`fleetfume user add`."""

import io
from collections.abc import Callable

import psycopg
import pytest
from pwdlib import PasswordHash

from api.commands import UserRole, user_add
from api.users import ROLES
from runtime.errors import UserError

Stdin = Callable[[str], None]


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Stdin:
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", database_url)
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_user_is_made_with_a_hash_of_the_password(
    stdin: Stdin, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin("correct horse\n")
    user_add("王芳", UserRole.DUTY, password_stdin=True)
    assert capsys.readouterr().out == "user 王芳 added, role duty\n"
    with psycopg.connect(database_url) as connection:
        (row,) = connection.execute("SELECT name, role, password_hash FROM console_user").fetchall()
    assert row[:2] == ("王芳", "duty")
    assert row[2].startswith("$argon2id$")
    assert PasswordHash.recommended().verify("correct horse", row[2])


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("wang", "short", "the password must have 8 to 256 characters"),
        (" wang", "long enough", "no blank at either end"),
        ("", "long enough", "1 to 64 printable characters"),
        ("w\n", "long enough", "printable"),
    ],
)
def test_what_is_wrong_with_a_user_is_said(stdin: Stdin, name: str, password: str, said: str) -> None:
    stdin(password)
    with pytest.raises(UserError, match=said):
        user_add(name, UserRole.VIEWER, password_stdin=True)


def test_a_name_is_given_once(stdin: Stdin) -> None:
    for _ in range(2):
        stdin("long enough\n")
        try:
            user_add("wang", UserRole.VIEWER, password_stdin=True)
        except UserError as error:
            said = str(error)
    assert said == "there is a user 'wang' already"


def test_without_a_terminal_the_password_must_be_given(stdin: Stdin) -> None:
    stdin("")
    with pytest.raises(UserError, match="--password-stdin"):
        user_add("wang", UserRole.VIEWER)


def test_the_command_knows_every_role() -> None:
    assert [role.value for role in UserRole] == list(ROLES)
