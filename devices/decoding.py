"""What every channel's decoder gives: readings, problems, counts, words; or nothing that can be read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Annotated, Final, Generic, Literal, TypeVar

from msgspec import Meta, Struct, field

from devices.reasons import Reason
from runtime.errors import FleetfumeError

MAX_PAYLOAD_BYTES: Final = 256 * 1024
PRINTABLE: Final = r"^[^\x00-\x1f]*$"
"""A column of text cannot hold NUL, and a list of versions no line breaks."""

Reading_co = TypeVar("Reading_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in a payload that cannot be read: a reading of a batch, a frame, a point of a frame."""

    index: int
    """Its place among the payload's readings and problems, from 0."""
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FumeMean:
    """A mean that a monitor made itself. It speaks of no instant, so it is no reading."""

    period: Literal["minute", "hour", "day"]
    """`minute`: as many of them as the monitor is set to, 10 as a rule."""
    begins_us: int
    """Microseconds since 1970, UTC."""
    fume_mg_m3: float | None = None
    fume_min_mg_m3: float | None = None
    fume_max_mg_m3: float | None = None
    pm_mg_m3: float | None = None
    nmhc_mg_m3: float | None = None
    flag: str | None = None
    """As of a FumeReading."""


class Instant(int):
    """Microseconds since 1970, UTC. On the wire: RFC 3339 with any offset, or a number of seconds."""


class Status(Struct, frozen=True, kw_only=True):
    """What a terminal says of itself, or the broker by its will: contract, section 2."""

    online: bool
    fw: Annotated[str, Meta(min_length=1, max_length=64, pattern=PRINTABLE)] | None = None
    """The firmware's version. A will has none."""
    ts_us: Instant | None = field(name="ts", default=None)


class Ack(Struct, frozen=True, kw_only=True):
    """What a terminal says to a command."""

    id: (
        Annotated[str, Meta(min_length=1, max_length=64, pattern=PRINTABLE)]
        | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    )
    ok: bool


NONE: Final[Mapping[str, int]] = MappingProxyType({})


class Decoded(Struct, Generic[Reading_co], frozen=True, gc=False):
    readings: list[Reading_co]
    """In the order sent, same instants included."""
    problems: list[Problem]
    unknown_fields: int
    """How many fields without a meaning the readable readings (and a batch's envelope) had."""
    messages: Mapping[str, int] = NONE
    """Of a channel that carries messages of several types: how many came of each, those that are only counted too."""
    defects: Mapping[str, int] = NONE
    """What was wrong with it and read all the same: how often."""
    means: Sequence[FumeMean] = ()
    answers: Sequence[bytes] = ()
    """What to send down on `cmd` once all that is in it is committed."""
    said: Status | Ack | None = None
    """Of the channels `status` and `ack`, which carry no readings."""

    def placed(self) -> Iterator[tuple[int, Reading_co]]:
        """Each reading with its place, counted as in `Problem.index`."""
        if not self.problems:
            return enumerate(self.readings)
        taken = {problem.index for problem in self.problems}
        return zip((place for place in count() if place not in taken), self.readings, strict=False)


class MalformedPayload(FleetfumeError):
    """Nothing of a payload can be read."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


def refuse_too_large(payload: bytes) -> None:
    """Raises MalformedPayload for more than a message may have."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MalformedPayload(Reason.TOO_LARGE, f"{len(payload)} bytes; at most {MAX_PAYLOAD_BYTES}")
