"""What goes wrong for a reason that a person can act on.

    FleetfumeError              the message is for a person: which thing, what is wrong, what to do
    ├── SettingsError           a setting is wrong: correct the variable, the file or the flag it names
    ├── UserError               a command was asked for something it cannot do: ask differently
    ├── DatabaseUnreachable     no database answers there: start it, or correct FLEETFUME_DATABASE_URL
    ├── MigrationError          the database's schema and this program's migrations do not belong together
    └── PartError               a part that runs beside the service (embedded server, child process) failed

The command line prints such an error as one line and ends with its `exit_code`; everything else is
a defect of the program and keeps its traceback.
"""


class FleetfumeError(Exception):
    """Base of all; other packages derive their own from it."""

    exit_code = 1


class SettingsError(FleetfumeError):
    """A setting is wrong; the message names where it was given."""

    exit_code = 2


class UserError(FleetfumeError):
    """A user's mistake at the command line."""

    exit_code = 2


class DatabaseUnreachable(FleetfumeError):
    """No connection to the database could be made."""


class MigrationError(FleetfumeError):
    """The schema cannot be brought up to date by this program."""


class PartError(FleetfumeError):
    """An embedded server or a child process did not start, or ended."""
