"""The application on a real server, and the little a test needs to talk to it."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx2
import psycopg
import uvicorn
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from api.auth import hash_password
from api.server import create_app
from devices.repository import store_registry
from runtime.settings import Settings
from tests.small_district import registry

PASSWORD = "correct horse battery staple"
ROLES = ("duty", "squad", "reviewer", "admin", "viewer")
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@dataclass
class Served:
    url: str
    database_url: str

    def anonymous(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, timeout=30)

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """One request without a token."""
        return httpx2.request(method, f"{self.url}{path}", timeout=30, **options)

    def sign_in(self, name: str) -> httpx2.Client:
        return httpx2.Client(
            base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {self.token(name)}"}, timeout=30
        )

    def token(self, name: str) -> str:
        answer = httpx2.post(
            f"{self.url}/api/v1/auth/token", data={"username": name, "password": PASSWORD}, timeout=30
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def sql(self, query: Any, values: Any = None) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []


@cache
def _hashed() -> str:
    return hash_password(PASSWORD)


def prepare(database_url: str, *, trucks: int = 3, kitchens: int = 2) -> None:
    """The small district, and a user of each role, named by it."""
    with psycopg.connect(database_url) as connection:
        store_registry(connection, registry(trucks=trucks, kitchens=kitchens), actor="test")
        for role in ROLES:
            connection.execute("INSERT INTO console_user VALUES (%s, %s, %s)", [role, role, _hashed()])


@contextmanager
def serving(database_url: str, *, role: str = "api", **settings: Any) -> Iterator[Served]:
    app = create_app(Settings(database_url=SecretStr(database_url), **settings), role=role)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_config=None, ws="websockets-sansio", timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + 20
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                assert time.monotonic() < deadline, "the server did not start in time"
                time.sleep(0.01)
            yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", database_url)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive(), "the server did not end"


def add_alert(served: Served, **columns: Any) -> int:
    """An alert as the engine would have stored it; its number."""
    row = {
        "kind": "off_route", "severity": "minor", "score": 0.5, "state": "open", "device_id": "V0",
        "plate": "鲁A00000", "company_id": "C1", "place": "", "started_at": NOW, "opened_at": NOW,
        "updated_at": NOW, "evidence": Jsonb({"values": {"max_distance_m": 240.0}}), "rule_version": "test",
        "registry_version": 1, "lat": 36.7, "lon": 117.5, "jurisdiction": "370114001", **columns,
    }  # fmt: skip
    return int(served.sql(f"INSERT INTO alert {_values(row)} RETURNING id", row)[0][0])


def add_position(served: Served, **columns: Any) -> None:
    """What the collector keeps of a vehicle's newest fix."""
    row = {
        "device_id": "V0", "ts": NOW, "received_at": datetime.now(UTC), "lat": 36.7, "lon": 117.5,
        "speed_kmh": 42.0, "quality": "ok", "loaded": True, **columns,
    }  # fmt: skip
    changes = ", ".join(f"{name} = excluded.{name}" for name in row)
    served.sql(
        f"INSERT INTO vehicle_latest {_values(row)} ON CONFLICT (device_id) DO UPDATE SET {changes}", row
    )
    served.sql("NOTIFY fleetfume_positions")


def add_row(served: Served, table: str, **columns: Any) -> None:
    served.sql(f"INSERT INTO {table} {_values(columns)}", columns)


def _values(row: dict[str, Any]) -> str:
    return f"({', '.join(row)}) VALUES ({', '.join(f'%({name})s' for name in row)})"
