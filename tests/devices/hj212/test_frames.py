"""Frames as the standard has them, and as the field has them (domain note, section 4.1: each defect its treatment)."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.hj212.frames import (
    MAX_SEGMENT_BYTES,
    BadFrame,
    Frame,
    build_frame,
    checksum,
    modbus_checksum,
    read_frames,
)
from tests.devices.hj212 import vectors


def only(payload: bytes) -> Frame | BadFrame:
    (frame,) = read_frames(payload)
    return frame


def segment(payload: bytes) -> bytes:
    return payload[6 : payload.rindex(b"&&") + 2]


def annex_a(data: bytes) -> int:
    """The algorithm as annex A prints it, a byte and a bit at a time."""
    register = 0xFFFF
    for byte in data:
        register = (register >> 8) ^ byte
        for _ in range(8):
            register = (register >> 1) ^ 0xA001 if register & 1 else register >> 1
    return register


@given(st.binary(max_size=600))
def test_the_checksum_is_that_of_annex_a(data: bytes) -> None:
    assert checksum(data) == annex_a(data)


def test_the_checksum_is_not_that_of_modbus() -> None:
    assert modbus_checksum(b"123456789") == 0x4B37
    assert checksum(b"123456789") != 0x4B37


@pytest.mark.parametrize("payload", vectors.GOOD)
def test_good_frames_are_read_whole(payload: bytes) -> None:
    frame = only(payload)

    assert isinstance(frame, Frame)
    assert frame.segment == segment(payload)
    assert set(frame.defects) <= {"lower_case_crc"}


@pytest.mark.parametrize(("payload", "right"), vectors.BAD.items())
def test_frames_with_a_wrong_checksum_are_refused_with_the_right_one(payload: bytes, right: str) -> None:
    frame = only(payload)

    assert isinstance(frame, BadFrame)
    assert frame.fault == "wrong_crc"
    assert f"it should be {right}" in frame.detail


def test_what_is_built_is_what_is_read() -> None:
    assert build_frame(segment(vectors.MADE)) == vectors.MADE
    assert only(build_frame(b"CP=&&&&")) == Frame(b"CP=&&&&")


SEGMENT = segment(vectors.MADE)


@pytest.mark.parametrize(
    ("payload", "defects"),
    [
        (b"##0278" + SEGMENT + b"5e40\r\n", {"lower_case_crc"}),
        (b"##0279" + SEGMENT + b"5E40\r\n", {"wrong_length"}),
        (b"##0215" + SEGMENT + b"5E40\r\n", {"wrong_length"}),
        (b"##9999" + SEGMENT + b"5E40\r\n", {"wrong_length"}),
        (b"##00278" + SEGMENT + b"5E40\r\n", set()),
        (b"##" + SEGMENT + b"5E40\r\n", {"wrong_length"}),
        (b"##278" + SEGMENT + b"5E40\r\n", {"unpadded_length"}),
        (b"##0278" + SEGMENT + b"5E40", {"no_line_end"}),
        (b"00##0278" + SEGMENT + b"5E40\r\n", {"stray_bytes"}),
        (b"\xef\xbb\xbf##0278" + SEGMENT + b"5E40\r\n", {"stray_bytes"}),
        (b"##  0278" + SEGMENT + b"5E40\r\n", {"stray_bytes"}),
        (b" \r\n##0278" + SEGMENT + b"5E40\r\n", set()),
    ],
)
def test_what_the_field_breaks_is_read_and_called_by_its_name(payload: bytes, defects: set[str]) -> None:
    frame = only(payload)

    assert isinstance(frame, Frame), frame
    assert frame.segment == SEGMENT
    assert set(frame.defects) == defects


def test_a_checksum_without_its_leading_zeros_is_padded() -> None:
    numbered = (b"QN=%d;CN=2011;CP=&&DataTime=20260315115930&&" % n for n in range(9999))
    short = next(data for data in numbered if 0xFF < checksum(data) < 0x1000)

    for line_end in (b"\r\n", b""):
        frame = only(b"##%04d%b%X%b" % (len(short), short, checksum(short), line_end))
        assert isinstance(frame, Frame), frame
        assert "unpadded_crc" in frame.defects


def test_a_wrong_checksum_says_what_it_looks_like() -> None:
    def detail(crc: bytes) -> str:
        frame = only(b"##0278" + SEGMENT + crc + b"\r\n")
        assert isinstance(frame, BadFrame)
        assert frame.fault == "wrong_crc"
        return frame.detail

    assert "MODBUS" in detail(b"%04X" % modbus_checksum(SEGMENT))
    assert "compute none" in detail(b"0000")
    assert "not raw bytes" in detail(checksum(SEGMENT).to_bytes(2, "big") + b"")
    assert "should be 5E40" in detail(b"5E")  # one byte of the two
    assert "should be 5E40" in detail(b"405E")  # the wrong way round


def test_a_length_in_characters_is_a_wrong_length() -> None:
    """Chinese text; the standard's own wording asks for the number of characters."""
    text = (
        "QN=20260315120100000;ST=31;CN=3020;PW=123456;MN=370181CY00000001;Flag=5;"
        "CP=&&DataTime=20260315120100;i11001-Info=//净化器已清洗//&&"
    )
    assert (len(text), len(text.encode())) == (125, 137)

    for encoding, crc in (("utf-8", b"8341"), ("gbk", b"8F81")):
        data = text.encode(encoding)
        assert only(b"##%04d%b%b\r\n" % (len(data), data, crc)) == Frame(data)
        assert only(b"##0125" + data + crc + b"\r\n") == Frame(data, ("wrong_length",))


