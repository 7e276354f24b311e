"""`fleetfume user add`."""

import getpass
import sys
from typing import Annotated, LiteralString

import psycopg
import typer

from api.auth import NAME_MOST, PASSWORD_LEAST, PASSWORD_MOST, ROLES, hash_password
from runtime.database import connect
from runtime.errors import UserError
from runtime.parts import database
from runtime.settings import load_settings

ADD: LiteralString = """
    INSERT INTO console_user (name, role, password_hash) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING name
"""


def user_add(
    name: Annotated[str, typer.Argument(help="Sign-in name.")],
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")],
    password_stdin: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Make a console user; asks for the password, twice and unseen."""
    if role not in ROLES:
        raise UserError(f"there is no role {role!r}; there are {', '.join(ROLES)}")
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > NAME_MOST:
        raise UserError(f"a name is 1 to {NAME_MOST} printable characters, without spaces around them")
    password = _read_password() if password_stdin else _ask_password()
    if len(password) < PASSWORD_LEAST:
        raise UserError(f"the password is too short: {PASSWORD_LEAST} characters at least")
    if len(password) > PASSWORD_MOST:
        raise UserError(f"the password is too long: {PASSWORD_MOST} characters at most")
    with database(load_settings()) as url, connect(url) as connection:
        try:
            added = connection.execute(ADD, [name, role, hash_password(password)]).fetchone()
        except psycopg.errors.UndefinedTable:
            raise UserError("the database has no schema yet: run fleetfume db migrate") from None
        if added is None:
            raise UserError(f"there is a user {name!r} already")
    typer.echo(f"user {name!r} made, role {role}")


def _read_password() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _ask_password() -> str:
    if not sys.stdin.isatty():
        raise UserError("there is no terminal to ask for the password: use --password-stdin")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise UserError("the two passwords differ; nothing was made")
    return password
