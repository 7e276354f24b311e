"""JT/T 808 as a terminal sends it: for simulated terminals, tests, and makers of firmware."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import reduce
from operator import xor

_GMT_8 = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_BODY_BYTES = 1023


def pack(
    message: int,
    body: bytes,
    *,
    phone: str,
    serial: int,
    version: int = 2019,
    part: tuple[int, int] | None = None,
) -> bytes:
    """One frame. `part`: (total, index). ValueError: the body is too long for one frame, the phone for its field."""
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"{len(body)} bytes of body; one frame holds {MAX_BODY_BYTES}")
    attributes = len(body) | (0x2000 if part else 0) | (0x4000 if version == 2019 else 0)
    digits = 20 if version == 2019 else 12
    if len(phone) > digits:
        raise ValueError(f"phone {phone!r} has more than {digits} digits")
    content = (
        struct.pack(">HH", message, attributes)
        + (b"\x01" if version == 2019 else b"")
        + bytes.fromhex(phone.rjust(digits, "0"))
        + struct.pack(">H", serial % 0x10000)
        + (struct.pack(">HH", *part) if part else b"")
        + body
    )
    content += bytes([reduce(xor, content)])
    return b"\x7e" + content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02") + b"\x7e"


def pack_in_parts(
    message: int,
    body: bytes,
    *,
    phone: str,
    serial: int,
    version: int = 2019,
    part_bytes: int = MAX_BODY_BYTES,
) -> Iterator[bytes]:
    """As many frames as the body needs, with consecutive serials; one that fits is not cut."""
    cuts = [body[at : at + part_bytes] for at in range(0, len(body), part_bytes)] or [b""]
    for index, cut in enumerate(cuts):
        place = (len(cuts), index + 1) if len(cuts) > 1 else None
        yield pack(message, cut, phone=phone, serial=serial + index, version=version, part=place)


def location_body(
    *,
    ts_us: int,
    lat: float,
    lon: float,
    status: int,
    alarm: int = 0,
    alt_m: int = 0,
    speed_kmh: float = 0.0,
    heading_deg: int = 0,
    items: Mapping[int, bytes] | None = None,
) -> bytes:
    """The body of a 0x0200. `status` without the hemispheres' bits: they come from the signs."""
    local = (_EPOCH + timedelta(microseconds=ts_us)).astimezone(_GMT_8)
    return struct.pack(
        ">IIIIhHH6s",
        alarm,
        status | (1 << 2 if lat < 0 else 0) | (1 << 3 if lon < 0 else 0),
        round(abs(lat) * 1e6),
        round(abs(lon) * 1e6),
        alt_m,
        round(speed_kmh * 10),
        heading_deg,
        bytes.fromhex(local.strftime("%y%m%d%H%M%S")),
    ) + b"".join(bytes([name, len(value)]) + value for name, value in (items or {}).items())


def batch_body(bodies: Sequence[bytes], *, blind: bool = False) -> bytes:
    """The body of a 0x0704 from those of its points; `blind`: what a dead spot held back."""
    return struct.pack(">HB", len(bodies), int(blind)) + b"".join(
        struct.pack(">H", len(body)) + body for body in bodies
    )
