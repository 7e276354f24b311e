"""Readings to arrays, arrays to the engine: one small judge for each kind of device.

A judge knows its kind's record types and calls the engine; it keeps no state of its own.

Silence  Rules that wait for silence, or for a time to be up, are told in two ways that must agree: `judge` says at the
         next reading what the gap before it meant, as of the instant it was long enough; `silent` says the same of the
         gap that is still going on at the stream clock. `due` says when `silent` will have something to say; the
         pipeline keeps it beside the state (`engine_state.due`) and asks, each second, those that are due. A kind
         without such rules has NOTHING_DUE, ever, and `silent` changes nothing.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from analytics.fume import FUME_LAYOUT, FUME_STATE, fume_due, judge_fume, new_fume_states, pass_fume_time
from analytics.localtime import local_times
from analytics.records import FIX, NO, REFUSED, SAMPLE, UNKNOWN, YES
from analytics.vehicles import (
    VEHICLE_LAYOUT,
    VEHICLE_STATE,
    follow_vehicles,
    new_vehicle_states,
    silent_vehicles,
    vehicles_due,
)  # fmt: skip
from devices.types import DeviceKind
from ingest.fleet import Fleet
from ingest.rows import OPEN, Rows

Records = NDArray[np.void]
UTC = ZoneInfo("UTC")


class Refusal(NamedTuple):
    """A reading that was refused for its time: of that device, and when it came (µs)."""

    slot: int
    received_us: int


class Judge(Protocol):
    """The engine for one kind of device."""

    record_type: np.dtype[np.void]
    state_type: np.dtype[np.void]
    layout: int

    def new_states(self, n: int) -> Records: ...

    def records(self, rows: Rows, zone: ZoneInfo) -> Records:
        """Engine input; a row's slot is the state row of its device."""
        ...

    def judge(
        self,
        fleet: Fleet,
        device_ids: Sequence[str],
        states: Records,
        records: Records,
        refused: Sequence[Refusal] = (),
    ) -> tuple[Records, NDArray[np.int8], Records]:
        """`(states after, quality of each record, events)`; `states` is left as it is."""
        ...

    def due(self, fleet: Fleet, device_ids: Sequence[str], states: Records) -> NDArray[np.int64]:
        """(S,) event times, µs: when each state has something to say though nothing comes; NOTHING_DUE."""
        ...

    def silent(
        self, fleet: Fleet, device_ids: Sequence[str], states: Records, clock_us: int
    ) -> tuple[Records, Records]:
        """`(states after, events)`: what it means that nothing has come until `clock_us`.

        An event's `ts` is when the silence was long enough, its `index` -1. Nothing is due by `clock_us` in
        the states after; `states` is left as it is.
        """
        ...


def _filled(dtype: np.dtype[Any], rows: Rows, zone: ZoneInfo) -> Records:
    records = np.zeros(len(rows), dtype=dtype)
    records["slot"] = rows.slots
    records["ts"] = rows.ts_us
    records["local"] = local_times(rows.ts_us, zone)
    for name in dtype.names or ():
        if name in ("slot", "ts", "local", "seen"):
            continue
        if name == "marked":
            records[name] = rows.columns["flag"] >= 0
        elif name == "cover":
            cover = rows.columns[name]
            records[name] = np.where(cover < 0, UNKNOWN, np.where(cover == OPEN, YES, NO))
        elif dtype[name] == np.int8:
            records[name] = np.nan_to_num(rows.columns[name], nan=UNKNOWN)  # else NO or YES, 0 or 1
        else:
            records[name] = rows.columns[name]
    return records


class VehicleJudge:
    record_type = FIX
    state_type = VEHICLE_STATE
    layout = VEHICLE_LAYOUT

    def new_states(self, n: int) -> Records:
        return new_vehicle_states(n)

    def records(self, rows: Rows, zone: ZoneInfo) -> Records:
        return _filled(FIX, rows, zone)

    def judge(
        self,
        fleet: Fleet,
        device_ids: Sequence[str],
        states: Records,
        records: Records,
        refused: Sequence[Refusal] = (),
    ) -> tuple[Records, NDArray[np.int8], Records]:
        heard = _with_refusals(records, refused)
        after, quality, events = follow_vehicles(
            fleet.compiled.district,
            fleet.catalogue.vehicle_rules(),
            fleet.vehicle_rows(device_ids),
            states,
            heard,
        )
        stored = heard["fix"] != REFUSED
        row_of = np.where(stored, np.cumsum(stored) - 1, -1)
        events["index"] = row_of[events["index"]]
        return after, quality[stored], events

    def due(self, fleet: Fleet, device_ids: Sequence[str], states: Records) -> NDArray[np.int64]:  # noqa: ARG002
        return vehicles_due(fleet.catalogue.vehicle_rules(), states)

    def silent(
        self, fleet: Fleet, device_ids: Sequence[str], states: Records, clock_us: int
    ) -> tuple[Records, Records]:
        return silent_vehicles(
            fleet.compiled.district,
            fleet.catalogue.vehicle_rules(),
            fleet.vehicle_rows(device_ids),
            states,
            clock_us,
        )


def _with_refusals(records: Records, refused: Sequence[Refusal]) -> Records:
    """`records` with a row for each refusal, after the readings of its device up to the time when it came."""
    if not refused:
        return records
    rows = np.zeros(len(refused), FIX)
    for name in ("lat", "lon", "speed_kmh", "heading_deg", "hdop", "odometer_km", "load"):
        rows[name] = np.nan
    rows["fix"] = REFUSED
    rows["lift"] = rows["cover"] = rows["ignition"] = UNKNOWN
    rows["slot"] = [one.slot for one in refused]
    rows["ts"] = rows["local"] = [one.received_us for one in refused]
    both = np.concatenate([records, rows])
    return both[np.lexsort((both["fix"] == REFUSED, both["ts"], both["slot"]))]


class FumeJudge:
    record_type = SAMPLE
    state_type = FUME_STATE
    layout = FUME_LAYOUT

    def new_states(self, n: int) -> Records:
        return new_fume_states(n)

    def records(self, rows: Rows, zone: ZoneInfo) -> Records:
        return _filled(SAMPLE, rows, zone)

    def judge(
        self,
        fleet: Fleet,
        device_ids: Sequence[str],
        states: Records,
        records: Records,
        refused: Sequence[Refusal] = (),  # noqa: ARG002
    ) -> tuple[Records, NDArray[np.int8], Records]:
        return judge_fume(fleet.catalogue.fume_rules(), fleet.monitors(device_ids), states, records)

    def due(self, fleet: Fleet, device_ids: Sequence[str], states: Records) -> NDArray[np.int64]:
        return fume_due(fleet.catalogue.fume_rules(), fleet.monitors(device_ids), states)

    def silent(
        self, fleet: Fleet, device_ids: Sequence[str], states: Records, clock_us: int
    ) -> tuple[Records, Records]:
        return pass_fume_time(fleet.catalogue.fume_rules(), fleet.monitors(device_ids), states, clock_us)


JUDGES: dict[DeviceKind, Judge] = {"vehicle": VehicleJudge(), "fume": FumeJudge()}
