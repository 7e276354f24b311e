"""Real parts for every test: databases, brokers. What is missing fails the run and says how to get it."""

from collections.abc import Iterator

import pytest
import structlog

from runtime.embedded.postgres import embedded_postgres
from tests.parts.mosquitto import Mosquitto, mosquitto_version
from tests.parts.postgres import empty_database, fresh_database, timescaledb_url, timescaledb_version
from tests.parts.run import begin_run, end_run, this_run


def pytest_configure(config: pytest.Config) -> None:
    # As the service does: structlog's own way takes seconds to draw the register around an exception.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    if not hasattr(config, "workerinput"):
        begin_run(in_memory=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        end_run(this_run())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Last the many that are short and share nothing: what one worker has left when the other is done is dealt out again.
    items.sort(key=lambda item: "tests/api/" in item.nodeid)


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [timescaledb_version(), mosquitto_version()]


@pytest.fixture(scope="session")
def timescaledb() -> str:
    """Address of the TimescaleDB server, as a role that may create databases."""
    return timescaledb_url()


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[str]:
    """Address of an embedded PostgreSQL of this run."""
    with embedded_postgres(this_run() / "embedded") as url:
        yield url


@pytest.fixture
def database_url(timescaledb: str) -> Iterator[str]:
    """A fresh migrated database on TimescaleDB."""
    with fresh_database(timescaledb) as url:
        yield url


@pytest.fixture(scope="module", params=["timescaledb", "embedded"])
def module_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """As `any_database_url`, one for all tests of a module."""
    server = request.getfixturevalue("timescaledb" if request.param == "timescaledb" else "embedded_server")
    with fresh_database(server) as url:
        yield url


@pytest.fixture
def second_database_url(timescaledb: str) -> Iterator[str]:
    """Another one beside `database_url`, to compare with."""
    with fresh_database(timescaledb) as url:
        yield url


@pytest.fixture
def embedded_database_url(embedded_server: str) -> Iterator[str]:
    """A fresh migrated database on the embedded PostgreSQL."""
    with fresh_database(embedded_server) as url:
        yield url


@pytest.fixture(params=["timescaledb", "embedded"])
def any_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh migrated database, once on TimescaleDB and once on the embedded PostgreSQL."""
    server = request.getfixturevalue("timescaledb" if request.param == "timescaledb" else "embedded_server")
    with fresh_database(server) as url:
        yield url


@pytest.fixture(params=["timescaledb", "embedded"])
def any_empty_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """As `any_database_url`, before the first migration."""
    server = request.getfixturevalue("timescaledb" if request.param == "timescaledb" else "embedded_server")
    with empty_database(server) as url:
        yield url


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A real Mosquitto, fresh for each test module; `stop`, `kill` and `start` it as the test needs."""
    mosquitto = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    mosquitto.start()
    yield mosquitto
    mosquitto.stop()
