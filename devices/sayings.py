"""The channels `status` and `ack`: what a terminal says of itself and to commands, in JSON (contract, section 2).

Fields that are not in the contract are left out: firmware says much of itself that nobody asks for.
"""

from typing import Final, TypeVar

import msgspec

from devices.decoding import Ack, MalformedPayload, Status, refuse_too_large
from devices.wire import UNREADABLE, diagnosis, from_wire

Said = TypeVar("Said", Status, Ack)

_STATUS: Final = msgspec.json.Decoder(Status, dec_hook=from_wire)
_ACK: Final = msgspec.json.Decoder(Ack)


def read_status(payload: bytes) -> Status:
    """Raises MalformedPayload, and nothing else, whatever the bytes."""
    return _read(_STATUS, payload)


def read_ack(payload: bytes) -> Ack:
    """Raises MalformedPayload, and nothing else, whatever the bytes."""
    return _read(_ACK, payload)


def _read(decoder: msgspec.json.Decoder[Said], payload: bytes) -> Said:
    refuse_too_large(payload)
    try:
        payload.decode()  # msgspec looks at the text of known fields only
        return decoder.decode(payload)
    except UNREADABLE as error:
        raise MalformedPayload(*diagnosis(error)) from None
