"""Messages whose parts came in several MQTT messages (JT/T 808 sub-packages).

A message that holds a part of something, and not the rest, is quarantined as `incomplete_message`: committed, so
it may be acknowledged, and any process may die. When the rest comes, what waits there is read with it and leaves
the quarantine, in the transaction that stores the readings. Nothing is kept in memory.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import LiteralString

from psycopg import Connection

from devices.channels import JOINERS
from devices.reasons import Reason
from devices.types import Device
from ingest.batch import Batch
from ingest.broker.arrivals import Delivery

WITHIN_MINUTES = 60
"""Parts of one message leave a terminal one after the other. Its numbers begin anew when it does, so that parts
further apart may belong to different messages; those stay in quarantine."""
MOST_WAITING = 100

# One collector at a time per device: two that each got a part would not see the other's.
LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtext('incomplete_message'), hashtext(%s))"
WAITING: LiteralString = """
    SELECT id, payload
      FROM quarantine
     WHERE device_id = %(device_id)s AND topic = %(topic)s AND reason = %(reason)s
       AND received_at > to_timestamp(%(now_us)s / 1000000.0) - make_interval(mins => %(minutes)s)
     ORDER BY received_at DESC, id DESC
     LIMIT %(most)s
"""
RELEASE: LiteralString = "DELETE FROM quarantine WHERE id = ANY(%s)"


def join_parts(
    connection: Connection,
    batch: Batch,
    devices: Mapping[str, Device],
    sort_out_with: Callable[[Sequence[Delivery]], Batch],
) -> Batch:
    """`batch`; or, where its parts make messages whole, the one that `sort_out_with` makes of those messages too."""
    fresh: dict[tuple[str, str], list[Delivery]] = {}
    for row in batch.quarantined:
        channel = row.delivery.topic.rpartition("/")[2]
        if row.reason is Reason.INCOMPLETE_MESSAGE and row.device_id is not None and channel in JOINERS:
            fresh.setdefault((row.device_id, channel), []).append(row.delivery)
    whole: list[Delivery] = []
    read: list[Delivery] = []
    for (device_id, channel), deliveries in sorted(fresh.items()):  # one lock order for all collectors
        join = partial(JOINERS[channel], devices[device_id])
        _join_of_device(connection, device_id, deliveries, join, whole, read)
    if not whole:
        return batch
    joined = sort_out_with(whole)
    joined.quarantined = [
        row
        for row in joined.quarantined
        if row.reason is not Reason.INCOMPLETE_MESSAGE or row.delivery not in read
    ]
    return joined


def _join_of_device(
    connection: Connection,
    device_id: str,
    fresh: Sequence[Delivery],
    join: Callable[[Sequence[bytes]], tuple[bytes, list[bool]]],
    whole: list[Delivery],
    read: list[Delivery],
) -> None:
    """Add to `whole` what `fresh` and the waiting parts make, to `read` those of `fresh` that wait no more."""
    connection.execute(LOCK, (device_id,))
    newest_us = max(delivery.received_us for delivery in fresh)
    waiting = connection.execute(
        WAITING,
        {
            "topic": fresh[0].topic, "device_id": device_id, "reason": Reason.INCOMPLETE_MESSAGE,
            "now_us": newest_us, "minutes": WITHIN_MINUTES, "most": MOST_WAITING,
        },
    ).fetchall()[::-1]  # fmt: skip
    frames, still = join([payload for _, payload in waiting] + [delivery.payload for delivery in fresh])
    if frames:
        whole.append(Delivery(fresh[0].topic, frames, newest_us, mid=0, session=0))
        released = [row_id for (row_id, _), waits in zip(waiting, still, strict=False) if not waits]
        connection.execute(RELEASE, (released,))
        read += [delivery for delivery, waits in zip(fresh, still[len(waiting) :], strict=True) if not waits]
