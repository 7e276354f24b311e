"""What other rules, or another register, would have told of the past, against what was told.

Judged from MARGIN before the time asked about, so that the engine knows loads and stops when it begins, to MARGIN
after it, so that what began within it is told to its end. Only episodes opened within it count.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString

import numpy as np
from psycopg import Connection

from alerts import writing
from alerts.casework.leads import note_on_lead
from alerts.episodes import Difference, Episode, Key, reconcile
from alerts.outbox import take_turn
from alerts.writing import OF_KITCHENS, REEVALUATED, Subject
from analytics.records import EVENT, KINDS
from ingest.batch import OF_TIME
from ingest.judging import Records
from ingest.registers import Registers
from ingest.trips import Rewritten, rewrite
from runtime.instants import microseconds

MARGIN = timedelta(days=1)

# What officers have made their own is not taken away by a calculation.
DECIDED: LiteralString = """
    SELECT alert.id
      FROM alert
      LEFT JOIN lead ON lead.id = alert.lead_id
     WHERE alert.id = ANY(%s) AND (alert.state IN ('acked', 'dismissed') OR lead.state <> 'new')
"""
DEVICES: LiteralString = """
    SELECT DISTINCT device_id FROM alert
     WHERE opened_at >= %(begin)s AND opened_at < %(end)s AND kind = ANY(%(kinds)s)
"""

LEADS: LiteralString = """
    SELECT DISTINCT lead_id FROM alert
     WHERE device_id = %(device_id)s AND opened_at >= %(begin)s AND opened_at < %(end)s AND lead_id IS NOT NULL
     ORDER BY lead_id
"""

REFUSED: LiteralString = """
    SELECT device_id, round(date_part('epoch', received_at) * 1000000)::bigint
      FROM quarantine, generate_series(1, coalesce(readings, 1))
     WHERE received_at >= %(begin)s AND received_at < %(end)s AND reason = ANY(%(reasons)s)
     ORDER BY received_at
"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time asked about."""

    begin: datetime
    end: datetime

    @property
    def judged_from(self) -> datetime:
        return self.begin - MARGIN

    @property
    def judged_to(self) -> datetime:
        return self.end + MARGIN

    def holds(self, episode: Episode) -> bool:
        return microseconds(self.begin) <= episode.opened < microseconds(self.end)


@dataclass(frozen=True, slots=True)
class Compared:
    """One device."""

    stored: Mapping[int, Episode]
    difference: Difference
    kept: list[int] = field(default_factory=list)
    """Alerts that would vanish, but for an officer's word on them."""

    @property
    def same(self) -> int:
        gone = len(self.difference.withdrawn) + len(self.kept)
        return len(self.stored) - gone - len(self.difference.amended)


def compare_device(
    connection: Connection[Any], device_id: str, told: Mapping[Key, Episode], stretch: Stretch, judged_us: int
) -> Compared:
    """What must change of a device's alerts to say what is `told`; `judged_us`: up to when it was judged."""
    stored = {
        alert_id: episode
        for alert_id, episode in writing.load_episodes(
            connection, [device_id], since_us=microseconds(stretch.judged_from)
        )
        .get(device_id, {})
        .items()
        if episode.withdrawn is None
    }
    standing = {key: episode for key, episode in told.items() if episode.withdrawn is None}
    whole = reconcile(stored, standing)
    vanished = [alert_id for alert_id in whole.withdrawn if stretch.holds(stored[alert_id])]
    decided = {row[0] for row in connection.execute(DECIDED, (vanished,))} if vanished else set()
    difference = Difference(
        raised=[episode for episode in whole.raised if stretch.holds(episode)],
        amended=[
            amendment
            for amendment in whole.amended
            if (stretch.holds(amendment.before) or stretch.holds(amendment.after))
            and not _only_goes_on(amendment.before, amendment.after, judged_us)
        ],
        withdrawn=[alert_id for alert_id in vanished if alert_id not in decided],
    )
    within = {alert_id: episode for alert_id, episode in stored.items() if stretch.holds(episode)}
    return Compared(within, difference, sorted(decided))


def _only_goes_on(before: Episode, after: Episode, judged_us: int) -> bool:
    """The same episode, of which the stored alert knows more: it went on after what was judged."""
    return before.last > judged_us and before.key == after.key and before.opened == after.opened


def refused_readings(connection: Connection[Any], stretch: Stretch) -> list[tuple[str, int]]:
    """Devices whose readings were refused for their time, and when these came (µs), in that order."""
    parameters = {"begin": stretch.judged_from, "end": stretch.judged_to, "reasons": sorted(OF_TIME)}
    return [(device_id, at) for device_id, at in connection.execute(REFUSED, parameters)]


def devices_told_of(connection: Connection[Any], stretch: Stretch, *, vehicles: bool) -> Iterator[str]:
    """Devices with alerts within the stretch: one may have lost all its readings."""
    kinds = set(KINDS) - OF_KITCHENS if vehicles else OF_KITCHENS
    parameters = {"begin": stretch.begin, "end": stretch.end, "kinds": list(kinds)}
    for (device_id,) in connection.execute(DEVICES, parameters).fetchall():
        yield device_id


def apply(
    connection: Connection[Any], registers: Registers, subject: Subject, told: Mapping[Key, Episode],
    hauls: Sequence[Records], stretch: Stretch, judged_us: int,
) -> tuple[Compared, Rewritten]:  # fmt: skip
    """Carry the difference out, in one transaction, by the alerts and trips as they are then; return what was done.

    `hauls`: the rows that tell of the device's trips, in their order. Where trips come out otherwise the journals of the
    leads about the device's alerts of that time say so.
    """
    with connection.transaction():
        take_turn(connection)
        compared = compare_device(connection, subject.device_id, told, stretch, judged_us)
        writing.write_difference(connection, subject, compared.difference, registers.desk(), why=REEVALUATED)
        events = np.concatenate([np.empty(0, EVENT), *hauls])
        trips = Rewritten()
        if subject.plate is not None:
            trips = rewrite(
                connection, registers.newest, subject, events, stretch.begin, stretch.end, judged_us
            )
        if any(trips):
            span = {"device_id": subject.device_id, "begin": stretch.begin, "end": stretch.end}
            for (lead_id,) in connection.execute(LEADS, span).fetchall():
                detail = {"device_id": subject.device_id, **trips._asdict()}
                note_on_lead(connection, lead_id, "trips_reevaluated", detail)
    return compared, trips
