"""`fleetfume user …`."""

import getpass
import sys
from enum import StrEnum
from typing import Annotated

import typer

from api.users import add_user
from runtime.database import connect
from runtime.errors import UserError
from runtime.parts import database
from runtime.settings import load_settings


class UserRole(StrEnum):
    """What a user may do, docs/api.md."""

    DUTY = "duty"
    SQUAD = "squad"
    REVIEWER = "reviewer"
    ADMIN = "admin"
    VIEWER = "viewer"


def user_add(
    name: Annotated[str, typer.Argument(help="The name to sign in with.")],
    role: Annotated[UserRole, typer.Option(help="What the user may do.")],
    password_stdin: Annotated[  # noqa: FBT002 - typer's way of a flag
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    squad: Annotated[str | None, typer.Option(help="The squad, as jurisdictions.geojson names it.")] = None,
) -> None:
    """Make a console user; asks for the password."""
    password = _from_stdin() if password_stdin else _asked()
    with database(load_settings()) as url, connect(url) as connection:
        add_user(connection, name, role.value, password, squad)
    typer.echo(f"user {name} added, role {role.value}")


def _from_stdin() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _asked() -> str:
    if not sys.stdin.isatty():
        raise UserError("no terminal to ask for the password: give it with --password-stdin")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Again: "):
        raise UserError("the two passwords differ")
    return password
