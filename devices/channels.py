"""What reads each channel: a function from (the device as registered, the bytes) to what is in them.

A decoder is pure and raises MalformedPayload and nothing else, whatever the bytes. It checks what a message
says of its sender against `device`; the topic, the register and the clock are the caller's.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from devices.decoding import Decoded
from devices.hj212.readings import decode_hj212, join_hj212
from devices.jt808.reading import decode_jt808, join_jt808
from devices.sayings import read_ack, read_status
from devices.terminals import Terminals
from devices.topics import UpChannel
from devices.types import Device
from devices.wire import FumeReading, VehicleReading, decode_telemetry

Decoder = Callable[[Device, bytes], Decoded[VehicleReading] | Decoded[FumeReading]]
Decoders = Mapping[UpChannel, Decoder]


def decoders(terminals: Terminals) -> Decoders:
    """The decoder of every channel; `terminals` says who speaks which dialect."""
    return {
        "telemetry": lambda device, payload: decode_telemetry(device.kind, payload),
        "jt808": lambda device, payload: decode_jt808(device, payload, terminals.jt808(device)),
        "hj212": lambda device, payload: decode_hj212(device, payload, terminals.hj212(device)),
        "status": lambda _, payload: Decoded([], [], 0, said=read_status(payload)),
        "ack": lambda _, payload: Decoded([], [], 0, said=read_ack(payload)),
    }


Joiner = Callable[[Device, Sequence[bytes]], tuple[bytes, list[bool]]]

JOINERS: Final[Mapping[str, Joiner]] = {"jt808": join_jt808, "hj212": join_hj212}
"""Of channels whose messages may come in parts, each quarantined as `incomplete_message`: from payloads, oldest
first, to the frames that make messages whole which none of them holds whole, and of each payload whether a part in it
still waits for others.
"""
