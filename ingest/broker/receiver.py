"""Messages from the broker, held until whoever asked for them says they are safe.

QoS 1 and a persistent session: what is not acknowledged comes again, after a reconnect or a crash of ours. Two
bounds keep our memory small whatever the backlog: how many messages may be under way (RECEIVE_MAXIMUM, where the
broker speaks MQTT 5), and how many bytes may wait here (`ingest.broker.arrivals`), beyond which we stop reading. Where the
broker has shared subscriptions, each message comes to one receiver of the group; where it has none, to each.

One thread of its own does all that touches the socket.
"""

import contextlib
import itertools
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import structlog

from ingest.broker import mqtt
from ingest.broker.arrivals import Arrivals, Delivery
from ingest.broker.connection import READ_BYTES, open_connection, ready, received, send_last, sent

__all__ = ["Delivery", "Receiver", "erase_session"]

log = structlog.get_logger()

RECEIVE_MAXIMUM = 20_000
"""Messages under way and not yet acknowledged: several batches, so that the next is there when one is committed."""
RETRY_FIRST_S, RETRY_MAX_S = 0.5, 5.0
KEEPALIVE_S = 10
"""A broker that is silent for twice this long is taken for lost."""
FULL_WAIT_S = 0.02
MOST_QUEUED = 10_000
"""Messages down to devices that the broker has not taken over yet."""

_sessions = itertools.count(1)


class _KnowsNoFive(Exception):
    """The broker speaks MQTT 3.1.1 only: no outage, we connect anew as it wants."""


