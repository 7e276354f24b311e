"""The command line: every command by name, imported only when it is called.

Commands live in their own package's `commands` module as plain functions; this table names them, so
that `runtime` imports nothing above it and `fleetfume --help` loads nothing heavy.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

# typer carries a copy of click and does not export the base of its usage errors.
from typer._click.exceptions import ClickException
from typer.core import TyperGroup
from typer.main import get_command

from runtime import __version__
from runtime.errors import FleetfumeError

COMMANDS: dict[str, tuple[str, str] | dict[str, tuple[str, str]]] = {
    "demo": (
        "runtime.demo:demo",
        "The main job on embedded parts, with a simulated district. Ctrl-C ends it.",
    ),
    "serve": ("runtime.commands:serve", "Collector, API and console; or one role of them."),
    "db": {
        "migrate": ("runtime.commands:db_migrate", "Bring the schema up to date."),
    },
    "registry": {
        "import": ("devices.commands:registry_import", "Load the registry files, all or nothing."),
        "export": ("devices.commands:registry_export", "Write the registry files."),
    },
    "quarantine": {
        "list": ("ingest.quarantine_commands:quarantine_list", "What could not be read, and why."),
        "retry": ("ingest.quarantine_commands:quarantine_retry", "Read it again, after a fix."),
    },
    "credentials": {
        "issue": ("devices.commands:credentials_issue", "Make device secrets, and show each once."),
    },
    "user": {
        "add": ("api.commands:user_add", "Make a console user."),
    },
    "kitchens": {
        "shop-fronts": ("alerts.kitchens.commands:shop_fronts", "Load the district's shop-fronts."),
        "cleanings": ("alerts.kitchens.commands:cleanings", "Record cleanings of purifiers from a file."),
        "examine": ("alerts.kitchens.commands:examine", "Examine the monitors of a day."),
        "count": ("alerts.kitchens.commands:count", "Count the figures again from the readings."),
    },
    "simulate": ("simulators.commands:simulate", "Publish a simulated fleet as its firmware would."),
    "score": ("simulators.commands:score", "Compare the alerts that were opened with a ground truth."),
    "explain": ("alerts.commands:explain", "Say why an alert was opened, fix by fix."),
    "hotspots": ("alerts.hotspots_command:hotspots", "Print where suspected dumping keeps happening."),
    "findings": (
        "alerts.findings_command:findings",
        "Say which terminals are shifted, frozen, drifting or wrong in their units.",
    ),
    "export": ("ingest.history.commands:export", "Write positions or readings to Parquet, CSV or NDJSON."),
    "reevaluate": (
        "ingest.history.commands:reevaluate",
        "Judge history again, and say what would be told otherwise.",
    ),
    "search-area": ("ingest.history.commands:search_area", "Say which vehicles were in an area."),
    "replay": ("simulators.replay:replay", "Publish recorded readings on the real topics."),
    "device-test": (
        "ingest.conformance.commands:device_test",
        "Say what is right and wrong with what a terminal publishes.",
    ),
    "report": {
        "daily": ("alerts.daily.command:daily", "The figures of one day as XLSX, PDF or JSON."),
    },
    "evidence": ("alerts.commands:evidence", "Write a lead's evidence package, or verify one."),
    "draw": ("alerts.commands:draw", "Draw targets and officers for an inspection, or verify a draw."),
    "doctor": ("runtime.doctor:doctor", "Check database, broker, clock, credentials and disk."),
}
GROUPS = {
    "db": "The database's schema.",
    "registry": "Companies, vehicles, sites, routes, permits, outlets, devices.",
    "quarantine": "Messages that could not be read.",
    "credentials": "Device secrets.",
    "user": "Console users.",
    "report": "What the bureau's chief reads.",
    "kitchens": "Shop-fronts, cleanings, figures, the nightly examination.",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0, or the error's code after one line on standard error."""
    try:
        code = _root()(list(arguments) if arguments is not None else None, "fleetfume", standalone_mode=False)
    except ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "fleetfume"
        # A list of choices comes with line breaks and tabs.
        said = " ".join(error.format_message().split())
        _exit(f"{command}: {said} ({command} --help)", error.exit_code)
    except FleetfumeError as error:
        _exit(f"fleetfume: {error}", error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _exit(line: str, code: int) -> None:
    sys.stderr.write(line.rstrip() + "\n")
    sys.exit(code)


def _root() -> Any:
    app = typer.Typer(cls=_group(COMMANDS), no_args_is_help=True, add_completion=False, rich_markup_mode=None)

    @app.callback()
    def fleetfume(
        version: Annotated[  # noqa: FBT002
            bool,
            typer.Option(
                "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
            ),
        ] = False,
    ) -> None:
        """IoT telemetry for a district urban-management bureau: waste trucks, kitchen fumes."""

    return get_command(app)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature
    if wanted:
        typer.echo(f"fleetfume {__version__}")
        raise typer.Exit


def _group(table: Mapping[str, Any]) -> type[TyperGroup]:
    """A command group that knows its commands by name only."""

    class Lazy(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
            return list(table)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
            found = table.get(cmd_name)
            if found is None:
                return None
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            if isinstance(found, dict):
                app = typer.Typer(
                    cls=_group(found), no_args_is_help=True, add_completion=False, rich_markup_mode=None
                )
                app.callback(help=GROUPS[cmd_name])(lambda: None)
            else:
                module, _, function = found[0].partition(":")
                app.command(cmd_name)(getattr(importlib.import_module(module), function))
            return get_command(app)

        def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
            rows = [(name, GROUPS[name] if isinstance(of, dict) else of[1]) for name, of in table.items()]
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    return Lazy


if __name__ == "__main__":
    main()
