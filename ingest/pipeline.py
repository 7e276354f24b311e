"""One batch, one transaction: store, judge, tell; the caller acknowledges after `process` returns.

deliveries -> sorted out (`Pipeline.read`, which may be done beforehand)
           -> by kind: stored, judged, states and alerts (`ingest.kinds`)
           -> means, statuses, events of cameras, quarantine, the raw log, NOTIFY -> commit

Between batches, `tick`: the stream clock -> states that are due -> what their silence means -> the same way on.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import LiteralString, NamedTuple
from zoneinfo import ZoneInfo

import structlog
from psycopg import Connection, errors

from alerts.casefile import rawlog
from alerts.catalogue import Catalogue
from analytics.records import NEVER
from devices.channels import Decoders
from devices.reasons import Reason
from devices.types import DeviceKind
from ingest import metrics
from ingest.batch import Answer, Batch, Quarantined, sort_out
from ingest.broker.arrivals import Delivery
from ingest.clock import Settled, note_heard, read_clock
from ingest.events import take_events, told_apart
from ingest.fleet import Fleet
from ingest.joining import join_parts
from ingest.judging import JUDGES
from ingest.kinds import KindOfBatch, Told
from ingest.lanes import Deferred
from ingest.registers import Registers
from ingest.rows import Rows, rows_of
from ingest.states import StaleState, StateCache, nothing_is_due, take_due
from ingest.statuses import store_said
from ingest.storage import store_means, store_quarantined
from ingest.tables import TABLES
from ingest.wallclock import database_now_us, later_now_us
from runtime.database import AWAY

log = structlog.get_logger()

MOST_DUE = 2_000
"""States asked in one tick: a whole fleet that falls silent at once is told in a few."""

MAX_ATTEMPTS = 20
"""Of one batch against other collectors: each lost race means that another one's commit went through."""

LOST_RACE = (StaleState, errors.UniqueViolation, errors.SerializationFailure, errors.DeadlockDetected)
"""Another collector judged one of these devices first: what it left is newer than our cache."""

NOTIFY: LiteralString = "SELECT pg_notify('fleetfume_positions', '')"


class Read(NamedTuple):
    """Deliveries, sorted out by the register of `fleet`; what is left to do needs the database."""

    fleet: Fleet
    deliveries: Sequence[Delivery]
    """Those of the batch: without what can wait."""
    batch: Batch
    rows: dict[DeviceKind, Rows]
    """Of the batch's runs."""
    events: list[Delivery]
    raw: rawlog.Packed | None


