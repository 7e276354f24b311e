"""A frame's data segment as a message: QN, ST, CN, PW, MN, Flag, PNUM, PNO, and the items of CP (6.3.2 to 6.3.4).

Keys are looked up by name: terminals change their order and leave some out.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from devices.hj212.frames import Defect, Frame, build_frame

ACKNOWLEDGE: Final = 0b01
SPLIT: Final = 0b10
_VERSION_BITS: Final = 0b11111100


class Message(NamedTuple):
    """Text as sent; "" or None: not there."""

    qn: str
    """Which exchange it belongs to: 17 digits of the sender's local time."""
    st: str
    cn: str
    """What it is: 2011 readings of an instant, 2051 means of some minutes, 2061 of an hour …"""
    pw: str
    mn: str
    """Who sent it."""
    flag: int | None
    pnum: str
    pno: str
    items: Mapping[str, str]
    """Of CP, by full name: `DataTime`, `a34041-Rtd`, `a34041-Flag` …"""
    defects: tuple[Defect, ...]

    @property
    def edition(self) -> int | None:
        """0: 2005; 1: 2017; 2: 2025, or whatever the sender takes it for; None: it says none."""
        return None if self.flag is None else self.flag >> 2

    @property
    def wants_answer(self) -> bool:
        return self.flag is not None and bool(self.flag & ACKNOWLEDGE)

    @property
    def packets(self) -> int:
        """How many frames the data were split over; 1: not at all."""
        return _small(self.pnum) or 1

    @property
    def packet_number(self) -> int:
        """Of `packets`, from 1."""
        return _small(self.pno)


class NoMessage(NamedTuple):
    """A whole frame around something that is no message."""

    detail: str


def read_message(frame: Frame) -> Message | NoMessage:
    """Never raises, whatever the frame."""
    text, defects = _text(frame.segment)
    head, cp, data = text.partition("CP=&&")
    if not cp:
        return NoMessage("there is no CP=&&…&& in it")
    head_items, head_defects = _items(head.removesuffix(";"))
    # A comma parts what belongs to one item, a semicolon items; their full names say it again.
    items, data_defects = _items(data[:-2].replace(",", ";")) if len(data) > 2 else ({}, ())
    flag = head_items.get("Flag", "")
    defects = (*frame.defects, *defects, *head_defects, *data_defects)
    return Message(
        qn=head_items.get("QN", ""),
        st=head_items.get("ST", ""),
        cn=head_items.get("CN", ""),
        pw=head_items.get("PW", ""),
        mn=head_items.get("MN", ""),
        flag=int(flag) if flag.isascii() and flag.isdigit() and len(flag) <= 3 else None,
        pnum=head_items.get("PNUM", ""),
        pno=head_items.get("PNO", ""),
        items=items,
        defects=tuple(dict.fromkeys(defects)) if defects else (),
    )


def join_packets(packets: list[Message]) -> Message:
    """The message that was split over these, in the order of their numbers."""
    packets = sorted(packets, key=lambda message: message.packet_number)
    items = {name: text for packet in packets for name, text in packet.items.items()}
    defects = tuple(dict.fromkeys(defect for packet in packets for defect in packet.defects))
    return packets[0]._replace(items=items, defects=defects)


def acknowledgement(message: Message) -> bytes | None:
    """The 9014 that says that the data of `message` were taken over (annex C); None where it has no QN to repeat."""
    if not message.qn:
        return None
    version = (message.flag or 0) & _VERSION_BITS
    text = f"QN={message.qn};ST=91;CN=9014;PW={message.pw};MN={message.mn};Flag={version};CP=&&&&"
    return build_frame(text.encode())


def _small(digits: str) -> int:
    """0 for what is no number, or too large for one of these."""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 4 else 0


def _text(segment: bytes) -> tuple[str, tuple[Defect, ...]]:
    defects: tuple[Defect, ...] = ()
    try:
        text = segment.decode()
    except UnicodeDecodeError:
        defects = ("not_utf8",)
        try:
            text = segment.decode("gb18030")
        except UnicodeDecodeError:
            text = segment.decode("latin-1")
    if " " in text or "\t" in text:
        defects = (*defects, "stray_bytes")
        text = text.replace(" ", "").replace("\t", "")
    return text, defects


def _items(text: str) -> tuple[dict[str, str], tuple[Defect, ...]]:
    """`NAME=VALUE;NAME=VALUE` by name; the last of a name stands."""
    pairs = text.split(";")
    try:
        items = dict([pair.split("=", 1) for pair in pairs])  # twice as fast, and most are this way
    except ValueError:
        named = [pair.split("=", 1) for pair in pairs if "=" in pair]
        items = dict(named)
        defects: tuple[Defect, ...] = ("empty_item",) if "" in pairs else ()
        return items, (*defects, "duplicate_key") if len(items) < len(named) else defects
    return items, () if len(items) == len(pairs) else ("duplicate_key",)
