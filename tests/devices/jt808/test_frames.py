"""Frames: what is one, what is none, and what parts make."""

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise, permutations
from operator import xor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.jt808 import (
    BATCH,
    Fault,
    Frame,
    Location,
    Part,
    join,
    pack,
    pack_in_parts,
    read_frames,
    read_locations,
    whole_messages,
)
from devices.reasons import Reason
from tests.devices.jt808 import vectors


def frame(payload: bytes) -> Frame:
    (only,) = read_frames(payload)
    assert isinstance(only, Frame), only
    return only


def fault(payload: bytes) -> Fault:
    (only,) = read_frames(payload)
    assert isinstance(only, Fault), only
    return only


@dataclass
class Header:
    message: int
    version: int
    phone: str
    serial: int


@pytest.mark.parametrize(
    ("payload", "header"),
    [
        (vectors.PUBLISHED_2013, Header(0x0200, 2013, "123456789012", 126)),
        (vectors.A_REAL_UNFIXED_2019, Header(0x0200, 2019, "00000000013419905507", 0x0212)),
        (vectors.BATCH_2019, Header(0x0704, 2019, "00000000013912344329", 0)),
        (vectors.REGISTRATION_2019, Header(0x0100, 2019, "00000000000123456789", 10)),
        (vectors.REGISTRATION_2013, Header(0x0100, 2013, "000123456789", 10)),
        (vectors.AUTHENTICATION_2013, Header(0x0102, 2013, "012345678900", 0x3039)),
        (vectors.LOADED_2019, Header(0x0200, 2019, "00000000013900000001", 1)),
        (vectors.LOADED_2013, Header(0x0200, 2013, "013900000001", 125)),
        (vectors.BLIND_2013, Header(0x0704, 2013, "013900000001", 126)),
    ],
)  # fmt: skip
def test_the_published_frames_say_what_is_known_of_them(payload: bytes, header: Header) -> None:
    read = frame(payload)

    assert Header(read.message, read.version, read.phone, read.serial) == header
    assert (read.raw, read.at, read.part, read.encryption) == (payload, 0, None, 0)


def test_every_changed_byte_inside_a_frame_is_noticed() -> None:
    """BCC sees every single change; a change that makes a delimiter or an escape is seen as that."""
    for at in range(1, len(vectors.LOADED_2019) - 1):
        changed = bytearray(vectors.LOADED_2019)
        changed[at] ^= 0x40
        assert all(isinstance(thing, Fault) for thing in read_frames(bytes(changed)))


def test_a_wrong_check_byte_is_told_with_the_right_one() -> None:
    assert fault(vectors.LOADED_2019[:-2] + b"\x04\x7e") == Fault(
        0, Reason.BAD_CHECKSUM, "BCC 04 should be 03"
    )


@pytest.mark.parametrize("escape", [b"\x7d\x00", b"\x7d\x03", b"\x7d\x7d\x01", b"\x7d"])
def test_an_escape_of_nothing_is_no_byte(escape: bytes) -> None:
    assert fault(b"\x7e" + bytes(12) + escape + b"\x7e").reason is Reason.BAD_ESCAPE


@pytest.mark.parametrize(("declared", "body"), [(5, b""), (0, b"abc"), (2, b"abc")])
def test_a_length_that_is_not_the_bodys_is_a_fault_though_the_check_byte_is_right(
    declared: int, body: bytes
) -> None:
    content = bytes.fromhex(f"0002 {declared:04X} 013900000001 0001") + body

    assert fault(b"\x7e" + content + bytes([reduce(xor, content)]) + b"\x7e") == Fault(
        0, Reason.BAD_LENGTH, f"the header declares {declared} bytes of body, it has {len(body)}"
    )


def test_a_header_cut_short_is_a_fault_whatever_it_declares() -> None:
    for length in range(1, 13):
        assert fault(b"\x7e" + bytes(length) + b"\x7e").reason is Reason.BAD_FRAME
    # 2019 with sub-packages: 21 bytes of header; 13 bytes, zero but for the attributes and their check byte.
    assert fault(b"\x7e\x07\x04\x60\x00" + bytes(8) + b"\x63\x7e").reason is Reason.BAD_LENGTH


@pytest.mark.parametrize("part", [(0, 0), (3, 0), (3, 4)])
def test_a_part_that_cannot_be_is_a_fault(part: tuple[int, int]) -> None:
    assert fault(pack(BATCH, b"", phone="1", serial=1, part=part)).reason is Reason.BAD_FRAME


def test_bytes_outside_the_delimiters_are_told_and_cost_no_frame() -> None:
    things = list(read_frames(b"ab" + vectors.LOADED_2013 + vectors.LOADED_2019 + b"xyz"))

    assert [thing.at for thing in things] == [
        0, 2, 2 + len(vectors.LOADED_2013), 1 + len(vectors.LOADED_2013 + vectors.LOADED_2019)
    ]  # fmt: skip
    assert [type(thing) for thing in things] == [Fault, Frame, Frame, Fault]


def test_neighbours_may_share_a_delimiter() -> None:
    both = vectors.LOADED_2013 + vectors.LOADED_2019[1:]

    assert [type(thing) for thing in read_frames(both)] == [Frame, Frame]


