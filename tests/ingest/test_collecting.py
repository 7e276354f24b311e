"""The collector's loop: what is live first, what was stored in slices, what is too much not at all."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import psycopg
import pytest

from alerts.catalogue import load_catalogue
from devices.channels import decoders
from devices.repository import store_registry
from devices.terminals import Terminals
from ingest import lanes
from ingest.broker.arrivals import Delivery
from ingest.broker.sessions import Sessions
from ingest.collector import _collect
from ingest.warming import warm_up
from runtime.settings import Settings
from tests.ingest.test_pipeline import A_BAD_HAUL, NOW_US, Reading, of
from tests.small_district import registry

TRUCKS = 6


@dataclass
class Broker:
    """Hands out what it has, batch by batch, and remembers what was acknowledged together, in order."""

    batches: list[list[Delivery]]
    stop: threading.Event
    acknowledged: list[list[Delivery]] = field(default_factory=list)
    idle = connected = True

    def take(self, **_: Any) -> list[Delivery]:
        return self.batches.pop(0) if self.batches else []

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        if deliveries:
            self.acknowledged.append(list(deliveries))

    def publish(self, topic: str, payload: bytes) -> None: ...

    def look_after(self) -> None:
        if not self.batches and sum(map(len, self.acknowledged)) == self.expected:
            self.stop.set()

    def __post_init__(self) -> None:
        self.expected = sum(map(len, self.batches))


def collected(database_url: str, *batches: list[Delivery], **settings: Any) -> list[list[Delivery]]:
    """Have `batches` collected; what was acknowledged together, in order."""
    with psycopg.connect(database_url) as connection:
        store_registry(connection, registry(trucks=TRUCKS), actor="test", note="")
    warm_up(load_catalogue(None))  # compiling it may take longer than the guard waits
    stop = threading.Event()
    broker = Broker(list(batches), stop)
    guard = threading.Timer(60, stop.set)
    guard.start()
    _collect(
        Settings(**settings),
        load_catalogue(None),
        decoders(Terminals()),
        cast("Sessions", broker),
        stop,
        database_url,
    )
    guard.cancel()
    return broker.acknowledged


def live(truck: int, reading: Reading) -> Delivery:
    return of("vehicle", f"V{truck}", [{**reading, "ts": NOW_US / 1e6 - 5}])


def stored(database_url: str, device_id: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM vehicle_position WHERE device_id = %s", (device_id,)
        ).fetchone()
    return int(row[0]) if row else 0


def test_what_is_live_is_committed_before_what_was_stored_and_came_earlier(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "SMALLEST_BYTES", 1)
    old = [of("vehicle", f"V{truck}", A_BAD_HAUL) for truck in range(4)]
    first, second = live(4, A_BAD_HAUL[0]), live(5, A_BAD_HAUL[0])

    acknowledged = collected(database_url, [*old, first], [second])

    assert acknowledged[0] == [first]
    assert acknowledged[1] == [old[0]]  # one slice, then again what is live
    assert acknowledged[2] == [second]
    assert [delivery for together in acknowledged[3:] for delivery in together] == old[1:]
    assert [stored(database_url, f"V{truck}") for truck in range(5)] == [len(A_BAD_HAUL)] * 4 + [1]


def test_what_a_device_sends_beyond_its_rate_is_kept_unread_and_acknowledged(database_url: str) -> None:
    sent = [of("vehicle", "V0", [reading]) for reading in A_BAD_HAUL[:15]]
    other = of("vehicle", "V1", [A_BAD_HAUL[0]])

    acknowledged = collected(database_url, [*sent, other], rate_limit_per_min=1)

    assert sum(map(len, acknowledged)) == 16
    assert (stored(database_url, "V0"), stored(database_url, "V1")) == (10, 1)
    with psycopg.connect(database_url) as connection:
        kept = connection.execute("SELECT reason, device_id, payload FROM quarantine ORDER BY id").fetchall()
    assert kept == [("rate_limited", "V0", delivery.payload) for delivery in sent[10:]]
