"""What really happened: behaviours as the contract defines them (section 4, "Ground truth")."""

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

import msgspec

from runtime.errors import UserError


@dataclass(frozen=True, slots=True)
class Truth:
    kind: str
    device_id: str
    started_s: float
    """Seconds since 1970; with `ended_s` and `decided_s`."""
    ended_s: float
    lat: float
    lon: float
    note: str
    decided_s: float
    """When the definition was first fulfilled: before that nobody could know."""
    visible: bool = True
    """Whether what arrived of it still fulfils the definition (`simulators.arriving`)."""


class TruthLine(msgspec.Struct, forbid_unknown_fields=True):
    """One line of a ground-truth file."""

    kind: str
    device_id: str
    started_at: datetime
    ended_at: datetime
    lat: float | None
    lon: float | None
    note: str = ""
    visible: bool | msgspec.UnsetType = msgspec.UNSET
    """False: what arrived of it does not fulfil the definition. Left out where it does, and where nobody asked."""


_LINE = msgspec.json.Decoder(TruthLine)


def read_truths(lines: IO[bytes]) -> list[TruthLine]:
    """Raises UserError naming the first line that is no truth."""
    truths = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            truth = _LINE.decode(line)
        except msgspec.DecodeError as error:
            raise UserError(f"line {number} is no ground truth: {error}") from error
        if truth.started_at.tzinfo is None or truth.ended_at.tzinfo is None:
            raise UserError(f"line {number}: its times have no zone; write them like 2026-11-23T00:00:10Z")
        truths.append(truth)
    return truths


class TruthWriter:
    """Holds behaviours until they are over, then writes and flushes each, in the order of their ends."""

    def __init__(self, out: IO[bytes] | None) -> None:
        self._out = out
        self._open: list[tuple[float, int, Truth]] = []
        self._count = 0

    def add(self, truth: Truth) -> None:
        self._count += 1
        heapq.heappush(self._open, (max(truth.ended_s, truth.decided_s), self._count, truth))

    def write_until(self, now_s: float) -> None:
        """Write every behaviour that was over at `now_s`."""
        while self._open and self._open[0][0] <= now_s:
            self._write(heapq.heappop(self._open)[2])

    def close(self, end_s: float) -> None:
        """Write what the end of the simulation cut short. What had not yet become a behaviour never did."""
        self.write_until(end_s)
        for _, _, truth in sorted(self._open):
            if truth.decided_s <= end_s:
                self._write(truth, end_s)
        self._open.clear()

    def _write(self, truth: Truth, end_s: float = float("inf")) -> None:
        if self._out is None:
            return
        self._out.write(msgspec.json.encode(line_of(truth, end_s)) + b"\n")
        self._out.flush()


def line_of(truth: Truth, end_s: float = float("inf")) -> TruthLine:
    """As it is written, cut short at `end_s`."""
    return TruthLine(
        kind=truth.kind,
        device_id=truth.device_id,
        started_at=_instant(truth.started_s),
        ended_at=_instant(min(truth.ended_s, end_s)),
        lat=round(truth.lat, 6),
        lon=round(truth.lon, 6),
        note=truth.note,
        visible=msgspec.UNSET if truth.visible else False,
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(seconds, 3), UTC)
