"""Messages as a listener heard them, and the file of them that `device-test --save` writes and `--file` reads."""

import base64
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from runtime.errors import UserError


class Captured(Struct, frozen=True, kw_only=True):
    """One message."""

    topic: str
    payload: bytes
    qos: int
    """As published."""
    retained: bool | None
    """As published; None: a broker that speaks only MQTT 3.1.1 does not pass it on."""
    received_us: int


class _Line(Struct, frozen=True, kw_only=True):
    topic: str
    payload_base64: str
    qos: int
    retained: bool | None
    received_us: int


def write_captured(path: Path, messages: Iterable[Captured]) -> None:
    """One JSON object a line. OSError: it cannot be written."""
    lines = [
        msgspec.json.encode(
            _Line(
                topic=one.topic,
                payload_base64=base64.b64encode(one.payload).decode(),
                qos=one.qos,
                retained=one.retained,
                received_us=one.received_us,
            )
        )
        for one in messages
    ]
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def read_captured(path: Path) -> list[Captured]:
    """Raises UserError that names the line that is none."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    messages = []
    for number, line in enumerate(lines, start=1):
        try:
            said = msgspec.json.decode(line, type=_Line)
            payload = base64.b64decode(said.payload_base64, validate=True)
        except (msgspec.DecodeError, ValueError) as error:
            raise UserError(
                f"{path}, line {number}: not a message as 'device-test --save' writes it: {error}"
            ) from None
        messages.append(
            Captured(
                topic=said.topic,
                payload=payload,
                qos=said.qos,
                retained=said.retained,
                received_us=said.received_us,
            )
        )
    return messages
