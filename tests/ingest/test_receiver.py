"""What is not acknowledged comes again: after a stop, after the broker's death, and over MQTT 3.1.1."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.broker import arrivals
from ingest.broker.arrivals import Arrivals, Delivery
from ingest.broker.receiver import Receiver
from runtime.embedded.broker import embedded_broker
from tests.parts.mosquitto import Mosquitto
from tests.service.running import HANG_S, publisher, wait_until

FILTERS = ["ff/v1/+/+/telemetry"]


@contextmanager
def receiving(url: str, name: str) -> Iterator[Receiver]:
    one = Receiver(url, FILTERS, client_id=name, into=Arrivals())
    one.start()
    try:
        wait_until(lambda: one.connected, what=lambda: "connected")
        yield one
    finally:
        one.stop()


def taken(receiver: Receiver, count: int, seconds: float = HANG_S) -> list[Delivery]:
    """The next `count` deliveries, or as many as come within `seconds`."""
    found: list[Delivery] = []
    deadline = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < deadline:
        found += receiver.arrivals.take(max_bytes=1_000_000, max_wait_s=0.2, quiet_s=0.05)
    return found


def publish(url: str, *numbers: int) -> None:
    with publisher(url) as send:
        for number in numbers:
            send("ff/v1/vehicle/V0/telemetry", str(number).encode())


def test_what_was_not_acknowledged_comes_again_and_the_rest_does_not(broker: Mosquitto) -> None:
    with receiving(broker.url, "again") as held:
        publish(broker.url, 1, 2, 3, 4)
        first = taken(held, 4)
        held.acknowledge(first[:2])
        time.sleep(0.5)

    with receiving(broker.url, "again") as held:
        publish(broker.url, 5)
        assert [delivery.payload for delivery in taken(held, 3)] == [b"3", b"4", b"5"]


def test_it_comes_back_to_a_broker_that_was_killed_and_old_acknowledgements_are_not_mistaken(
    broker: Mosquitto,
) -> None:
    with receiving(broker.url, "back") as held:
        publish(broker.url, 8001, 8002)
        before = taken(held, 2)
        # Mosquitto writes to disk after it has told the publisher.
        wait_until(lambda: broker.saved.exists() and b"8002" in broker.saved.read_bytes())
        broker.kill()
        wait_until(lambda: not held.connected)
        broker.start()
        wait_until(lambda: held.connected)
        held.acknowledge(before)  # of the connection that is gone: says nothing to the new one
        publish(broker.url, 8003)
        again = {delivery.payload for delivery in taken(held, 3)}

    assert again == {b"8001", b"8002", b"8003"}


def test_a_broker_that_speaks_only_the_older_version_is_served_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with embedded_broker(tmp_path) as url, receiving(url, "older") as held:
        publish(url, 1)
        (delivery,) = taken(held, 1)
        held.acknowledge([delivery])

    assert delivery.payload == b"1"
    assert "broker lost" not in capsys.readouterr().out


def test_whatever_waits_at_the_broker_no_more_is_held_than_arrivals_allow(
    broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What bounds the memory of a collector, whatever the backlog and whatever the broker makes of its receive maximum."""
    monkeypatch.setattr(arrivals, "MOST_BYTES", 2_000_000)
    with receiving(broker.url, "bounded") as held:
        with publisher(broker.url) as send:
            for n in range(400):
                send("ff/v1/vehicle/V0/telemetry", b"%4d" % n * 5_000)
        first = taken(held, 98)
        first += taken(held, 400 - len(first), seconds=1)
        # What one reading from the socket brings, more than is allowed: it was asked for before.
        assert 98 <= len(first) < 130
        held.acknowledge(first)
        held.arrivals.settle(first)
        rest = taken(held, 98)
        assert [delivery.payload[:4] for delivery in first + rest] == [
            b"%4d" % n for n in range(len(first) + len(rest))
        ]
        assert 98 <= len(rest) < 130


def test_what_is_sent_down_while_the_broker_is_away_goes_out_when_it_is_back(broker: Mosquitto) -> None:
    """A broker that is back hands over what waited before it confirms the subscription: answers must not be lost then."""
    came: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    device = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listening", clean_session=False)
    device.on_connect = lambda client, *_: client.subscribe("ff/v1/fume/F0/cmd", 1)
    device.on_message = lambda _client, _data, message: came.put(bytes(message.payload))
    listening = threading.Event()
    device.on_subscribe = lambda *_: listening.set()
    device.reconnect_delay_set(1, 1)
    with receiving(broker.url, "answering") as receiver:
        device.connect("127.0.0.1", broker.port)
        device.loop_start()
        try:
            assert listening.wait(HANG_S)
            receiver.publish("ff/v1/fume/F0/cmd", b"1")
            assert came.get(timeout=HANG_S) == b"1"

            broker.stop()
            wait_until(lambda: not receiver.connected)
            receiver.publish("ff/v1/fume/F0/cmd", b"2")
            broker.start()
            while (answer := came.get(timeout=HANG_S)) == b"1":
                pass  # at least once: the broker may have been stopped before it heard that the first had come
            assert answer == b"2"
        finally:
            device.disconnect()
            device.loop_stop()
