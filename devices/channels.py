"""What reads each channel: a function from (the device as registered, the bytes) to what is in them.

A decoder is pure and raises MalformedPayload and nothing else, whatever the bytes. It checks what a message
says of its sender against `device`; the topic, the register and the clock are the caller's.
"""

from collections.abc import Callable, Mapping
from typing import Final

from devices.decoding import Decoded
from devices.hj212.factors import standard_names
from devices.hj212.readings import decode_hj212
from devices.topics import UpChannel
from devices.types import Device
from devices.wire import FumeReading, VehicleReading, decode_telemetry

Decoder = Callable[[Device, bytes], Decoded[VehicleReading] | Decoded[FumeReading]]


def _telemetry(device: Device, payload: bytes) -> Decoded[VehicleReading] | Decoded[FumeReading]:
    return decode_telemetry(device.kind, payload)


def _hj212(device: Device, payload: bytes) -> Decoded[FumeReading]:
    return decode_hj212(device, payload, standard_names())


DECODERS: Final[Mapping[UpChannel, Decoder]] = {"telemetry": _telemetry, "hj212": _hj212}
