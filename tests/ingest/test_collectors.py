"""Several collectors on one broker and one fleet: each reading stored once, the alerts those of one collector."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.repository import store_registry
from ingest.broker import sessions
from ingest.broker.arrivals import Delivery
from ingest.broker.identity import Numbers
from ingest.broker.sessions import Sessions
from tests.ingest.test_pipeline import (
    A_BAD_HAUL,
    BEGIN_S,
    Reading,
    arrivals,
    pipeline,
    standing_alerts,
    stored,
)
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import fresh_database
from tests.service.running import HANG_S, publisher, wait_until
from tests.small_district import registry

FILTERS = ["ff/v1/+/+/telemetry"]
TRUCKS = 40
HAUL = [{**reading, "ts": reading["ts"] - BEGIN_S + int(time.time()) - 7200} for reading in A_BAD_HAUL]
Death = Literal["before the commit", "before the acknowledgement"]


@dataclass
class Collector:
    """A collector's loop in a thread; told to die, it does so in the middle of its next batch."""

    mqtt_url: str
    database_url: str
    death: Death | None = None
    ready: threading.Event = field(default_factory=threading.Event)
    dead: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        line = pipeline()
        with (
            closing(Numbers(self.database_url)) as numbers,
            psycopg.connect(self.database_url, autocommit=True) as connection,
        ):
            heard = Sessions(self.mqtt_url, FILTERS, numbers)
            heard.start()
            wait_until(lambda: heard.connected)
            self.ready.set()
            while not self.stop.is_set():
                batch = heard.take(max_bytes=20_000, max_wait_s=0.1, quiet_s=0.005)
                if batch and self.death == "before the commit":
                    break
                if batch:
                    line.process(connection, batch)
                if batch and self.death == "before the acknowledgement":
                    break
                heard.acknowledge(batch)
                heard.look_after()
            heard.stop()
        self.dead.set()


@contextmanager
def running(collector: Collector) -> Iterator[Collector]:
    thread = threading.Thread(target=collector.run)
    thread.start()
    try:
        assert collector.ready.wait(HANG_S)
        yield collector
    finally:
        collector.stop.set()
        thread.join(HANG_S)
        assert collector.dead.is_set(), "it ended by an exception"


@pytest.fixture(scope="module")
def database_url(timescaledb: str) -> Iterator[str]:
    with fresh_database(timescaledb) as url:
        with psycopg.connect(url) as connection:
            store_registry(connection, registry(trucks=TRUCKS), actor="test", note="")
        yield url


@pytest.fixture(autouse=True, scope="module")
def _soon() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "LOOK_EVERY_S", 0.05)
        patch.setattr(sessions, "ADOPT_AFTER_S", 0.2)
        yield


@pytest.fixture(scope="module")
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def undisturbed(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """What one collector makes of one reading after the other, in order."""
    line = pipeline()
    for reading in HAUL:
        raw = json.dumps(reading).encode()
        line.process(connection, [Delivery("ff/v1/vehicle/V0/telemetry", raw, time.time_ns() // 1000, 1, 1)])
    return standing_alerts(connection, "V0")


_next_device = itertools.count(1)


@given(batches=arrivals(HAUL), death=st.sampled_from(Death.__args__), dies_after=st.integers(0, 20))  # type: ignore[attr-defined]
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_three_collectors_of_which_one_dies_end_like_one(
    broker: Mosquitto,
    database_url: str,
    connection: psycopg.Connection,
    undisturbed: list[tuple[Any, ...]],
    batches: list[list[list[Reading]]],
    death: Death,
    dies_after: int,
) -> None:
    device_id = f"V{next(_next_device) % TRUCKS}"
    messages = [readings for batch in batches for readings in batch]
    with (
        running(Collector(broker.url, database_url)),
        running(Collector(broker.url, database_url)),
        running(Collector(broker.url, database_url)) as dies,
    ):
        begun = time.monotonic()
        with publisher(broker.url) as publish:
            for n, readings in enumerate(messages):
                if n == dies_after:
                    dies.death = death
                payload: Any = readings[0] if len(readings) == 1 else {"batch": readings}
                publish(f"ff/v1/vehicle/{device_id}/telemetry", payload)
        dies.death = death
        wait_until(
            lambda: len(stored(connection, "vehicle_position", device_id)) == len(HAUL),
            what=lambda: f"{len(stored(connection, 'vehicle_position', device_id))} of {len(HAUL)} stored",
        )
        assert time.monotonic() - begun < 20

    assert standing_alerts(connection, device_id) == undisturbed
    assert stored(connection, "vehicle_position", device_id) == stored(connection, "vehicle_position", "V0")
