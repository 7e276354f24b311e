"""Publishes as device firmware does: MQTT QoS 1, one message of a device at a time, nothing given up.

A device's readings wait in its backlog until the broker has acknowledged the message they are in. One
reading waiting goes as it is, several go as a batch. After a lost connection what was not acknowledged is sent
again, so that each reading arrives at least once.
"""

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

import aiomqtt
import structlog

from devices.topics import UpChannel, device_topic
from devices.types import DeviceKind
from devices.wire import MAX_BATCH_READINGS
from runtime.errors import FleetfumeError
from simulators.readings import message

ToMessage = Callable[[Sequence[bytes]], bytes]

POOL_CONNECTIONS = 8
IN_FLIGHT = 8
"""Messages of one shared connection that wait for their PUBACK at once."""
ACK_TIMEOUT_S = 15.0
PATIENCE = 4
CONNECTS_AT_ONCE = 20
LONGEST_PAUSE_S = 10.0

log = structlog.get_logger()


class BrokerRefused(FleetfumeError):  # it says what happened
    """The broker could not be reached in the beginning, or does not let us in."""


@dataclass(frozen=True, slots=True)
class Broker:
    host: str
    port: int
    tls: ssl.SSLContext | None = field(repr=False)
    username: str | None
    password: str | None = field(repr=False)

    @classmethod
    def from_url(cls, url: str, *, tls: ssl.SSLContext | None) -> "Broker":
        """`tls`: for mqtts://, as `runtime.tls.broker_tls` makes it of the settings."""
        parts = urlsplit(url)
        return cls(
            parts.hostname or "127.0.0.1",
            parts.port or (8883 if parts.scheme == "mqtts" else 1883),
            tls,
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
        )


@dataclass(slots=True)
class Connection:
    """One MQTT connection, for one device or for several, made again whenever it is lost."""

    broker: Broker
    client_id: str | None
    """None: the library makes one up."""
    in_flight: int
    status_topic: str | None = None
    """Where a device that has a connection of its own says that it is there; its will says that it is gone."""
    acknowledged: int = 0
    """Readings the broker has taken over."""
    waiting: int = 0
    """Readings it has not."""
    closing: bool = False
    """Set before its task is cancelled: one that loses its connection at that moment must not make another."""
    _backlog: dict[str, deque[bytes]] = field(default_factory=dict)
    _to_message: dict[str, ToMessage] = field(default_factory=dict)
    _ready: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)
    """Topics with a backlog and no message in flight, each once."""

    def offer(self, topic: str, readings: list[bytes], to_message: ToMessage) -> None:
        self.waiting += len(readings)
        self._to_message[topic] = to_message
        backlog = self._backlog.get(topic)
        if backlog is None:
            self._backlog[topic] = deque(readings)
            self._ready.put_nowait(topic)
        else:
            backlog.extend(readings)

    async def keep(self, connecting: asyncio.Semaphore) -> None:
        """Connect and publish until cancelled; raises BrokerRefused only before it was ever connected.

        A broker that does not answer in time may be busy, and is asked PATIENCE times; any other failure is final.
        """
        attempt, connected_once = 0, False
        while not self.closing:
            try:
                async with connecting:
                    client = self._client()
                    await client.__aenter__()
            except aiomqtt.MqttError as error:
                busy = isinstance(error.__context__, TimeoutError) and attempt < PATIENCE
                if not connected_once and not busy:
                    raise BrokerRefused(
                        f"broker {self.broker.host}:{self.broker.port}: {error}; is it running, and is the login right?"
                    ) from error
                attempt += 1
                await asyncio.sleep(min(LONGEST_PAUSE_S, random.uniform(0.1, 1.5**attempt)))
                continue
            attempt, connected_once = 0, True
            try:
                await self._publish_until_lost(client)
            except* aiomqtt.MqttError as lost:
                log.warning(
                    "connection lost; what was not acknowledged will be sent again",
                    error=str(lost.exceptions[0]),
                )
            finally:
                await _leave(client)

    def _client(self) -> aiomqtt.Client:
        will = None
        if self.status_topic is not None:
            will = aiomqtt.Will(self.status_topic, b'{"online":false}', qos=1, retain=True)
        return aiomqtt.Client(
            self.broker.host,
            self.broker.port,
            identifier=self.client_id,
            username=self.broker.username,
            password=self.broker.password,
            tls_context=self.broker.tls,
            will=will,
            timeout=ACK_TIMEOUT_S,
            max_inflight_messages=max(self.in_flight, 2),
        )

    async def _publish_until_lost(self, client: aiomqtt.Client) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_notice_loss(client))
            if self.status_topic is not None:
                await client.publish(self.status_topic, b'{"online":true,"fw":"1.4.2"}', qos=1, retain=True)
            for _ in range(self.in_flight):
                tasks.create_task(self._publish(client))

    async def _publish(self, client: aiomqtt.Client) -> None:
        while not _cancelled():
            topic = await self._ready.get()
            backlog = self._backlog[topic]
            readings = [backlog.popleft() for _ in range(min(len(backlog), MAX_BATCH_READINGS))]
            try:
                await client.publish(topic, self._to_message[topic](readings), qos=1)
            except BaseException:
                backlog.extendleft(reversed(readings))
                self._ready.put_nowait(topic)
                raise
            self.acknowledged += len(readings)
            self.waiting -= len(readings)
            if backlog:
                self._ready.put_nowait(topic)
            else:
                del self._backlog[topic]


