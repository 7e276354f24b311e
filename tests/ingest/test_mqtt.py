"""MQTT packets: whole from whatever pieces, and as paho writes and reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers

from ingest.broker import mqtt
from ingest.broker.mqtt import Inbox, MalformedPacket, Message, Version, read_publish

versions = st.sampled_from([4, 5])


def by_paho(length: int) -> bytes:
    return bytes(VariableByteIntegers.encode(length))  # type: ignore[no-untyped-call]


def publish_packet(version: int, message: Message, expiry_s: int | None = None) -> bytes:
    properties = b""
    if version == 5:
        given_properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expiry_s is not None:
            given_properties.MessageExpiryInterval = expiry_s
            given_properties.UserProperty = ("a", "用户")
        properties = bytes(given_properties.pack())  # type: ignore[no-untyped-call]
    topic = message.topic.encode()
    mid = message.mid.to_bytes(2, "big") if message.mid else b""
    body = len(topic).to_bytes(2, "big") + topic + mid + properties + message.payload
    first = 0x30 | (0x02 if message.mid else 0) | (0x08 if message.again else 0)
    return bytes([first]) + by_paho(len(body)) + body


messages = st.builds(
    Message,
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.binary(max_size=300) | st.integers(0, 70_000).map(bytes),
    st.integers(0, 0xFFFF),
    st.booleans(),
)


@given(versions, st.lists(messages, max_size=5), st.none() | st.integers(0, 2**32 - 1), st.data())
def test_messages_come_out_as_they_went_in_however_the_bytes_are_cut(
    version: Version, sent: list[Message], expiry_s: int | None, data: st.DataObject
) -> None:
    stream = b"".join(publish_packet(version, message, expiry_s) for message in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    inbox, got = Inbox(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += [read_publish(version, first, body) for first, body in inbox.packets(stream[begin:end])]

    assert got == sent


def test_a_retained_message_may_have_come_before() -> None:
    packet = publish_packet(4, Message("t", b"x", 1, again=False))

    ((first, body),) = Inbox().packets(bytes([packet[0] | 0x01]) + packet[1:])

    assert read_publish(4, first, body) == Message("t", b"x", 1, again=True)


@given(st.binary(max_size=60), versions)
def test_what_is_no_mqtt_is_said_to_be_none_and_nothing_else_happens(noise: bytes, version: Version) -> None:
    try:
        for first, body in Inbox().packets(noise):
            if first >> 4 == mqtt.PUBLISH:
                read_publish(version, first, body)
            elif first >> 4 == mqtt.CONNACK:
                mqtt.read_connack(version, body)
            elif first >> 4 == mqtt.SUBACK:
                mqtt.read_suback(version, body)
    except MalformedPacket:
        pass


@given(st.integers(0, 268_435_455))
def test_lengths_are_written_as_paho_writes_them(length: int) -> None:
    assert mqtt._length(length) == by_paho(length)


def test_a_length_of_five_bytes_is_refused() -> None:
    with pytest.raises(MalformedPacket, match="length"):
        Inbox().packets(b"\x30\xff\xff\xff\xff\x01")


@pytest.mark.parametrize(("said", "sharing"), [(None, True), (0, False), (1, True)])
def test_a_broker_of_mqtt_5_shares_unless_it_says_that_it_does_not(said: int | None, sharing: bool) -> None:
    properties = Properties(PacketTypes.CONNACK)  # type: ignore[no-untyped-call]
    properties.AssignedClientIdentifier = "fleetfume-1"
    properties.ReceiveMaximum = 20
    if said is not None:
        properties.SharedSubscriptionAvailable = said
    answer = mqtt.read_connack(5, b"\x00\x00" + bytes(properties.pack()))  # type: ignore[no-untyped-call]

    assert answer == mqtt.Connack(0, sharing)


def test_an_older_broker_refuses_the_version_in_its_own_words() -> None:
    assert mqtt.read_connack(5, b"\x00\x01") == mqtt.Connack(0x01, sharing=False)
    assert mqtt.read_connack(4, b"\x01\x00") == mqtt.Connack(0, sharing=False)
