"""One batch, one transaction: store, judge, tell; the caller acknowledges after `process` returns.

deliveries -> sort_out -> late? -> stored, device judged again from a checkpoint
                       -> fresh  -> judged on from its state, stored by COPY
           -> states (versions checked), alerts, outbox, quarantine, NOTIFY -> commit

Between batches, `tick`: the stream clock -> states that are due -> what their silence means -> the same way on.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import numpy as np
import structlog
from psycopg import Connection, errors

from alerts import kitchen_figures, rawlog, writing
from alerts.catalogue import Catalogue
from alerts.episodes import Event, as_of, fold, named_events, reconcile
from analytics.records import NEVER, OK, QUALITIES, TRIP
from devices.channels import Decoders
from devices.reasons import Reason
from devices.types import DeviceKind
from ingest import latest, metrics
from ingest.arrivals import Delivery
from ingest.batch import Answer, Batch, Quarantined, Run, sort_out
from ingest.clock import note_heard, read_clock
from ingest.copies import notice_pieces
from ingest.events import take_events, told_apart
from ingest.fleet import Fleet
from ingest.joining import join_parts
from ingest.judging import JUDGES, Judge, Records, Refusal
from ingest.lanes import Deferred
from ingest.registers import Registers
from ingest.rejudging import CHECKPOINT_EVERY_US, judge_again, save_checkpoints, save_passed
from ingest.states import Known, StaleState, StateCache, nothing_is_due, rows, save, take_due
from ingest.statuses import store_said
from ingest.storage import (
    TABLES,
    Row,
    Table,
    contradictions,
    copy_fresh,
    insert_missing,
    store_means,
    store_quarantined,
)
from ingest.trips import take_back, write_trips
from ingest.wallclock import database_now_us, later_now_us
from runtime.database import AWAY
from runtime.instants import microseconds

log = structlog.get_logger()

SEEN_BEFORE_US = 2 * 24 * 3600 * 1_000_000
"""How far back an event may speak of an alert that has ended: the engine takes back what a load of
at most a day led to."""

MOST_DUE = 2_000
"""States asked in one tick: a whole fleet that falls silent at once is told in a few."""

MAX_ATTEMPTS = 20
"""Of one batch against other collectors: each lost race means that another one's commit went through."""

LOST_RACE = (StaleState, errors.UniqueViolation, errors.SerializationFailure, errors.DeadlockDetected)
"""Another collector judged one of these devices first: what it left is newer than our cache."""

NOTIFY: LiteralString = "SELECT pg_notify('fleetfume_positions', '')"


@dataclass(slots=True)
class _Told:
    """What a transaction leaves to do once it is committed, and what it counted."""

    keep: list[tuple[DeviceKind, list[str], list[Known]]] = field(default_factory=list)
    stored: int = 0
    repeated: int = 0
    contradicting: int = 0
    late: int = 0
    bad: dict[str, int] = field(default_factory=dict)