def _cancelled() -> bool:
    """Was this task told to end? Python 3.11's `wait_for`, inside the client, may swallow the exception that says so."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _notice_loss(client: aiomqtt.Client) -> None:
    """Raises MqttError as soon as the connection is gone: nothing else would, before a timeout."""
    async for _ in client.messages:
        pass


async def _leave(client: aiomqtt.Client) -> None:
    try:
        await client.__aexit__(None, None, None)
    except aiomqtt.MqttError as error:
        log.debug("connection was already gone", error=str(error))


class Publisher:
    """Readings in, acknowledged messages out. Use as an async context."""

    def __init__(self, connections: list[Connection], prefix: str) -> None:
        self._connections = connections
        self._prefix = prefix
        self._of_device: dict[str, Connection] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    def pooled(cls, broker: Broker, prefix: str) -> "Publisher":
        """A few connections that all devices share."""
        return cls([Connection(broker, None, IN_FLIGHT) for _ in range(POOL_CONNECTIONS)], prefix)

    @classmethod
    def one_client_each(
        cls, broker: Broker, prefix: str, kinds: Mapping[str, DeviceKind], secrets: Mapping[str, str]
    ) -> "Publisher":
        """A connection for each device of `kinds`, with its own client id and, where it has one, its own secret."""
        publisher = cls([], prefix)
        for device_id, kind in kinds.items():
            own = broker
            if device_id in secrets:
                own = Broker(broker.host, broker.port, broker.tls, device_id, secrets[device_id])
            status = device_topic(prefix, kind, device_id, "status")
            connection = Connection(own, device_id, 1, status)
            publisher._connections.append(connection)
            publisher._of_device[device_id] = connection
        return publisher

    @property
    def waiting(self) -> int:
        """Readings that were offered and are not acknowledged yet."""
        return sum(connection.waiting for connection in self._connections)

    @property
    def acknowledged(self) -> int:
        return sum(connection.acknowledged for connection in self._connections)

    async def __aenter__(self) -> Self:
        connecting = asyncio.Semaphore(CONNECTS_AT_ONCE)
        self._tasks = [asyncio.create_task(each.keep(connecting)) for each in self._connections]
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def offer(
        self,
        kind: DeviceKind,
        device_id: str,
        readings: list[bytes],
        *,
        channel: UpChannel = "telemetry",
        to_message: ToMessage = message,
    ) -> None:
        """Send these, after what the device was offered before; `to_message` makes a payload of those that wait."""
        connection = self._of_device.get(device_id)
        if connection is None:
            connection = self._connections[len(self._of_device) % len(self._connections)]
            self._of_device[device_id] = connection
        connection.offer(device_topic(self._prefix, kind, device_id, channel), readings, to_message)

    async def below(self, count: int, within_s: float | None = None) -> bool:
        """Wait until fewer than `count` readings wait; False when `within_s` was not enough.

        Raises what ended a connection for good.
        """
        deadline = asyncio.get_running_loop().time() + within_s if within_s is not None else None
        while self.waiting >= count:
            if deadline is not None and asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.02)
            self.check()
        return True

    def check(self) -> None:
        """Raises what ended a connection for good."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()


@contextmanager
def many_files(count: int) -> Iterator[None]:
    """Let this process hold `count` more sockets; raises FleetfumeError where the system forbids it."""
    import resource  # noqa: PLC0415  # there is none on Windows, where there is no such limit either

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 256
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise FleetfumeError(
                f"{count} connections need {wanted} open files, the system allows {hard}; use --clients pool"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
