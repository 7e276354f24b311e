"""The register as the collector uses it: devices by id, the compiled district, what each device is bound to.

Made whole from one registry version and replaced whole when there is a newer one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection

from alerts.catalogue import Catalogue
from alerts.writing import Subject
from analytics.district import Compiled, Frame, compile_district, first_frame
from analytics.fume import MONITOR, new_monitors
from analytics.kitchens.state import CLEANINGS, RANGES
from devices.hours import parse_hours
from devices.kitchens import Kitchens, Unit, load_kitchens
from devices.repository import current_version, load_ever_registered, load_registry, load_registry_at
from devices.types import Registry

DEFAULT_INTERVAL_S = 60.0
"""Of a fume monitor whose interval the register does not know."""


LOAD_FRAME: LiteralString = (
    "SELECT lat, lon, site_ids, route_ids, permit_ids, road_ids FROM engine_frame FOR UPDATE"
)
SAVE_FRAME: LiteralString = """
    INSERT INTO engine_frame (lat, lon, site_ids, route_ids, permit_ids, road_ids) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (only_one) DO UPDATE
       SET site_ids = EXCLUDED.site_ids, route_ids = EXCLUDED.route_ids, permit_ids = EXCLUDED.permit_ids,
           road_ids = EXCLUDED.road_ids
"""


def _frame(connection: Connection, registry: Registry) -> Frame:
    """The frame all states are kept in, with rows for what is new, and for what was there between two looks: a
    late reading may be judged by it. Row-locked: collectors agree on it.
    """
    ever = load_ever_registered(connection)
    stored = connection.execute(LOAD_FRAME).fetchone()
    if stored is None:
        if not registry.devices:
            return first_frame(registry)  # nothing can be judged, so nothing need be remembered
        connection.execute("LOCK TABLE engine_frame IN EXCLUSIVE MODE")  # two collectors' first: one makes it
        stored = connection.execute(LOAD_FRAME).fetchone()
    if stored is None:
        known, frame = None, first_frame(registry).grown(ever)
    else:
        lat, lon, *ids = stored
        known = Frame(lat, lon, *map(tuple, ids))
        frame = known.grown(registry).grown(ever)
    if frame != known:
        connection.execute(
            SAVE_FRAME,
            (
                frame.lat,
                frame.lon,
                list(frame.site_ids),
                list(frame.route_ids),
                list(frame.permit_ids),
                list(frame.road_ids),
            ),
        )
    return frame


@dataclass(frozen=True, slots=True)
class Fleet:
    registry: Registry
    compiled: Compiled
    catalogue: Catalogue
    kitchens: Kitchens = field(default_factory=Kitchens)
    _monitors: dict[str, Any] = field(default_factory=dict)
    """MONITOR rows that were asked for, by device."""

    @classmethod
    def load(cls, connection: Connection, catalogue: Catalogue) -> "Fleet":
        registry = load_registry(connection)
        return cls(
            registry,
            compile_district(registry, _frame(connection, registry)),
            catalogue,
            load_kitchens(connection),
        )

    def at(self, connection: Connection, version: int) -> "Fleet":
        """The same by the register as it was at `version`, in the same rows."""
        registry = load_registry_at(connection, self.registry, version)
        return Fleet(registry, compile_district(registry, self.compiled.frame), self.catalogue, self.kitchens)

    def supposing(self, registry: Registry) -> "Fleet":
        """As if `registry` were in force; its new rows come after those that are kept."""
        return Fleet(
            registry, compile_district(registry, self.compiled.frame.grown(registry)), self.catalogue
        )

    def is_current(self, connection: Connection) -> bool:
        return current_version(connection) == self.registry.version

    def vehicle_rows(self, device_ids: Sequence[str]) -> NDArray[np.int32]:
        """Row of each device's vehicle in the district, -1 where it is bound to none."""
        row_of = self.compiled.vehicle_rows
        return np.array([row_of.get(self._bound_to(d), -1) for d in device_ids], dtype=np.int32)

    def monitors(self, device_ids: Sequence[str]) -> NDArray[np.void]:
        """MONITOR (S,): what the register says of each device and its outlet."""
        for device_id in device_ids:
            if device_id not in self._monitors:
                self._monitors[device_id] = self._monitor(device_id)
        if not device_ids:
            return np.empty(0, MONITOR)
        return np.concatenate([self._monitors[device_id] for device_id in device_ids])

    def _monitor(self, device_id: str) -> NDArray[np.void]:
        device = self.registry.devices.get(device_id)
        outlet = self.registry.outlets.get(self._bound_to(device_id))
        unit = self.kitchens.units.get(device_id, Unit())
        monitor = new_monitors(1)
        monitor["limit_mg_m3"] = self.catalogue.limit_of(outlet)
        monitor["interval_s"] = (device and device.interval_s) or DEFAULT_INTERVAL_S
        if unit.fan_min_a is not None:
            monitor["fan_min_a"] = unit.fan_min_a
        if unit.purifier_min_a is not None:
            monitor["purifier_min_a"] = unit.purifier_min_a
        if outlet is not None:
            hours = parse_hours(outlet.hours)
            if len(hours) <= RANGES:  # as good as always open
                for n, one in enumerate(hours):
                    monitor["hours"][0, n] = one
            for n, day in enumerate(self.kitchens.cleanings.get(outlet.outlet_id, ())[:CLEANINGS]):
                monitor["cleaned"][0, n] = (day - date(1970, 1, 1)).days
            monitor["cleaning_days"] = outlet.cleaning_days or 0
        return monitor

    def _bound_to(self, device_id: str) -> str:
        """Plate or outlet; "" of a device that is bound to none, or that this register does not have."""
        device = self.registry.devices.get(device_id)
        return (device and device.bound_to) or ""

    def subject(self, device_id: str) -> Subject:
        """Whom an alert of this device is about."""
        device = self.registry.devices.get(device_id)
        if device is None:  # it has left the register; its alerts stay
            return Subject(device_id=device_id)
        if device.kind == "vehicle":
            vehicle = self.registry.vehicles.get(device.bound_to or "")
            return Subject(
                device_id=device_id,
                plate=vehicle.plate if vehicle else None,
                company_id=vehicle.company_id if vehicle else None,
            )
        outlet = self.registry.outlets.get(device.bound_to or "")
        return Subject(
            device_id=device_id,
            outlet_id=outlet.outlet_id if outlet else None,
            lat=outlet.lat if outlet else None,
            lon=outlet.lon if outlet else None,
        )