class Receiver:
    """A subscription that survives the broker's absence."""

    def __init__(
        self,
        url: str,
        filters: Sequence[str],
        *,
        client_id: str,
        into: Arrivals,
        tls: ssl.SSLContext | None = None,
        group: str | None = None,
        subscribing: bool = True,
    ) -> None:
        """`into`: where to put deliveries. `tls`: for a broker at mqtts://. `group`: whom to `share` with.
        `subscribing` False: take what an existing session holds and gets, and subscribe to nothing.
        """
        self._filters = list(filters)
        self._group = group
        self._subscribing = subscribing
        self._shares = group is not None
        self._broker_shares = False
        self.arrivals = into
        self._parts, self._tls = urlsplit(url), tls
        self.client_id = client_id
        self.version: mqtt.Version = 5
        """What the broker is spoken to in."""
        self.taken_over = False
        """Another client has our name, and came later: this one stays away."""
        self.unsubscribed = False
        self._session = 0
        self._unacknowledged: set[int] = set()
        self._last_message = time.monotonic()
        self._connected = threading.Event()
        self._lost_since: float | None = None
        self._left = threading.Event()
        self._mids = itertools.cycle(range(1, 0x10000))
        self._outgoing: deque[tuple[int, bytes]] = deque()
        """What other threads want sent, with the session it is for."""
        self._accepted = False
        self._unconfirmed: dict[int, tuple[str, bytes]] = {}
        """What was published, until the broker says that it has it."""
        self._wake, self._waker = socket.socketpair()
        self._wake.settimeout(0)
        self._waker.settimeout(0)
        self._thread = threading.Thread(target=self._run, name=client_id, daemon=True)

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    def empty_for(self, seconds: float) -> bool:
        """Whether everything that came is acknowledged, and nothing has come for `seconds`."""
        silent = time.monotonic() - self._last_message
        return self.connected and not self._unacknowledged and silent >= seconds

    def start(self) -> None:
        """Connect in the background, and again whenever the connection is lost."""
        self._thread.start()

    def stop(self) -> None:
        """Leave. The session, and with it everything unacknowledged, stays with the broker."""
        self._left.set()
        self._rouse()
        if self._thread.is_alive():
            self._thread.join()
        self._wake.close()
        self._waker.close()

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that these are committed. Those of a lost connection come again; that is harmless."""
        session = self._session
        mids = [delivery.mid for delivery in deliveries if delivery.session == session and delivery.mid]
        if mids:
            self._send(session, mqtt.pubacks(mids))
            self._unacknowledged.difference_update(mids)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send down to a device, QoS 1, as soon as there is a connection.

        Beyond MOST_QUEUED that the broker has not taken over it is dropped: memory is bounded, and who waits asks again.
        """
        if len(self._unconfirmed) < MOST_QUEUED:
            mid = next(self._mids)
            self._unconfirmed[mid] = topic, payload
            if self._accepted:  # else all that is unconfirmed is sent when it is
                self._send(self._session, mqtt.publish(self.version, mid, topic, payload))

    def share(self, *, shares: bool) -> None:
        """Take a share of what comes, with the others of the group; or all of it."""
        if shares != self._shares:
            self._shares = shares
            if (
                self._broker_shares
            ):  # else nothing changes, and NATS delivers nothing after a second SUBSCRIBE
                self._send(self._session, self._subscriptions())

    def unsubscribe(self) -> None:
        """Have nothing new put into the session; `unsubscribed` once the broker agrees."""
        both = [*self._filters, *self._shared_filters()]
        self._send(self._session, mqtt.unsubscribe(self.version, next(self._mids), both))

    def _subscriptions(self) -> bytes:
        """To the one before we leave the other, so that nothing falls between."""
        wanted, other = self._shared_filters(), self._filters
        if not (self._shares and wanted):
            wanted, other = other, wanted
        packets = mqtt.subscribe(self.version, next(self._mids), wanted)
        if other and self._broker_shares:
            packets += mqtt.unsubscribe(self.version, next(self._mids), other)
        return packets

    def _shared_filters(self) -> list[str]:
        """Of a broker that has such."""
        if self._group is None or not self._broker_shares:
            return []
        return [f"$share/{self._group}/{topic}" for topic in self._filters]

    def _send(self, session: int, packet: bytes) -> None:
        self._outgoing.append((session, packet))
        self._rouse()

    def _rouse(self) -> None:
        with contextlib.suppress(OSError):  # it is awake already, or has left
            self._waker.send(b"!")

    # What follows runs in the receiver's own thread.

    def _run(self) -> None:
        wait_s = RETRY_FIRST_S
        while not self._left.is_set() and not self.taken_over:
            try:
                with open_connection(self._parts, self._tls) as connection:
                    self._talk(connection)
            except _KnowsNoFive:
                continue
            except OSError as error:  # of sockets and TLS, and MalformedPacket
                self._say_lost(str(error) or type(error).__name__)
            except Exception:
                log.exception("receiver failed, connecting anew")
            if self.connected:
                wait_s = RETRY_FIRST_S
            self._connected.clear()
            self._accepted = False
            if not self._left.is_set() and not self.taken_over:
                self._left.wait(wait_s)
                wait_s = min(2 * wait_s, RETRY_MAX_S)

    def _talk(self, connection: socket.socket) -> None:
        """Until the connection ends: OSError, or we are asked to stop."""
        connection.settimeout(0)
        self._session = next(_sessions)
        self._unacknowledged.clear()
        self._last_message = time.monotonic()
        inbox = mqtt.Inbox()
        out = bytearray(
            mqtt.connect(
                self.version,
                self.client_id,
                **_login(self._parts),
                keepalive_s=KEEPALIVE_S,
                receive_maximum=RECEIVE_MAXIMUM,
            )
        )
        heard = asked = time.monotonic()
        while True:
            full = self.arrivals.full
            readable = ready(
                connection,
                self._wake,
                reading=not full,
                writing=bool(out),
                wait_s=FULL_WAIT_S if full else KEEPALIVE_S / 4,
            )
            if self._wake in readable:
                self._wake.recv(READ_BYTES)
            if self._left.is_set():
                send_last(connection, bytes(out) + self._due() + mqtt.DISCONNECT)
                return
            now = time.monotonic()
            if full:
                heard = now  # we did not listen
            elif connection in readable and (data := received(connection)):
                heard = now
                for first, body in self._deliver(inbox.packets(data)):
                    out += self._answer(first, body)
            if now - heard > 2 * KEEPALIVE_S:
                raise ConnectionError(f"silent for {now - heard:.0f} s")
            if now - asked > KEEPALIVE_S:
                asked = now
                out += mqtt.PINGREQ
            if len(out) < READ_BYTES:
                out += self._due()
            if out:
                del out[: sent(connection, out)]

    def _due(self) -> bytes:
        """What is to be sent in this session; of one that is gone there is nothing to say."""
        due = []
        while self._outgoing:
            session, packet = self._outgoing.popleft()
            if session == self._session:
                due.append(packet)
        return b"".join(due)

    def _deliver(self, packets: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """Hand on what was published; return the other packets."""
        version, session, received_us = self.version, self._session, time.time_ns() // 1000
        chunk: list[Delivery] = []
        others = []
        for first, body in packets:
            if first >> 4 == mqtt.PUBLISH:
                topic, payload, mid, again = mqtt.read_publish(version, first, body)
                chunk.append(Delivery(topic, payload, received_us, mid, session, again))
            else:
                others.append((first, body))
        if chunk:
            self._last_message = time.monotonic()
            self._unacknowledged.update([delivery.mid for delivery in chunk if delivery.mid])
            self.arrivals.put(chunk, by=self)
        return others

    def _answer(self, first: int, body: bytes) -> bytes:
        """What a packet other than PUBLISH changes, and what it is to be answered with."""
        match first >> 4:
            case mqtt.CONNACK:
                return self._begin(mqtt.read_connack(self.version, body))
            case mqtt.SUBACK:
                if refused := mqtt.read_suback(self.version, body):
                    raise ConnectionError(f"subscription: {mqtt.reason(refused[0])}")
                self._say_connected()  # only now does the broker keep for us what is published
            case mqtt.PUBACK:
                self._unconfirmed.pop(int.from_bytes(body[:2], "big"), None)
            case mqtt.UNSUBACK:
                self.unsubscribed = True
            case mqtt.DISCONNECTED:
                code = body[0] if body else 0
                self.taken_over = code == mqtt.SESSION_TAKEN_OVER
                raise ConnectionError(mqtt.reason(code))
        return b""

    def _begin(self, answer: mqtt.Connack) -> bytes:
        if self.version == 5 and answer.reason in mqtt.UNSUPPORTED_VERSION:
            self.version = 4  # NATS knows no other
            raise _KnowsNoFive
        if answer.reason:
            raise ConnectionError(mqtt.reason(answer.reason))
        self._broker_shares = answer.sharing
        self._accepted = True
        unconfirmed = [
            mqtt.publish(self.version, mid, topic, payload)
            for mid, (topic, payload) in list(self._unconfirmed.items())
        ]
        if not self._subscribing:
            self._say_connected()
            return b"".join(unconfirmed)
        return self._subscriptions() + b"".join(unconfirmed)

    def _say_connected(self) -> None:
        if self.connected:
            return
        self._connected.set()
        if self._lost_since is not None:
            log.info("broker is back", after_s=round(time.monotonic() - self._lost_since, 1))
            self._lost_since = None
        else:
            log.info("broker connected", host=self._parts.hostname)

    def _say_lost(self, reason: str) -> None:
        """Once per outage, however often it is tried again."""
        if self._lost_since is None and not self._left.is_set():
            self._lost_since = time.monotonic()
            log.warning(
                "broker lost, trying again until it is back; fleetfume doctor may say why",
                reason=reason,
                host=self._parts.hostname,
            )


def erase_session(url: str, client_id: str, version: mqtt.Version, tls: ssl.SSLContext | None = None) -> bool:
    """Have the broker forget the session of `client_id`, with whatever it holds; False if it is away."""
    parts = urlsplit(url)
    try:
        with open_connection(parts, tls) as connection:
            connection.sendall(
                mqtt.connect(version, client_id, **_login(parts), keepalive_s=KEEPALIVE_S, clean=True)
            )
            inbox = mqtt.Inbox()
            packets: list[tuple[int, bytes]] = []
            while not packets:
                data = connection.recv(READ_BYTES)
                if not data:
                    return False
                packets = inbox.packets(data)
            connection.sendall(mqtt.DISCONNECT)
    except OSError:
        return False
    first, body = packets[0]
    return first >> 4 == mqtt.CONNACK and mqtt.read_connack(version, body).reason == 0


def _login(parts: SplitResult) -> dict[str, Any]:
    if not parts.username:
        return {}
    return {"user": unquote(parts.username), "password": unquote(parts.password or "")}