class Pipeline:
    """Turns deliveries into committed facts. One per collector; not thread-safe."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        decoders: Decoders,
        prefix: str,
        zone: ZoneInfo,
        retention_days: int,
    ) -> None:
        self._catalogue = catalogue
        self._decoders = decoders
        self._prefix = prefix
        self._zone = zone
        self._retention_us = retention_days * 24 * 3600 * 1_000_000
        self._registers: Registers | None = None
        self._caches: dict[str, StateCache] = {kind: StateCache() for kind in JUDGES}

    def process(
        self,
        connection: Connection,
        deliveries: Sequence[Delivery],
        deferred: list[Deferred] | None = None,
    ) -> list[Answer]:
        """Commit everything that follows from `deliveries`, or raise and leave the database as it was.

        Returns what may now be told to devices that wait for it. `deferred`: where to put messages that can wait,
        which then are left alone.

        AWAY: the database takes nothing now; the same deliveries may be processed again.
        What one delivery makes impossible is found by halving, and that delivery quarantined; what takes too
        long is done by halves.
        """
        try:
            return self._commit(connection, deliveries, deferred)
        except Exception as error:
            self._forget()
            too_long = isinstance(error, errors.QueryCanceled) and len(deliveries) > 1
            if isinstance(error, AWAY) and not too_long:
                raise
            if len(deliveries) > 1:
                middle = len(deliveries) // 2
                first = self.process(connection, deliveries[:middle], deferred)
                return first + self.process(connection, deliveries[middle:], deferred)
            log.exception("message cannot be processed", topic=deliveries[0].topic)
            broken = Quarantined(deliveries[0], Reason.INTERNAL, f"{type(error).__name__}: {error}")
            with connection.transaction():
                store_quarantined(connection, [broken])
            metrics.quarantined(broken)
            return []

    def refuse(self, connection: Connection, refused: Sequence[Quarantined]) -> None:
        """Commit messages that are not to be looked into."""
        with connection.transaction():
            store_quarantined(connection, refused)
        for row in refused:
            metrics.quarantined(row)

    def tick(self, connection: Connection, wall_us: int) -> None:
        """Commit what silence means by the stream clock at `wall_us`, or raise and leave the database as it was.

        Where another collector was first with one of the devices nothing is done: the next tick comes soon.
        """
        try:
            with connection.transaction():
                told = self._heard_nothing(connection, wall_us)
        except LOST_RACE as lost:
            metrics.CONFLICTS.inc()
            log.debug("tick left out", why=str(lost).splitlines()[0])
            self._forget()
            return
        except BaseException:
            self._forget()
            raise
        for kind, device_ids, known in told.keep:
            self._caches[kind].keep(device_ids, known)

    def _heard_nothing(self, connection: Connection, wall_us: int) -> _Told:
        told = _Told()
        clock_us = read_clock(connection, wall_us)
        if clock_us == NEVER or not (due := take_due(connection, clock_us, limit=MOST_DUE)):
            return told
        note_heard(connection, clock_us)
        registers = self._current(connection)
        due_of: dict[DeviceKind, list[str]] = {"vehicle": [], "fume": []}
        unheard = []
        for device_id in sorted(due):
            device = registers.newest.registry.devices.get(device_id)
            if device is None or device.status != "active":
                unheard.append(device_id)
            else:
                due_of[device.kind].append(device_id)
        nothing_is_due(connection, unheard)
        for kind, silent in due_of.items():
            self._caches[kind].forget(silent)
            if silent:
                of_kind = _KindOfBatch(connection, registers, kind, self._caches[kind], self._zone, told)
                of_kind.hear_nothing(silent, clock_us)
        return told

    def _current(self, connection: Connection) -> Registers:
        if self._registers is None or not self._registers.newest.is_current(connection):
            self._registers = Registers.load(connection, self._catalogue)
        return self._registers

    def _commit(
        self, connection: Connection, deliveries: Sequence[Delivery], deferred: list[Deferred] | None
    ) -> list[Answer]:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                with connection.transaction():
                    batch, told = self._transaction(connection, deliveries, deferring=deferred is not None)
                break
            except LOST_RACE as lost:
                if attempt == MAX_ATTEMPTS:
                    raise
                metrics.CONFLICTS.inc()
                log.debug("batch judged again", why=str(lost).splitlines()[0])
                self._forget()
        if deferred is not None:
            deferred.extend(batch.deferred)
        for kind, device_ids, known in told.keep:
            self._caches[kind].keep(device_ids, known)
        metrics.count(batch, stored=told.stored, repeated=told.repeated, contradicting=told.contradicting,
                      late=told.late, bad=told.bad)  # fmt: skip
        return list(batch.answers)

    def _forget(self) -> None:
        for kind in self._caches:
            self._caches[kind] = StateCache()

    def _transaction(
        self, connection: Connection, deliveries: Sequence[Delivery], *, deferring: bool
    ) -> tuple[Batch, _Told]:
        registers = self._current(connection)
        fleet = registers.newest
        received = deliveries
        deliveries, events = told_apart(received, self._prefix)
        batch = join_parts(
            connection,
            self._sort_out(connection, fleet, deliveries, deferring=deferring),
            fleet.registry.devices,
            lambda whole: self._sort_out(connection, fleet, [*deliveries, *whole], deferring=deferring),
        )
        store_quarantined(connection, batch.quarantined)
        told = self._store(connection, registers, batch)
        waits = {id(one.delivery) for one in batch.deferred}
        rawlog.keep(
            connection,
            [rawlog.Message(d.topic, d.received_us, d.payload) for d in received if id(d) not in waits],
        )
        refused = take_events(connection, events, self._prefix)
        store_quarantined(connection, refused)
        batch.quarantined += refused
        return batch, told

    def _store(self, connection: Connection, registers: Registers, batch: Batch) -> _Told:
        told = _Told()
        for kind, runs in batch.runs.items():
            if runs:
                _KindOfBatch(connection, registers, kind, self._caches[kind], self._zone, told).process(runs)
        store_means(connection, batch.means)
        store_said(connection, batch.said)
        if told.stored:
            connection.execute(NOTIFY)
        return told

    def read_again(self, connection: Connection, deliveries: Sequence[Delivery]) -> tuple[Batch, int, int]:
        """Store and judge what can be read by now of `deliveries`, which were quarantined, in the caller's transaction.

        Returns the batch, whose `quarantined` is left to the caller, and how many readings were stored and how many
        were there already. Raises what a single delivery can make happen; then nothing was done.
        """
        for attempt in range(1, MAX_ATTEMPTS + 1):
            self._forget()
            try:
                with connection.transaction():
                    registers = self._current(connection)
                    readings, events = told_apart(deliveries, self._prefix)
                    # A time that was ahead when it came may have come.
                    now_us = database_now_us(connection)
                    batch = self._sort_out(connection, registers.newest, readings, now_us=now_us)
                    for kind, runs in batch.runs.items():
                        for run in runs:
                            run.refused.clear()  # its times were refused once, when it came
                        batch.runs[kind] = [run for run in runs if run.times]
                    told = self._store(connection, registers, batch)
                    batch.quarantined += take_events(connection, events, self._prefix, now_us)
                self._forget()
                return batch, told.stored, batch.repeated + batch.contradicting + told.repeated
            except LOST_RACE:
                if attempt == MAX_ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _sort_out(
        self,
        connection: Connection,
        fleet: Fleet,
        deliveries: Sequence[Delivery],
        *,
        now_us: int = 0,
        deferring: bool = False,
    ) -> Batch:
        batch = sort_out(
            deliveries,
            fleet.registry.devices,
            decoders=self._decoders,
            prefix=self._prefix,
            retention_us=self._retention_us,
            now_us=now_us,
            deferring=deferring,
        )
        if not now_us and any(row.reason is Reason.FUTURE_TIME for row in batch.quarantined):
            later_us = later_now_us(connection)
            if later_us:
                return self._sort_out(connection, fleet, deliveries, now_us=later_us, deferring=deferring)
        return batch


class _KindOfBatch:
    """One kind's readings within the transaction."""

    def __init__(
        self,
        connection: Connection,
        registers: Registers,
        kind: DeviceKind,
        cache: StateCache,
        zone: ZoneInfo,
        told: _Told,
    ) -> None:
        self._connection = connection
        self._registers = registers
        self._fleet = registers.newest
        self._kind: DeviceKind = kind
        self._judge: Judge = JUDGES[kind]
        self._table: Table = TABLES[kind]
        self._cache = cache
        self._zone = zone
        self._told = told
        self._desk = registers.desk()

    def process(self, runs: list[Run]) -> None:
        if self._kind == "fume":
            readings = [(run.device_id, ts_us) for run in runs for ts_us in run.times]
            kitchen_figures.touch(self._connection, readings, self._zone)
        known = self._cache.fetch(self._connection, self._judge, [run.device_id for run in runs])
        again = self._store_late(runs, known)
        device_ids: list[str] = []
        before: list[Known] = []
        fresh: list[Run] = []
        for run, one in zip(runs, known, strict=True):
            if run.device_id not in again and (run.times or run.refused):
                device_ids.append(run.device_id)
                before.append(one)
                fresh.append(run)
        by_id = {run.device_id: one for run, one in zip(runs, known, strict=True)}
        copies: dict[str, int] = {}
        for device_id, first_late_us in again.items():
            _earliest(copies, self._judge_again(device_id, by_id[device_id], first_late_us))
        if fresh:
            _earliest(copies, self._judge_on(device_ids, fresh, before))
        self._follow(copies)

    def _store_late(self, runs: list[Run], known: list[Known]) -> dict[str, int]:
        """Store what may not be newest, leaving the rest in `runs`.

        Returns the devices to judge again, each with the time of its first reading that came late.
        """
        last = rows(self._judge, known)["last_ts"].tolist()
        suspects: list[Row] = []
        again: dict[str, int] = {}
        for run, one, last_us in zip(runs, known, last, strict=True):
            if one.rebuild:
                again[run.device_id] = NEVER
            if one.rebuild or (run.times and run.times[0] <= last_us):
                suspects += [
                    Row(run.device_id, t, reading, QUALITIES[OK], received)
                    for t, reading, received in zip(run.times, run.readings, run.received, strict=True)
                    if t <= last_us or one.rebuild
                ]
        if not suspects:
            return again
        inserted = insert_missing(self._connection, self._table, suspects)
        self._told.stored += len(inserted)
        self._told.repeated += len(suspects) - len(inserted)
        if len(inserted) < len(suspects):
            self._told.contradicting += contradictions(self._connection, self._table, inserted, suspects)
        for device_id, ts_us in inserted:
            again[device_id] = min(again.get(device_id, ts_us), ts_us)
        self._told.late += len(inserted)
        for run, one, last_us in zip(runs, known, last, strict=True):
            if one.rebuild:
                run.times, run.readings, run.received = [], [], []
            elif run.times and run.times[0] <= last_us:
                keep = [i for i, t in enumerate(run.times) if t > last_us]
                run.times = [run.times[i] for i in keep]
                run.readings = [run.readings[i] for i in keep]
                run.received = [run.received[i] for i in keep]
        rest = [
            Row(run.device_id, t, reading, QUALITIES[OK], received)
            for run in runs
            if run.device_id in again
            for t, reading, received in zip(run.times, run.readings, run.received, strict=True)
        ]
        copy_fresh(self._connection, self._table, rest)
        self._told.stored += len(rest)
        return again

    def _known_now(self, device_id: str) -> Known:
        """The device's state as this transaction has left it."""
        for _, device_ids, known in reversed(self._told.keep):
            if device_id in device_ids:
                return known[device_ids.index(device_id)]
        return self._cache.fetch(self._connection, self._judge, [device_id])[0]

    def _judge_on(self, device_ids: list[str], runs: list[Run], before: list[Known]) -> dict[str, int]:
        """Judge readings that are newer than their devices' states, and store them with what came out.

        Returns the devices to judge again, as copies of these readings.
        """
        slots = [slot for slot, run in enumerate(runs) for _ in run.times]
        readings = [reading for run in runs for reading in run.readings]
        records = self._judge.records(slots, readings, self._zone)
        states = rows(self._judge, before)
        last_before = states["last_ts"].copy()
        copies = notice_pieces(self._connection, self._fleet, device_ids, states, records)
        refused = [Refusal(slot, at) for slot, run in enumerate(runs) for at in run.refused]
        after, quality, events = self._registers.judge(
            self._connection, self._judge, device_ids, states, records, refused
        )
        names = [QUALITIES[q] for q in quality.tolist()]
        name_of = iter(names)
        stored = [
            Row(run.device_id, t, reading, next(name_of), received)
            for run in runs
            for t, reading, received in zip(run.times, run.readings, run.received, strict=True)
        ]
        copy_fresh(self._connection, self._table, stored)
        self._told.stored += len(stored)
        for name, number in Counter(names).items():
            if name != QUALITIES[OK]:
                self._told.bad[name] = self._told.bad.get(name, 0) + number
        self._keep(device_ids, before, after)
        self._tell(device_ids, events)
        self._checkpoint(device_ids, last_before, after)
        heard = [slot for slot, run in enumerate(runs) if run.times]
        newest = np.cumsum([len(runs[slot].times) for slot in heard]) - 1
        if heard:
            latest.store(
                self._connection,
                self._kind,
                self._fleet,
                [
                    latest.Newest(
                        stored[i].device_id, stored[i].reading, stored[i].quality, stored[i].received_us
                    )
                    for i in newest
                ],
                after[heard],
            )
        return copies

    def hear_nothing(self, device_ids: list[str], clock_us: int) -> None:
        """Tell what it means that nothing has come of these devices until `clock_us`."""
        known = self._cache.fetch(self._connection, self._judge, device_ids)
        copies: dict[str, int] = {}
        for device_id, one in zip(device_ids, known, strict=True):
            if one.rebuild:
                _earliest(copies, self._judge_again(device_id, one, NEVER))
        current = [i for i, one in enumerate(known) if not one.rebuild]
        silent, before = [device_ids[i] for i in current], [known[i] for i in current]
        after, events = self._judge.silent(
            self._fleet, silent, rows(self._judge, before), clock_us, self._zone
        )
        self._keep(silent, before, after)
        self._tell(silent, events)
        self._follow(copies)

    def _follow(self, copies: dict[str, int]) -> None:
        """Judge again what is a copy of something that changed, and what is a copy of that."""
        while copies:
            device_id, first_us = copies.popitem()
            _earliest(copies, self._judge_again(device_id, self._known_now(device_id), first_us))

    def _keep(self, device_ids: list[str], before: list[Known], after: Records) -> None:
        due = self._judge.due(self._fleet, device_ids, after, self._zone)
        saved = save(self._connection, self._judge, device_ids, before, after, due)
        self._told.keep.append((self._kind, device_ids, saved))

    def _tell(self, device_ids: list[str], events: Records) -> None:
        """Fold a batch's events onto the alerts that are there, and write the trips they tell of."""
        events, hauls = events[events["kind"] != TRIP], events[events["kind"] == TRIP]
        for slot in np.unique(hauls["slot"]).tolist():
            subject = self._fleet.subject(device_ids[slot])
            write_trips(self._connection, self._fleet, subject, hauls[hauls["slot"] == slot])
        if not len(events):
            return
        by_device: dict[str, list[Event]] = {}
        for slot in np.unique(events["slot"]).tolist():
            by_device[device_ids[slot]] = self._named(events[events["slot"] == slot])
        since = min(event.at for told in by_device.values() for event in told) - SEEN_BEFORE_US
        alerts = writing.load_episodes(self._connection, list(by_device), since_us=since)
        for device_id, told in by_device.items():
            stored = alerts.get(device_id, {})
            difference = reconcile(stored, fold(stored.values(), told))
            writing.write_difference(self._connection, self._fleet.subject(device_id), difference, self._desk)

    def _named(self, events: Records) -> list[Event]:
        return named_events(
            events,
            site_ids=self._fleet.compiled.site_ids,
            permit_ids=self._fleet.compiled.permit_ids,
            road_ids=self._fleet.compiled.road_ids,
        )

    def _checkpoint(self, device_ids: list[str], last_before: Any, after: Records) -> None:
        """Remember a state to judge again from, once per device and hour of event time."""
        crossed = np.flatnonzero(
            after["last_ts"] // CHECKPOINT_EVERY_US > last_before // CHECKPOINT_EVERY_US
        ).tolist()
        if not crossed:
            return
        ids = [device_ids[i] for i in crossed]
        oldest = int(after["last_ts"][crossed].min())
        ongoing = writing.load_episodes(self._connection, ids, since_us=oldest - SEEN_BEFORE_US)
        save_checkpoints(
            self._connection,
            self._judge,
            [
                (
                    device_ids[i],
                    int(after["last_ts"][i]),
                    after[i : i + 1].tobytes(),
                    [episode for episode in ongoing.get(device_ids[i], {}).values() if episode.ongoing],
                )
                for i in crossed
            ],
        )

    def _judge_again(self, device_id: str, known: Known, first_late_us: int) -> dict[str, int]:
        judged = judge_again(
            self._connection, self._registers, self._judge, self._table, self._zone, device_id, first_late_us
        )
        self._keep([device_id], [known], judged.states)
        since = judged.checkpoint_us - SEEN_BEFORE_US if judged.checkpoint_us != NEVER else NEVER
        stored = writing.load_episodes(self._connection, [device_id], since_us=since).get(device_id, {})
        base = as_of(judged.checkpoint_us, stored.values(), judged.ongoing)
        save_passed(self._connection, self._judge, device_id, judged, base, self._named)
        hauls = judged.events["kind"] == TRIP
        difference = reconcile(stored, fold(base, self._named(judged.events[~hauls])))
        subject = self._fleet.subject(device_id)
        if self._kind == "vehicle":
            take_back(self._connection, device_id, judged.checkpoint_us)
            write_trips(self._connection, self._fleet, subject, judged.events[hauls])
        writing.write_difference(self._connection, subject, difference, self._desk, why=writing.LATE)
        newest = judged.newest
        if newest is None:
            return judged.copies
        latest.store(
            self._connection,
            self._kind,
            self._fleet,
            [latest.Newest(device_id, newest, judged.newest_quality, microseconds(newest.received_at))],
            judged.states,
        )
        return judged.copies


def _earliest(times: dict[str, int], more: dict[str, int]) -> None:
    for device_id, first_us in more.items():
        times[device_id] = min(first_us, times.get(device_id, first_us))
