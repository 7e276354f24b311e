"""What a location report says: 0x0200, its answer form 0x0201, and the batch 0x0704.

    0x0200  DWORD alarm, DWORD status, DWORD latitude, DWORD longitude, WORD height, WORD speed, WORD heading,
            BCD[6] time, then items: BYTE id, BYTE length, value
    0x0201  WORD serial of the question, then as 0x0200
    0x0704  WORD count, BYTE type (0 normal, 1 blind area), then count times: WORD length, as 0x0200

Source: docs/jt808.md.
"""

import struct
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from devices.jt808.frames import Frame
from devices.reasons import Reason

LOCATION, LOCATION_ANSWER, BATCH = 0x0200, 0x0201, 0x0704
ACC_ON, FIXED, SOUTH, WEST, ENCRYPTED = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 5
LOAD_SHIFT: Final = 8
MILEAGE, SATELLITES = 0x01, 0x31

_FIXED_PART = struct.Struct(">IIIIhHH6s")
_DAY_US = 86_400_000_000
_EAST_8_US = 8 * 3600 * 1_000_000
"""Terminals count in GMT+8, whatever zone the district's rules are in."""


class Location(NamedTuple):
    """One point. Numbers as the terminal means them; what all ones stand for is None: not measured."""

    alarm: int
    status: int
    lat: float
    """Degrees, WGS-84, north positive."""
    lon: float
    alt_m: int
    speed_kmh: float | None
    heading_deg: int | None
    ts_us: int
    """Microseconds since 1970, UTC."""
    items: dict[int, bytes]
    """Additional items by id; of two with one id the first."""
    rest: int
    """Bytes at the end that are no whole item."""

    @property
    def mileage_km(self) -> float | None:
        value = self.items.get(MILEAGE, b"")
        return int.from_bytes(value, "big") / 10 if len(value) == 4 and value != b"\xff\xff\xff\xff" else None

    @property
    def satellites(self) -> int | None:
        value = self.items.get(SATELLITES, b"")
        return value[0] if len(value) == 1 else None


class Unreadable(NamedTuple):
    """A point, or what should have been one, that cannot be read."""

    reason: Reason
    detail: str


def read_locations(frame: Frame) -> Iterator[Location | Unreadable]:
    """The points of a whole 0x0200, 0x0201 or 0x0704, in the order sent; never raises. Others have none."""
    if frame.message == LOCATION:
        yield _location(frame.body)
    elif frame.message == LOCATION_ANSWER:
        yield _location(frame.body[2:])
    elif frame.message == BATCH:
        yield from _batch(frame.body)


def _batch(body: bytes) -> Iterator[Location | Unreadable]:
    if len(body) < 3:
        yield Unreadable(Reason.BAD_BODY, f"a batch of {len(body)} bytes")
        return
    declared, at, found = body[0] << 8 | body[1], 3, 0
    while found < declared and at + 2 <= len(body):
        length = body[at] << 8 | body[at + 1]
        if at + 2 + length > len(body):
            break
        yield _location(body[at + 2 : at + 2 + length])
        at += 2 + length
        found += 1
    if found < declared or at < len(body):
        yield Unreadable(
            Reason.BAD_BODY,
            f"a batch that declares {declared} points holds {found} and {len(body) - at} bytes more",
        )


def _location(body: bytes) -> Location | Unreadable:
    if len(body) < _FIXED_PART.size:
        return Unreadable(Reason.BAD_BODY, f"a location of {len(body)} bytes; at least {_FIXED_PART.size}")
    alarm, status, lat_e6, lon_e6, alt_m, speed, heading, bcd = _FIXED_PART.unpack_from(body)
    if status & ENCRYPTED:
        return Unreadable(Reason.ENCRYPTED, "the coordinates are encrypted (status bit 5)")
    try:
        ts_us = _instant_us(bcd)
    except ValueError:
        return Unreadable(Reason.BAD_TIME, f"{bcd.hex()} is no time written YYMMDDhhmmss")
    if lat_e6 > 90_000_000 or lon_e6 > 180_000_000:
        return Unreadable(Reason.OUT_OF_RANGE, f"latitude {lat_e6 / 1e6}, longitude {lon_e6 / 1e6}")
    items: dict[int, bytes] = {}
    at, end = _FIXED_PART.size, len(body)
    while at + 2 <= end and (next_at := at + 2 + body[at + 1]) <= end:
        items.setdefault(body[at], body[at + 2 : next_at])
        at = next_at
    return Location(
        alarm,
        status,
        (-lat_e6 if status & SOUTH else lat_e6) / 1e6,
        (-lon_e6 if status & WEST else lon_e6) / 1e6,
        alt_m,
        speed / 10 if speed != 0xFFFF else None,
        heading if heading != 0xFFFF else None,
        ts_us,
        items,
        end - at,
    )


def _instant_us(bcd: bytes) -> int:
    """YYMMDDhhmmss of this century, GMT+8. ValueError: it is no time."""
    hours, minutes, seconds = _bcd(bcd[3]), _bcd(bcd[4]), _bcd(bcd[5])
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError
    return _midnight_us(bcd[:3]) + ((hours * 60 + minutes) * 60 + seconds) * 1_000_000


@lru_cache(maxsize=1024)
def _midnight_us(bcd: bytes) -> int:
    day = date(2000 + _bcd(bcd[0]), _bcd(bcd[1]), _bcd(bcd[2]))
    return (day - date(1970, 1, 1)).days * _DAY_US - _EAST_8_US


def _bcd(byte: int) -> int:
    tens, units = byte >> 4, byte & 0x0F
    if tens > 9 or units > 9:
        raise ValueError
    return tens * 10 + units
