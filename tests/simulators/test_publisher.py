import asyncio
import contextlib
import json
import threading
from collections import Counter
from collections.abc import Iterator

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.types import DeviceKind
from simulators.publisher import Broker, BrokerRefused, Publisher
from tests.parts.mosquitto import Mosquitto
from tests.service.running import HANG_S, wait_until

DEVICES: dict[str, DeviceKind] = {f"V{n}": "vehicle" for n in range(30)}


class Listener:
    """A collector of its own kind: a lasting session that counts each reading it was brought."""

    def __init__(self, broker: Mosquitto, name: str) -> None:
        self.readings: Counter[tuple[str, int]] = Counter()
        self.largest = 0
        self.topics: set[str] = set()
        self.statuses: dict[str, bytes] = {}
        self.ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        self.client.on_connect = lambda client, *_: client.subscribe("ff/v1/#", qos=1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self.take
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert self.ready.wait(HANG_S)

    def take(self, _client: paho.Client, _data: object, sent: paho.MQTTMessage) -> None:
        *_, device_id, channel = sent.topic.split("/")
        if channel == "status":
            self.statuses[device_id] = bytes(sent.payload)
            return
        said = json.loads(sent.payload)
        batch = said.get("batch", [said])
        self.largest = max(self.largest, len(batch))
        self.topics.add(sent.topic)
        self.readings.update((device_id, reading["seq"]) for reading in batch)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def listener(broker: Mosquitto, request: pytest.FixtureRequest) -> Iterator[Listener]:
    heard = Listener(broker, request.node.name[:20])
    yield heard
    heard.close()


def reading(seq: int) -> bytes:
    return json.dumps({"ts": 1_763_856_000 + seq, "lat": 36.7, "lon": 117.5, "seq": seq}).encode()


async def arrived(heard: Listener, wanted: set[tuple[str, int]]) -> None:
    await asyncio.to_thread(wait_until, lambda: set(heard.readings) == wanted)


async def test_one_reading_goes_as_it_is_and_a_backlog_in_batches_of_at_most_500(
    broker: Mosquitto, listener: Listener
) -> None:
    async with Publisher.pooled(Broker.from_url(broker.url, tls=None), "ff/v1") as publisher:
        publisher.offer("vehicle", "V1", [reading(0)])
        assert await publisher.below(1, HANG_S)
        assert listener.largest <= 1
        publisher.offer("vehicle", "V1", [reading(seq) for seq in range(1, 1300)])
        assert await publisher.below(1, HANG_S)
        await arrived(listener, {("V1", seq) for seq in range(1300)})
    assert listener.largest == 500
    assert listener.topics == {"ff/v1/vehicle/V1/telemetry"}


@pytest.mark.parametrize("each", [False, True], ids=["pool", "each"])
async def test_every_reading_arrives_although_the_broker_is_killed_meanwhile(
    broker: Mosquitto, listener: Listener, *, each: bool
) -> None:
    address = Broker.from_url(broker.url, tls=None)
    publisher = (
        Publisher.one_client_each(address, "ff/v1", DEVICES, {})
        if each
        else Publisher.pooled(address, "ff/v1")
    )
    async with publisher:
        for seq in range(60):
            for device_id in DEVICES:
                publisher.offer("vehicle", device_id, [reading(seq)])
            await asyncio.sleep(0.05)
            if seq == 20:
                # Its session lives in the broker: let autosave keep what it has taken over.
                assert await publisher.below(1, HANG_S)
                await asyncio.sleep(2.5)
                broker.kill()
            if seq == 35:
                await asyncio.to_thread(broker.start)
        assert await publisher.below(1, HANG_S)
        await arrived(listener, {(device_id, seq) for device_id in DEVICES for seq in range(60)})
    assert publisher.acknowledged == 60 * len(DEVICES)


async def test_a_device_of_its_own_says_when_it_is_there(broker: Mosquitto, listener: Listener) -> None:
    publisher = Publisher.one_client_each(
        Broker.from_url(broker.url, tls=None), "ff/v1", {"V1": "vehicle"}, {}
    )
    async with publisher:
        publisher.offer("vehicle", "V1", [reading(0)])
        assert await publisher.below(1, HANG_S)
        await arrived(listener, {("V1", 0)})
    assert json.loads(listener.statuses["V1"])["online"] is True


async def test_a_broker_that_is_not_there_is_named(broker: Mosquitto) -> None:
    broker.stop()
    try:
        async with Publisher.pooled(Broker.from_url(broker.url, tls=None), "ff/v1") as publisher:
            publisher.offer("vehicle", "V1", [reading(0)])
            with pytest.raises(BrokerRefused, match=f"broker 127.0.0.1:{broker.port}"):
                await publisher.below(1, HANG_S)
    finally:
        with contextlib.suppress(OSError):
            broker.start()


async def test_a_broker_that_is_slow_to_answer_is_asked_again(
    broker: Mosquitto, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.publisher.ACK_TIMEOUT_S", 0.5)
    asked: list[asyncio.Task[None]] = []
    asked_again = asyncio.Event()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(4096):
            writer.write(said)
        writer.close()
        await writer.wait_closed()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        asked.append(task)
        if len(asked) == 1:  # heard, and not answered
            await asked_again.wait()
            writer.close()
            return
        asked_again.set()
        there, back = await asyncio.open_connection("127.0.0.1", broker.port)
        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as slow:
        address = Broker("127.0.0.1", slow.sockets[0].getsockname()[1], None, None, None)
        async with Publisher.one_client_each(address, "ff/v1", {"V1": "vehicle"}, {}) as publisher:
            publisher.offer("vehicle", "V1", [reading(0)])
            assert await publisher.below(1, HANG_S)
            await arrived(listener, {("V1", 0)})
        await asyncio.gather(*asked)
    assert len(asked) > 1