messages = st.fixed_dictionaries(
    {
        "message": st.integers(0, 0xFFFF),
        "body": st.binary(max_size=200),
        "serial": st.integers(0, 0xFFFF),
        "version": st.sampled_from([2013, 2019]),
        "phone": st.text("0123456789", min_size=1, max_size=12),
    }
)


@given(st.lists(messages, min_size=1, max_size=5))
@example(
    [
        {
            "message": 0x7E7D,
            "body": b"\x7d\x7e\x7d\x02\x7d\x01",
            "serial": 0x7D7E,
            "version": 2019,
            "phone": "7",
        }
    ]
)
def test_what_is_packed_is_read_back_glued_end_to_end(sent: list[dict[str, object]]) -> None:
    payload = b"".join(pack(**fields) for fields in sent)  # type: ignore[arg-type]

    for fields, read in zip(sent, read_frames(payload), strict=True):
        assert isinstance(read, Frame)
        assert {name: getattr(read, name) for name in ("message", "body", "serial", "version")} == {
            name: value for name, value in fields.items() if name != "phone"
        }
        assert read.phone.lstrip("0") == str(fields["phone"]).lstrip("0")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_and_every_frame_it_gives_holds_points_or_says_why(payload: bytes) -> None:
    for thing in read_frames(payload):
        if isinstance(thing, Frame):
            list(read_locations(thing))


BODY = frame(vectors.BLIND_2013).body


def parts(of: int, *, serial: int = 0xFFFF, phone: str = "13900000001") -> list[bytes]:
    size = -(-len(BODY) // of)
    return list(pack_in_parts(BATCH, BODY, phone=phone, serial=serial, version=2013, part_bytes=size))


def frames_of(payload: bytes) -> list[Frame]:
    return [thing for thing in read_frames(payload) if isinstance(thing, Frame)]


def test_the_parts_of_a_message_are_joined_in_any_order_and_over_the_serials_wrap() -> None:
    for order in permutations(parts(3)):
        (whole,), alone = whole_messages(frames_of(b"".join(order)))
        assert (whole.body, whole.part, alone) == (BODY, None, [])
        assert whole.serial == 0xFFFF
        assert sum(isinstance(point, Location) for point in read_locations(whole)) == 3


def test_a_part_that_comes_twice_counts_once() -> None:
    first, second = parts(2)

    (whole,), alone = whole_messages(frames_of(first + first + second + first))

    assert (whole.body, alone) == (BODY, [])


def test_parts_of_different_messages_and_phones_are_not_mixed() -> None:
    first, second = parts(2, serial=7)

    for other in (parts(2, serial=8)[1], parts(2, serial=7, phone="2")[1], parts(3, serial=7)[1]):
        whole, alone = whole_messages(frames_of(first + other))
        assert (whole, len(alone)) == ([], 2)
    assert whole_messages(frames_of(first + second))[1] == []


def anything(frame: Frame) -> bool:
    return True


def test_parts_in_several_payloads_are_put_together_once_the_last_has_come() -> None:
    first, second, third = parts(3)

    assert join([first, third], anything) == (b"", [True, True])
    frames, waits = join([first, third, second], anything)
    assert (whole_messages(frames_of(frames))[0][0].body, waits) == (BODY, [False, False, False])


def test_what_a_payload_holds_whole_is_left_to_it() -> None:
    first, second = parts(2)

    assert join([first + second, vectors.LOADED_2013], anything) == (b"", [False, False])


def test_of_two_parts_in_one_place_the_newer_counts_and_the_older_goes_on_waiting() -> None:
    """A terminal that starts again numbers from 0 again: the older one's message lost its other part."""
    old = next(
        iter(pack_in_parts(BATCH, b"x" * 60, phone="13900000001", serial=5, version=2013, part_bytes=51))
    )
    first, second = parts(2, serial=5)

    frames, waits = join([old, first, second], anything)

    assert whole_messages(frames_of(frames))[0][0].body == BODY
    assert waits == [True, False, False]


def test_a_payload_waits_as_long_as_any_of_its_parts_does() -> None:
    first, second = parts(2, serial=5)
    other = parts(2, serial=90)[0]

    _, waits = join([first + other, second], anything)

    assert waits == [True, False]


@given(st.data())
def test_however_parts_are_cut_into_payloads_the_messages_come_to_the_same(data: st.DataObject) -> None:
    frames = [part for serial in (10, 20, 30) for part in parts(data.draw(st.integers(1, 4)), serial=serial)]
    frames = data.draw(st.permutations(frames))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(frames)))) | {0, len(frames)})
    payloads = [b"".join(frames[a:b]) for a, b in pairwise(cuts)]

    joined, waits = join(payloads, anything)
    whole = [message for payload in [*payloads, joined] for message in whole_messages(frames_of(payload))[0]]

    assert sorted((message.serial, message.body) for message in whole) == [(s, BODY) for s in (10, 20, 30)]
    assert not any(waits)


def test_a_part_tells_its_place() -> None:
    assert frame(parts(3)[1]).part == Part(total=3, number=2)
