"""Messages from the broker, held until whoever asked for them says they are safe.

QoS 1 with manual acknowledgement and a persistent session: what is not acknowledged comes again,
after a reconnect or a crash of ours. How much may be under way at once is bounded, and with it our memory,
whatever the backlog: the broker is told (receive maximum), and is not read from while there is more
(Mosquitto 2.0.11 keeps to the maximum until the first acknowledgement only). Where the broker has shared subscriptions, each
message comes to one receiver of the group; where it has none, to each.
"""

import itertools
import queue
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

log = structlog.get_logger()

RECEIVE_MAXIMUM = 5_000
"""Messages under way and not yet acknowledged, at most; 2 MB as firmware sends them."""
HELD_MAX_BYTES = 64 * 1024 * 1024
"""Their payloads together, at most, and one more message. 5,000 of the largest would be 1.3 GB."""
SESSION_EXPIRY_S = 0xFFFFFFFF
"""Never: the broker keeps our queue however long we are away."""
RETRY_MAX_S = 30
MOST_QUEUED = 10_000
"""Messages down to devices that the broker has not taken over yet."""
SESSION_TAKEN_OVER = 0x8E
"""MQTT 5: the reason of a broker that disconnects a client because another came with its name."""
ERASE_WAIT_S = 10.0

_sessions = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message, as received. `session` tells connections apart: packet ids start anew with each.

    `mid` is 0 where the sender used QoS 0 and nobody waits for an acknowledgement.
    """

    topic: str
    payload: bytes
    received_us: int
    mid: int
    session: int


class Receiver:
    """A subscription that survives the broker's absence."""

    def __init__(
        self,
        url: str,
        filters: Sequence[str],
        *,
        client_id: str,
        tls: ssl.SSLContext | None = None,
        group: str | None = None,
        into: "queue.SimpleQueue[Delivery] | None" = None,
        subscribing: bool = True,
    ) -> None:
        """`tls`: for a broker at mqtts://. `group`: share `filters` with the receivers of this name. `into`: the queue
        to put deliveries in. `subscribing` False: take what an existing session holds and gets, and subscribe to nothing.
        """
        self._filters = list(filters)
        self._group = group
        self._subscribing = subscribing
        self._sharing = False
        self._queue: queue.SimpleQueue[Delivery] = queue.SimpleQueue() if into is None else into
        self._session = 0
        self._unacknowledged: dict[int, int] = {}  # payload bytes by packet id
        self._held_bytes = 0
        self._room = threading.Condition()
        self._last_message = time.monotonic()
        self._connected = threading.Event()
        self.taken_over = False
        """Another client has our name, and came later: this one stays away."""
        self.unsubscribed = False
        self._lost_since: float | None = None
        self._url, self._tls = url, tls
        self._parts = urlsplit(url)
        self.client_id = client_id
        self._client = self._make_client(MQTTProtocolVersion.MQTTv5)
        self._stopping = False

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    @property
    def version(self) -> MQTTProtocolVersion:
        """What the broker is spoken to in."""
        return MQTTProtocolVersion(self._client.protocol)

    def empty_for(self, seconds: float) -> bool:
        """Whether everything that came is acknowledged, and nothing has come for `seconds`."""
        silent = time.monotonic() - self._last_message
        return self.connected and not self._unacknowledged and silent >= seconds

    def unsubscribe(self) -> None:
        """Have nothing new put into the session; `unsubscribed` once the broker agrees."""
        self._client.unsubscribe(self._topics())

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        self._connect(self._client)

    def stop(self) -> None:
        """Leave. The session, and with it everything unacknowledged, stays with the broker."""
        with self._room:
            self._stopping = True
            self._room.notify()
        self._client.disconnect()
        self._client.loop_stop()

    def take(self, *, max_bytes: int, max_wait_s: float, quiet_s: float) -> list[Delivery]:
        """Deliveries in order: when they hold `max_bytes`, when the first has waited `max_wait_s`, or when
        none has come for `quiet_s`. An empty list after `max_wait_s` without any.
        """
        return take_from(self._queue, max_bytes=max_bytes, max_wait_s=max_wait_s, quiet_s=quiet_s)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that these are committed. Those of a lost connection come again; that is harmless."""
        session = self._session
        for delivery in deliveries:
            if delivery.session == session and delivery.mid:
                self._client.ack(delivery.mid, 1)
        with self._room:
            for delivery in deliveries:
                if delivery.session == session:
                    self._held_bytes -= self._unacknowledged.pop(delivery.mid, 0)
            self._room.notify()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send down to a device, QoS 1, as soon as there is a connection.

        Beyond MOST_QUEUED that the broker has not taken over it is dropped: memory is bounded, and who waits asks again.
        """
        self._client.publish(topic, payload, qos=1)

    def _make_client(self, version: MQTTProtocolVersion) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            protocol=version,
            manual_ack=True,
            clean_session=False if version is MQTTProtocolVersion.MQTTv311 else None,
        )
        _authorise(client, self._url, self._tls)
        client.reconnect_delay_set(1, RETRY_MAX_S)
        client.max_queued_messages_set(MOST_QUEUED)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _connect(self, client: mqtt.Client) -> None:
        options: dict[str, Any] = {}
        if client.protocol == MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
            options = {"clean_start": False, "properties": properties}
        client.connect_async(self._parts.hostname or "127.0.0.1", _port(self._parts), keepalive=30, **options)
        client.loop_start()

    def _on_connect(
        self,
        client: mqtt.Client,
        userdata: object,  # noqa: ARG002
        flags: mqtt.ConnectFlags,  # noqa: ARG002
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            if client.protocol == MQTTProtocolVersion.MQTTv5 and "protocol version" in str(reason).lower():
                threading.Thread(target=self._step_down, args=(client,), daemon=True).start()
                return
            self._say_lost(str(reason))
            return
        with self._room:
            self._unacknowledged.clear()
            self._held_bytes = 0
        self._last_message = time.monotonic()
        self._session = next(_sessions)
        # MQTT 5: a broker without shared subscriptions says so; MQTT 3.1.1 does not know them.
        self._sharing = (
            client.protocol == MQTTProtocolVersion.MQTTv5
            and getattr(properties, "SharedSubscriptionAvailable", 1) == 1
        )
        if self._subscribing:
            client.subscribe([(topic, 1) for topic in self._topics()])
        else:
            self._say_connected()

    def _topics(self) -> list[str]:
        share = f"$share/{self._group}/" if self._group and self._sharing else ""
        return [share + topic for topic in self._filters]

    def _on_unsubscribe(self, client: mqtt.Client, *_: object) -> None:
        self.unsubscribed = client is self._client

    def _on_subscribe(
        self,
        client: mqtt.Client,  # noqa: ARG002
        userdata: object,  # noqa: ARG002
        mid: int,  # noqa: ARG002
        reasons: list[ReasonCode],
        properties: Properties | None,  # noqa: ARG002
    ) -> None:
        """Only now does the broker keep for us what is published."""
        if refused := [str(reason) for reason in reasons if reason.is_failure]:
            self._say_lost(f"subscription refused: {refused[0]}")
            return
        self._say_connected()

    def _say_connected(self) -> None:
        self._connected.set()
        if self._lost_since is not None:
            log.info("broker is back", after_s=round(time.monotonic() - self._lost_since, 1))
            self._lost_since = None
        else:
            log.info("broker connected", host=self._parts.hostname)

    def _step_down(self, client: mqtt.Client) -> None:
        """The broker speaks MQTT 3.1.1 only (NATS does)."""
        client.loop_stop()
        if not self._stopping:
            self._client = self._make_client(MQTTProtocolVersion.MQTTv311)
            self._connect(self._client)

    def _on_connect_fail(self, client: mqtt.Client, userdata: object) -> None:  # noqa: ARG002
        self._say_lost("no connection; fleetfume doctor says why")

    def _on_disconnect(
        self,
        client: mqtt.Client,
        userdata: object,  # noqa: ARG002
        flags: mqtt.DisconnectFlags,  # noqa: ARG002
        reason: ReasonCode,
        properties: Properties | None,  # noqa: ARG002
    ) -> None:
        if client is not self._client or self._stopping:
            return
        if reason.value == SESSION_TAKEN_OVER:
            self.taken_over = True
            client.disconnect()  # or paho would come back and take it over in its turn
        if self._connected.is_set():
            self._say_lost(str(reason))

    def _say_lost(self, reason: str) -> None:
        """Once per outage, however often paho tries again."""
        self._connected.clear()
        if self._lost_since is None:
            self._lost_since = time.monotonic()
            log.warning(
                "broker lost, trying again until it is back", reason=reason, host=self._parts.hostname
            )

    def _on_message(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:  # noqa: ARG002
        self._last_message = time.monotonic()
        if message.mid:
            with self._room:
                self._room.wait_for(lambda: self._stopping or self._has_room())
                self._unacknowledged[message.mid] = len(message.payload)
                self._held_bytes += len(message.payload)
        self._queue.put(
            Delivery(
                message.topic, bytes(message.payload), time.time_ns() // 1000, message.mid, self._session
            )
        )

    def _has_room(self) -> bool:
        return len(self._unacknowledged) < RECEIVE_MAXIMUM and self._held_bytes < HELD_MAX_BYTES


def take_from(
    waiting: "queue.SimpleQueue[Delivery]", *, max_bytes: int, max_wait_s: float, quiet_s: float
) -> list[Delivery]:
    """As `Receiver.take`, from a queue that several receivers may fill."""
    try:
        taken = [waiting.get(timeout=max_wait_s)]
    except queue.Empty:
        return []
    held = len(taken[0].payload)
    deadline = time.monotonic() + max_wait_s
    while held < max_bytes:
        wait = min(quiet_s, deadline - time.monotonic())
        try:
            taken.append(waiting.get(timeout=wait) if wait > 0 else waiting.get_nowait())
        except queue.Empty:
            break
        held += len(taken[-1].payload)
    return taken


def erase_session(
    url: str, client_id: str, version: MQTTProtocolVersion, tls: ssl.SSLContext | None = None
) -> bool:
    """Have the broker forget the session of `client_id`, with whatever it holds; False if it is away."""
    done = threading.Event()
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=version,
        clean_session=True if version is MQTTProtocolVersion.MQTTv311 else None,
    )
    parts = _authorise(client, url, tls)

    def answered(_client: object, _data: object, _flags: object, reason: ReasonCode, *_: object) -> None:
        if not reason.is_failure:
            done.set()

    client.on_connect = answered
    options: dict[str, Any] = {"clean_start": True} if version is MQTTProtocolVersion.MQTTv5 else {}
    try:
        client.connect(parts.hostname or "127.0.0.1", _port(parts), **options)
    except OSError:
        return False
    client.loop_start()
    erased = done.wait(ERASE_WAIT_S)
    client.disconnect()
    client.loop_stop()
    return erased


def _authorise(client: mqtt.Client, url: str, tls: ssl.SSLContext | None) -> SplitResult:
    parts = urlsplit(url)
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        client.tls_set_context(tls)
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or (8883 if parts.scheme == "mqtts" else 1883)
