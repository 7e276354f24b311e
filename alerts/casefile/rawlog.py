"""Messages as they were received: kept for some days in batches, and longer where a lead needs them.

A collector packs the messages of one transaction into one row, so that keeping them costs one small insert. What a
row holds: MessagePack [[topic, received_us, payload], …], deflated.
"""

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple

import msgspec
from psycopg import Connection

from runtime.instants import instant, microseconds

LEVEL = 1
"""Of deflate: figures in docs/evidence.md."""
MOST_BYTES = 256 * 1024
"""A larger payload is in the quarantine and nowhere else."""
AROUND = timedelta(hours=1)
"""Kept for a lead: from this long before an alert's behaviour began until as long after it was last heard of."""


class Message(msgspec.Struct, frozen=True, array_like=True):
    topic: str
    received_us: int
    payload: bytes

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.payload).hexdigest()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Message]).decode

KEEP: LiteralString = """
    INSERT INTO raw_batch (received_first, received_last, device_ids, messages) VALUES (%s, %s, %s, %s)
"""


class Packed(NamedTuple):
    """A row of `raw_batch`."""

    received_first: datetime
    received_last: datetime
    device_ids: list[str]
    messages: bytes


def pack(messages: Sequence[Message]) -> Packed | None:
    """The messages as one row; None where there are none to keep."""
    kept = [message for message in messages if len(message.payload) <= MOST_BYTES]
    if not kept:
        return None
    received = [message.received_us for message in kept]
    devices = sorted({device_of(topic) for topic in {message.topic for message in kept}})
    packed = zlib.compress(_encode(kept), LEVEL)
    return Packed(instant(min(received)), instant(max(received)), devices, packed)


def keep(connection: Connection[Any], packed: Packed | None) -> None:
    """Store what was received, in the caller's transaction."""
    if packed is not None:
        connection.execute(KEEP, packed, prepare=True)


def device_of(topic: str) -> str:
    """The level before the channel, as `devices.topics` has it; '' where there is none. Never with what text refuses."""
    levels = topic.split("/")
    return levels[-2].replace("\x00", "") if len(levels) > 1 else ""


READ: LiteralString = """
    SELECT messages FROM raw_batch
     WHERE received_last >= %(since)s AND received_first <= %(until)s AND device_ids @> ARRAY[%(device_id)s::text]
"""
READ_KEPT: LiteralString = """
    SELECT topic, received_at, payload FROM raw_kept
     WHERE device_id = %(device_id)s AND received_at BETWEEN %(since)s AND %(until)s
"""


def received(connection: Connection[Any], device_id: str, since: datetime, until: datetime) -> list[Message]:
    """Every message of the device received from `since` to `until`, once each, in the order they came."""
    window = {"device_id": device_id, "since": since, "until": until}
    first, last = microseconds(since), microseconds(until)
    found = {
        (message.received_us, message.topic, message.hash): message
        for (packed,) in connection.execute(READ, window)
        for message in unpack(bytes(packed))
        if first <= message.received_us <= last and device_of(message.topic) == device_id
    }
    for topic, received_at, payload in connection.execute(READ_KEPT, window):
        message = Message(topic, microseconds(received_at), bytes(payload))
        found.setdefault((message.received_us, message.topic, message.hash), message)
    return [found[key] for key in sorted(found)]


def unpack(packed: bytes) -> list[Message]:
    return _decode(zlib.decompress(packed))


# What alerts of leads are about, where its messages may lie in batches that go.
NEEDED: LiteralString = """
    SELECT device_id, started_at - %(around)s::interval AS since,
           greatest(coalesce(cleared_at, updated_at), recorded_at) + %(around)s::interval AS until
      FROM alert
     WHERE lead_id IS NOT NULL
       AND device_id = ANY(%(device_ids)s)
       AND started_at - %(around)s::interval <= %(last)s
       AND greatest(coalesce(cleared_at, updated_at), recorded_at) + %(around)s::interval >= %(first)s
"""
OLD: LiteralString = """
    SELECT id, received_first, received_last, device_ids, messages FROM raw_batch
     WHERE received_last < %s ORDER BY received_last LIMIT %s
"""
SAVE: LiteralString = """
    INSERT INTO raw_kept (device_id, received_at, topic, payload, hash) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
"""
DROP: LiteralString = "DELETE FROM raw_batch WHERE id = ANY(%s)"
AT_ONCE = 500


def purge(connection: Connection[Any], before: datetime) -> int:
    """Delete some of the batches received before then, keeping what leads need; return how many. 0: none are left."""
    with connection.transaction():
        batches = connection.execute(OLD, (before, AT_ONCE)).fetchall()
        if not batches:
            return 0
        windows = connection.execute(
            NEEDED,
            {
                "around": AROUND, "device_ids": sorted({one for row in batches for one in row[3]}),
                "first": min(row[1] for row in batches), "last": max(row[2] for row in batches),
            },
        ).fetchall()  # fmt: skip
        needed: dict[str, list[tuple[int, int]]] = {}
        for device_id, since, until in windows:
            needed.setdefault(device_id, []).append((microseconds(since), microseconds(until)))
        saved = [
            (
                device_of(message.topic),
                instant(message.received_us),
                message.topic,
                message.payload,
                message.hash,
            )
            for row in batches
            if needed.keys() & set(row[3])
            for message in _needed(unpack(bytes(row[4])), needed)
        ]
        with connection.cursor() as cursor:
            cursor.executemany(SAVE, saved)
        connection.execute(DROP, ([row[0] for row in batches],))
        return len(batches)


def _needed(messages: Iterable[Message], needed: dict[str, list[tuple[int, int]]]) -> Iterable[Message]:
    for message in messages:
        windows = needed.get(device_of(message.topic), [])
        if any(since <= message.received_us <= until for since, until in windows):
            yield message
