"""The database and the broker of a command: the ones named in the settings, else the embedded ones."""

import contextlib
from collections.abc import Iterator

from psycopg.errors import UndefinedColumn, UndefinedTable

from runtime.errors import UserError
from runtime.settings import Settings


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[str]:
    """Yield the database's URL; an embedded one runs as long as somebody uses it.

    UserError where what is done with it finds no schema, or an older one than this program's.
    """
    with contextlib.ExitStack() as opened:
        if settings.database_url is not None:
            url = settings.database_url.get_secret_value()
        else:
            from runtime.embedded.postgres import embedded_postgres  # noqa: PLC0415 - only where it is used

            url = opened.enter_context(embedded_postgres(settings.data_dir))
        try:
            yield url
        except (UndefinedTable, UndefinedColumn):
            raise UserError(
                "the database has no schema yet, or an older one: run 'fleetfume db migrate' first"
            ) from None


@contextlib.contextmanager
def broker(settings: Settings) -> Iterator[str]:
    """Yield the broker's URL; an embedded one runs as long as somebody uses it."""
    if settings.mqtt_url is not None:
        yield settings.mqtt_url.get_secret_value()
        return
    from runtime.embedded.broker import embedded_broker  # noqa: PLC0415 - only where it is used

    with embedded_broker(settings.data_dir, settings.topic_prefix) as url:
        yield url
