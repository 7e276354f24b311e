"""History judged again: recorded readings in order of time, through the same engine, into the episodes it would tell.

Readings come as frames (columns of `devices.recordings.SCHEMAS`), all devices mixed, each device's in order of time.
A device's state and episodes are kept between frames, so memory does not grow with the length of history. Devices
are dealt to workers by their slot; the engine leaves the interpreter free while it judges.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alerts.episodes import Episode, Event, Key, fold
from analytics.localtime import local_times
from analytics.records import NO, TRIP, UNKNOWN, YES
from ingest.judging import Judge, Records, Refusal
from runtime.errors import UserError

JudgeBy = Callable[
    [Sequence[str], Records, Records, Sequence[Refusal]], tuple[Records, NDArray[np.int8], Records]
]
"""(device ids by slot, states, records, refusals) -> (states, qualities, events)."""
SilentBy = Callable[[Sequence[str], Records], tuple[Records, Records]]
"""(device ids by slot, states) -> (states, events)."""
Name = Callable[[Records], list[Event]]
Hauls = Callable[[str, Records], None]
"""Gets a device's rows that tell of trips, in their order."""

_COVER = {"open": YES, "closed": NO}


def columns_of(judge: Judge) -> set[str]:
    """Of a recording, what `records_of` looks at."""
    return {"ts", "device_id", "flag", *(judge.record_type.names or ())}


def records_of(frame: pl.DataFrame, dtype: np.dtype[Any], zone: ZoneInfo) -> Records:
    """Engine input (slots not set) from a recording's columns; one that the recording lacks is unknown."""
    records = np.zeros(len(frame), dtype)
    records["ts"] = frame["ts"].to_physical().to_numpy()
    records["local"] = local_times(records["ts"], zone)
    for name in dtype.names or ():
        if name in {"slot", "ts", "local", "seen"}:
            continue
        if name == "marked":
            records[name] = frame["flag"].is_not_null().to_numpy() if "flag" in frame.columns else NO
        elif name not in frame.columns:
            records[name] = UNKNOWN if dtype[name] == np.int8 else np.nan
        elif name == "cover":
            switch = frame[name].replace_strict(_COVER, default=UNKNOWN, return_dtype=pl.Int8)
            records[name] = switch.fill_null(UNKNOWN).to_numpy()
        elif dtype[name] == np.int8:
            records[name] = frame[name].cast(pl.Int8).fill_null(UNKNOWN).to_numpy()
        else:
            records[name] = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return records


class Retelling:
    """States and episodes of every device heard of so far."""

    def __init__(
        self, judge: Judge, judge_by: JudgeBy, name: Name, zone: ZoneInfo, *, workers: int,
        hauls: Hauls = lambda _device_id, _events: None,
    ) -> None:  # fmt: skip
        self._judge = judge
        self._judge_by = judge_by
        self._name = name
        self._zone = zone
        self._slots: dict[str, int] = {}
        self._shards = [_Shard(judge, hauls) for _ in range(workers)]
        self._threads = ThreadPoolExecutor(workers)
        self._jobs: list[Future[None]] = []
        self.readings = 0

    def fold(self, frame: pl.DataFrame, refused: Sequence[tuple[str, int]] = ()) -> None:
        """Judge the next readings. `refused`: devices whose readings were refused for their time, and when (µs)."""
        for device_id, _ in refused:
            self._slots.setdefault(device_id, len(self._slots))
        records = records_of(frame, self._judge.record_type, self._zone)
        slots = self._slots_of(frame["device_id"])
        workers = len(self._shards)
        ids = [list(self._slots)[number::workers] for number in range(workers)]
        # By worker and slot, so that each worker has a slice.
        owner, records["slot"] = slots % workers, slots // workers
        rank = owner * len(ids[0]) + records["slot"]
        # 16 bits are sorted by radix; `take` copies whole records, which an index does not.
        order = np.argsort(
            rank.astype(np.uint16) if len(self._slots) < 2**16 - workers else rank, kind="stable"
        )
        records = records.take(order)
        ends = np.cumsum(np.bincount(owner, minlength=workers)).tolist()
        self._finish()
        for number, shard in enumerate(self._shards):
            own = records[ends[number - 1] if number else 0 : ends[number]]
            theirs = [
                Refusal(slot // workers, at)
                for device_id, at in refused
                if (slot := self._slots[device_id]) % workers == number
            ]
            self._jobs.append(
                self._threads.submit(shard.fold, ids[number], own, theirs, self._judge_by, self._name)
            )
        self.readings += len(frame)

    def _finish(self) -> None:
        """Wait for what is being judged. While it is, the next readings are made ready."""
        while self._jobs:
            self._jobs.pop().result()

    def hear_nothing(self, silent_by: SilentBy) -> None:
        """What it means that nothing comes any more."""
        self._finish()
        for number, shard in enumerate(self._shards):
            shard.hear_nothing(list(self._slots)[number :: len(self._shards)], silent_by, self._name)

    def episodes(self) -> dict[str, dict[Key, Episode]]:
        """What was told of each device, and of every device that was heard of."""
        self._finish()
        told: dict[str, dict[Key, Episode]] = {device_id: {} for device_id in self._slots}
        for shard in self._shards:
            told.update(shard.told)
        return told

    def close(self) -> None:
        self._threads.shutdown()

    def _slots_of(self, device_ids: pl.Series) -> NDArray[np.int32]:
        for device_id in device_ids.unique(maintain_order=True):
            self._slots.setdefault(device_id, len(self._slots))
        return device_ids.replace_strict(self._slots, return_dtype=pl.Int32).to_numpy()


class _Shard:
    """One worker's devices."""

    def __init__(self, judge: Judge, hauls: Hauls) -> None:
        self._judge = judge
        self._hauls = hauls
        self._states = judge.new_states(0)
        self.told: dict[str, dict[Key, Episode]] = {}

    def fold(
        self,
        device_ids: Sequence[str],
        records: Records,
        refused: Sequence[Refusal],
        judge_by: JudgeBy,
        name: Name,
    ) -> None:
        more = len(device_ids) - len(self._states)
        if more:
            self._states = np.concatenate([self._states, self._judge.new_states(more)])
        if (records["ts"] < self._states["last_ts"][records["slot"]]).any():
            raise UserError(
                "the readings are not in order of time: name the files in order, without overlaps"
            )
        self._states, _, events = judge_by(device_ids, self._states, records, refused)
        self._tell(device_ids, events, name)

    def hear_nothing(self, device_ids: Sequence[str], silent_by: SilentBy, name: Name) -> None:
        self._states, events = silent_by(device_ids, self._states)
        self._tell(device_ids, events, name)

    def _tell(self, device_ids: Sequence[str], events: Records, name: Name) -> None:
        for slot in np.unique(events["slot"]).tolist():
            device_id = device_ids[slot]
            own = events[events["slot"] == slot]
            hauls = own["kind"] == TRIP
            if hauls.any():
                self._hauls(device_id, own[hauls])
            known = self.told.get(device_id, {})
            self.told[device_id] = fold(known.values(), name(own[~hauls]))
