"""A district small enough to hold in mind: one pit, one tip, a straight road between them, and what lies beside it.

    metres east of the origin:  0 ........ 2000 ........ 4000 ........ 6000
    on the road (north = 0):    PIT (source)             YARD (1 km north)    TIP (disposal)
    SPRING (no_go) lies 3 km east, 2 km south.

`place(east_m, north_m)` gives degrees.
"""

import math
from datetime import date
from typing import Any

from devices.types import Company, Device, Jurisdiction, Outlet, Permit, Registry, Route, Site, Vehicle

ORIGIN_LAT, ORIGIN_LON = 36.70, 117.50
_LAT_M = 110_972.0
_LON_M = 111_412.0 * math.cos(math.radians(ORIGIN_LAT))


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """`(lat, lon)`, good to a decimetre within a few kilometres."""
    return ORIGIN_LAT + north_m / _LAT_M, ORIGIN_LON + east_m / _LON_M


KITCHEN = place(1000, 500)


def _point(east_m: float, north_m: float) -> list[float]:
    lat, lon = place(east_m, north_m)
    return [lon, lat]


def square(east_m: float, north_m: float, half_m: float) -> dict[str, Any]:
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    return {
        "type": "Polygon",
        "coordinates": [[_point(east_m + half_m * x, north_m + half_m * y) for x, y in corners]],
    }


def registry(*, trucks: int = 1, kitchens: int = 1, version: int = 1) -> Registry:
    """Trucks `V0`…, of a company with one permit from PIT to TIP; kitchens `F0`…"""
    return Registry(
        version=version,
        companies={
            "C1": Company(company_id="C1", name="示例渣土运输公司", kind="construction", status="active"),
            "C2": Company(company_id="C2", name="无证运输公司", kind="construction", status="active"),
        },
        vehicles={
            plate(n): Vehicle(plate=plate(n), company_id="C1", kind="construction", status="active")
            for n in range(trucks)
        },
        sites={
            site.site_id: site
            for site in (
                Site(site_id="PIT", name="示例工地", kind="source", geometry=square(0, 0, 150)),
                Site(site_id="TIP", name="示例消纳场", kind="disposal", geometry=square(6000, 0, 200)),
                Site(site_id="YARD", name="示例停车场", kind="parking", geometry=square(4000, 1000, 100)),
                Site(site_id="SPRING", name="水源保护区", kind="no_go", geometry=square(3000, -2000, 300)),
            )
        },
        routes={
            "ROAD": Route(
                route_id="ROAD",
                name="示例路线",
                geometry={"type": "LineString", "coordinates": [_point(0, 0), _point(6000, 0)]},
                corridor_m=100,
            )
        },
        permits={
            "P1": Permit(
                permit_id="P1", company_id="C1", source_site_id="PIT", disposal_site_id="TIP", route_id="ROAD",
                valid_from=date(2020, 1, 1), valid_to=date(2099, 12, 31),
            )
        },
        jurisdictions={
            "370114001": Jurisdiction(code="370114001", name="明水街道", squad="一中队", geometry=square(3000, 0, 5000))
        },
        outlets={
            f"R{n}": Outlet(outlet_id=f"R{n}", name="示例饭店", lat=KITCHEN[0], lon=KITCHEN[1], scale="small")
            for n in range(kitchens)
        },
        devices={
            **{
                f"V{n}": Device(device_id=f"V{n}", kind="vehicle", bound_to=plate(n), interval_s=10, status="active")
                for n in range(trucks)
            },
            **{
                f"F{n}": Device(device_id=f"F{n}", kind="fume", bound_to=f"R{n}", interval_s=60, status="active")
                for n in range(kitchens)
            },
        },
    )  # fmt: skip


def plate(n: int) -> str:
    return f"鲁A{n:05d}"
