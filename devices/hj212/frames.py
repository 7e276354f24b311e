"""Frames of HJ 212-2017, 6.3: `##`, length (4 digits), data segment, CRC (4 hex digits), CR LF.

Several may lie end to end. Terminals in the field break every part of this; what is tolerated, and how it is called,
is `Defect`; what is not is a `BadFrame`. Nothing here raises, whatever the bytes.
"""

import re
from collections.abc import Iterator
from struct import unpack_from
from typing import Final, Literal, NamedTuple

Defect = Literal[
    "wrong_length",  # the declared length is not the segment's; the CRC is right
    "unpadded_length",  # fewer than four digits
    "lower_case_crc",
    "unpadded_crc",  # fewer than four digits
    "no_line_end",
    "stray_bytes",  # a byte order mark, blanks, `00` and the like around a frame or in it
    "not_utf8",
    "duplicate_key",  # the last one stands
    "empty_item",  # `;&&`
    "no_number",  # a value that is none: empty, NaN, --, full-width digits
]
"""What a frame may have wrong and be read all the same."""
Fault = Literal["no_frame", "cut_short", "too_long", "wrong_crc"]

MAX_SEGMENT_BYTES: Final = 4096
"""The standard allows 1024; some terminals send more."""
MAX_STRAY_BYTES: Final = 4
"""More than this between two frames is a piece of one, not noise."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r\n\x00"
_HEAD = re.compile(rb"##([ \t]*)(\d*)")
_END_OF_FRAME = re.compile(rb"\r\n|\n|##")
_HEX = re.compile(rb"[0-9A-Fa-f]{1,4}")


def _table() -> list[int]:
    table = []
    for byte in range(256):
        register = byte
        for _ in range(8):
            register = (register >> 1) ^ 0xA001 if register & 1 else register >> 1
        table.append(register)
    return table


_TABLE: Final = _table()
_HIGH: Final = bytes(value >> 8 for value in _TABLE)
_HIGH_OF_TWO: Final = b"".join(bytes(_HIGH[high ^ second] for high in _HIGH) for second in range(256))
"""After two bytes at once: the row is the second byte, the column the first one xor what was carried."""


def checksum(segment: bytes) -> int:
    """The CRC of HJ 212-2017, annex A. Not CRC-16/MODBUS: the register's low byte is thrown away before each byte.

    So what is carried from byte to byte is its high byte alone, and there are 256 checksums, no more.
    """
    if not segment:
        return 0xFFFF
    high = 0xFF
    last = len(segment) - 1
    if last % 2:
        high = _HIGH[high ^ segment[0]]
    table = _HIGH_OF_TWO
    for two in unpack_from(f"<{last // 2}H", segment, last % 2):
        high = table[high ^ two]
    return _TABLE[high ^ segment[last]]


def modbus_checksum(segment: bytes) -> int:
    """CRC-16/MODBUS, which terminals send by mistake."""
    register = 0xFFFF
    for byte in segment:
        register = (register >> 8) ^ _TABLE[(register ^ byte) & 0xFF]
    return register


class Frame(NamedTuple):
    segment: bytes
    """The data segment, from its first key to the closing `&&`."""
    defects: tuple[Defect, ...] = ()


class BadFrame(NamedTuple):
    """A piece of a payload that cannot be read."""

    fault: Fault
    detail: str


def build_frame(segment: bytes) -> bytes:
    """The frame around `segment`. Raises ValueError where the length has no four digits."""
    if len(segment) > 9999:
        raise ValueError(f"a segment of {len(segment)} bytes has no length of four digits")
    return b"##%04d%b%04X\r\n" % (len(segment), segment, checksum(segment))


def read_frames(payload: bytes) -> Iterator[Frame | BadFrame]:
    """Every frame of `payload` in order, and every piece that is none."""
    at = len(_BYTE_ORDER_MARK) if payload.startswith(_BYTE_ORDER_MARK) else 0
    stray = at > 0
    while True:
        start = payload.find(b"##", at)
        between = payload[at : start if start >= 0 else None].strip(_BLANK)
        if len(between) > MAX_STRAY_BYTES or (start < 0 and between):
            yield BadFrame("no_frame", f"{len(between)} bytes that are no frame: {_shown(between)}")
        elif between:
            stray = True
        if start < 0:
            return
        frame, at = _read_frame(payload, start)
        if stray and isinstance(frame, Frame):
            frame = Frame(frame.segment, ("stray_bytes", *frame.defects))
        stray = False
        yield frame


def _read_frame(payload: bytes, start: int) -> tuple[Frame | BadFrame, int]:
    """The frame that begins at `start`, and where to look for the next."""
    head = _HEAD.match(payload, start)
    assert head is not None  # noqa: S101  # the caller found its ##
    begin, digits = head.end(), head[2]
    length = int(digits[:5] or 0)
    end = begin + length
    if len(digits) == 4 and not head[1] and payload[end - 2 : end] == b"&&" and length <= MAX_SEGMENT_BYTES:
        segment = payload[begin:end]
        if payload[end : end + 6] == b"%04X\r\n" % checksum(segment):
            return Frame(segment), end + 6
    return _read_defective(payload, begin, length, head[1], digits)


def _read_defective(
    payload: bytes, begin: int, length: int, blanks: bytes, digits: bytes
) -> tuple[Frame | BadFrame, int]:
    """As far as the line goes, or to the next frame: where the CRC is right, the frame is."""
    # By its declared length a frame may hold anything, by its line end no line ends and no ##.
    ends = [(begin + length, True)] if length <= MAX_SEGMENT_BYTES else []
    found = _END_OF_FRAME.search(payload, begin)
    stop = found.start() if found else len(payload)
    closing = payload.rfind(b"&&", begin, stop)
    if closing >= 0:
        ends.append((closing + 2, False))
    said = crc = b""
    for end, declared in ends:
        segment = payload[begin:end]
        if not segment.endswith(b"&&") or len(segment) > MAX_SEGMENT_BYTES:
            continue
        said = payload[end : end + 4] if declared else payload[end:stop].strip(_BLANK)
        if declared and not _HEX.fullmatch(said):
            said = said.partition(b"\r")[0].partition(b"\n")[0].partition(b"#")[0].strip(_BLANK)
        crc = b"%04X" % checksum(segment)
        if _HEX.fullmatch(said) and said.upper().zfill(4) == crc:
            after = payload.find(said, end) + len(said)
            ended = payload.startswith((b"\r\n", b"\n"), after)
            defects = _defects_of(blanks, digits, said, right_length=len(segment) == length, ended=ended)
            return Frame(segment, defects), after
    return _why_not(payload[begin:stop], closing - begin, said, crc), stop


def _defects_of(
    blanks: bytes, digits: bytes, said: bytes, *, right_length: bool, ended: bool
) -> tuple[Defect, ...]:
    defects: list[Defect] = []
    if blanks:
        defects.append("stray_bytes")
    if not right_length:
        defects.append("wrong_length")
    elif len(digits) < 4:
        defects.append("unpadded_length")
    if len(said) < 4:
        defects.append("unpadded_crc")
    if said != said.upper():
        defects.append("lower_case_crc")
    if not ended:
        defects.append("no_line_end")
    return tuple(defects)


def _why_not(line: bytes, closing: int, said: bytes, crc: bytes) -> BadFrame:
    if not crc:
        if len(line) > MAX_SEGMENT_BYTES:
            return BadFrame("too_long", f"{len(line)} bytes and no frame's end; at most {MAX_SEGMENT_BYTES}")
        return BadFrame("cut_short", f"no && and CRC at the end of {_shown(line)}")
    if len(said) > 8 or not said:
        return BadFrame("cut_short", f"no CRC after the closing && of {_shown(line)}")
    hint = ""
    if said == b"0000":
        hint = "; the sender seems to compute none"
    elif not _HEX.fullmatch(said):
        hint = "; it must be four hex digits, not raw bytes"
    elif closing >= 0 and said.upper().zfill(4) == b"%04X" % modbus_checksum(line[: closing + 2]):
        hint = "; the sender computes CRC-16/MODBUS, annex A is another algorithm"
    return BadFrame("wrong_crc", f"CRC {_shown(said)}, it should be {crc.decode()}{hint}")


def _shown(data: bytes) -> str:
    """Short and printable."""
    text = data[:40].decode("ascii", "backslashreplace")
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return text + ("…" if len(data) > 40 else "")
