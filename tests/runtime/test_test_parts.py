"""What the other tests stand on."""

import asyncio

import aiomqtt
import psycopg

from tests.parts.mosquitto import Mosquitto


def test_each_test_has_a_database_of_its_own_that_is_migrated(any_database_url: str) -> None:
    with psycopg.connect(any_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM company").fetchone() == (0,)
        connection.execute("INSERT INTO registry_version (actor) VALUES ('test')")


async def test_a_killed_broker_keeps_what_it_had_queued(broker: Mosquitto) -> None:
    """autosave: the default Mosquitto would forget the session and its message."""

    def collector() -> aiomqtt.Client:
        return aiomqtt.Client("127.0.0.1", broker.port, identifier="collector", clean_session=False)

    async with collector() as client:
        await client.subscribe("ff/#", qos=1)
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish("ff/v1/vehicle/v1/telemetry", b"{}", qos=1)

    await broker_has_saved(broker, b"ff/v1/vehicle/v1/telemetry")
    broker.kill()
    broker.start()

    async with collector() as client:
        async with asyncio.timeout(20):
            message = await anext(client.messages)
    assert message.payload == b"{}"


async def broker_has_saved(broker: Mosquitto, topic: bytes) -> None:
    """Mosquitto saves at the next turn of its loop, not before it acknowledges."""
    async with asyncio.timeout(20):
        while not broker.saved.exists() or topic not in broker.saved.read_bytes():  # noqa: ASYNC110 - a file of another program
            await asyncio.sleep(0.05)
