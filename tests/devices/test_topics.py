import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.reasons import Reason
from devices.topics import (
    UP_CHANNELS,
    MalformedTopic,
    Topic,
    device_topic,
    parse_topic,
    subscription_filters,
)
from devices.types import DeviceKind

PREFIX = "ff/v1"


def mqtt_match(pattern: str, topic: str) -> bool:
    """What a broker does with filters that have `+` only."""
    wanted, levels = pattern.split("/"), topic.split("/")
    return len(wanted) == len(levels) and all(w in ("+", t) for w, t in zip(wanted, levels, strict=True))


@given(
    kind=st.sampled_from(sorted(UP_CHANNELS)),
    device_id=st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True),
    data=st.data(),
)
def test_every_topic_a_device_publishes_on_is_parsed_and_subscribed_to_once(
    kind: DeviceKind, device_id: str, data: st.DataObject
) -> None:
    channel = data.draw(st.sampled_from(UP_CHANNELS[kind]))

    topic = device_topic(PREFIX, kind, device_id, channel)

    assert parse_topic(PREFIX, topic) == Topic(kind, device_id, channel)
    heard = [mqtt_match(pattern, topic) for pattern in subscription_filters(PREFIX)].count(True)
    assert heard == 1


def test_a_topic_of_a_strange_kind_is_heard_so_that_it_can_be_quarantined() -> None:
    topic = f"{PREFIX}/boat/B 1/telemetry"

    assert any(mqtt_match(pattern, topic) for pattern in subscription_filters(PREFIX))


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("ff/v2/vehicle/T1/telemetry", Reason.BAD_TOPIC),
        ("vehicle/T1/telemetry", Reason.BAD_TOPIC),
        ("ff/v1/vehicle/T1", Reason.BAD_TOPIC),
        ("ff/v1/vehicle/T1/telemetry/x", Reason.BAD_TOPIC),
        ("ff/v1", Reason.BAD_TOPIC),
        ("", Reason.BAD_TOPIC),
        ("ff/v1/truck/T1/telemetry", Reason.UNKNOWN_KIND),
        ("ff/v1/vehicle//telemetry", Reason.BAD_DEVICE_ID),
        ("ff/v1/vehicle/T 1/telemetry", Reason.BAD_DEVICE_ID),
        ("ff/v1/vehicle/T1\n/telemetry", Reason.BAD_DEVICE_ID),
        ("ff/v1/vehicle/车1/telemetry", Reason.BAD_DEVICE_ID),
        ("ff/v1/vehicle/" + "x" * 33 + "/telemetry", Reason.BAD_DEVICE_ID),
        ("ff/v1/vehicle/T1/hj212", Reason.UNKNOWN_CHANNEL),
        ("ff/v1/fume/F1/jt808", Reason.UNKNOWN_CHANNEL),
        ("ff/v1/vehicle/T1/cmd", Reason.UNKNOWN_CHANNEL),
    ],
)
def test_any_other_topic_is_refused_with_its_reason(topic: str, reason: Reason) -> None:
    with pytest.raises(MalformedTopic) as caught:
        parse_topic(PREFIX, topic)

    assert caught.value.reason is reason
