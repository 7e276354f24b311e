"""Data segments to messages: by name, in whatever order and encoding."""

from hypothesis import given
from hypothesis import strategies as st

from devices.hj212 import Frame, Message, NoMessage, acknowledgement, read_frames, read_message
from devices.hj212.messages import join_packets
from tests.devices.hj212 import vectors


def message(segment: bytes | str) -> Message:
    read = read_message(Frame(segment if isinstance(segment, bytes) else segment.encode()))
    assert isinstance(read, Message), read
    return read


def of(payload: bytes) -> Message:
    (frame,) = read_frames(payload)
    assert isinstance(frame, Frame)
    read = read_message(frame)
    assert isinstance(read, Message)
    return read


def test_every_field_of_the_standard_is_read() -> None:
    read = message("QN=1;ST=31;CN=2051;PW=p;MN=m;Flag=7;PNUM=3;PNO=2;CP=&&DataTime=2;a-Avg=1,a-Flag=N&&")

    assert read == Message(
        "1", "31", "2051", "p", "m", 7, "3", "2", {"DataTime": "2", "a-Avg": "1", "a-Flag": "N"}, ()
    )
    assert (read.edition, read.wants_answer, read.packet_number, read.packets) == (1, True, 2, 3)


def test_the_edition_is_in_the_version_bits() -> None:
    flags = {0: 0, 1: 0, 3: 0, 4: 1, 5: 1, 7: 1, 8: 2, 9: 2, 11: 2}
    assert {flag: message(f"Flag={flag};CP=&&&&").edition for flag in flags} == flags
    assert {flag for flag in flags if message(f"Flag={flag};CP=&&&&").wants_answer} == {1, 3, 5, 7, 9, 11}


def test_fields_are_found_in_any_order_and_may_be_missing() -> None:
    vendor = message(vectors.VENDOR[6 : vectors.VENDOR.rindex(b"&&") + 2])
    old = of(vectors.STATES_2005)

    assert (vendor.mn, vendor.pw, vendor.cn) == ("01100010001000", "123456", "2011")
    assert (old.qn, old.flag, old.edition, old.wants_answer, old.packets) == ("", None, None, False, 1)
    assert message("Flag=x;PNUM=2;PNO=;CP=&&&&").flag is None
    assert message("Flag=²;PNUM=²;PNO=1;CP=&&&&").packets == 1


def test_trailing_semicolons_doubled_keys_and_blanks_are_called_by_name() -> None:
    assert message("CN=1;CP=&&a-Rtd=1;&&").defects == ("empty_item",)
    assert message("CN=1;CP=&&a-Rtd=1;;b-Rtd=2&&").items == {"a-Rtd": "1", "b-Rtd": "2"}
    doubled = message("CN=1;CP=&&a-Rtd=1;a-Rtd=2&&")
    assert (doubled.items, doubled.defects) == ({"a-Rtd": "2"}, ("duplicate_key",))
    assert message("CN=1;CP=&&a-Rtd=1;a-Rtd=2;&&").defects == ("empty_item", "duplicate_key")
    assert message("CN=1;CP=&& a-Rtd = 1 &&").items == {"a-Rtd": "1"}
    assert message("CN=1;CP=&&a=b=c&&").items == {"a": "b=c"}
    assert message("CN=1;CP=&&&&").items == {}


def test_text_is_utf8_else_gb18030_else_latin_1() -> None:
    text = "CN=3020;CP=&&i11001-Info=//净化器已清洗//&&"

    for encoding, defects in (("utf-8", ()), ("gb18030", ("not_utf8",))):
        read = message(text.encode(encoding))
        assert (read.items["i11001-Info"], read.defects) == ("//净化器已清洗//", defects)
    assert message(b"CN=\xff;CP=&&&&").cn == "ÿ"


def test_a_frame_without_cp_is_no_message() -> None:
    assert isinstance(read_message(Frame(b"QN=1;CN=2011&&")), NoMessage)


def test_the_answer_repeats_who_and_which_and_keeps_the_edition() -> None:
    asked = vectors.MADE.replace(b"QN=20260315115930123", b"QN=20260315120001000")
    assert acknowledgement(message(asked[6:-6])) == vectors.ANSWER

    answers = {
        flag: acknowledgement(message(f"QN=1;PW=2;MN=3;Flag={flag};CP=&&&&")) or b"" for flag in (1, 3, 7, 9)
    }
    assert {flag: of(answer).flag for flag, answer in answers.items()} == {1: 0, 3: 0, 7: 4, 9: 8}
    assert acknowledgement(message("CN=2011;Flag=5;CP=&&&&")) is None


def test_packets_are_joined_in_the_order_of_their_numbers() -> None:
    packets = [message(f"QN=1;CN=2011;Flag=6;PNUM=3;PNO={n};CP=&&k{n}={n};k=%d&&" % n) for n in (3, 1, 2)]

    assert join_packets(packets).items == {"k1": "1", "k2": "2", "k3": "3", "k": "3"}


@given(st.binary(max_size=300))
def test_no_segment_makes_it_raise(data: bytes) -> None:
    for segment in (data, b"QN=1;Flag=5;CP=&&" + data + b"&&", data + b";CP=&&&&"):
        read = read_message(Frame(segment))
        if isinstance(read, Message) and (answer := acknowledgement(read)):
            assert answer.startswith(b"##")
            assert read.packets >= 1
