"""Deliveries to readings: decode, check against the register and the clock, sort, drop repeats.

Pure: what can be read comes out as one run of readings per device, oldest first and no time twice;
what cannot comes out as quarantine rows, with the bytes as received.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import lt
from typing import NamedTuple

from devices.channels import Decoders
from devices.decoding import Ack, FumeMean, MalformedPayload, Status
from devices.reasons import Reason
from devices.topics import MalformedTopic, UpChannel, device_topic, parse_topic
from devices.types import Device, DeviceKind
from devices.wire import FumeReading, VehicleReading
from ingest.broker.arrivals import Delivery
from ingest.lanes import Deferred, can_wait

Reading = VehicleReading | FumeReading

MAX_AHEAD_US = 10 * 60 * 1_000_000
"""Contract, section 2: more than 10 min in the future cannot be read."""


OF_TIME = frozenset({Reason.FUTURE_TIME, Reason.TOO_OLD})
"""Reasons that say of a terminal that its clock is wrong."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    delivery: Delivery
    reason: Reason
    detail: str
    device_id: str | None = None
    readings: int | None = None
    """How many readings of the message this stands for; None: unknown."""


class Answer(NamedTuple):
    """What a device is waiting for: to be published once its message is committed, and not before."""

    topic: str
    payload: bytes


class Mean(NamedTuple):
    device_id: str
    mean: FumeMean
    received_us: int


class Said(NamedTuple):
    """What a terminal says of itself, or to a command."""

    device_id: str
    said: Status | Ack
    received_us: int
    again: bool
    """As of a Delivery."""


@dataclass(slots=True)
class Run:
    """The readings of one device in this batch: `times[i]` (µs) is unique and ascending."""

    device_id: str
    times: list[int]
    readings: list[Reading]
    received: list[int]
    refused: list[int] = field(default_factory=list)
    """When each of its readings came that was refused for its time, µs. Kept of vehicles."""


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
    messages: Counter[tuple[UpChannel, str]] = field(default_factory=Counter)
    """Of the channels that carry several types of message: how many came of each type."""
    defects: Counter[tuple[UpChannel, str]] = field(default_factory=Counter)
    """What was wrong with frames that could be read all the same."""
    means: list[Mean] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    answers: dict[Answer, None] = field(default_factory=dict)
    """In order, each once."""


