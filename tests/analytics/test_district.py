from datetime import date
from typing import Any

import numpy as np
import pytest

from analytics.district import Compiled, District, compile_district
from analytics.kernels.corridor import distance_to_route
from analytics.kernels.projection import ground_m, to_plane
from analytics.kernels.zones import containing
from devices.types import Company, Geometry, Jurisdiction, Permit, Registry, Route, Site, Standing, Vehicle
from tests.analytics.geodesic import geodesic_m


def sites_at(compiled: Compiled, lat: float, lon: float) -> list[str]:
    found = np.empty(compiled.district.zones.most, np.int32)
    count = containing(compiled.district.zones, *to_plane(compiled.district.plane, lat, lon), found)
    return [compiled.site_ids[row] for row in found[:count]]


def square(lat: float, lon: float, half: float) -> Geometry:
    ring = [
        [lon - half, lat - half],
        [lon + half, lat - half],
        [lon + half, lat + half],
        [lon - half, lat + half],
    ]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def site(site_id: str, geometry: Geometry, **more: Any) -> Site:
    return Site(site_id=site_id, name=site_id, kind=more.pop("kind", "source"), geometry=geometry, **more)


def company(company_id: str, status: Standing = "active") -> Company:
    return Company(company_id=company_id, name=company_id, kind="construction", status=status)


def vehicle(plate: str, company_id: str | None, status: Standing = "active") -> Vehicle:
    return Vehicle(plate=plate, company_id=company_id, kind="construction", status=status)


def permit(permit_id: str, company_id: str, **more: Any) -> Permit:
    return Permit(permit_id=permit_id, company_id=company_id, source_site_id="PIT", **more)


def table(*nouns: Any) -> dict[str, Any]:
    return {getattr(noun, next(iter(noun.__slots__))): noun for noun in nouns}


REGISTRY = Registry(
    version=7,
    companies=table(company("C1"), company("C2", status="suspended")),
    vehicles=table(
        vehicle("A", "C1"), vehicle("B", "C2"), vehicle("C", None), vehicle("D", "C1", status="exited")
    ),
    sites=table(
        site("TIP", {"type": "Point", "coordinates": [117.6, 36.7]}, kind="disposal", radius_m=200.0),
        site("PIT", square(36.7, 117.5, 0.01), valid_from=date(2026, 1, 2), valid_to=date(1970, 1, 1)),
        site("SPRING", square(36.7, 117.5, 0.02), kind="no_go", hours="22:00-06:00;12:00-13:00"),
    ),
    routes=table(
        Route(
            route_id="R",
            name="",
            geometry={"type": "LineString", "coordinates": [[117.5, 36.7], [117.6, 36.7]]},
        )
    ),
    jurisdictions=table(
        Jurisdiction(code="370102", name="east", geometry=square(36.7, 117.7, 0.1)),
        Jurisdiction(code="370101", name="west", geometry=square(36.7, 117.5, 0.1)),
    ),
    permits=table(
        permit("P1", "C1", disposal_site_id="TIP", route_id="R", hours="08:00-18:00"),
        permit("P2", "C2", plates=("A", "B")),
        permit("P3", "C2"),
    ),
)


def test_the_rows_point_at_one_another() -> None:
    compiled = compile_district(REGISTRY)
    district = compiled.district

    assert (compiled.version, compiled.site_ids, compiled.plates) == (
        7,
        ("PIT", "SPRING", "TIP"),
        tuple("ABCD"),
    )
    assert district.site_kind.tolist() == [0, 4, 1]
    assert district.site_from_day.tolist()[:2] == [20455, np.iinfo(np.int32).min]
    assert district.site_to_day.tolist()[:2] == [0, np.iinfo(np.int32).max]
    assert district.site_hours_start.tolist() == [0, 0, 3, 3]
    assert district.site_hours.tolist() == [[0, 360], [720, 780], [1320, 1440]]
    assert district.vehicle_company.tolist() == [0, 1, -1, 0]
    assert district.vehicle_active.tolist() == [True, False, True, False]
    assert district.permit_source.tolist() == [0, 0, 0]
    assert district.permit_disposal.tolist() == [2, -1, -1]
    assert district.permit_route.tolist() == [0, -1, -1]
    assert district.permit_active.tolist() == [True, False, False]
    assert district.route_corridor_m.tolist() == [100.0]


def test_a_permit_is_its_companys_or_that_of_the_plates_it_names() -> None:
    district = compile_district(REGISTRY).district
    start, rows = district.vehicle_permits_start, district.vehicle_permits

    assert [rows[start[v] : start[v + 1]].tolist() for v in range(4)] == [[0, 1], [1, 2], [], [0]]


