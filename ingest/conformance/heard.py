"""A session with one device, read as the collector would have read it and judged as the engine would have."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from alerts.catalogue import Catalogue
from analytics.district import compile_district
from analytics.records import QUALITIES
from devices.channels import JOINERS, Decoders
from devices.decoding import MalformedPayload
from devices.reasons import Reason
from devices.topics import READ_CHANNELS, MalformedTopic, Topic, parse_topic
from devices.types import Device, Registry
from ingest.batch import Batch, Reading, Run, sort_out
from ingest.broker.arrivals import Delivery
from ingest.conformance.captured import Captured
from ingest.fleet import Fleet
from ingest.judging import JUDGES
from ingest.rows import rows_of
from ingest.tables import TABLES


@dataclass(frozen=True, slots=True)
class Message:
    """A captured message, its topic, and the readings in it, those that the collector would refuse for their time too."""

    captured: Captured
    topic: Topic | MalformedTopic
    readings: Sequence[Reading]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the checks look at."""

    device: Device
    prefix: str
    messages: Sequence[Message]
    batch: Batch
    """As the collector sorts it out."""
    readings: Sequence[Reading]
    """Those it would store, oldest first."""
    qualities: Counter[str]
    """What the engine makes of them."""

    def on(self, *channels: str) -> list[Message]:
        """Messages on these of its channels, in the order they came."""
        return [
            one
            for one in self.messages
            if isinstance(one.topic, Topic)
            and one.topic.kind == self.device.kind
            and one.topic.channel in channels
        ]


def heard(
    captured: Sequence[Captured],
    device: Device,
    *,
    decoders: Decoders,
    catalogue: Catalogue,
    prefix: str,
    zone: ZoneInfo,
    retention_us: int,
) -> Heard:
    messages = [_message(one, device, prefix, decoders) for one in captured]
    deliveries = [
        Delivery(one.captured.topic, one.captured.payload, one.captured.received_us, mid=number, session=0)
        for number, one in enumerate(messages, start=1)
        if not isinstance(one.topic, Topic) or one.topic.channel in READ_CHANNELS
    ]

    def sorted_out(more: Sequence[Delivery]) -> Batch:
        return sort_out(
            [*deliveries, *more],
            {device.device_id: device},
            decoders=decoders,
            prefix=prefix,
            retention_us=retention_us,
        )

    batch = _with_parts_joined(sorted_out([]), device, sorted_out)
    runs = batch.runs[device.kind]
    readings = runs[0].readings if runs else []
    return Heard(device, prefix, messages, batch, readings, _qualities(device, runs, catalogue, zone))


def _message(captured: Captured, device: Device, prefix: str, decoders: Decoders) -> Message:
    try:
        topic = parse_topic(prefix, captured.topic)
    except MalformedTopic as malformed:
        return Message(captured, malformed, ())
    decoder = decoders.get(topic.channel)
    if decoder is None or topic.kind != device.kind:
        return Message(captured, topic, ())
    try:
        return Message(captured, topic, decoder(device, captured.payload).readings)
    except MalformedPayload:
        return Message(captured, topic, ())


def _with_parts_joined(
    batch: Batch, device: Device, sorted_out: Callable[[Sequence[Delivery]], Batch]
) -> Batch:
    """What `ingest.joining` does with the help of the quarantine: here everything is at hand."""
    waiting: dict[str, list[Delivery]] = {}
    for row in batch.quarantined:
        if row.reason is Reason.INCOMPLETE_MESSAGE:
            waiting.setdefault(row.delivery.topic, []).append(row.delivery)
    whole: list[Delivery] = []
    read: set[int] = set()
    for topic, deliveries in waiting.items():
        join = JOINERS[topic.rpartition("/")[2]]
        frames, still = join(device, [delivery.payload for delivery in deliveries])
        whole.append(Delivery(topic, frames, deliveries[-1].received_us, mid=0, session=0))
        read |= {delivery.mid for delivery, waits in zip(deliveries, still, strict=True) if not waits}
    whole = [delivery for delivery in whole if delivery.payload]
    if not whole:
        return batch
    joined = sorted_out(whole)
    joined.quarantined = [
        row
        for row in joined.quarantined
        if row.reason is not Reason.INCOMPLETE_MESSAGE or row.delivery.mid not in read
    ]
    return joined


def _qualities(device: Device, runs: Sequence[Run], catalogue: Catalogue, zone: ZoneInfo) -> Counter[str]:
    if not runs:
        return Counter()
    register = Registry(devices={device.device_id: device})
    judge = JUDGES[device.kind]
    _, quality, _ = judge.judge(
        Fleet(register, compile_district(register), catalogue),
        [device.device_id],
        judge.new_states(1),
        judge.records(rows_of(TABLES[device.kind], runs), zone),
    )
    return Counter(QUALITIES[code] for code in quality.tolist())
