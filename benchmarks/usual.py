"""The usual alternatives, to compare with: a geofence that one fix is enough for, and stops by place alone.

Both are kinder than what is sold. The geofence knows the permits' corridors and, where a sensor tells, whether the truck is
loaded (Traccar's geofences know neither); the stop detector knows every site. Both leave out fixes that say they are
none, and (0, 0). An alert goes on until the truck is back, or moves on.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

from benchmarks.offline import Day
from devices.types import Registry
from simulators.matching import OpenedAlert

STOP_KMH, STOP_M, STOP_S = 5.0, 50.0, 180.0
LOADED = 0.3


class Ground:
    """The register as shapely shapes in metres."""

    def __init__(self, registry: Registry) -> None:
        corners = [
            shapely.geometry.shape(row.geometry).centroid
            for rows in (registry.sites, registry.routes)
            for row in rows.values()
        ]
        self.lat0, self.lon0 = (
            float(np.median([c.y for c in corners])),
            float(np.median([c.x for c in corners])),
        )
        self.kx, self.ky = 111_412.0 * np.cos(np.radians(self.lat0)), 110_972.0
        self.sites = {
            key: self._metres(site.geometry).buffer(site.radius_m or 0.0)
            for key, site in registry.sites.items()
            if site.kind != "no_go"
        }
        self.barred = {
            key: self._metres(s.geometry).buffer(s.radius_m or 0.0)
            for key, s in registry.sites.items()
            if s.kind == "no_go"
        }
        self.anywhere = shapely.union_all(list(self.sites.values()))
        self.corridors = {
            permit_id: shapely.union_all(
                [
                    self._metres(route.geometry).buffer(route.corridor_m),
                    *(
                        self.sites[s]
                        for s in (permit.source_site_id, permit.disposal_site_id)
                        if s in self.sites
                    ),
                ]
            )
            for permit_id, permit in registry.permits.items()
            if (route := registry.routes.get(permit.route_id or ""))
        }
        for shape in (self.anywhere, *self.corridors.values(), *self.barred.values()):
            shapely.prepare(shape)

    def _metres(self, geometry: dict[str, Any]) -> Any:
        return shapely.transform(
            shapely.geometry.shape(geometry), lambda p: np.column_stack(self.xy(p[:, 1], p[:, 0]))
        )

    def xy(self, lat: Any, lon: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return (lon - self.lon0) * self.kx, (lat - self.lat0) * self.ky


def tracks(day: Day) -> Iterator[tuple[str, pl.DataFrame]]:
    good = day.frame.filter(
        ((pl.col("lat") != 0) | (pl.col("lon") != 0)) & pl.col("fix").fill_null(value=True)
    )
    for (device_id,), track in good.group_by("device_id", maintain_order=True):
        yield str(device_id), track


def one_fix_geofences(day: Day, ground: Ground) -> list[OpenedAlert]:
    """off_route by leaving the corridors of all permits of the vehicle, no_go_entry by a fix in a zone, at any hour."""
    registry, alerts = day.registry, _Alerts()
    for device_id, track in tracks(day):
        x, y = ground.xy(track["lat"].to_numpy(), track["lon"].to_numpy())
        plate = registry.devices[device_id].bound_to
        vehicle = registry.vehicles.get(plate or "")
        own = [
            ground.corridors[key]
            for key, permit in registry.permits.items()
            if key in ground.corridors
            and (
                plate in permit.plates
                or (not permit.plates and vehicle and permit.company_id == vehicle.company_id)
            )
        ]
        if own:
            off = ~np.any([shapely.contains_xy(shape, x, y) for shape in own], axis=0)
            off &= track["load"].fill_null(1.0).to_numpy() >= LOADED
            alerts.runs("off_route", device_id, track, off)
        for shape in ground.barred.values():
            alerts.runs("no_go_entry", device_id, track, shapely.contains_xy(shape, x, y))
    return alerts.all


def stops_by_place(day: Day, ground: Ground) -> list[OpenedAlert]:
    """illegal_dumping wherever a truck stands for three minutes outside every site, loaded or not."""
    alerts = _Alerts()
    for device_id, track in tracks(day):
        x, y = ground.xy(track["lat"].to_numpy(), track["lon"].to_numpy())
        outside = ~shapely.contains_xy(ground.anywhere, x, y)
        slow = (track["speed_kmh"].fill_null(0.0).to_numpy() < STOP_KMH) & outside
        ts = track["ts"].to_physical().to_numpy()
        begin = -1
        for i in range(len(ts) + 1):
            goes_on = (
                i < len(ts)
                and slow[i]
                and (begin < 0 or np.hypot(x[i] - x[begin], y[i] - y[begin]) <= STOP_M)
            )
            if goes_on:
                begin = i if begin < 0 else begin
            elif begin >= 0:
                told = begin + int(np.searchsorted(ts[begin:i], ts[begin] + STOP_S * 1e6))
                if told < i:
                    alerts.add("illegal_dumping", device_id, track, begin, told, i - 1)
                begin = i if i < len(ts) and slow[i] else -1
    return alerts.all


class _Alerts:
    def __init__(self) -> None:
        self.all: list[OpenedAlert] = []

    def runs(self, kind: str, device_id: str, track: pl.DataFrame, held: NDArray[np.bool_]) -> None:
        """An alert for each unbroken run of fixes."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(np.int8)))
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            self.add(kind, device_id, track, begin, begin, end - 1)

    def add(self, kind: str, device_id: str, track: pl.DataFrame, begin: int, told: int, last: int) -> None:
        def at(row: int) -> datetime:
            moment: datetime = track["ts"][row]
            return moment

        self.all.append(
            OpenedAlert(
                len(self.all), kind, device_id, True, at(begin), at(told), at(last), track["lat"][begin],  # noqa: FBT003
                track["lon"][begin],
            )
        )  # fmt: skip