def test_glued_frames_come_apart_whatever_is_wrong_with_their_neighbours() -> None:
    glued = vectors.MADE + vectors.CUT_TIME + vectors.MINUTES[:-2] + vectors.STATES + vectors.MADE[:60]

    frames = list(read_frames(glued))

    assert [frame.segment if isinstance(frame, Frame) else frame.fault for frame in frames] == [
        segment(vectors.MADE),
        "wrong_crc",
        segment(vectors.MINUTES),
        segment(vectors.STATES),
        "cut_short",
    ]


def test_a_wrong_length_ends_with_the_line_or_where_the_next_frame_begins() -> None:
    wrong = b"##0200" + SEGMENT + b"5E40"

    for line_end, defects in ((b"\r\n", ()), (b"\n", ()), (b"", ("no_line_end",))):
        first, second = read_frames(wrong + line_end + vectors.STATES)
        assert first == Frame(SEGMENT, ("wrong_length", *defects))
        assert second == Frame(segment(vectors.STATES))
    for line_end in (b"\r\n", b"\n"):
        first, junk = read_frames(wrong + line_end + b"that is no frame")
        assert first == Frame(SEGMENT, ("wrong_length",))
        assert isinstance(junk, BadFrame)


def test_what_lies_before_a_frame_is_said_of_that_frame_alone() -> None:
    first, second = read_frames(b"00" + vectors.MADE + vectors.STATES)

    assert first == Frame(SEGMENT, ("stray_bytes",))
    assert second == Frame(segment(vectors.STATES))


def test_line_ends_and_hashes_within_a_right_length_belong_to_the_frame() -> None:
    data = b"CN=3020;CP=&&i11001-Info=//##1\r\n##2//&&"

    assert only(build_frame(data)) == Frame(data)
    assert only(build_frame(data)[:-6] + b"%04x\r\n" % checksum(data)) == Frame(data, ("lower_case_crc",))


def test_the_second_half_of_a_frame_is_no_noise() -> None:
    first, second = read_frames(vectors.MADE[40:] + vectors.STATES)

    assert isinstance(first, BadFrame)
    assert first.fault == "no_frame"
    assert isinstance(second, Frame)
    assert list(read_frames(b"")) == list(read_frames(b"\r\n \x00")) == []


def test_a_frame_without_end_is_refused() -> None:
    assert only(b"##0010" + b"A" * 20).fault == "cut_short"  # type: ignore[union-attr]
    assert only(b"##0010" + b"A" * (MAX_SEGMENT_BYTES + 1)).fault == "too_long"  # type: ignore[union-attr]
    assert only(build_frame(b"CP=&&" + b"a" * MAX_SEGMENT_BYTES + b"&&")).fault == "too_long"  # type: ignore[union-attr]
    assert only(b"##0278" + SEGMENT).fault == "cut_short"  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="four digits"):
        build_frame(b"A" * 10_000)


pieces = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [b"##", b"&&", b"\r\n", b"CP=&&", b"0010", b"##0007CP=&&&&", b"\xef\xbb\xbf", b"9181", b"#"]
    ),
    st.sampled_from([*vectors.GOOD, *vectors.BAD]),
)


@given(st.lists(pieces, max_size=12).map(b"".join))
def test_no_bytes_make_it_raise_or_stand_still(payload: bytes) -> None:
    frames = list(read_frames(payload))

    assert len(frames) <= len(payload) // 2 + 1
    for frame in frames:
        if isinstance(frame, Frame):
            assert frame.segment.endswith(b"&&")
            assert frame.segment in payload
        else:
            assert frame.detail.isprintable()


@given(st.sampled_from(vectors.GOOD), st.data())
def test_one_changed_byte_of_a_segment_is_noticed(payload: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(6, len(payload) - 9))  # not the closing &&
    new = data.draw(st.integers(0, 255).filter(lambda byte: byte != payload[place]))
    changed = payload[:place] + bytes([new]) + payload[place + 1 :]

    assert not any(isinstance(frame, Frame) for frame in read_frames(changed))


def test_a_payload_of_nothing_but_beginnings_takes_no_time() -> None:
    dice = random.Random(1)
    hostile = b"".join(b"##%04d&&" % dice.randrange(10, 4096) for _ in range(500))

    assert all(isinstance(frame, BadFrame) for frame in read_frames(hostile * 4))
