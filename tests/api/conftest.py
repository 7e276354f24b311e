"""The API on a real database, asked in-process; and on a real port, for streams."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import SecretStr
from starlette.testclient import TestClient

from api.auth import issue_token
from api.keys import Keys
from api.server import create_app
from runtime.settings import Settings
from tests import builders
from tests.service.running import HANG_S


@pytest.fixture
def database(database_url: str) -> Iterator[Connection[TupleRow]]:
    """A district with its users, and a connection to it that commits by itself."""
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        with connection.transaction():
            builders.users(connection)
            builders.district(connection)
        yield connection


@pytest.fixture
def app(database_url: str, database: Connection[TupleRow]) -> FastAPI:
    return create_app(Settings(database_url=SecretStr(database_url)), role="api")


@pytest.fixture
def anyone(app: FastAPI) -> Iterator[TestClient]:
    """Without a token."""
    with TestClient(app) as client:
        yield client


@pytest.fixture
def token_of(database: Connection[TupleRow]) -> Callable[[str], str]:
    """The token of a user, who is named as his role."""
    key = Keys().token(database)
    return lambda name: issue_token(key, name)


@pytest.fixture
def as_role(anyone: TestClient, app: FastAPI, token_of: Callable[[str], str]) -> Callable[[str], TestClient]:
    def client(role: str) -> TestClient:
        return TestClient(
            app, base_url="http://testserver/api/v1", headers={"Authorization": f"Bearer {token_of(role)}"}
        )

    return client


@pytest.fixture
def viewer(as_role: Callable[[str], TestClient]) -> TestClient:
    return as_role("viewer")


@pytest.fixture
def duty(as_role: Callable[[str], TestClient]) -> TestClient:
    return as_role("duty")


@pytest.fixture
def squad(as_role: Callable[[str], TestClient]) -> TestClient:
    return as_role("squad")


@contextlib.contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """`app` on a port of the loopback; yields host:port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="websockets-sansio"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=HANG_S)


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    with served(app) as address:
        yield address
