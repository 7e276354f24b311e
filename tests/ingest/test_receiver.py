"""What is not acknowledged comes again: after a stop, after the broker's death, and over MQTT 3.1.1."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.arrivals import Arrivals, Delivery
from ingest.receiver import Receiver
from runtime.embedded.broker import embedded_broker
from tests.parts.mosquitto import Mosquitto
from tests.service.running import publisher, wait_until

FILTERS = ["ff/v1/+/+/telemetry"]


@contextmanager
def receiving(url: str, name: str) -> Iterator[Receiver]:
    receiver = Receiver(url, FILTERS, client_id=name, into=Arrivals())
    receiver.start()
    try:
        wait_until(lambda: receiver.connected, seconds=20, what=lambda: "connected")
        yield receiver
    finally:
        receiver.stop()


def taken(receiver: Receiver, count: int) -> list[Delivery]:
    """The next `count` deliveries, or as many as come within ten seconds."""
    found: list[Delivery] = []
    deadline = time.monotonic() + 10
    while len(found) < count and time.monotonic() < deadline:
        found += receiver.arrivals.take(max_bytes=1_000_000, max_wait_s=0.2, quiet_s=0.05)
    return found


def publish(url: str, *numbers: int) -> None:
    with publisher(url) as send:
        for number in numbers:
            send("ff/v1/vehicle/V0/telemetry", str(number).encode())


def test_what_was_not_acknowledged_comes_again_and_the_rest_does_not(broker: Mosquitto) -> None:
    with receiving(broker.url, "again") as receiver:
        publish(broker.url, 1, 2, 3, 4)
        first = taken(receiver, 4)
        receiver.acknowledge(first[:2])
        time.sleep(0.5)

    with receiving(broker.url, "again") as receiver:
        publish(broker.url, 5)
        assert [delivery.payload for delivery in taken(receiver, 3)] == [b"3", b"4", b"5"]


def test_it_comes_back_to_a_broker_that_was_killed_and_old_acknowledgements_are_not_mistaken(
    broker: Mosquitto,
) -> None:
    with receiving(broker.url, "back") as receiver:
        publish(broker.url, 8001, 8002)
        before = taken(receiver, 2)
        # Mosquitto writes to disk after it has told the publisher.
        wait_until(lambda: broker.saved.exists() and b"8002" in broker.saved.read_bytes(), seconds=20)
        broker.kill()
        wait_until(lambda: not receiver.connected, seconds=20)
        broker.start()
        wait_until(lambda: receiver.connected, seconds=60)
        receiver.acknowledge(before)  # of the connection that is gone: says nothing to the new one
        publish(broker.url, 8003)
        again = {delivery.payload for delivery in taken(receiver, 3)}

    assert again == {b"8001", b"8002", b"8003"}


def test_a_broker_that_speaks_only_the_older_version_is_served_in_it(tmp_path: Path) -> None:
    with embedded_broker(tmp_path) as url, receiving(url, "older") as receiver:
        publish(url, 1)
        (delivery,) = taken(receiver, 1)
        receiver.acknowledge([delivery])

    assert delivery.payload == b"1"
