"""The command line: every command by name, imported only when it is called.

Commands live in their own package's `commands` module as plain functions; this table names them, so
that `runtime` imports nothing above it and `--help` loads nothing heavy.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import typer
from click import ClickException, Command, Context, UsageError
from click.exceptions import Abort, Exit
from typer.core import TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

from runtime.errors import FleetfumeError
