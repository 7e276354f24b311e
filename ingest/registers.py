"""Which register a reading is judged by: the one in force at its event time.

A register has versions, each in force from when it was committed until the next one. Live readings meet the newest;
one that comes late is held to the register of its own time, so that the order of arrival changes nothing.
What had not been registered yet counts as it is today (`devices.repository.load_registry_at`).
"""

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from alerts.catalogue import Catalogue
from alerts.writing import Desk
from devices.repository import Period, registry_periods
from ingest.fleet import Fleet
from ingest.judging import Judge, Records, Refusal

KEPT = 8
"""Older registers kept compiled; a late upload seldom reaches over more."""


class Registers:
    """The newest register, and the older ones as they are asked for. Made anew when there is a newer one."""

    def __init__(self, newest: Fleet, periods: Sequence[Period] = ()) -> None:
        self.newest = newest
        self._since = np.array([period.since_us for period in periods], np.int64)
        self._versions = [0, *(period.version for period in periods)]
        self._older: dict[int, Fleet] = {}
        self._loading = threading.Lock()

    @classmethod
    def load(cls, connection: Connection, catalogue: Catalogue) -> "Registers":
        newest = Fleet.load(connection, catalogue)
        periods = registry_periods(connection)
        return cls(newest, [period for period in periods if period.version <= newest.registry.version])

    def desk(self) -> Desk:
        """What alerts are written by."""
        return Desk(
            catalogue=self.newest.catalogue,
            registry_version_at=self.version_at,
            jurisdiction_of=self.newest.compiled.jurisdiction_of,
        )

    def version_at(self, ts_us: int) -> int:
        """The version in force then; before the first one, the newest."""
        version = self._versions[int(np.searchsorted(self._since, ts_us, side="right"))]
        return version or self.newest.registry.version

    def judge(
        self,
        connection: Connection,
        judge: Judge,
        device_ids: Sequence[str],
        states: Records,
        records: Records,
        refused: Sequence[Refusal] = (),
    ) -> tuple[Records, NDArray[np.int8], Records]:
        """As `Judge.judge`, each record by the register of its time, a refusal by that of when it came."""
        at = np.searchsorted(self._since, records["ts"], side="right")
        came = np.searchsorted(self._since, [one.received_us for one in refused], side="right")
        periods = np.union1d(at, came)
        if all(self._versions[period] in {0, self.newest.registry.version} for period in periods.tolist()):
            return judge.judge(self.newest, device_ids, states, records, refused)
        quality = np.empty(len(records), np.int8)
        told = []
        for period in periods.tolist():
            rows = np.flatnonzero(at == period)
            fleet = self._fleet(connection, self._versions[period])
            then = [
                one
                for one, period_of_it in zip(refused, came.tolist(), strict=True)
                if period_of_it == period
            ]
            states, quality[rows], events = judge.judge(fleet, device_ids, states, records[rows], then)
            of_records = events["index"] >= 0
            events["index"][of_records] = rows[events["index"][of_records]]
            told.append(events)
        return states, quality, np.concatenate(told)

    def _fleet(self, connection: Connection, version: int) -> Fleet:
        if version in {0, self.newest.registry.version}:
            return self.newest
        with self._loading:
            if version not in self._older:
                while len(self._older) >= KEPT:
                    self._older.pop(next(iter(self._older)))
                self._older[version] = self.newest.at(connection, version)
            return self._older[version]
