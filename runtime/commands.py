"""`fleetfume serve` and `fleetfume db …`."""

import contextlib
import functools
import importlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated

import structlog
import typer
import uvicorn
from pydantic import SecretStr

from runtime import parts
from runtime.errors import UserError
from runtime.log import configure_logging
from runtime.migrate import migrate
from runtime.service import stop_on_signals, supervised
from runtime.settings import Settings, load_settings

log = structlog.get_logger(__name__)

HTTP_DRAIN_S = 10


class Role(StrEnum):
    """What one process of the service does."""

    COLLECTOR = "collector"
    API = "api"
    ALL = "all"


def db_migrate() -> None:
    """Bring the schema up to date; safe to run again, and by several at once."""
    with parts.database(load_settings()) as url:
        names = migrate(url)
    for name in names:
        typer.echo(f"applied {name}")
    if not names:
        typer.echo("the schema is up to date")


def serve(
    role: Annotated[Role, typer.Option(help="Run one part alone, any number of times.")] = Role.ALL,
    http_host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Port to listen on; 0: a free one.")] = None,
    log_format: Annotated[str | None, typer.Option(help="console or json.")] = None,
) -> None:
    """Collect, judge and show, until SIGTERM or Ctrl-C; what is in hand is finished first.

    The collector role serves /healthz, /readyz and /metrics only.
    """
    settings = load_settings(http_host=http_host, http_port=http_port, log_format=log_format)
    configure_logging(settings)
    stop = threading.Event()
    # The port first: that it is taken should be said before anything is started.
    with stop_on_signals(stop), contextlib.ExitStack() as opened:
        listener = opened.enter_context(_listener(settings))
        database_url = opened.enter_context(parts.database(settings))
        mqtt_url = opened.enter_context(parts.broker(settings))
        if applied := migrate(database_url):
            log.info("schema brought up to date", migrations=applied)
        settings = settings.model_copy(
            update={"database_url": SecretStr(database_url), "mqtt_url": SecretStr(mqtt_url)}
        )
        run_service(settings, role, listener, stop)


def run_service(settings: Settings, role: Role, listener: socket.socket, stop: threading.Event) -> None:
    """Serve HTTP on `listener` in this thread, and collect in another, until `stop` is set."""
    create_app = importlib.import_module("api.server").create_app
    server = _Server(
        uvicorn.Config(
            create_app(settings, role=role.value),
            log_config=None,
            timeout_graceful_shutdown=HTTP_DRAIN_S,
            ws="websockets-sansio",
        ),
        stop,
    )
    tasks: dict[str, Callable[[threading.Event], None]] = {}
    if role is not Role.COLLECTOR:
        assert settings.database_url is not None  # noqa: S101
        api_url = settings.database_url.get_secret_value()
        for name, run in importlib.import_module("alerts.chores").TASKS.items():
            tasks[name] = functools.partial(run, settings, database_url=api_url)
    if role is not Role.API:
        run_collector = importlib.import_module("ingest.collector").run_collector
        assert settings.database_url is not None  # noqa: S101
        assert settings.mqtt_url is not None  # noqa: S101
        database_url = settings.database_url.get_secret_value()
        mqtt_url = settings.mqtt_url.get_secret_value()

        def collect(stop: threading.Event) -> None:
            run_collector(settings, stop, database_url=database_url, mqtt_url=mqtt_url)

        tasks["collector"] = collect
    host, port = listener.getsockname()[:2]
    log.info("serving", role=role.value, url=f"http://{host}:{port}")
    with supervised(tasks, stop):
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn that ends when `stop` is set, and leaves signals to us."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event) -> None:
        super().__init__(config)
        self._stop = stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        # Ten times a second.
        self.should_exit = self.should_exit or self._stop.is_set()
        return await super().on_tick(counter)


@contextlib.contextmanager
def _listener(settings: Settings) -> Iterator[socket.socket]:
    host, port = settings.http_host, settings.http_port
    try:
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise UserError(
            f"cannot listen on {host} port {port}: {error.strerror or error}. "
            "Choose another with --http-port or FLEETFUME_HTTP_PORT, or end the program that uses it"
        ) from None
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    with listener:
        yield listener
