"""MQTT 3.1.1 on a bare socket, as little of it as a load needs: a terminal that never gives up, and a subscriber that
only counts. Faster than any library, so that what is measured is the broker; and in our hands, so that what a
terminal does when the broker dies is known.
"""

import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Sequence

PUBLISH_QOS1, PUBACK, DISCONNECT = b"\x32", 0x40, b"\xe0\x00"
AGAIN_S = 2.0
"""What was acknowledged so recently is sent again after a lost connection: Mosquitto writes to disk after it has
acknowledged, and what it knew only in memory dies with it."""


def connected(port: int, client_id: str, *, clean: bool = True, timeout_s: float = 5.0) -> socket.socket:
    """A connection to the broker on `port` of this machine. OSError: there is none."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
    try:
        body = b"\x00\x04MQTT\x04" + bytes([2 if clean else 0]) + b"\x00\x00" + _text(client_id)
        connection.sendall(b"\x10" + _length(len(body)) + body)
        if _exactly(connection, 4)[:2] != b"\x20\x02":
            raise ConnectionError("no CONNACK")
    except OSError:
        connection.close()
        raise
    return connection


def publish_packet(topic: str, payload: bytes, mid: int) -> bytes:
    body = _text(topic) + mid.to_bytes(2, "big") + payload
    return PUBLISH_QOS1 + _length(len(body)) + body


class Terminal(threading.Thread):
    """Publishes `messages` at QoS 1, `per_s` a second (0: as fast as it goes), until the broker has acknowledged all.

    It keeps what is not acknowledged, and sends it again when it is connected again: see AGAIN_S.
    """

    def __init__(
        self, port: int, messages: Sequence[tuple[str, bytes]], *, per_s: float = 0, window: int = 2000
    ) -> None:
        super().__init__(daemon=True)
        self._port, self._messages, self._per_s, self._window = port, messages, per_s, window
        self._leave = threading.Event()
        self.sent = [0] * len(messages)
        """How often each was written to a connection."""
        self._acknowledged: dict[int, float] = {}

    @property
    def acknowledged(self) -> int:
        return len(self._acknowledged)

    def leave(self) -> None:
        """Give up, whatever is not acknowledged yet."""
        self._leave.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        begun = time.monotonic()
        to_send = deque(range(len(self._messages)))
        while to_send and not self._leave.is_set():
            in_flight: dict[int, int] = {}
            try:
                with connected(self._port, "terminal") as connection:
                    self._talk(connection, begun, to_send, in_flight)
            except OSError:
                recent = time.monotonic() - AGAIN_S
                doubtful = {i for i, at in self._acknowledged.items() if at > recent} | set(
                    in_flight.values()
                )
                for i in sorted(doubtful, reverse=True):
                    self._acknowledged.pop(i, None)
                    to_send.appendleft(i)
                time.sleep(0.05)

    def _talk(
        self, connection: socket.socket, begun: float, to_send: deque[int], in_flight: dict[int, int]
    ) -> None:
        free = deque(range(1, self._window + 1))
        received = bytearray()
        while (to_send or in_flight) and not self._leave.is_set():
            due = int((time.monotonic() - begun) * self._per_s) if self._per_s else len(self._messages)
            packets: list[bytes] = []
            while to_send and free and to_send[0] < due and len(packets) < 200:
                i, mid = to_send.popleft(), free.popleft()
                in_flight[mid] = i
                self.sent[i] += 1
                packets.append(publish_packet(*self._messages[i], mid))
            if packets:
                connection.sendall(b"".join(packets))
            wait_s = 0.0 if packets and free else 0.005 if to_send and free else 1.0
            if select.select([connection], [], [], wait_s)[0]:
                data = connection.recv(1 << 16)
                if not data:
                    raise ConnectionError("the broker closed the connection")
                received += data
                whole = len(received) // 4
                now = time.monotonic()
                for kind, _, mid in struct.iter_unpack(">BBH", received[: 4 * whole]):
                    if kind == PUBACK:
                        self._acknowledged[in_flight.pop(mid)] = now
                        free.append(mid)
                del received[: 4 * whole]
        connection.sendall(DISCONNECT)


def receive_and_acknowledge(
    port: int, topic_filter: str, count: int, ready: threading.Event | None = None
) -> None:
    """Subscribe at QoS 1, take `count` messages, acknowledge each, look at none."""
    with connected(port, "counter") as connection:
        body = b"\x00\x01" + _text(topic_filter) + b"\x01"
        connection.sendall(b"\x82" + _length(len(body)) + body)
        _exactly(connection, 5)
        if ready is not None:
            ready.set()
        connection.settimeout(60)
        held = b""
        while count > 0:
            held += connection.recv(1 << 18)
            at, acknowledgements = 0, []
            while len(held) - at >= 5:
                length, shift, body_at = 0, 0, at + 1
                while True:
                    byte = held[body_at]
                    length |= (byte & 0x7F) << shift
                    shift, body_at = shift + 7, body_at + 1
                    if byte < 0x80 or body_at >= len(held):
                        break
                if byte >= 0x80 or len(held) < body_at + length:
                    break
                mid_at = body_at + 2 + (held[body_at] << 8 | held[body_at + 1])
                acknowledgements.append(b"\x40\x02" + held[mid_at : mid_at + 2])
                at = body_at + length
            held = held[at:]
            count -= len(acknowledgements)
            connection.sendall(b"".join(acknowledgements))


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _length(length: int) -> bytes:
    out = bytearray()
    while True:
        length, low = divmod(length, 128)
        out.append(low | 128 if length else low)
        if not length:
            return bytes(out)


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionError("the broker closed the connection")
        data += more
    return data
