"""Coverage-guided fuzzing of every channel's decoder. Optional: the suite fuzzes with Hypothesis.

    pip install atheris
    python -m tests.fuzz.codecs -max_total_time=300

Bytes go in as they are, and inside a right frame, since no mutation finds a check sum by itself. It stops at
anything but MalformedPayload, and where the same bytes decode differently the second time.
"""

import sys

import atheris

with atheris.instrument_imports(include=["devices"]):
    from devices.channels import JOINERS, decoders
    from devices.decoding import MalformedPayload
    from devices.hj212 import build_frame
    from devices.jt808 import pack
    from devices.terminals import Terminals
    from devices.types import Device

DECODERS = decoders(Terminals())
TRUCK = Device(device_id="V1", kind="vehicle", bound_to=None, status="active")
MONITOR = Device(device_id="F1", kind="fume", bound_to=None, status="active")
MESSAGES = (0x0200, 0x0201, 0x0704, 0x0100)


def try_one(data: bytes) -> None:
    if not data:
        return
    choice, rest = data[0], data[1:]
    match choice % 5:
        case 0:
            decoded("telemetry", TRUCK, rest)
        case 1:
            decoded("telemetry", MONITOR, rest)
        case 2:
            decoded("jt808", TRUCK, rest)
        case 3:
            decoded("jt808", TRUCK, framed(choice, rest))
        case 4:
            decoded("hj212", MONITOR, rest if choice & 0x80 else build_frame(rest))


def framed(choice: int, rest: bytes) -> bytes:
    """`rest` as the body of a right frame, or of a part of one."""
    part = (2, 1 + (choice >> 3 & 1)) if choice & 0x40 else None
    version = 2013 if choice & 0x20 else 2019
    return pack(MESSAGES[choice >> 1 & 3], rest[:1023], phone="1", serial=1, version=version, part=part)


def decoded(channel: str, device: Device, payload: bytes) -> None:
    decode = next(decoder for name, decoder in DECODERS.items() if name == channel)
    try:
        first = decode(device, payload)
    except MalformedPayload:
        return
    if decode(device, payload) != first:
        raise AssertionError(f"{channel}: decoded twice, differently")
    if channel in JOINERS:
        JOINERS[channel](device, [payload, payload])


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
