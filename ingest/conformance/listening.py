"""Hears one device at the broker."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

import aiomqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.conformance.captured import Captured
from runtime.errors import FleetfumeError


class BrokerRefused(FleetfumeError):
    """The broker could not be reached, or does not let us listen."""


async def listen(
    url: str,
    topic_filter: str,
    seconds: float,
    take: Callable[[Captured], None],
    *,
    begun: Callable[[], None],
    tls: ssl.SSLContext | None,
) -> None:
    """Give to `take` what is published below `topic_filter` in that time. Raises BrokerRefused.

    `begun` is called once the broker has agreed: from then on nothing is missed.
    """
    try:
        async with _connected(url, tls) as (client, is_5), asyncio.timeout(seconds):
            # QoS 2, so that each message comes as it was published; MQTT 5 passes the retained flag on as well.
            if is_5:
                options = SubscribeOptions(qos=2, retainAsPublished=True)
                await client.subscribe(topic_filter, options=options)
            else:
                await client.subscribe(topic_filter, qos=2)
            begun()
            async for message in client.messages:
                take(
                    Captured(
                        topic=str(message.topic),
                        payload=bytes(message.payload),
                        qos=message.qos,
                        retained=message.retain if is_5 else message.retain or None,
                        received_us=time.time_ns() // 1000,
                    )
                )
    except TimeoutError:
        return
    except aiomqtt.MqttError as error:
        raise BrokerRefused(f"the broker ended the connection: {error}") from error


@asynccontextmanager
async def _connected(url: str, tls: ssl.SSLContext | None) -> AsyncIterator[tuple[aiomqtt.Client, bool]]:
    """A connection by MQTT 5, else (NATS) by 3.1.1; and whether it is 5."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or (8883 if tls else 1883)
    refusal: aiomqtt.MqttError | None = None
    for version in (aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311):
        client = aiomqtt.Client(
            host,
            port,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            protocol=version,
            tls_context=tls,
        )
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as error:
            refusal = error
            continue
        try:
            yield client, version is aiomqtt.ProtocolVersion.V5
        finally:
            await client.__aexit__(None, None, None)
        return
    raise BrokerRefused(
        f"broker {host}:{port}: {refusal}; is it running, and is the login of FLEETFUME_MQTT_URL right?"
    ) from refusal
