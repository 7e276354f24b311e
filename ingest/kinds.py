"""What becomes of one kind's readings within a transaction.

rows -> late?  -> stored where they are missing; their devices judged again from a checkpoint
     -> fresh  -> judged on from their devices' states, stored by COPY
     -> states (versions checked), checkpoints, newest readings, alerts and trips
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from alerts.kitchens import figures
from analytics.records import NEVER, OK, QUALITIES
from devices.types import DeviceKind
from ingest import latest
from ingest.batch import Run
from ingest.checkpoints import checkpoint_hours
from ingest.copies import notice_pieces
from ingest.judging import JUDGES, Records, Refusal
from ingest.registers import Registers
from ingest.rejudging import judge_again
from ingest.rows import Rows
from ingest.states import Known, StateCache, rows, save
from ingest.storage import contradictions, copy_fresh, insert_missing
from ingest.tables import TABLES
from ingest.telling import tell, tell_again
from runtime.instants import microseconds


@dataclass(slots=True)
class Told:
    """What a transaction leaves to do once it is committed, and what it counted."""

    keep: list[tuple[DeviceKind, Sequence[str], list[Known]]] = field(default_factory=list)
    stored: int = 0
    repeated: int = 0
    contradicting: int = 0
    late: int = 0
    bad: Counter[str] = field(default_factory=Counter)


class KindOfBatch:
    """One kind's readings, or its silence, within the caller's transaction."""

    def __init__(
        self,
        connection: Connection,
        registers: Registers,
        kind: DeviceKind,
        cache: StateCache,
        zone: ZoneInfo,
        told: Told,
    ) -> None:
        self._connection = connection
        self._registers = registers
        self._fleet = registers.newest
        self._kind: DeviceKind = kind
        self._judge = JUDGES[kind]
        self._cache = cache
        self._zone = zone
        self._told = told

    def process(self, runs: Sequence[Run], readings: Rows, computed: Callable[[], None]) -> None:
        """`readings`: those of `runs`, each the slot of its place. Calls `computed` when the database gets to work."""
        if self._kind == "fume":
            figures.touch(self._connection, readings.keys(), self._zone)
        device_ids = readings.device_ids
        known = self._cache.fetch(self._connection, self._judge, device_ids)
        late = self._late(known, readings)
        again = self._store_late(known, readings.only(late))
        if again:
            computed()
        to_judge_again = np.array([device_id in again for device_id in device_ids], np.bool_)
        self._copy(readings.only(~late & to_judge_again[readings.slots]))
        copies: dict[str, int] = {}
        known_of = dict(zip(device_ids, known, strict=True))
        for device_id, first_late_us in again.items():
            _earliest(copies, self._judge_again(device_id, known_of[device_id], first_late_us))
        heard = np.bincount(readings.slots[~late], minlength=len(runs)) > 0
        fresh = [
            slot for slot, run in enumerate(runs) if (heard[slot] or run.refused) and not to_judge_again[slot]
        ]
        if fresh:
            refused = [Refusal(n, at) for n, slot in enumerate(fresh) for at in runs[slot].refused]
            newer = readings.only(~late).of_slots(fresh)
            _earliest(copies, self._judge_on(newer, [known[slot] for slot in fresh], refused, computed))
        self._follow(copies)

    def hear_nothing(self, device_ids: list[str], clock_us: int) -> None:
        """Tell what it means that nothing has come of these devices until `clock_us`."""
        known = self._cache.fetch(self._connection, self._judge, device_ids)
        copies: dict[str, int] = {}
        for device_id, one in zip(device_ids, known, strict=True):
            if one.rebuild:
                _earliest(copies, self._judge_again(device_id, one, NEVER))
        current = [i for i, one in enumerate(known) if not one.rebuild]
        silent, before = [device_ids[i] for i in current], [known[i] for i in current]
        after, events = self._judge.silent(self._fleet, silent, rows(self._judge, before), clock_us)
        self._keep(silent, before, after)
        tell(self._connection, self._registers, silent, events)
        self._follow(copies)

    def _late(self, known: Sequence[Known], readings: Rows) -> NDArray[np.bool_]:
        """Which may not be newest: all of a device whose state is of another layout."""
        outdated = np.array([one.rebuild for one in known], np.bool_)
        last_us = rows(self._judge, known)["last_ts"]
        return np.asarray(outdated[readings.slots] | (readings.ts_us <= last_us[readings.slots]))

    def _store_late(self, known: Sequence[Known], readings: Rows) -> dict[str, int]:
        """Store those that are missing.

        Returns the devices to judge again, each with the time of its first reading that came late.
        """
        again = {
            device_id: NEVER for device_id, one in zip(readings.device_ids, known, strict=True) if one.rebuild
        }
        inserted = insert_missing(self._connection, readings)
        self._told.stored += len(inserted)
        self._told.late += len(inserted)
        self._told.repeated += len(readings) - len(inserted)
        if len(inserted) < len(readings):
            self._told.contradicting += contradictions(self._connection, inserted, readings)
        for device_id, ts_us in inserted:
            again[device_id] = min(again.get(device_id, ts_us), ts_us)
        return again

    def _judge_on(
        self,
        readings: Rows,
        before: list[Known],
        refused: Sequence[Refusal],
        computed: Callable[[], None],
    ) -> dict[str, int]:
        """Judge readings that are newer than their devices' states, and store them with what came out.

        Returns the devices to judge again, as copies of these readings.
        """
        device_ids = readings.device_ids
        records = self._judge.records(readings, self._zone)
        states = rows(self._judge, before)
        last_before_us = states["last_ts"].copy()
        copies = notice_pieces(self._connection, self._fleet, device_ids, states, records)
        after, readings.quality, events = self._registers.judge(
            self._connection, self._judge, device_ids, states, records, refused
        )
        computed()
        self._copy(readings)
        for code, number in enumerate(np.bincount(readings.quality, minlength=len(QUALITIES)).tolist()):
            if code != OK and number:
                self._told.bad[QUALITIES[code]] += number
        self._keep(device_ids, before, after)
        tell(self._connection, self._registers, device_ids, events)
        checkpoint_hours(self._connection, self._judge, device_ids, last_before_us, after)
        newest = readings.newest()
        if len(newest):
            latest.store(self._connection, self._kind, self._fleet, *latest.of_rows(readings, newest, after))
        return copies

    def _copy(self, readings: Rows) -> None:
        copy_fresh(self._connection, readings)
        self._told.stored += len(readings)

    def _judge_again(self, device_id: str, known: Known, first_late_us: int) -> dict[str, int]:
        judged = judge_again(
            self._connection, self._registers, self._judge, TABLES[self._kind], self._zone, device_id, first_late_us
        )  # fmt: skip
        self._keep([device_id], [known], judged.states)
        tell_again(self._connection, self._registers, self._kind, device_id, judged)
        newest = judged.newest
        if newest is not None:
            one = latest.Newest(device_id, newest, judged.newest_quality, microseconds(newest.received_at))
            latest.store(self._connection, self._kind, self._fleet, [one], judged.states)
        return judged.copies

    def _follow(self, copies: dict[str, int]) -> None:
        """Judge again what is a copy of something that changed, and what is a copy of that."""
        while copies:
            device_id, first_us = copies.popitem()
            _earliest(copies, self._judge_again(device_id, self._known_now(device_id), first_us))

    def _known_now(self, device_id: str) -> Known:
        """The device's state as this transaction has left it."""
        for _, device_ids, known in reversed(self._told.keep):
            if device_id in device_ids:
                return known[device_ids.index(device_id)]
        return self._cache.fetch(self._connection, self._judge, [device_id])[0]

    def _keep(self, device_ids: Sequence[str], before: list[Known], after: Records) -> None:
        due = self._judge.due(self._fleet, device_ids, after)
        saved = save(self._connection, self._judge, device_ids, before, after, due)
        self._told.keep.append((self._kind, device_ids, saved))


def _earliest(times: dict[str, int], more: dict[str, int]) -> None:
    for device_id, first_us in more.items():
        times[device_id] = min(first_us, times.get(device_id, first_us))
