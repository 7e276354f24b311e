"""Readings to arrays, arrays to the engine: one small judge for each kind of device.

A judge knows its kind's record types and calls the engine; it keeps no state of its own.
"""

from collections.abc import Sequence
from typing import Any, Protocol, get_args
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from alerts.catalogue import Catalogue
from analytics.district import compile_district
from analytics.fume import FUME_LAYOUT, FUME_STATE, judge_fume, new_fume_states
from analytics.localtime import local_times
from analytics.records import FIX, NO, SAMPLE, UNKNOWN, YES
from analytics.vehicles import VEHICLE_LAYOUT, VEHICLE_STATE, judge_vehicles, new_vehicle_states
from devices.types import Device, DeviceKind, Registry
from ingest.fleet import Fleet

Records = NDArray[np.void]


class Judge(Protocol):
    """The engine for one kind of device."""

    record_type: np.dtype[np.void]
    state_type: np.dtype[np.void]
    layout: int

    def new_states(self, n: int) -> Records: ...

    def records(self, slots: Sequence[int], readings: Sequence[Any], zone: ZoneInfo) -> Records:
        """Engine input from `readings`, `slots[i]` being the state row of `readings[i]`'s device."""
        ...

    def judge(
        self, fleet: Fleet, device_ids: Sequence[str], states: Records, records: Records
    ) -> tuple[Records, NDArray[np.int8], Records]:
        """`(states after, quality of each record, events)`; `states` is left as it is."""
        ...


def _numbers(values: list[float | None]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)  # None becomes NaN


def _switches(values: list[bool | None]) -> NDArray[np.int8]:
    return np.array([UNKNOWN if v is None else YES if v else NO for v in values], dtype=np.int8)


def _filled(dtype: np.dtype[Any], slots: Sequence[int], readings: Sequence[Any], zone: ZoneInfo) -> Records:
    records = np.zeros(len(readings), dtype=dtype)
    records["slot"] = slots
    records["ts"] = [reading.ts_us for reading in readings]
    records["local"] = local_times(records["ts"], zone)
    for name in dtype.names or ():
        if name in ("slot", "ts", "local", "seen"):
            continue
        if name == "marked":
            records[name] = [reading.flag is not None for reading in readings]
            continue
        values = [getattr(reading, name) for reading in readings]
        if name == "cover":
            values = [None if cover is None else cover == "open" for cover in values]
        records[name] = _switches(values) if dtype[name] == np.int8 else _numbers(values)
    return records


class VehicleJudge:
    record_type = FIX
    state_type = VEHICLE_STATE
    layout = VEHICLE_LAYOUT

    def new_states(self, n: int) -> Records:
        return new_vehicle_states(n)

    def records(self, slots: Sequence[int], readings: Sequence[Any], zone: ZoneInfo) -> Records:
        return _filled(FIX, slots, readings, zone)

    def judge(
        self, fleet: Fleet, device_ids: Sequence[str], states: Records, records: Records
    ) -> tuple[Records, NDArray[np.int8], Records]:
        return judge_vehicles(
            fleet.compiled.district,
            fleet.catalogue.vehicle_rules(),
            fleet.vehicle_rows(device_ids),
            states,
            records,
        )


class FumeJudge:
    record_type = SAMPLE
    state_type = FUME_STATE
    layout = FUME_LAYOUT

    def new_states(self, n: int) -> Records:
        return new_fume_states(n)

    def records(self, slots: Sequence[int], readings: Sequence[Any], zone: ZoneInfo) -> Records:
        return _filled(SAMPLE, slots, readings, zone)

    def judge(
        self, fleet: Fleet, device_ids: Sequence[str], states: Records, records: Records
    ) -> tuple[Records, NDArray[np.int8], Records]:
        return judge_fume(fleet.catalogue.fume_rules(), fleet.monitors(device_ids), states, records)


JUDGES: dict[str, Judge] = {"vehicle": VehicleJudge(), "fume": FumeJudge()}


def warm_up(catalogue: Catalogue) -> None:
    """Have the engine compiled, or its compiled code loaded, before the first reading waits for it."""
    empty = Registry(
        devices={
            kind: Device(device_id=kind, kind=kind, bound_to=None, status="active")
            for kind in get_args(DeviceKind)
        }
    )
    fleet = Fleet(empty, compile_district(empty), catalogue)
    for kind, judge in JUDGES.items():
        judge.judge(fleet, [kind], judge.new_states(1), np.zeros(1, dtype=judge.record_type))
