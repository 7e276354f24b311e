"""The `hj212` channel: messages to fume readings and means (contract, section 2).

    2011            a reading of the instant DataTime
    2051 2061 2031  means over minutes, an hour, a day from DataTime on: no readings (docs/hj212.md says why)
    all others      counted

Times are Beijing's, whatever zone the district's rules are in. What a monitor uploads with the answer bit set is
answered with 9014 if its CRC and its MN are right: then all of it is kept, if only in quarantine.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final, Literal

from devices.decoding import Decoded, FumeMean, Instant, MalformedPayload, Problem, refuse_too_large
from devices.hj212.factors import Names
from devices.hj212.flags import NORMAL, flag_code
from devices.hj212.frames import BadFrame, build_frame, read_frames
from devices.hj212.messages import Message, NoMessage, acknowledgement, join_packets, read_message
from devices.reasons import Reason
from devices.types import Device
from devices.wire import MAX_BATCH_READINGS, Flag, FumeReading

REALTIME: Final = "2011"
PERIODS: Final[dict[str, Literal["minute", "hour", "day"]]] = {
    "2051": "minute",
    "2061": "hour",
    "2031": "day",
}
UPLOADS: Final = frozenset({"2011", "2021", "2031", "2041", "2051", "2061", "2081", "3019", "3020"})
"""Answered with 9014 (HJ 212-2017, annex C)."""
COUNTED: Final = UPLOADS | {"1013", "2012", "2022", "9011", "9012", "9013", "9014", "9015", "9021"}
"""Counted each by its own; of all the others the sum."""

JUDGED: Final = ("fume_mg_m3", "fan_on", "purifier_on", "fan_a", "purifier_a")
"""What detections look at, the most important first: a flag on one of these is the reading's."""
MAX_VALUE: Final = 1e9
_REASONS: Final = {
    "no_frame": Reason.BAD_FRAME,
    "cut_short": Reason.BAD_FRAME,
    "too_long": Reason.BAD_FRAME,
    "wrong_crc": Reason.BAD_CHECKSUM,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class _Refused(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason, self.detail = reason, detail


def decode_hj212(device: Device, payload: bytes, names: Names) -> Decoded[FumeReading]:
    """What is in the frames of `payload`; `names` is what their items mean.

    A message that was split (PNUM, PNO) is read if all its packets are in this payload. Raises MalformedPayload, and
    nothing else, for more than 256 KiB, more than 500 frames, and a payload without a frame.
    """
    refuse_too_large(payload)
    reader = _Reader(device, names)
    frames = 0
    for frame in read_frames(payload):
        frames += 1
        if frames > MAX_BATCH_READINGS:
            raise MalformedPayload(
                Reason.TOO_MANY_READINGS, f"more than {MAX_BATCH_READINGS} frames in one message"
            )
        if isinstance(frame, BadFrame):
            reader.refuse(_REASONS[frame.fault], frame.detail)
            continue
        message = read_message(frame)
        if isinstance(message, NoMessage):
            reader.refuse(Reason.BAD_FRAME, message.detail)
        else:
            reader.read(message)
    if not frames:
        raise MalformedPayload(Reason.BAD_FRAME, "no frame: nothing begins with ##")
    return reader.decoded()


def join_hj212(device: Device, payloads: Sequence[bytes]) -> tuple[bytes, list[bool]]:
    """The packets in `payloads` that make messages whole which none of them holds whole, as frames; and of each
    payload whether a packet in it still waits for others.
    """
    came: dict[_Split, dict[int, bytes]] = {}
    places: dict[_Split, set[int]] = {}
    for place, payload in enumerate(payloads):
        for frame in islice(read_frames(payload), MAX_BATCH_READINGS):
            if isinstance(frame, BadFrame) or isinstance(message := read_message(frame), NoMessage):
                continue
            split = _split(message)
            if split is not None and _is_from(device, message):
                came.setdefault(split, {})[message.packet_number] = frame.segment
                places.setdefault(split, set()).add(place)
    whole = [split for split, parts in came.items() if _is_whole(split, parts)]
    frames = [build_frame(part) for split in whole if len(places[split]) > 1 for part in came[split].values()]
    waiting = {place for split in came.keys() - set(whole) for place in places[split]}
    return b"".join(frames), [place in waiting for place in range(len(payloads))]


_Split = tuple[str, str, int]
"""What the packets of one message have in common: QN, CN, PNUM."""


def _split(message: Message) -> _Split | None:
    return (message.qn, message.cn, message.packets) if message.packets > 1 else None


def _is_whole(split: _Split, parts: Mapping[int, object]) -> bool:
    return all(number in parts for number in range(1, split[2] + 1))


def _is_from(device: Device, message: Message) -> bool:
    return device.serial is None or message.mn == device.serial


class _Reader:
    """Folds the messages of one payload."""

    def __init__(self, device: Device, names: Names) -> None:
        self._device = device
        self._names = names
        self._found: list[FumeReading | tuple[Reason, str]] = []
        self._means: list[FumeMean] = []
        self._answers: dict[bytes, None] = {}  # a set that keeps its order
        self._counts: dict[str, int] = {}
        self._defects: dict[str, int] = {}
        self._unknown = 0
        self._packets: dict[_Split, dict[int, Message]] = {}

    def refuse(self, reason: Reason, detail: str) -> None:
        self._found.append((reason, detail))

    def read(self, message: Message) -> None:
        if not _is_from(self._device, message):
            self.refuse(
                Reason.WRONG_SERIAL,
                f"it is from {message.mn[:32]!r}, {self._device.device_id} is registered as {self._device.serial!r}",
            )
            return
        if message.wants_answer and message.cn in UPLOADS and (answer := acknowledgement(message)):
            self._answers[answer] = None
        split = _split(message)
        if split is None:
            self._read_whole(message)
            return
        parts = self._packets.setdefault(split, {})
        parts[message.packet_number] = message
        if _is_whole(split, parts):
            del self._packets[split]
            self._read_whole(join_packets(list(parts.values())))

    def decoded(self) -> Decoded[FumeReading]:
        for (_, cn, total), parts in self._packets.items():
            numbers = ", ".join(map(str, sorted(parts)))
            self.refuse(
                Reason.INCOMPLETE_MESSAGE,
                f"packet {numbers} of {total} of a {cn}; not all of the others have come",
            )
        return Decoded(
            [one for one in self._found if isinstance(one, FumeReading)],
            [Problem(place, *one) for place, one in enumerate(self._found) if isinstance(one, tuple)],
            self._unknown,
            messages=self._counts,
            defects=self._defects,
            means=self._means,
            answers=list(self._answers),
        )

    def _read_whole(self, message: Message) -> None:
        counted = message.cn if message.cn in COUNTED else "other"
        self._counts[counted] = self._counts.get(counted, 0) + 1
        for defect in message.defects:
            self._defects[defect] = self._defects.get(defect, 0) + 1
        try:
            if message.cn == REALTIME:
                self._read_reading(message, self._names)
            elif message.cn in PERIODS:
                self._read_mean(message, self._names)
        except _Refused as refused:
            self.refuse(refused.reason, refused.detail)

    def _read_reading(self, message: Message, names: Names) -> None:
        values: dict[str, float | bool | None] = {}
        flagged: dict[str, str] = {}
        quantities, switches, flags = names.quantities, names.switches, names.flags
        for name, text in message.items.items():
            if (meant := quantities.get(name)) is not None:
                values[meant] = self._number(name, text)
            elif (meant := flags.get(name)) is not None:
                if text not in (NORMAL, ""):
                    flagged[meant] = text
            elif (meant := switches.get(name)) is not None:
                number = self._number(name, text)
                values[meant] = bool(number) if number in (0, 1) else None
            elif name != "DataTime":
                self._unknown += 1
        if values:
            self._found.append(
                FumeReading(
                    ts_us=_instant(message),
                    flag=_flag(flagged, message.edition) if flagged else None,
                    **values,  # type: ignore[arg-type]  # by name, each of its field's type
                )
            )

    def _read_mean(self, message: Message, names: Names) -> None:
        values: dict[str, float | None] = {}
        flagged: dict[str, str] = {}
        for name, text in message.items.items():
            if (meant := names.means.get(name)) is not None:
                values[meant] = self._number(name, text)
            elif (meant := names.flags.get(name)) is not None and text not in (NORMAL, ""):
                flagged[meant] = text
        if values:
            self._means.append(
                FumeMean(
                    period=PERIODS[message.cn],
                    begins_us=_instant(message),
                    flag=_flag(flagged, message.edition),
                    **values,
                )
            )

    def _number(self, name: str, text: str) -> float | None:
        """None for what is no number: a platform that took "" for 0 would believe an idle kitchen."""
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        # float() takes inf, 1_0 and full-width digits too.
        if not math.isfinite(number) or "_" in text or not text.isascii():
            self._defects["no_number"] = self._defects.get("no_number", 0) + 1
            return None
        if not -MAX_VALUE <= number <= MAX_VALUE:
            raise _Refused(Reason.OUT_OF_RANGE, f"{name}={text[:32]}")
        return number


def _instant(message: Message) -> Instant:
    """DataTime: 14 digits; what some terminals write behind them is cut off."""
    text = message.items.get("DataTime")
    if text is None:
        raise _Refused(Reason.MISSING_FIELD, f"a {message.cn} without DataTime")
    try:
        if not (14 <= len(text) <= 17 and text.isascii() and text.isdecimal()):
            raise ValueError
        us = (datetime.fromisoformat(f"{text[:8]}T{text[8:14]}+08:00") - _EPOCH) // _MICROSECOND
        if us < 0:
            raise ValueError
    except ValueError:
        raise _Refused(Reason.BAD_TIME, f"DataTime={text[:32]!r} is no instant like 20260315115930") from None
    return Instant(us)


def _flag(flagged: Mapping[str, str], edition: int | None) -> Flag | None:
    """The reading's flag, by the letters of those of its fields that have one."""
    letter = next((flagged[meant] for meant in JUDGED if meant in flagged), None)
    return flag_code(letter, edition) if letter else None
