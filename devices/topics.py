"""MQTT topics: `{prefix}/{kind}/{device_id}/{channel}`, in one place for collector and simulators."""

import re
from typing import Final, Literal, NamedTuple

from devices.reasons import Reason
from devices.types import DeviceKind
from runtime.errors import FleetfumeError

UpChannel = Literal["telemetry", "jt808", "hj212", "status", "ack"]
Channel = Literal["telemetry", "jt808", "hj212", "status", "ack", "cmd"]

UP_CHANNELS: Final[dict[DeviceKind, tuple[UpChannel, ...]]] = {
    "vehicle": ("telemetry", "jt808", "status", "ack"),
    "fume": ("telemetry", "hj212", "status", "ack"),
}
"""What each kind of device publishes on."""

READ_CHANNELS: Final = ("telemetry", "jt808", "hj212")
"""What carries readings."""
HEARD_CHANNELS: Final = (*READ_CHANNELS, "status", "ack")
"""What a collector hears."""

DEVICE_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


class Topic(NamedTuple):
    kind: DeviceKind
    device_id: str
    channel: UpChannel


class MalformedTopic(FleetfumeError):
    """A message came on a topic that no device of ours publishes on."""

    def __init__(self, topic: str, reason: Reason, detail: str) -> None:
        super().__init__(f"topic {topic!r}: {detail}")
        self.topic, self.reason, self.detail = topic, reason, detail


def parse_topic(prefix: str, topic: str) -> Topic:
    """The topic a device published on; raises MalformedTopic with what is wrong with it.

    `cmd` goes down to devices, so it is not a channel to receive on.
    """
    below = topic.removeprefix(f"{prefix}/")
    parts = below.split("/")
    if below == topic or len(parts) != 3:
        raise MalformedTopic(topic, Reason.BAD_TOPIC, f"not {prefix}/KIND/DEVICE_ID/CHANNEL")
    kind, device_id, channel = parts
    if kind not in UP_CHANNELS:
        raise MalformedTopic(topic, Reason.UNKNOWN_KIND, f"kind {kind!r} is not vehicle or fume")
    if DEVICE_ID.fullmatch(device_id) is None:
        raise MalformedTopic(topic, Reason.BAD_DEVICE_ID, f"{device_id!r} is not a device id")
    channels = UP_CHANNELS[kind]
    if channel not in channels:
        raise MalformedTopic(
            topic,
            Reason.UNKNOWN_CHANNEL,
            f"a {kind} device publishes on {', '.join(channels)}, not {channel!r}",
        )
    return Topic(kind, device_id, channel)


def device_topic(prefix: str, kind: DeviceKind, device_id: str, channel: Channel) -> str:
    return f"{prefix}/{kind}/{device_id}/{channel}"


def telemetry_topic(prefix: str, kind: DeviceKind, device_id: str) -> str:
    return device_topic(prefix, kind, device_id, "telemetry")


def subscription_filters(prefix: str) -> list[str]:
    """What a collector subscribes to.

    Whatever kind and device a topic names: one that is not right is quarantined, not unheard.
    """
    return [*(f"{prefix}/+/+/{channel}" for channel in HEARD_CHANNELS), f"{prefix}/camera/+/event"]
