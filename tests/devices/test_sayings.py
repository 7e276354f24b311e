"""The channels `status` and `ack`: what is read of them, and why the rest is refused."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.decoding import Ack, Instant, MalformedPayload, Status
from devices.reasons import Reason
from devices.sayings import read_ack, read_status


def test_a_status_has_its_firmware_and_its_time_if_they_were_said() -> None:
    whole = b'{"online":true,"fw":"1.4.2","ts":"2026-11-23T08:00:10+08:00","imei":"86\\u0000"}'

    assert read_status(whole) == Status(online=True, fw="1.4.2", ts_us=Instant(1_795_392_010_000_000))
    assert read_status(b'{"online":true,"ts":1795392010}').ts_us == 1_795_392_010_000_000
    assert read_status(b'{"online":false}') == Status(online=False)
    assert read_status(b'{"online":false,"fw":null,"ts":null}') == Status(online=False)


def test_the_id_of_an_acknowledgement_may_be_text_or_a_number() -> None:
    assert read_ack(b'{"id":"a-7","ok":true}') == Ack(id="a-7", ok=True)
    assert read_ack(b'{"id":7,"ok":false,"why":"unknown"}') == Ack(id=7, ok=False)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"online", Reason.NOT_JSON),
        ('{"online":true,"name":"车"}'.encode("gbk"), Reason.NOT_UTF8),
        (b'{"fw":"1"}', Reason.MISSING_FIELD),
        (b'{"online":1}', Reason.WRONG_TYPE),
        (b'[{"online":true}]', Reason.WRONG_TYPE),
        (b'{"online":true,"fw":1.4}', Reason.WRONG_TYPE),
        (b'{"online":true,"fw":""}', Reason.OUT_OF_RANGE),
        (b'{"online":true,"fw":"1\\u0000"}', Reason.OUT_OF_RANGE),
        (b'{"online":true,"fw":"1\\n2"}', Reason.OUT_OF_RANGE),
        (b'{"online":true,"fw":"' + b"1" * 65 + b'"}', Reason.OUT_OF_RANGE),
        (b'{"online":true,"ts":"2026-11-23 08:00:10"}', Reason.BAD_TIME),
        (b'{"online":true,"ts":1795392010000}', Reason.BAD_TIME),
        (b'{"online":true,"x":"' + b"y" * 256 * 1024 + b'"}', Reason.TOO_LARGE),
    ],
)
def test_any_other_status_is_refused_with_its_reason(payload: bytes, reason: Reason) -> None:
    with pytest.raises(MalformedPayload) as caught:
        read_status(payload)

    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", Reason.NOT_JSON),
        (b'{"id":1}', Reason.MISSING_FIELD),
        (b'{"ok":true}', Reason.MISSING_FIELD),
        (b'{"id":1.5,"ok":true}', Reason.WRONG_TYPE),
        (b'{"id":true,"ok":true}', Reason.WRONG_TYPE),
        (b'{"id":1,"ok":"yes"}', Reason.WRONG_TYPE),
        (b'{"id":"","ok":true}', Reason.OUT_OF_RANGE),
        (b'{"id":"a\\u0000","ok":true}', Reason.OUT_OF_RANGE),
        (b'{"id":9223372036854775808,"ok":true}', Reason.OUT_OF_RANGE),
    ],
)
def test_any_other_acknowledgement_is_refused_with_its_reason(payload: bytes, reason: Reason) -> None:
    with pytest.raises(MalformedPayload) as caught:
        read_ack(payload)

    assert caught.value.reason is reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["online", "fw", "ts", "id", "ok"]), inner)
    ),
    max_leaves=8,
)


@given(payload=st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_whatever_the_bytes_nothing_else_is_raised(payload: bytes) -> None:
    for read in (read_status, read_ack):
        with contextlib.suppress(MalformedPayload):
            read(payload)
