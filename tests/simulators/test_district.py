from collections import Counter
from pathlib import Path

from shapely.geometry import Point, shape

from simulators.district.making import make_district
from simulators.roads import KEY_ROADS
from tests.simulators.fleets import DATA, district


def test_the_shipped_files_are_what_the_generator_makes(tmp_path: Path) -> None:
    from devices.registry_files import write_directory

    write_directory(make_district(), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in DATA.iterdir()
    }


def test_it_counts_what_the_bureau_counts() -> None:
    made = district()
    assert Counter(company.kind for company in made.companies.values()) == {
        "construction": 34,
        "decoration": 15,
    }
    assert Counter(vehicle.kind for vehicle in made.vehicles.values()) == {
        "construction": 520,
        "decoration": 166,
    }
    assert (len(made.permits), len(made.outlets), len(made.devices), len(made.jurisdictions)) == (
        36,
        659,
        1345,
        18,
    )
    assert [road.name for road in made.roads.values()] == [road.name for road in KEY_ROADS]
    assert made.sites["D01"].capacity_m3 == 400_000


def test_it_stays_small() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 3_000_000


def test_every_device_is_bound_to_one_thing_of_its_own() -> None:
    bound = Counter(device.bound_to for device in district().devices.values())
    assert set(bound.values()) == {1}
    assert set(bound) == set(district().vehicles) | set(district().outlets)


def test_every_outlet_lies_in_the_street_its_address_names() -> None:
    units = {unit.name: shape(unit.geometry) for unit in district().jurisdictions.values()}
    for outlet in district().outlets.values():
        name = next(name for name in units if (outlet.address or "").startswith(name))
        assert units[name].covers(Point(outlet.lon or 0, outlet.lat or 0))


def test_the_direct_use_site_lies_in_its_street() -> None:
    street = shape(district().jurisdictions["370114011"].geometry)
    assert street.covers(shape(district().sites["D01"].geometry))
