"""A small register in which every noun refers to the others, for tests that change it."""

from dataclasses import replace
from datetime import date

from devices.types import (
    Company,
    Device,
    Geometry,
    Jurisdiction,
    Outlet,
    Permit,
    Registry,
    Road,
    Route,
    Site,
    Vehicle,
)

SQUARE: Geometry = {
    "type": "Polygon",
    "coordinates": [[[117.5, 36.7], [117.6, 36.7], [117.6, 36.8], [117.5, 36.8], [117.5, 36.7]]],
}
LINE: Geometry = {"type": "LineString", "coordinates": [[117.5, 36.7], [117.612345678901, 36.8]]}


def a_registry() -> Registry:
    return Registry(
        companies={
            "C1": Company(
                company_id="C1", name="渣土一公司", kind="construction", status="active",
                review_due=date(2027, 3, 31),
            )
        },
        vehicles={
            plate: Vehicle(
                plate=plate, company_id="C1", kind="construction", capacity_m3=19.5, status="active"
            )
            for plate in ("鲁A12345", "鲁A12346")
        },
        sites={
            "D1": Site(site_id="D1", name="消纳场", kind="disposal", geometry=SQUARE, hours="06:00-22:00"),
            "S1": Site(
                site_id="S1", name="工地", kind="source", radius_m=0.1,
                geometry={"type": "Point", "coordinates": [117, 36.7]},
            ),
        },
        routes={"R1": Route(route_id="R1", name="一号线", geometry=LINE)},
        roads={"W1": Road(road_id="W1", name="经十东路", geometry=LINE, speed_limit_kmh=60.0)},
        jurisdictions={"370114001": Jurisdiction(code="370114001", name="双山街道", geometry=SQUARE)},
        permits={
            "X1": Permit(
                permit_id="X1", company_id="C1", source_site_id="S1", disposal_site_id="D1", route_id="R1",
                valid_from=date(2026, 1, 1), hours="22:00-06:00", plates=("鲁A12345",),
            )
        },
        outlets={"O1": Outlet(outlet_id="O1", name='面馆 "老王"', lat=36.7, lon=117.5, scale="small")},
        devices={
            "F1": Device(
                device_id="F1", kind="fume", bound_to="O1", serial="mn", interval_s=60.0, status="active"
            ),
            "T1": Device(device_id="T1", kind="vehicle", bound_to="鲁A12345", status="active"),
            "T2": Device(device_id="T2", kind="vehicle", bound_to="鲁A12346", status="disabled"),
        },
    )  # fmt: skip


def without_versions(registry: Registry) -> Registry:
    return replace(registry, version=0)
