"""Deliveries to readings: decode, check against the register and the clock, sort, drop repeats.

Pure: what can be read comes out as one run of readings per device, oldest first and no time twice;
what cannot comes out as quarantine rows, with the bytes as received.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from devices.reasons import Reason
from devices.topics import MalformedTopic, parse_topic
from devices.types import Device, DeviceKind
from devices.wire import (
    FumeReading,
    MalformedPayload,
    VehicleReading,
    decode_telemetry,
)
from ingest.lanes import Deferred, can_wait
from ingest.receiver import Delivery

Reading = VehicleReading | FumeReading

MAX_AHEAD_US = 10 * 60 * 1_000_000
"""Contract, section 2: more than 10 min in the future cannot be read."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    delivery: Delivery
    reason: Reason
    detail: str
    device_id: str | None = None
    readings: int | None = None
    """How many readings of the message this stands for; None: unknown."""


@dataclass(slots=True)
class Run:
    """The readings of one device in this batch: `times[i]` (µs) is unique and ascending."""

    device_id: str
    times: list[int]
    readings: list[Reading]
    received: list[int]


@dataclass(slots=True)
class Batch:
    runs: dict[DeviceKind, list[Run]] = field(default_factory=lambda: {"vehicle": [], "fume": []})
    quarantined: list[Quarantined] = field(default_factory=list)
    repeated: int = 0
    """Readings whose key came before in this batch with the same content."""
    contradicting: int = 0
    """… with another content; the first stands."""
    unknown_fields: int = 0
    deferred: list[Deferred] = field(default_factory=list)
    """Left out of this batch: they can wait."""


def sort_out(
    deliveries: Iterable[Delivery],
    devices: Mapping[str, Device],
    *,
    prefix: str,
    retention_us: int,
    deferring: bool = False,
) -> Batch:
    """Make a batch of `deliveries`, in the order they came; `deferring`: of those that cannot wait."""
    batch = Batch()
    heard: dict[str, tuple[DeviceKind, list[tuple[int, Reading, int]]]] = {}
    for delivery in deliveries:
        try:
            device = _sender(delivery, devices, prefix)
            readings, problems, unknown_fields = _decode(device.kind, delivery.payload)
        except _Refused as refused:
            batch.quarantined.append(Quarantined(delivery, refused.reason, refused.detail, refused.device_id))
            continue
        except MalformedPayload as malformed:
            batch.quarantined.append(
                Quarantined(delivery, malformed.reason, malformed.detail, device.device_id)
            )
            continue
        newest_us = max((reading.ts_us for _, reading in readings), default=delivery.received_us)
        if deferring and can_wait(delivery, newest_us):
            batch.deferred.append(Deferred(delivery, newest_us))
            continue
        batch.unknown_fields += unknown_fields
        _, kept = heard.setdefault(device.device_id, (device.kind, []))
        received = delivery.received_us
        for index, reading in readings:
            if reading.ts_us > received + MAX_AHEAD_US:
                ahead = _apart(reading.ts_us - received)
                problems.append((Reason.FUTURE_TIME, index, f"ts is {ahead} ahead of the clock"))
            elif reading.ts_us < received - retention_us:
                problems.append((Reason.TOO_OLD, index, f"ts is {_apart(received - reading.ts_us)} old"))
            else:
                kept.append((reading.ts_us, reading, received))
        if problems:
            batch.quarantined.extend(_by_reason(delivery, device.device_id, problems))
    for device_id, (kind, kept) in heard.items():
        if kept:
            batch.runs[kind].append(_run(device_id, kept, batch))
    for runs in batch.runs.values():
        runs.sort(key=lambda run: run.device_id)  # one lock order for all collectors
    return batch


class _Refused(Exception):
    def __init__(self, reason: Reason, detail: str, device_id: str | None = None) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.device_id = reason, detail, device_id


def _sender(delivery: Delivery, devices: Mapping[str, Device], prefix: str) -> Device:
    try:
        topic = parse_topic(prefix, delivery.topic)
    except MalformedTopic as malformed:
        raise _Refused(malformed.reason, malformed.detail) from None
    device = devices.get(topic.device_id)
    if device is None:
        raise _Refused(Reason.UNKNOWN_DEVICE, f"no device {topic.device_id!r} is registered", topic.device_id)
    if device.kind != topic.kind:
        raise _Refused(
            Reason.WRONG_KIND,
            f"{topic.device_id!r} is registered as {device.kind}, not {topic.kind}",
            topic.device_id,
        )
    if device.status != "active":
        raise _Refused(
            Reason.DEVICE_DISABLED, f"device {topic.device_id!r} is {device.status}", topic.device_id
        )
    if topic.channel != "telemetry":
        raise _Refused(Reason.UNKNOWN_CHANNEL, f"channel {topic.channel!r} is not read yet", topic.device_id)
    return device


def _decode(
    kind: DeviceKind, payload: bytes
) -> tuple[list[tuple[int, Reading]], list[tuple[Reason, int, str]], int]:
    """The readable readings and the problems of the others, each with its place in the message, and the number
    of fields nobody knows.
    """
    decoded = decode_telemetry(kind, payload)
    problems = [(problem.reason, problem.index, problem.detail) for problem in decoded.problems]
    bad = {problem.index for problem in decoded.problems}
    places = (index for index in itertools.count() if index not in bad)
    readings: list[tuple[int, Reading]] = list(zip(places, decoded.readings, strict=False))
    return readings, problems, decoded.unknown_fields


def _by_reason(
    delivery: Delivery, device_id: str, problems: Sequence[tuple[Reason, int, str]]
) -> list[Quarantined]:
    """One row per message and reason, however many of its readings share it."""
    rows = []
    for reason in dict.fromkeys(reason for reason, _, _ in problems):
        same = [(index, detail) for other, index, detail in problems if other == reason]
        index, detail = same[0]
        more = f" (and {len(same) - 1} more)" if len(same) > 1 else ""
        rows.append(Quarantined(delivery, reason, f"reading {index}: {detail}{more}", device_id, len(same)))
    return rows


def _run(device_id: str, readings: list[tuple[int, Reading, int]], batch: Batch) -> Run:
    """Oldest first; of those with the same time, the first that came stands."""
    readings.sort(key=lambda entry: entry[0])  # stable: arrival order within one time
    kept = [readings[0]]
    for entry in readings[1:]:
        if entry[0] != kept[-1][0]:
            kept.append(entry)
        elif entry[1] == kept[-1][1]:
            batch.repeated += 1
        else:
            batch.contradicting += 1
    times, of, received = zip(*kept, strict=True)
    return Run(device_id, list(times), list(of), list(received))


def _apart(microseconds: int) -> str:
    minutes = microseconds / 60_000_000
    return f"{minutes:,.0f} min" if minutes < 48 * 60 else f"{minutes / 1440:,.0f} days"