def test_a_place_is_in_its_sites_the_border_as_drawn_on_the_map_too() -> None:
    compiled = compile_district(REGISTRY)

    assert sites_at(compiled, 36.7, 117.5) == ["PIT", "SPRING"]
    assert sites_at(compiled, 36.715, 117.5) == ["SPRING"]
    for share in np.linspace(-1, 1, 41):
        assert sites_at(compiled, 36.71, 117.5 + 0.01 * share) == ["PIT", "SPRING"]
        assert sites_at(compiled, 36.7 + 0.01 * share, 117.49) == ["PIT", "SPRING"]


@pytest.mark.parametrize("bearing", [(1, 0), (0, 1), (-1, 0), (0, -1)])
def test_a_circle_is_as_wide_on_the_ground_as_it_says(bearing: tuple[int, int]) -> None:
    compiled = compile_district(REGISTRY)
    north, east = bearing
    for metres, inside in ((199.9, True), (200.1, False)):
        lat, lon = 36.7 + north * metres / 110_976, 117.6 + east * metres / 89_365
        assert geodesic_m(36.7, 117.6, lat, lon) == pytest.approx(metres, abs=0.05)
        assert (sites_at(compiled, lat, lon) == ["TIP"]) == inside


def test_a_route_runs_as_drawn_on_the_map_and_not_along_the_great_circle() -> None:
    """At 9 km the two are 12 cm apart; at the corridor's edge a truck has its full 100 m."""
    compiled = compile_district(REGISTRY)
    x, y = to_plane(compiled.district.plane, 36.7, 117.55)

    assert distance_to_route(compiled.district.routes, 0, x, y, -1)[0] < 0.005
    lat = 36.7 + 100 / 110_976
    x, y = to_plane(compiled.district.plane, lat, 117.55)
    assert distance_to_route(compiled.district.routes, 0, x, y, -1)[0] == pytest.approx(
        geodesic_m(36.7, 117.55, lat, 117.55), abs=0.01
    )


def test_a_place_is_in_one_jurisdiction_and_on_a_shared_border_in_the_first_by_code() -> None:
    compiled = compile_district(REGISTRY)

    assert compiled.jurisdiction_of(36.7, 117.45) == "370101"
    assert compiled.jurisdiction_of(36.7, 117.75) == "370102"
    for lat in np.linspace(36.6, 36.8, 41):
        assert compiled.jurisdiction_of(lat, 117.6) == "370101"
    assert compiled.jurisdiction_of(36.7, 118.0) is None
    assert compiled.jurisdiction_of(float("nan"), 117.5) is None


def test_an_empty_register_holds_nothing_and_measures_all_the_same() -> None:
    compiled = compile_district(Registry())

    assert sites_at(compiled, 36.7, 117.5) == []
    assert compiled.jurisdiction_of(36.7, 117.5) is None
    plane = compiled.district.plane
    there = to_plane(plane, 30.1, 120.1), to_plane(plane, 30.2, 120.2)
    assert ground_m(plane, *there[0], *there[1]) == pytest.approx(
        geodesic_m(30.1, 120.1, 30.2, 120.2), rel=0.003
    )


def test_the_arrays_are_of_one_type_whatever_the_register_holds() -> None:
    """Another type would be another compilation of the whole engine: seconds, in the middle of a shift."""

    def types(part: Any) -> Any:
        if isinstance(part, tuple):
            return [types(field) for field in part]
        if isinstance(part, np.ndarray):
            assert part.flags.c_contiguous
            assert part.flags.writeable
            return part.dtype, part.ndim
        return type(part)

    full, empty = compile_district(REGISTRY).district, compile_district(Registry()).district

    assert types(full) == types(empty)
    assert isinstance(full, District)


def test_one_site_far_off_does_not_move_the_plane() -> None:
    strayed = Registry(sites={**REGISTRY.sites, "ZERO": site("ZERO", square(0.0, 0.0, 0.1))})

    assert compile_district(strayed).district.plane[:2] == (36.7, 117.5)


def test_what_the_importer_should_have_refused_is_named() -> None:
    with pytest.raises(ValueError, match="site PIT is a LineString: draw a Polygon"):
        compile_district(
            Registry(sites=table(site("PIT", {"type": "LineString", "coordinates": [[1, 2], [3, 4]]})))
        )
    with pytest.raises(ValueError, match="PIT: '25:00-26:00' is not"):
        compile_district(Registry(sites=table(site("PIT", square(36.7, 117.5, 0.01), hours="25:00-26:00"))))