def sort_out(
    deliveries: Iterable[Delivery],
    devices: Mapping[str, Device],
    *,
    decoders: Decoders,
    prefix: str,
    retention_us: int,
    now_us: int = 0,
    deferring: bool = False,
) -> Batch:
    """Make a batch of `deliveries`, in the order they came; `deferring`: of those that cannot wait.

    `now_us`: what a clock says now that may be later than when they came. Only what is ahead of both is in the future.
    """
    batch = Batch()
    senders: dict[str, tuple[Device, UpChannel]] = {}
    runs: dict[str, Run] = {}
    for delivery in deliveries:
        try:
            if (sender := senders.get(delivery.topic)) is None:
                sender = senders[delivery.topic] = _sender(delivery, devices, prefix)
            device, channel = sender
            decoded = decoders[channel](device, delivery.payload)
        except _Refused as refused:
            batch.quarantined.append(Quarantined(delivery, refused.reason, refused.detail, refused.device_id))
            continue
        except MalformedPayload as malformed:
            batch.quarantined.append(
                Quarantined(delivery, malformed.reason, malformed.detail, device.device_id)
            )
            continue
        if (said := decoded.said) is not None:
            ts_us = said.ts_us if isinstance(said, Status) else None
            if ts_us is not None and (
                wrong := _wrong_time(ts_us, delivery.received_us, retention_us, now_us)
            ):
                batch.quarantined.append(Quarantined(delivery, *wrong, device.device_id))
            else:
                batch.said.append(Said(device.device_id, said, delivery.received_us, delivery.again))
            continue
        received_us = delivery.received_us
        readings: Sequence[Reading] = decoded.readings
        times = [reading.ts_us for reading in readings]
        newest_us = max(times) if times else received_us
        if deferring and can_wait(delivery, newest_us):
            batch.deferred.append(Deferred(delivery, newest_us))
            continue
        batch.unknown_fields += decoded.unknown_fields
        for message, number in decoded.messages.items():
            batch.messages[channel, message] += number
        for defect, number in decoded.defects.items():
            batch.defects[channel, defect] += number
        if decoded.answers:
            command = device_topic(prefix, device.kind, device.device_id, "cmd")
            batch.answers.update(dict.fromkeys(Answer(command, answer) for answer in decoded.answers))
        problems = [(problem.reason, problem.index, problem.detail) for problem in decoded.problems]
        # The first and the last answer for all: to ask for each reading would cost a fifth of reading it.
        if times and (
            newest_us > received_us + MAX_AHEAD_US
            or _wrong_time(min(times), received_us, retention_us, now_us)
        ):
            kept: list[Reading] = []
            for index, reading in decoded.placed():
                if wrong := _wrong_time(reading.ts_us, received_us, retention_us, now_us):
                    problems.append((wrong[0], index, wrong[1]))
                else:
                    kept.append(reading)
            readings, times = kept, [reading.ts_us for reading in kept]
        for index, mean in enumerate(decoded.means, len(decoded.readings) + len(decoded.problems)):
            if wrong := _wrong_time(mean.begins_us, received_us, retention_us, now_us):
                problems.append((wrong[0], index, wrong[1]))
            else:
                batch.means.append(Mean(device.device_id, mean, received_us))
        if (run := runs.get(device.device_id)) is None:
            run = runs[device.device_id] = Run(device.device_id, [], [], [])
        run.times += times
        run.readings += readings
        run.received += [received_us] * len(times)
        if problems:
            batch.quarantined.extend(_by_reason(delivery, device.device_id, problems))
            if device.kind == "vehicle":
                run.refused += [received_us for reason, *_ in problems if reason in OF_TIME]
    for device_id in sorted(runs):  # one lock order for all collectors
        run = runs[device_id]
        if run.times or run.refused:
            _oldest_first(run, batch)
            batch.runs[devices[device_id].kind].append(run)
    return batch


def _wrong_time(ts_us: int, received_us: int, retention_us: int, now_us: int) -> tuple[Reason, str] | None:
    latest_us = max(received_us, now_us)
    if ts_us > latest_us + MAX_AHEAD_US:
        return Reason.FUTURE_TIME, f"ts is {_apart(ts_us - latest_us)} ahead of the clock"
    if ts_us < received_us - retention_us:
        return Reason.TOO_OLD, f"ts is {_apart(received_us - ts_us)} old"
    return None


class _Refused(Exception):
    def __init__(self, reason: Reason, detail: str, device_id: str | None = None) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.device_id = reason, detail, device_id


def _sender(delivery: Delivery, devices: Mapping[str, Device], prefix: str) -> tuple[Device, UpChannel]:
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
    return device, topic.channel


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


def _oldest_first(run: Run, batch: Batch) -> None:
    """Sort `run`, whose readings are as they came; of those with the same time, the first that came stands."""
    times, readings = run.times, run.readings
    if all(map(lt, times, times[1:])):
        return
    places = sorted(range(len(times)), key=times.__getitem__)  # stable: as they came within one time
    kept = places[:1]
    for place in places[1:]:
        if times[place] != times[kept[-1]]:
            kept.append(place)
        elif readings[place] == readings[kept[-1]]:
            batch.repeated += 1
        else:
            batch.contradicting += 1
    run.times = [times[place] for place in kept]
    run.readings = [readings[place] for place in kept]
    run.received = [run.received[place] for place in kept]


def _apart(microseconds: int) -> str:
    minutes = microseconds / 60_000_000
    return f"{minutes:,.0f} min" if minutes < 48 * 60 else f"{minutes / 1440:,.0f} days"
