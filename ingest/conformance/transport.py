"""Checks of the messages: where they go, how, and what they say of the terminal itself."""

from collections import Counter
from collections.abc import Iterator

from devices.decoding import MalformedPayload, Status
from devices.sayings import read_ack, read_status
from devices.topics import READ_CHANNELS, UP_CHANNELS, Topic
from ingest.conformance.findings import Finding, some
from ingest.conformance.heard import Heard


def topics(heard: Heard) -> Iterator[Finding]:
    device = heard.device
    own = f"{heard.prefix}/{device.kind}/{device.device_id}"
    if not heard.messages:
        yield Finding(
            "wrong",
            "topic",
            f"nothing was heard below {heard.prefix}/+/{device.device_id}/",
            f"Is it connected? Client id and user name are {device.device_id}; readings go to {own}/telemetry",
        )
        return
    channels: Counter[str] = Counter()
    astray: Counter[str] = Counter()
    for one in heard.messages:
        if isinstance(one.topic, Topic) and one.topic.kind == device.kind:
            channels[one.topic.channel] += 1
        else:
            astray[one.captured.topic] += 1
    for name, number in astray.items():
        yield Finding(
            "wrong",
            "topic",
            f"{some(number, 'message')} on {name}",
            f"A {device.kind} device publishes on {own}/ and one of {', '.join(UP_CHANNELS[device.kind])}",
        )
    for name, number in channels.items():
        yield Finding("right", "topic", f"{some(number, 'message')} on {own}/{name}")
    if not channels.keys() & set(READ_CHANNELS):
        yield Finding("wrong", "topic", "no readings were heard", f"Publish them on {own}/telemetry")
    yield Finding(
        "note",
        "login",
        "a listener does not see client id and user name",
        f"Both must be {device.device_id}; with the files of 'credentials issue --mosquitto' the broker sees to it",
    )


def delivery(heard: Heard) -> Iterator[Finding]:
    """QoS and the retained flag."""
    sent = [one.captured for one in heard.on(*UP_CHANNELS[heard.device.kind])]
    if not sent:
        return
    qos = Counter(one.qos for one in sent)
    if qos[0]:
        yield Finding(
            "wrong", "qos", f"{some(qos[0], 'message')} with QoS 0: lost whenever the connection is",
            "Publish with QoS 1, and keep each message until its PUBACK",
        )  # fmt: skip
    if qos[2]:
        yield Finding(
            "doubtful", "qos", f"{some(qos[2], 'message')} with QoS 2: four packets where two do",
            "Publish with QoS 1: a reading that comes twice counts once",
        )  # fmt: skip
    if qos.keys() == {1}:
        yield Finding("right", "qos", f"{some(qos[1], 'message')} with QoS 1")
    kept = [one.captured for one in heard.on(*READ_CHANNELS, "ack") if one.captured.retained]
    if kept:
        yield Finding(
            "wrong", "retained",
            f"{some(len(kept), 'message')} with the retained flag, first on {kept[0].topic}",
            "Only the status is retained: a retained reading comes again with every new connection of a collector",
        )  # fmt: skip


def status(heard: Heard) -> Iterator[Finding]:
    """The status and the will, which is seen only when the connection breaks."""
    sent = [one.captured for one in heard.on("status")]
    told: list[Status] = []
    for one in sent:
        try:
            told.append(read_status(one.payload))
        except MalformedPayload as malformed:
            yield Finding(
                "wrong", "status", f"a status that cannot be read: {malformed}",
                'Say {"online":true,"fw":"1.4.2","ts":…}, in JSON',
            )  # fmt: skip
    if not heard.messages:
        return
    if not sent:
        yield Finding(
            "doubtful", "status", "no status was heard",
            'After each connect publish {"online":true,"fw":"1.4.2"}, retained, on the status channel',
        )  # fmt: skip
        return
    if any(one.retained is False for one in sent):
        yield Finding(
            "wrong", "status", "a status without the retained flag",
            "Retain it, the will too: who connects later has to learn it",
        )  # fmt: skip
    if any(one.online and one.fw is None for one in told):
        yield Finding(
            "doubtful", "status", "a status without fw", "Name the firmware's version, so that a fleet's can be told"
        )  # fmt: skip
    if any(one.online for one in told):
        yield Finding("right", "status", "it says that it is online")
    if any(not one.online for one in told):
        yield Finding("right", "will", "it was said to be offline")
    else:
        yield Finding(
            "note", "will", "no will was seen: it is sent when the connection breaks",
            "Cut the terminal's power or network during the test; the broker should say {\"online\":false} after "
            "one and a half keep-alives",
        )  # fmt: skip


def acknowledgements(heard: Heard) -> Iterator[Finding]:
    for one in heard.on("ack"):
        try:
            read_ack(one.captured.payload)
        except MalformedPayload as malformed:
            yield Finding(
                "wrong", "ack", f"an acknowledgement that cannot be read: {malformed}",
                'Say {"id":…,"ok":true} with the id of the command',
            )  # fmt: skip


TRANSPORT = (topics, delivery, status, acknowledgements)
