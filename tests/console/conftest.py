"""The console on the real service, with trucks on the road and one tipping to look at."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from devices.repository import store_registry
from tests.parts.mosquitto import Mosquitto
from tests.service.running import PASSWORD, environment, fleetfume, publisher, serving, wait_until
from tests.service.test_from_broker_to_alert import a_tipping
from tests.small_district import registry


@pytest.fixture
def officer() -> tuple[str, str]:
    """Name and password of a duty officer."""
    return "wang", PASSWORD


@pytest.fixture
def console_url(
    database_url: str, broker: Mosquitto, tmp_path: Path, officer: tuple[str, str]
) -> Iterator[str]:
    name, password = officer
    env = environment(tmp_path, database_url=database_url, mqtt_url=broker.url)
    fleetfume("user", "add", name, "--role", "duty", "--password-stdin", env=env, stdin=password + "\n")
    with psycopg.connect(database_url) as connection:
        store_registry(connection, registry(trucks=3), actor="test", note="")
    with serving(env=env, directory=tmp_path) as service:
        with publisher(broker.url) as publish:
            tipping = a_tipping(time.time())
            publish("ff/v1/vehicle/V0/telemetry", {"batch": tipping})
            publish("ff/v1/vehicle/V1/telemetry", {"batch": tipping[:3]})
            publish("ff/v1/vehicle/V2/telemetry", tipping[0])
        wait_until(lambda: _leads(database_url) == 1)
        yield service.url


def _leads(url: str) -> int:
    with psycopg.connect(url) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM lead").fetchall()
    return int(count)
