"""Events of cameras over MQTT, `{prefix}/camera/{id}/event`: told apart from readings, and taken or quarantined."""

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg import Connection

from alerts import external
from alerts.outbox import take_turn
from devices.reasons import Reason
from devices.topics import DEVICE_ID
from ingest.batch import MAX_AHEAD_US, Quarantined
from ingest.broker.arrivals import Delivery
from ingest.wallclock import later_now_us
from runtime.instants import instant, microseconds

MAX_BYTES = 256 * 1024


def told_apart(deliveries: Sequence[Delivery], prefix: str) -> tuple[list[Delivery], list[Delivery]]:
    """Deliveries that are readings, and those that are events."""
    begins, ends = f"{prefix}/camera/", "/event"
    events = [d for d in deliveries if d.topic.startswith(begins) and d.topic.endswith(ends)]
    return [d for d in deliveries if not (d.topic.startswith(begins) and d.topic.endswith(ends))], events


def take_events(
    connection: Connection, events: Sequence[Delivery], prefix: str, now_us: int = 0
) -> list[Quarantined]:
    """Open the events' alerts in the caller's transaction; what cannot be read comes back. `now_us`: as of `sort_out`."""
    refused: list[Quarantined] = []
    read: list[tuple[external.Event, Delivery]] = []
    for delivery in events:
        camera = delivery.topic.removeprefix(f"{prefix}/camera/").removesuffix("/event")
        event = _read(delivery, camera, now_us)
        if isinstance(event, Quarantined) and event.reason is Reason.FUTURE_TIME and not now_us:
            event = _read(delivery, camera, later_now_us(connection))
        if isinstance(event, Quarantined):
            refused.append(event)
        else:
            read.append((event, delivery))
    if read:
        take_turn(connection)
    for event, delivery in read:
        external.take(connection, event, received_at=instant(delivery.received_us))
    return refused


def _read(delivery: Delivery, camera: str, now_us: int) -> external.Event | Quarantined:
    def no(reason: Reason, detail: str) -> Quarantined:
        return Quarantined(delivery, reason, detail, camera or None)

    if DEVICE_ID.fullmatch(camera) is None:
        return Quarantined(delivery, Reason.BAD_DEVICE_ID, f"{camera!r} is not a camera's id")
    if len(delivery.payload) > MAX_BYTES:
        return no(Reason.TOO_LARGE, f"{len(delivery.payload):,} bytes")
    try:
        said = msgspec.json.decode(delivery.payload, type=dict[str, Any])
        event = msgspec.convert({**said, "source": "camera", "device": camera}, external.Event)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        wrong = isinstance(error, msgspec.ValidationError)
        missing = "missing required field" in str(error)
        return no(
            Reason.MISSING_FIELD if missing else Reason.WRONG_TYPE if wrong else Reason.NOT_JSON, str(error)
        )
    if microseconds(event.at) > max(delivery.received_us, now_us) + MAX_AHEAD_US:
        return no(Reason.FUTURE_TIME, f"at {event.at} is ahead of the clock")
    return event
