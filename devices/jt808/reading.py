"""The `jt808` channel: frames to vehicle readings (contract, section 2)."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from devices.decoding import Decoded, Instant, MalformedPayload, Problem, refuse_too_large
from devices.jt808.frames import Fault, Frame, join, read_frames, whole_messages
from devices.jt808.location import (
    ACC_ON,
    BATCH,
    FIXED,
    LOCATION,
    LOCATION_ANSWER,
    Location,
    Unreadable,
    read_locations,
)
from devices.jt808.profiles import Reader
from devices.reasons import Reason
from devices.types import Device
from devices.wire import VehicleReading

READ: Final = frozenset({LOCATION, LOCATION_ANSWER, BATCH})

COUNTED: Final = frozenset(
    {0x0001, 0x0002, 0x0003, 0x0004, 0x0100, 0x0102, 0x0107, 0x0701, 0x0702, 0x0800, 0x0801, 0x0900}
)
"""Counted each by its own; of all others, of which there is no end, only the sum."""


def decode_jt808(device: Device, payload: bytes, reader: Reader) -> Decoded[VehicleReading]:
    """The readings of all location reports in `payload`; other messages are counted by type.

    Raises MalformedPayload, and nothing else, for more than 256 KiB and for a payload without any frame.
    """
    refuse_too_large(payload)
    if not payload.strip(b"\x7e"):
        raise MalformedPayload(Reason.BAD_FRAME, "no frame in it")
    readings: list[VehicleReading] = []
    problems: list[Problem] = []
    messages: Counter[str] = Counter()
    frames: list[Frame] = []
    unknown = 0

    def refuse(why: Unreadable | Fault, at: int) -> None:
        place = len(readings) + len(problems)
        problems.append(Problem(place, why.reason, f"byte {at}: {why.detail}"))

    for thing in read_frames(payload):
        if isinstance(thing, Fault):
            refuse(thing, thing.at)
        elif (refusal := _refusal(device, thing)) is not None:
            refuse(refusal, thing.at)
        elif thing.message in READ:
            frames.append(thing)
        else:
            messages[_type(thing)] += 1
    whole, alone = whole_messages(frames)
    for frame in whole:
        messages[_type(frame)] += 1
        for point in read_locations(frame):
            if isinstance(point, Unreadable):
                refuse(point, frame.at)
            elif isinstance(reading := _reading(point, reader), Unreadable):
                refuse(reading, frame.at)
            else:
                readings.append(reading)
                unknown += reader.unknown(point)
    for frame in alone:
        refuse(_waiting(frame), frame.at)
    return Decoded(readings, problems, unknown, messages)


def join_jt808(device: Device, payloads: Sequence[bytes]) -> tuple[bytes, list[bool]]:
    """`frames.join` for the location reports of one device."""
    return join(payloads, lambda frame: frame.message in READ and _refusal(device, frame) is None)


def _refusal(device: Device, frame: Frame) -> Unreadable | None:
    """Why a right frame is not taken from this device."""
    if device.serial is not None and device.serial.lstrip("0") != frame.phone.lstrip("0"):
        return Unreadable(
            Reason.WRONG_SERIAL,
            f"it is from {frame.phone}, {device.device_id} is registered as {device.serial}",
        )
    if frame.encryption and frame.message in READ:
        return Unreadable(Reason.ENCRYPTED, "its body is encrypted (attribute bits 10-12)")
    return None


def _reading(point: Location, reader: Reader) -> VehicleReading | Unreadable:
    if point.speed_kmh is not None and point.speed_kmh > 500:
        return Unreadable(Reason.OUT_OF_RANGE, f"speed {point.speed_kmh} km/h")
    if point.heading_deg is not None and point.heading_deg > 360:
        return Unreadable(Reason.OUT_OF_RANGE, f"heading {point.heading_deg} degrees")
    if point.alt_m < -1000:
        return Unreadable(Reason.OUT_OF_RANGE, f"height {point.alt_m} m")
    return VehicleReading(
        ts_us=Instant(point.ts_us),
        lat=point.lat,
        lon=point.lon,
        speed_kmh=point.speed_kmh,
        heading_deg=point.heading_deg,
        alt_m=point.alt_m,
        sats=point.satellites,
        fix=bool(point.status & FIXED),
        ignition=bool(point.status & ACC_ON),
        odometer_km=point.mileage_km,
        # The serial numbers messages, not readings: one sent again in a batch would seem another.
        seq=None,
        **reader.values(point),
    )


def _waiting(frame: Frame) -> Unreadable:
    number, total = (frame.part.number, frame.part.total) if frame.part else (1, 1)
    return Unreadable(
        Reason.INCOMPLETE_MESSAGE,
        f"part {number} of {total} of a {_type(frame)}; not all of the others have come",
    )


def _type(frame: Frame) -> str:
    return f"0x{frame.message:04X}" if frame.message in READ or frame.message in COUNTED else "other"