class Pipeline:
    """Turns deliveries into committed facts. One per collector; one thread commits, another may `read` meanwhile."""

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        decoders: Decoders,
        prefix: str,
        zone: ZoneInfo,
        retention_days: int,
        settle_us: int = 0,
    ) -> None:
        """`settle_us`: so long a replay's clock is waited for (`ingest.clock.Settled`)."""
        self._settled = Settled(settle_us)
        self._catalogue = catalogue
        self._decoders = decoders
        self._prefix = prefix
        self._zone = zone
        self._retention_us = retention_days * 24 * 3600 * 1_000_000
        self._registers: Registers | None = None
        self._caches = {kind: StateCache() for kind in JUDGES}
        self._computing = threading.Lock()
        """Held by the thread that commits until the database has something to do: Python computes in one thread at a
        time, and while both wanted to, a fifth of a batch's time went into waiting for the other."""

    def prepare(self, connection: Connection) -> None:
        """Load the register, so that something can be `read`."""
        with self._transaction(connection):
            self._current(connection)

    def read(
        self, deliveries: Sequence[Delivery], *, deferring: bool = False
    ) -> tuple[Read | None, list[Deferred]]:
        """All that needs no database; `deferring`: of those that cannot wait. The others come back beside it.

        None: there is no register yet, or something in the deliveries breaks it. `process` will see to that.
        """
        with self._computing:
            registers = self._registers
        if registers is None:
            return None, []
        try:
            read = self._read(registers.newest, deliveries, deferring=deferring)
        except Exception:
            log.debug("read beforehand in vain", exc_info=True)
            return None, []
        return read, read.batch.deferred

    def process(
        self, connection: Connection, deliveries: Sequence[Delivery], read: Read | None = None
    ) -> list[Answer]:
        """Commit everything that follows from `deliveries`, or raise and leave the database as it was.

        Returns what may now be told to devices that wait for it. `read`: what they come to, if that is known.

        AWAY: the database takes nothing now; the same deliveries may be processed again.
        What one delivery makes impossible is found by halving, and that delivery quarantined; what takes too
        long is done by halves.
        """
        if not deliveries:
            return []
        try:
            return self._commit(connection, deliveries, read)
        except Exception as error:
            too_long = isinstance(error, errors.QueryCanceled) and len(deliveries) > 1
            if isinstance(error, AWAY) and not too_long:
                raise
            if len(deliveries) > 1:
                middle = len(deliveries) // 2
                first = self.process(connection, deliveries[:middle])
                return first + self.process(connection, deliveries[middle:])
            log.exception("message cannot be processed", topic=deliveries[0].topic)
            broken = Quarantined(deliveries[0], Reason.INTERNAL, f"{type(error).__name__}: {error}")
            self.refuse(connection, [broken])
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
            with self._transaction(connection):
                told = self._hear_nothing(connection, wall_us)
        except LOST_RACE as lost:
            metrics.CONFLICTS.inc()
            log.debug("tick left out", why=str(lost).splitlines()[0])
            return
        self._keep(told)

    def read_again(self, connection: Connection, deliveries: Sequence[Delivery]) -> tuple[Batch, int, int]:
        """Store and judge what can be read by now of `deliveries`, which were quarantined, in the caller's transaction.

        Returns the batch, whose `quarantined` is left to the caller, and how many readings were stored and how many
        were there already. Raises what a single delivery can make happen; then nothing was done.
        """
        for attempt in range(1, MAX_ATTEMPTS + 1):
            self._forget()
            try:
                with self._transaction(connection):
                    registers = self._current(connection)
                    readings, events = told_apart(deliveries, self._prefix)
                    # A time that was ahead when it came may have come.
                    now_us = database_now_us(connection)
                    batch = self._sort_out(registers.newest, readings, now_us=now_us)
                    for kind, runs in batch.runs.items():
                        for run in runs:
                            run.refused.clear()  # its times were refused once, when it came
                        batch.runs[kind] = [run for run in runs if run.times]
                    told = self._store(connection, registers, batch, _lay_out(batch))
                    batch.quarantined += take_events(connection, events, self._prefix, now_us)
                self._forget()
                return batch, told.stored, batch.repeated + batch.contradicting + told.repeated
            except LOST_RACE:
                if attempt == MAX_ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _transaction(self, connection: Connection) -> Iterator[None]:
        """One, with which what was loaded within it goes too."""
        registers = self._registers
        try:
            with connection.transaction():
                yield
        except BaseException:
            self._registers = registers
            self._forget()
            raise

    def _keep(self, told: Told) -> None:
        for kind, device_ids, known in told.keep:
            self._caches[kind].keep(device_ids, known)

    def _forget(self) -> None:
        for kind in self._caches:
            self._caches[kind] = StateCache()

    def _current(self, connection: Connection) -> Registers:
        if self._registers is None or not self._registers.newest.is_current(connection):
            self._registers = Registers.load(connection, self._catalogue)
        return self._registers

    def _sort_out(
        self, fleet: Fleet, deliveries: Sequence[Delivery], *, now_us: int = 0, deferring: bool = False
    ) -> Batch:
        return sort_out(
            deliveries,
            fleet.registry.devices,
            decoders=self._decoders,
            prefix=self._prefix,
            retention_us=self._retention_us,
            now_us=now_us,
            deferring=deferring,
        )

    def _read(
        self, fleet: Fleet, deliveries: Sequence[Delivery], *, now_us: int = 0, deferring: bool = False
    ) -> Read:
        readings, events = told_apart(deliveries, self._prefix)
        batch = self._sort_out(fleet, readings, now_us=now_us, deferring=deferring)
        if batch.deferred:
            waits = {id(one.delivery) for one in batch.deferred}
            deliveries = [delivery for delivery in deliveries if id(delivery) not in waits]
        raw = rawlog.pack([rawlog.Message(d.topic, d.received_us, d.payload) for d in deliveries])
        return Read(fleet, deliveries, batch, _lay_out(batch), events, raw)

    def _commit(
        self, connection: Connection, deliveries: Sequence[Delivery], read: Read | None
    ) -> list[Answer]:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                with self._transaction(connection), ExitStack() as computing:
                    computing.enter_context(self._computing)
                    batch, told = self._take_in(connection, deliveries, read, computing.close)
                break
            except LOST_RACE as lost:
                if attempt == MAX_ATTEMPTS:
                    raise
                metrics.CONFLICTS.inc()
                log.debug("batch judged again", why=str(lost).splitlines()[0])
                read = None  # the attempt may have used it up
        self._keep(told)
        metrics.count(batch, stored=told.stored, repeated=told.repeated, contradicting=told.contradicting,
                      late=told.late, bad=told.bad)  # fmt: skip
        return list(batch.answers)

    def _take_in(
        self,
        connection: Connection,
        deliveries: Sequence[Delivery],
        read: Read | None,
        computed: Callable[[], None],
    ) -> tuple[Batch, Told]:
        registers = self._current(connection)
        fleet = registers.newest
        if read is None or read.fleet is not fleet:
            read = self._read(fleet, deliveries)
        now_us = 0
        if any(row.reason is Reason.FUTURE_TIME for row in read.batch.quarantined):
            now_us = later_now_us(connection)
            read = self._read(fleet, deliveries, now_us=now_us) if now_us else read

        def with_whole(messages: Sequence[Delivery]) -> Batch:
            readings, _ = told_apart(deliveries, self._prefix)
            return self._sort_out(fleet, [*readings, *messages], now_us=now_us)

        batch = join_parts(connection, read.batch, fleet.registry.devices, with_whole)
        store_quarantined(connection, batch.quarantined)
        told = self._store(
            connection, registers, batch, read.rows if batch is read.batch else _lay_out(batch), computed
        )
        rawlog.keep(connection, read.raw)
        refused = take_events(connection, read.events, self._prefix)
        store_quarantined(connection, refused)
        batch.quarantined += refused
        return batch, told

    def _store(
        self,
        connection: Connection,
        registers: Registers,
        batch: Batch,
        rows: dict[DeviceKind, Rows],
        computed: Callable[[], None] = lambda: None,
    ) -> Told:
        told = Told()
        for kind, runs in batch.runs.items():
            if runs:
                of_kind = KindOfBatch(connection, registers, kind, self._caches[kind], self._zone, told)
                of_kind.process(runs, rows[kind], computed)
        store_means(connection, batch.means)
        store_said(connection, batch.said)
        if told.stored:
            connection.execute(NOTIFY)
        return told

    def _hear_nothing(self, connection: Connection, wall_us: int) -> Told:
        told = Told()
        clock_us = self._settled.at(wall_us, read_clock(connection, wall_us))
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
                of_kind = KindOfBatch(connection, registers, kind, self._caches[kind], self._zone, told)
                of_kind.hear_nothing(silent, clock_us)
        return told


def _lay_out(batch: Batch) -> dict[DeviceKind, Rows]:
    return {kind: rows_of(TABLES[kind], runs) for kind, runs in batch.runs.items() if runs}
