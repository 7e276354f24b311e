"""What the engine told, onto the alerts that stand, and into trips; in the caller's transaction."""

from collections.abc import Iterable, Sequence

import numpy as np
from psycopg import Connection

from alerts import writing
from alerts.episodes import Episode, Event, as_of, fold, named_events, reconcile
from analytics.records import NEVER, TRIP
from devices.types import DeviceKind
from ingest.checkpoints import SEEN_BEFORE_US, Checkpoint, save_checkpoints
from ingest.fleet import Fleet
from ingest.judging import JUDGES, Records
from ingest.registers import Registers
from ingest.rejudging import Judgement
from ingest.trips import take_back, write_trips


def tell(connection: Connection, registers: Registers, device_ids: Sequence[str], events: Records) -> None:
    """Fold a batch's events onto the alerts that are there, and write the trips they tell of."""
    fleet = registers.newest
    events, hauls = events[events["kind"] != TRIP], events[events["kind"] == TRIP]
    for slot in np.unique(hauls["slot"]).tolist():
        write_trips(connection, fleet, fleet.subject(device_ids[slot]), hauls[hauls["slot"] == slot])
    if not len(events):
        return
    told = {
        device_ids[slot]: _named(fleet, events[events["slot"] == slot])
        for slot in np.unique(events["slot"]).tolist()
    }
    since_us = min(event.at for of_device in told.values() for event in of_device) - SEEN_BEFORE_US
    alerts = writing.load_episodes(connection, list(told), since_us=since_us)
    for device_id, of_device in told.items():
        stored = alerts.get(device_id, {})
        difference = reconcile(stored, fold(stored.values(), of_device))
        writing.write_difference(connection, fleet.subject(device_id), difference, registers.desk())


def tell_again(
    connection: Connection, registers: Registers, kind: DeviceKind, device_id: str, judged: Judgement
) -> None:
    """Make a device's alerts and trips what they are now that it was judged again; those that change say so."""
    fleet = registers.newest
    since_us = judged.checkpoint_us - SEEN_BEFORE_US if judged.checkpoint_us != NEVER else NEVER
    stored = writing.load_episodes(connection, [device_id], since_us=since_us).get(device_id, {})
    base = as_of(judged.checkpoint_us, stored.values(), judged.ongoing)
    _keep_passed(connection, fleet, kind, device_id, judged, base)
    hauls = judged.events["kind"] == TRIP
    difference = reconcile(stored, fold(base, _named(fleet, judged.events[~hauls])))
    subject = fleet.subject(device_id)
    if kind == "vehicle":
        take_back(connection, device_id, judged.checkpoint_us)
        write_trips(connection, fleet, subject, judged.events[hauls])
    writing.write_difference(connection, subject, difference, registers.desk(), why=writing.LATE)


def _keep_passed(
    connection: Connection, fleet: Fleet, kind: DeviceKind, device_id: str, judged: Judgement,
    base: Iterable[Episode],
) -> None:  # fmt: skip
    """Keep the states passed as checkpoints. `base`: the episodes as they stood at the one it was judged from."""
    told, done, passed = list(base), 0, []
    for ts_us, state, number in judged.passed:
        events = judged.events[done:number]
        told, done = list(fold(told, _named(fleet, events[events["kind"] != TRIP])).values()), number
        passed.append(Checkpoint(device_id, ts_us, state, [episode for episode in told if episode.ongoing]))
    save_checkpoints(connection, JUDGES[kind], passed)


def _named(fleet: Fleet, events: Records) -> list[Event]:
    names = fleet.compiled
    return named_events(events, site_ids=names.site_ids, permit_ids=names.permit_ids, road_ids=names.road_ids)
