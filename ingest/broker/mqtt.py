"""MQTT packets, as far as a receiver at QoS 1 needs them: bytes in, packets out; no sockets, no clock.

Source  MQTT 5.0 (OASIS, 2019), chapters 2 and 3; MQTT 3.1.1 where a broker knows no other. Sections are named below.
Why     Decision 0006: a library's cost for each message was more than all the rest of a reading's way.
Tests   tests/ingest/test_mqtt.py, against paho's own packets; tests/ingest/test_receiver.py, against real brokers.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

Version = Literal[4, 5]
"""The protocol level of CONNECT: 4 is MQTT 3.1.1."""

CONNACK, PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECTED = 2, 3, 4, 9, 11, 13, 14
"""First byte, upper half (2.1.2)."""
PINGREQ: Final = b"\xc0\x00"
DISCONNECT: Final = b"\xe0\x00"
NEVER_EXPIRES = 0xFFFFFFFF
SESSION_TAKEN_OVER = 0x8E
UNSUPPORTED_VERSION = frozenset({0x01, 0x84})
"""As a broker of 3.1.1 says it, and as one of 5 does."""

REASONS: Final = {
    0x02: "client id refused", 0x03: "unavailable", 0x04: "user name or password refused", 0x05: "not authorised",
    0x80: "refused", 0x85: "client id refused", 0x86: "user name or password refused", 0x87: "not authorised",
    0x88: "unavailable", 0x89: "busy", 0x8B: "shutting down", 0x8D: "keep alive exceeded",
    SESSION_TAKEN_OVER: "session taken over by another client", 0x97: "quota exceeded",
    0x9E: "shared subscriptions not supported",
}  # fmt: skip
_SHARED_SUBSCRIPTION_AVAILABLE = 0x2A


class MalformedPacket(ConnectionError):
    """The broker sent what is no MQTT; nothing after it can be understood."""


class Message(NamedTuple):
    """A PUBLISH (3.3). `mid` is 0 at QoS 0."""

    topic: str
    payload: bytes
    mid: int
    again: bool
    """DUP, or retained: it may have been sent before."""


class Inbox:
    """What comes from the broker, in whatever pieces, to packets: the first byte, and what follows the length."""

    def __init__(self) -> None:
        self._held = b""

    def packets(self, data: bytes) -> list[tuple[int, bytes]]:
        """Those that are whole now. MalformedPacket: a length that is none."""
        held = self._held + data if self._held else data
        found = []
        at, end = 0, len(held)
        while end - at >= 2:
            length, body = held[at + 1], at + 2
            if length >= 0x80:
                long = _length_at(held, at + 1)
                if long is None:
                    break
                length, body = long
            if body + length > end:
                break
            found.append((held[at], held[body : body + length]))
            at = body + length
        self._held = held[at:]
        return found


def reason(code: int) -> str:
    return f"{REASONS.get(code, 'refused')} (reason {code:#04x})"


def connect(
    version: Version,
    client_id: str,
    *,
    user: str | None = None,
    password: str | None = None,
    keepalive_s: int,
    receive_maximum: int | None = None,
    clean: bool = False,
) -> bytes:
    """CONNECT (3.1). Without `clean` the session outlives the connection, for ever; `receive_maximum` is heard by
    brokers of 5 alone.
    """
    flags = (0x80 if user is not None else 0) | (0x40 if password is not None else 0) | (0x02 if clean else 0)
    properties = b""
    if version == 5 and not clean:
        properties += b"\x11" + NEVER_EXPIRES.to_bytes(4, "big")
    if version == 5 and receive_maximum is not None:
        properties += b"\x21" + receive_maximum.to_bytes(2, "big")
    return _packet(
        0x10,
        _text("MQTT"), bytes([version, flags]), keepalive_s.to_bytes(2, "big"), _properties(version, properties),
        _text(client_id), *[_text(secret) for secret in (user, password) if secret is not None],
    )  # fmt: skip


def subscribe(version: Version, mid: int, filters: Iterable[str]) -> bytes:
    """SUBSCRIBE (3.8), each at QoS 1."""
    wanted = [_text(one) + b"\x01" for one in filters]
    return _packet(0x82, mid.to_bytes(2, "big"), _properties(version), *wanted)


def unsubscribe(version: Version, mid: int, filters: Iterable[str]) -> bytes:
    """UNSUBSCRIBE (3.10)."""
    return _packet(0xA2, mid.to_bytes(2, "big"), _properties(version), *map(_text, filters))


def publish(version: Version, mid: int, topic: str, payload: bytes) -> bytes:
    """PUBLISH at QoS 1 (3.3)."""
    return _packet(0x32, _text(topic), mid.to_bytes(2, "big"), _properties(version), payload)


def pubacks(mids: Sequence[int]) -> bytes:
    """A PUBACK for each (3.4); both versions write success alike."""
    return b"".join([b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids])


def read_publish(version: Version, first: int, body: bytes) -> Message:
    try:
        at = 2 + (body[0] << 8 | body[1])
        topic = str(body[2:at], "utf-8", "replace")
        mid = 0
        if first & 0x06:
            mid = body[at] << 8 | body[at + 1]
            at += 2
        if version == 5:
            if body[at] == 0:
                at += 1
            else:
                length = _length_at(body, at)
                if length is None:
                    raise MalformedPacket("a PUBLISH ends within its properties")
                at = length[0] + length[1]
    except IndexError:
        raise MalformedPacket("a PUBLISH ends before its payload") from None
    return Message(topic, body[at:], mid, bool(first & 0x09))


class Connack(NamedTuple):
    """The answer to CONNECT (3.2)."""

    reason: int
    """0: accepted."""
    sharing: bool
    """Whether the broker has shared subscriptions."""


def read_connack(version: Version, body: bytes) -> Connack:
    if len(body) < 2:
        raise MalformedPacket("a CONNACK without a reason")
    # A broker that refuses the version answers in its own.
    sharing = version == 5 and len(body) > 2
    if sharing:
        length = _length_at(body, 2)
        properties = body[length[1] :] if length else b""
        sharing = _byte_property(properties, _SHARED_SUBSCRIPTION_AVAILABLE, default=1) == 1
    return Connack(body[1], sharing)


def read_suback(version: Version, body: bytes) -> list[int]:
    """The refusals among the reasons of a SUBACK or UNSUBACK (3.9, 3.11)."""
    at = 2
    if version == 5:
        length = _length_at(body, 2)
        if length is None:
            raise MalformedPacket("a SUBACK ends within its properties")
        at = length[0] + length[1]
    return [code for code in body[at:] if code >= 0x80]


# Lengths of properties' values by id (2.2.2.2); text and pairs of texts carry their own.
_WIDTHS = {
    0x11: 4, 0x13: 2, 0x21: 2, 0x22: 2, 0x24: 1, 0x25: 1, 0x27: 4, 0x28: 1, 0x29: 1, _SHARED_SUBSCRIPTION_AVAILABLE: 1,
}  # fmt: skip
_TEXTS = {0x12: 1, 0x15: 1, 0x16: 1, 0x1A: 1, 0x1C: 1, 0x1F: 1, 0x26: 2}


def _byte_property(properties: bytes, wanted: int, *, default: int) -> int:
    at = 0
    while at < len(properties):
        name = properties[at]
        at += 1
        if name in _TEXTS:
            for _ in range(_TEXTS[name]):
                at += 2 + int.from_bytes(properties[at : at + 2], "big")
        elif name in _WIDTHS:
            if name == wanted and at < len(properties):
                return properties[at]
            at += _WIDTHS[name]
        else:
            raise MalformedPacket(f"a CONNACK with the unknown property {name:#04x}")
    return default


def _length_at(data: bytes, at: int) -> tuple[int, int] | None:
    """A variable byte integer (1.5.5) and the place after it; None: it is not whole yet."""
    value = 0
    for n in range(4):
        if at + n >= len(data):
            return None
        byte = data[at + n]
        value |= (byte & 0x7F) << 7 * n
        if byte < 0x80:
            return value, at + n + 1
    raise MalformedPacket("a length of more than four bytes")


def _packet(first: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([first]) + _length(len(body)) + body


def _properties(version: Version, properties: bytes = b"") -> bytes:
    return _length(len(properties)) + properties if version == 5 else b""


def _length(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw
