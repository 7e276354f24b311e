"""JT/T 808 frames: delimiters, escape, check byte, header, sub-packages.

    7E | escape( header | body | BCC ) | 7E       all integers big-endian
    header  WORD message, WORD attributes, [2019: BYTE protocol], BCD phone [6; 2019: 10], WORD serial,
            [sub-package: WORD total, WORD index]
    attributes  bits 0-9 body length, 10-12 encryption, 13 sub-package, 14 the version: 1 is 2019
    BCC     XOR of everything before it, taken before the escape (7E -> 7D 02, 7D -> 7D 01)

The version is a matter of each frame, never of a fleet: terminals of both kinds drive in one, and a firmware
update turns one into the other. Source: docs/jt808.md.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from devices.reasons import Reason

DELIMITER: Final = b"\x7e"
_LENGTH, _ENCRYPTION, _SUB_PACKAGE, _IS_2019 = 0x03FF, 0x1C00, 0x2000, 0x4000


class Part(NamedTuple):
    """A frame's place in a message that was cut into several: the `number`th of `total`."""

    total: int
    number: int


class Frame(NamedTuple):
    """A frame whose check byte and length are right; or several, joined to the one they were cut from."""

    message: int
    version: int
    """2013 (2011 has the same header) or 2019."""
    encryption: int
    """Attribute bits 10-12; 0: none, 1: RSA."""
    phone: str
    """BCD digits as sent, leading zeros too."""
    serial: int
    part: Part | None
    body: bytes
    raw: bytes
    """As received, with the delimiters."""
    at: int
    """Where it begins in the payload."""


class Fault(NamedTuple):
    """Bytes between two delimiters, or outside of them, that are no frame."""

    at: int
    reason: Reason
    detail: str


def read_frames(payload: bytes) -> Iterator[Frame | Fault]:
    """Every frame of `payload`, and a Fault for everything in it that is none; never raises.

    Frames stand end to end, each in its own delimiters or sharing one with its neighbour.
    """
    first, *between = payload.split(DELIMITER)
    if first or not between:
        found = f"{len(first)} bytes before the first delimiter 7E" if between else "no delimiter 7E"
        yield Fault(0, Reason.BAD_FRAME, found)
    if not between:
        return
    tail = between.pop()
    at = len(first)
    for escaped in between:
        if escaped:
            yield _frame(escaped, at)
        at += len(escaped) + 1
    if tail:
        yield Fault(at, Reason.BAD_FRAME, f"{len(tail)} bytes without a closing delimiter 7E")


def _frame(escaped: bytes, at: int) -> Frame | Fault:
    content = escaped
    if b"\x7d" in escaped:
        if escaped.count(b"\x7d") != escaped.count(b"\x7d\x01") + escaped.count(b"\x7d\x02"):
            return Fault(at, Reason.BAD_ESCAPE, "7D followed by neither 01 nor 02")
        # In this order one replacement cannot make what the other looks for.
        content = escaped.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
    if len(content) < 13:
        return Fault(at, Reason.BAD_FRAME, f"{len(content)} bytes; a header and BCC have 13")
    if (difference := _xor(content)) != 0:
        said = content[-1]
        return Fault(at, Reason.BAD_CHECKSUM, f"BCC {said:02X} should be {said ^ difference:02X}")
    attributes = content[2] << 8 | content[3]
    is_2019 = attributes & _IS_2019
    phone_at, phone_end = (5, 15) if is_2019 else (4, 10)
    body_at = phone_end + (6 if attributes & _SUB_PACKAGE else 2)
    held = len(content) - 1 - body_at
    declared = attributes & _LENGTH
    if held != declared:
        return Fault(at, Reason.BAD_LENGTH, f"the header declares {declared} bytes of body, it has {held}")
    part = None
    if attributes & _SUB_PACKAGE:
        part = Part(_word(content, phone_end + 2), _word(content, phone_end + 4))
        if not 1 <= part.number <= part.total:
            return Fault(at, Reason.BAD_FRAME, f"part {part.number} of {part.total}")
    return Frame(
        content[0] << 8 | content[1],
        2019 if is_2019 else 2013,
        (attributes & _ENCRYPTION) >> 10,
        content[phone_at:phone_end].hex(),
        _word(content, phone_end),
        part,
        content[body_at:-1],
        DELIMITER + escaped + DELIMITER,
        at,
    )


def _word(content: bytes, at: int) -> int:
    return content[at] << 8 | content[at + 1]


def _xor(content: bytes) -> int:
    """XOR of all bytes, by folding the number they make: several times as fast as one by one."""
    number, length = int.from_bytes(content, "big"), len(content)
    while length > 1:
        length = (length + 1) // 2
        number = number >> 8 * length ^ number & (1 << 8 * length) - 1
    return number


_Key = tuple[int, int, str, int, int]


def _key(frame: Frame, part: Part) -> _Key:
    """What the parts of one message have in common. Their serials are consecutive, so each tells the first one's."""
    first = (frame.serial - part.number + 1) % 0x10000
    return frame.message, frame.version, frame.phone, part.total, first


def whole_messages(frames: Iterable[Frame]) -> tuple[list[Frame], list[Frame]]:
    """Messages that are whole, those cut into parts joined; and the parts whose others are not among `frames`.

    Of two parts with the same place the later one counts: a terminal that starts again numbers from 0 again.
    """
    whole: list[Frame] = []
    parts: list[Frame] = []
    for frame in frames:
        (whole if frame.part is None else parts).append(frame)
    alone: list[Frame] = []
    for together in _sets(parts):
        if len(together) == _total(together[0]):
            whole.append(
                together[0]._replace(
                    part=None,
                    body=b"".join(part.body for part in together),
                    raw=b"".join(part.raw for part in together),
                )
            )
        else:
            alone += together
    return whole, alone


def join(payloads: Sequence[bytes], wanted: Callable[[Frame], bool]) -> tuple[bytes, list[bool]]:
    """Put together what came in several payloads, oldest first.

    Returns the frames, end to end, of the `wanted` messages that no payload holds whole but all of them together
    do; and of each payload whether a part of a wanted message in it still waits for others.
    """
    alone = [
        whole_messages(thing for thing in read_frames(payload) if isinstance(thing, Frame) and wanted(thing))[
            1
        ]
        for payload in payloads
    ]
    complete = [
        part
        for together in _sets(part for parts in alone for part in parts)
        if len(together) == _total(together[0])
        for part in together
    ]
    read = {part.raw for part in complete}
    return b"".join(part.raw for part in complete), [
        any(part.raw not in read for part in parts) for parts in alone
    ]


def _sets(parts: Iterable[Frame]) -> Iterator[list[Frame]]:
    """The parts of each message, in order. Their serials are consecutive, so each tells that of the first."""
    sets: dict[tuple[int, int, str, int, int], dict[int, Frame]] = {}
    for frame in parts:
        if frame.part is not None:
            first = (frame.serial - frame.part.number + 1) % 0x10000
            key = frame.message, frame.version, frame.phone, frame.part.total, first
            sets.setdefault(key, {})[frame.part.number] = frame
    for together in sets.values():
        yield [together[number] for number in sorted(together)]


def _total(frame: Frame) -> int:
    return frame.part.total if frame.part else 1
