import json
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.checks import Problem, RegistryFilesError, check_references, parse_row
from devices.nouns import NOUN_OF, NOUNS
from devices.registry_files import read_directory, write_directory
from devices.types import (
    Company,
    Device,
    Jurisdiction,
    Outlet,
    Permit,
    Registry,
    Road,
    Route,
    Site,
    Vehicle,
)
from runtime.errors import UserError

SQUARE = [[117.5, 36.7], [117.6, 36.7], [117.6, 36.8], [117.5, 36.8], [117.5, 36.7]]
BOWTIE = [[117.5, 36.7], [117.6, 36.8], [117.6, 36.7], [117.5, 36.8], [117.5, 36.7]]


def polygon(*rings: object) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(geometry: object, **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features: object) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def site(site_id: str = "S1", geometry: object = None, **properties: object) -> dict[str, Any]:
    return feature(
        polygon(SQUARE) if geometry is None else geometry,
        site_id=site_id, **{"name": "工地", "kind": "source"} | properties,
    )  # fmt: skip


# fmt: off
COMPANIES = (
    "company_id,name,kind,credit_code,phone,status,review_due\n"
    "C1,渣土一公司,construction,,,active,2027-03-31\n"
)
VEHICLES = (
    "plate,company_id,kind,vin,capacity_m3,tare_t,gross_t,status\n"
    "鲁A12345,C1,construction,,19.5,15,31,active\n"
)
OUTLETS = (
    "outlet_id,name,address,lat,lon,scale,limit_mg_m3,hours,cleaned_on,cleaning_days\n"
    "O1,面馆,,36.7,117.5,small,,,,\n"
)
DEVICES = (
    "device_id,kind,bound_to,serial,interval_s,status,installed_on\n"
    "T1,vehicle,鲁A12345,,10,active,\n"
)
# fmt: on


def write(directory: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (directory / f"{name}{'.geojson' if NOUN_OF[name].shapes else '.csv'}").write_bytes(data)
    return directory


def problems_of(directory: Path, base: Registry | None = None) -> list[Problem]:
    with pytest.raises(RegistryFilesError) as caught:
        read_directory(directory, base)
    return caught.value.problems


def test_rows_become_what_they_say_and_empty_cells_are_unknown(tmp_path: Path) -> None:
    write(
        tmp_path,
        companies=COMPANIES,
        vehicles=VEHICLES,
        sites=collection(
            site(), site("P1", {"type": "Point", "coordinates": [117.5, 36.7, 80]}, radius_m=60)
        ),
        routes=collection(
            feature({"type": "LineString", "coordinates": SQUARE[:2]}, route_id="R1", name="一号线")
        ),
        permits="permit_id,company_id,source_site_id,disposal_site_id,route_id,"
        "valid_from,valid_to,hours,plates,volume_m3\n"
        "X1,C1,S1,P1,R1,2026-01-01,2026-12-31,22:00-06:00,鲁A12345;,\n",
    )

    registry = read_directory(tmp_path)

    assert registry == Registry(
        companies={
            "C1": Company(
                company_id="C1", name="渣土一公司", kind="construction", status="active",
                review_due=date(2027, 3, 31),
            )
        },
        vehicles={
            "鲁A12345": Vehicle(
                plate="鲁A12345", company_id="C1", kind="construction", capacity_m3=19.5, tare_t=15,
                gross_t=31, status="active",
            )
        },
        sites={
            "S1": Site(site_id="S1", name="工地", kind="source", geometry=polygon(SQUARE)),
            "P1": Site(
                site_id="P1", name="工地", kind="source", radius_m=60,
                geometry={"type": "Point", "coordinates": [117.5, 36.7]},
            ),
        },
        routes={
            "R1": Route(
                route_id="R1", name="一号线", corridor_m=100,
                geometry={"type": "LineString", "coordinates": SQUARE[:2]},
            )
        },
        permits={
            "X1": Permit(
                permit_id="X1", company_id="C1", source_site_id="S1", disposal_site_id="P1", route_id="R1",
                valid_from=date(2026, 1, 1), valid_to=date(2026, 12, 31), hours="22:00-06:00",
                plates=("鲁A12345",),
            )
        },
    )  # fmt: skip


def test_every_bad_row_of_every_file_is_named_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        companies=COMPANIES + "C2,,construction,,,gone,31/3/2027\nC1,again,decoration,,,active,\n",
        vehicles=VEHICLES + "鲁A2,C2,construction,,-1,,,active\n鲁A3,C9,construction,,,,,active\n",
        sites=collection(site(), site("S2", polygon(BOWTIE)), site("S3", radius_m=5, colour="red")),
        devices=DEVICES + "T 2,vehicle,,,0,active,\nT3,fume,O9,,,active,\n",
    )

    assert [(p.file, p.row, p.field) for p in problems_of(tmp_path)] == [
        ("companies.csv", "line 3", "name"),
        ("companies.csv", "line 3", "status"),
        ("companies.csv", "line 3", "review_due"),
        ("companies.csv", "line 4", "company_id"),
        ("vehicles.csv", "line 3", "capacity_m3"),
        ("sites.geojson", "feature 2 (site_id S2)", "geometry"),
        ("sites.geojson", "feature 3 (site_id S3)", "colour"),
        ("sites.geojson", "feature 3 (site_id S3)", "radius_m"),
        ("devices.csv", "line 3", "device_id"),
        ("devices.csv", "line 3", "interval_s"),
        ("vehicles.csv", "line 4", "company_id"),
        ("devices.csv", "line 4", "bound_to"),
    ]


def test_the_message_has_a_line_for_each_problem_and_their_number(tmp_path: Path) -> None:
    write(
        tmp_path,
        companies=COMPANIES + "C2,二公司,building,,,active,\n",
        vehicles=VEHICLES + "鲁A2,C9,construction,,,,,active\n",
    )

    with pytest.raises(RegistryFilesError) as caught:
        read_directory(tmp_path)

    assert str(caught.value) == (
        "companies.csv, line 3, kind: 'building' is none of construction, decoration\n"
        "vehicles.csv, line 3, company_id: there is no company_id 'C9' in companies\n"
        "2 problems in 2 files; nothing was imported"
    )


@pytest.mark.parametrize(
    ("noun", "field", "cell"),
    [
        ("companies", "company_id", ""),
        ("companies", "company_id", "x" * 65),
        ("companies", "kind", "Construction"),
        ("companies", "review_due", "2027-02-29"),
        ("companies", "review_due", "20270301"),
        ("companies", "name", "a\x00b"),
        ("vehicles", "plate", "鲁A1;鲁A2"),
        ("vehicles", "capacity_m3", "nineteen"),
        ("vehicles", "capacity_m3", "nan"),
        ("vehicles", "capacity_m3", "1e999"),
        ("vehicles", "tare_t", "1_5"),
        ("vehicles", "gross_t", "-31"),
        ("outlets", "lat", "91"),
        ("outlets", "lon", ""),
        ("outlets", "scale", "huge"),
        ("outlets", "limit_mg_m3", "0"),
        ("outlets", "hours", "10:00-25:00"),
        ("outlets", "hours", "10:00"),
        ("outlets", "cleaning_days", "1.5"),
        ("devices", "device_id", "设备1"),
        ("devices", "kind", "car"),
        ("devices", "interval_s", "-10"),
        ("devices", "bound_to", "鲁A99999"),
        ("devices", "status", ""),
    ],
)
def test_a_cell_that_cannot_be_so_is_named(tmp_path: Path, noun: str, field: str, cell: str) -> None:
    files = {"companies": COMPANIES, "vehicles": VEHICLES, "outlets": OUTLETS, "devices": DEVICES}
    header, row, _ = files[noun].split("\n")
    columns = dict(zip(header.split(","), row.split(","), strict=True))
    bad_row = columns | {NOUN_OF[noun].key: "another"} | {field: cell}
    write(tmp_path, **files | {noun: files[noun] + ",".join(bad_row.values()) + "\n"})

    assert [(p.file, p.row, p.field) for p in problems_of(tmp_path)] == [(f"{noun}.csv", "line 3", field)]


@pytest.mark.parametrize(
    ("geometry", "complaint"),
    [
        (None, "must be Polygon or MultiPolygon or Point, not empty"),
        ({"type": "LineString", "coordinates": SQUARE}, "not LineString"),
        (polygon(), "no coordinates"),
        (polygon([]), "no coordinates"),
        (polygon(SQUARE[:-1]), "not closed"),
        (polygon(SQUARE[:2] + SQUARE[:1]), "at least 4 positions"),
        (polygon(BOWTIE), "Self-intersection"),
        (polygon([[117.5, 36.7], [117.6, 36.7], [117.7, 36.7], [117.5, 36.7]]), "encloses nothing"),
        (polygon([[117.5, 36.7], *["x"] * 3]), "no list"),
        (polygon([[117.5, 36.7], ["117.6", 36.7], *SQUARE[2:]]), "not a position"),
        (polygon([[lat, lon] for lon, lat in SQUARE]), "lat before lon"),
        (polygon([[200, 36.7], *SQUARE[1:]]), "not on Earth"),
        (polygon(SQUARE, [[118, 37], [118.1, 37], [118.1, 37.1], [118, 37]]), "Hole lies outside shell"),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}, "encloses nothing properly"),
        ({"type": "Point", "coordinates": [117.5]}, "not a position"),
        ({"type": "Point", "coordinates": []}, "no coordinates"),
        ({"type": "Point", "coordinates": [True, False]}, "not a position"),
    ],
)
def test_an_outline_that_encloses_nothing_is_named_with_its_fault(
    tmp_path: Path, geometry: object, complaint: str
) -> None:
    properties = {"radius_m": 50} if isinstance(geometry, dict) and geometry["type"] == "Point" else {}
    bad = site("S2", **properties)
    bad["geometry"] = geometry

    (problem,) = problems_of(write(tmp_path, sites=collection(site(), bad)))

    assert (problem.row, problem.field) == ("feature 2 (site_id S2)", "geometry")
    assert complaint in problem.reason


@pytest.mark.parametrize(
    "coordinates", [[], [[117.5, 36.7]], [[117.5, 36.7], [117.5, 36.7]], [[36.7, 117.5], [36.8, 117.5]], 7]
)
def test_a_line_that_leads_nowhere_is_named(tmp_path: Path, coordinates: object) -> None:
    line = feature({"type": "LineString", "coordinates": coordinates}, road_id="W1", name="经十东路")

    (problem,) = problems_of(write(tmp_path, roads=collection(line)))

    assert problem.field == "geometry"


def test_a_place_abroad_is_not_called_swapped(tmp_path: Path) -> None:
    austin = feature(
        {"type": "LineString", "coordinates": [[-97.7, 30.3], [-97.8, 30.3]]}, road_id="W1", name="I-35"
    )

    assert list(read_directory(write(tmp_path, roads=collection(austin))).roads) == ["W1"]


def test_a_point_needs_its_radius_and_an_outline_none(tmp_path: Path) -> None:
    point = {"type": "Point", "coordinates": [117.5, 36.7]}
    write(
        tmp_path, sites=collection(site("S1", point), site("S2", radius_m=1), site("S3", point, radius_m=-5))
    )

    assert [(p.row[:9], p.field) for p in problems_of(tmp_path)] == [
        ("feature 1", "radius_m"),
        ("feature 2", "radius_m"),
        ("feature 3", "radius_m"),
    ]


def test_a_permit_that_ends_before_it_begins_is_named(tmp_path: Path) -> None:
    write(
        tmp_path,
        companies=COMPANIES,
        sites=collection(site()),
        permits="permit_id,company_id,source_site_id,valid_from,valid_to\nX1,C1,S1,2026-02-01,2026-01-31\n",
    )

    assert [p.field for p in problems_of(tmp_path)] == ["valid_to"]


@pytest.mark.parametrize(
    ("missing", "field"),
    [
        ("C1", "company_id"), ("S1", "source_site_id"), ("S2", "disposal_site_id"),
        ("R1", "route_id"), ("鲁A12345", "plates"),
    ],
)  # fmt: skip
def test_a_permit_that_refers_to_nothing_is_named(tmp_path: Path, missing: str, field: str) -> None:
    line = {"type": "LineString", "coordinates": SQUARE[:2]}
    cells = {key: key if key != missing else "gone" for key in ("C1", "S1", "S2", "R1", "鲁A12345")}
    write(
        tmp_path,
        companies=COMPANIES,
        vehicles=VEHICLES,
        sites=collection(site("S1"), site("S2")),
        routes=collection(feature(line, route_id="R1", name="r")),
        permits="permit_id,company_id,source_site_id,disposal_site_id,route_id,plates\nX1,"
        + ",".join(cells.values()),
    )

    assert [str(p) for p in problems_of(tmp_path)] == [
        f"permits.csv, line 2, {field}: there is no {NOUN_OF[noun].key} 'gone' in {noun}"
        for noun in [
            {"company_id": "companies", "route_id": "routes", "plates": "vehicles"}.get(field, "sites")
        ]
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (COMPANIES.replace("phone", "telephone"), "companies.csv, line 1, telephone: is not known here"),
        (
            COMPANIES.replace("credit_code,phone", "phone,phone"),
            "companies.csv, line 1, phone: the column is there more",
        ),
        (COMPANIES.replace("status", "name"), "companies.csv, line 1, status: the column is missing"),
        (COMPANIES + "C2,二公司\n", "companies.csv, line 3: has 2 cells, the header has 7"),
        ("", "companies.csv: is empty"),
        (COMPANIES.encode("gbk"), "companies.csv: is not UTF-8 (byte 61)"),
        (COMPANIES.encode("utf-16"), "companies.csv: is not UTF-8 (byte 1)"),
        (COMPANIES + 'C2,"二公司\n', "companies.csv, line 3: is no CSV"),
    ],
)
def test_a_table_that_is_not_as_given_is_named(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    write(tmp_path, companies=content, vehicles=VEHICLES)

    assert any(str(problem).startswith(complaint) for problem in problems_of(tmp_path))
    assert {problem.file for problem in problems_of(tmp_path)} == {"companies.csv"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is not JSON"),
        ('{"type": "FeatureCollection", "type": "x", "features": []}', "key 'type' twice"),
        ('{"type": "FeatureCollection", "features": [NaN]}', "NaN is not a JSON number"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a GeoJSON FeatureCollection"),
        ('{"type": "FeatureCollection", "features": [5]}', "feature 1: is not a GeoJSON Feature"),
        (
            '{"type": "FeatureCollection", "features": [], "crs": {"name": "EPSG:4490"}}',
            "crs: is not in WGS-84",
        ),
        (
            collection(feature(polygon(SQUARE), site_id=5, name="n", kind="source")),
            "site_id: '5' must be text",
        ),
        (collection(site(capacity_m3=True)), "capacity_m3: 'true' is not a number"),
    ],
)
def test_a_map_that_is_not_as_given_is_named(tmp_path: Path, content: str, complaint: str) -> None:
    (problem,) = problems_of(write(tmp_path, sites=content))

    assert complaint in str(problem)


def test_a_byte_order_mark_blank_lines_and_spaces_around_cells_do_no_harm(tmp_path: Path) -> None:
    plain = read_directory(write(tmp_path, companies=COMPANIES))
    untidy = "\ufeff" + COMPANIES.replace("C1,", " C1 ,").replace("\n", "\r\n") + "\r\n,,,,,,\r\n"

    assert read_directory(write(tmp_path, companies=untidy)) == plain


def test_a_row_that_spans_lines_is_named_by_its_first(tmp_path: Path) -> None:
    write(tmp_path, companies=COMPANIES + 'C2,"二\n公司",construction,,,active,\nC3,三公司,x,,,active,\n')

    assert [p.row for p in problems_of(tmp_path)] == ["line 5"]


def test_an_absent_file_leaves_its_noun_as_it_was(tmp_path: Path) -> None:
    base = read_directory(write(tmp_path, companies=COMPANIES, vehicles=VEHICLES))
    (tmp_path / "companies.csv").unlink()

    assert read_directory(write(tmp_path, vehicles=VEHICLES.replace("19.5", "20")), base) == replace(
        base, vehicles={"鲁A12345": replace(base.vehicles["鲁A12345"], capacity_m3=20.0)}
    )


def test_what_the_database_holds_may_not_be_left_referring_to_nothing(tmp_path: Path) -> None:
    base = read_directory(write(tmp_path, companies=COMPANIES, vehicles=VEHICLES))
    (tmp_path / "vehicles.csv").unlink()

    (problem,) = problems_of(write(tmp_path, companies=COMPANIES.replace("C1", "C2")), base)

    assert (
        str(problem)
        == "vehicles in the database, '鲁A12345', company_id: there is no company_id 'C1' in companies"
    )


def test_a_directory_without_registry_files_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no registry file"):
        read_directory(tmp_path)
    with pytest.raises(UserError, match="not a directory"):
        read_directory(tmp_path / "elsewhere")


def test_one_row_is_checked_by_the_same_rules() -> None:
    cells = {"company_id": "C1", "name": "n", "kind": "construction", "status": "active"}
    assert parse_row(NOUN_OF["companies"], cells) == Company(
        company_id="C1", name="n", kind="construction", status="active"
    )

    with pytest.raises(RegistryFilesError) as caught:
        parse_row(NOUN_OF["companies"], {**cells, "kind": "x", "colour": "red"})
    assert [problem.field for problem in caught.value.problems] == ["colour", "kind"]


def test_references_of_a_register_made_elsewhere_are_checked_too() -> None:
    device = Device(device_id="T1", kind="fume", bound_to="O1", status="active")
    outlet = Outlet(outlet_id="O1", name="面馆")

    check_references(Registry(devices={"T1": device}, outlets={"O1": outlet}))
    with pytest.raises(RegistryFilesError, match="no outlet_id 'O1' in outlets"):
        check_references(Registry(devices={"T1": device}))


# --- any register at all, written and read again ---------------------------------------------------------

text = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n\r\t",;'), min_size=1, max_size=12
).filter(lambda t: t == t.strip())
keys = text.filter(lambda t: not set("\n\r\t") & set(t))
plates = keys.filter(lambda t: not set(t) & set(";；") and len(t.split()) == 1)
quantity = st.floats(0, 1e12) | st.integers(0, 10**6).map(float)
positive = quantity.filter(bool)
days = st.dates(date(1900, 1, 1), date(2999, 12, 31))
hours = st.sampled_from(["22:00-06:00", "8:00-12:00;13:00-24:00"])
lon, lat = st.floats(100, 120), st.floats(20, 50)
line = st.lists(st.tuples(lon, lat).map(list), min_size=2, max_size=5, unique_by=tuple)
lines = st.builds(lambda c: {"type": "LineString", "coordinates": c}, line) | st.builds(
    lambda c: {"type": "MultiLineString", "coordinates": c}, st.lists(line, min_size=1, max_size=3)
)
squares = st.builds(
    lambda x, y, d: polygon([[x, y], [x + d, y], [x + d, y + d], [x, y + d], [x, y]]),
    lon,
    lat,
    st.floats(0.01, 1),
)
areas = squares | squares.map(lambda s: {"type": "MultiPolygon", "coordinates": [s["coordinates"]]})
points = st.builds(lambda x, y: {"type": "Point", "coordinates": [x, y]}, lon, lat)


def rows(row: type, **by: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Up to three rows of a type: `by` for its fields, the rest unknown or by their declared choices."""
    key = fields(row)[0].name

    def optional(name: str) -> st.SearchStrategy[Any]:
        item = next(item for item in fields(row) if item.name == name)
        return by[name] | st.none() if "None" in str(item.type) else by[name]

    made = st.builds(row, **{name: optional(name) for name in by})
    return st.lists(made, max_size=3, unique_by=lambda r: getattr(r, key)).map(
        lambda several: {getattr(r, key): r for r in several}
    )


def one_of(noun: dict[str, Any]) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(noun))


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    haulage, standing = st.sampled_from(["construction", "decoration"]), st.sampled_from(["active", "exited"])
    between = st.tuples(days, days).map(sorted)
    companies = draw(rows(
        Company, company_id=keys, name=text, kind=haulage, credit_code=text, phone=text, status=standing,
        review_due=days,
    ))  # fmt: skip
    vehicles = draw(rows(
        Vehicle, plate=plates, company_id=one_of(companies) if companies else st.none(), kind=haulage,
        vin=text, capacity_m3=quantity, tare_t=quantity, gross_t=quantity, status=standing,
    ))  # fmt: skip
    sites = draw(rows(
        Site, site_id=keys, name=text, kind=st.sampled_from(["source", "no_go"]), geometry=areas, hours=hours,
        capacity_m3=quantity,
    ))  # fmt: skip
    circles = draw(rows(
        Site, site_id=keys, name=text, kind=st.just("parking"), geometry=points, radius_m=positive
    ))  # fmt: skip
    sites |= {key: replace(circle, radius_m=circle.radius_m or 1.0) for key, circle in circles.items()}
    routes = draw(rows(Route, route_id=keys, name=text, geometry=lines, corridor_m=positive))
    permits = {}
    if companies and sites:
        permits = draw(rows(
            Permit, permit_id=keys, company_id=one_of(companies), source_site_id=one_of(sites),
            disposal_site_id=one_of(sites), route_id=one_of(routes) if routes else st.none(), hours=hours,
            plates=st.lists(one_of(vehicles), unique=True).map(tuple) if vehicles else st.just(()),
            volume_m3=quantity,
        ))  # fmt: skip
        for key, permit in permits.items():
            first, last = draw(between)
            permits[key] = replace(permit, valid_from=first, valid_to=last)
    outlets = draw(rows(
        Outlet, outlet_id=keys, name=text, address=text, scale=st.sampled_from(["small", "large"]),
        limit_mg_m3=positive, hours=hours, cleaned_on=days, cleaning_days=st.integers(1, 1000),
    ))  # fmt: skip
    outlets = {key: replace(outlet, lat=draw(lat), lon=draw(lon)) for key, outlet in outlets.items()}
    devices = draw(rows(
        Device, device_id=st.from_regex("[A-Za-z0-9_-]{1,32}", fullmatch=True), kind=st.just("vehicle"),
        bound_to=one_of(vehicles) if vehicles else st.none(), serial=text, interval_s=positive,
        status=st.sampled_from(["active", "disabled"]), installed_on=days,
    ))  # fmt: skip
    return Registry(
        companies=companies, vehicles=vehicles, sites=sites, routes=routes, permits=permits, outlets=outlets,
        devices=devices,
        roads=draw(rows(
            Road, road_id=keys, name=text, geometry=lines, corridor_m=positive, speed_limit_kmh=positive
        )),
        jurisdictions=draw(rows(Jurisdiction, code=keys, name=text, squad=text, geometry=areas)),
    )  # fmt: skip


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(registry=registries())
def test_what_was_written_is_read_again_to_the_last_digit(tmp_path: Path, registry: Registry) -> None:
    counts = write_directory(registry, tmp_path)

    assert read_directory(tmp_path) == registry
    assert counts == {noun.file: len(getattr(registry, noun.name)) for noun in NOUNS}


# --- anything at all in the files ------------------------------------------------------------------------------

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=3)
    | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
odd_geometry = json_values | st.builds(
    lambda kind, coordinates: {"type": kind, "coordinates": coordinates},
    st.sampled_from(["Point", "Polygon", "MultiPolygon"]) | json_values,
    json_values | st.just([[[[117.5, 36.7]] * 4]]) | st.just([SQUARE, BOWTIE]),
)
odd_maps = st.builds(
    lambda geometry, properties: json.dumps(
        {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "properties": properties, "geometry": geometry}],
        }
    ).encode(),
    odd_geometry,
    st.dictionaries(st.sampled_from(["site_id", "name", "kind", "radius_m", "\ud800"]), json_values)
    | json_values,
)
odd_tables = st.builds(
    lambda cut, junk, text: text.encode()[:cut] + junk + text.encode()[cut:],
    st.integers(0, 200), st.binary(max_size=4) | st.just(b'"') | st.just(b"\x00"), st.just(VEHICLES + VEHICLES),
)  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sites=odd_maps | st.binary(max_size=40), vehicles=odd_tables | st.binary(max_size=40))
def test_whatever_the_files_hold_it_is_read_or_named_on_lines_that_print(
    tmp_path: Path, sites: bytes, vehicles: bytes
) -> None:
    write(tmp_path, sites=sites, vehicles=vehicles, companies=COMPANIES)

    refused: RegistryFilesError | None = None
    try:
        read_directory(tmp_path)
    except RegistryFilesError as error:
        refused = error

    if refused:
        assert len(str(refused).encode().splitlines()) == len(refused.problems) + 1


def test_a_row_with_a_fault_of_its_own_and_a_file_with_a_column_too_many_have_all_their_faults_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "companies.csv").write_text("company_id,name,kind,status,colour\nC1,n,building,active,red\n")
    (tmp_path / "vehicles.csv").write_text(
        "plate,company_id,kind,capacity_m3,status\nA1,C9,construction,much,active\n"
    )
    (tmp_path / "devices.csv").write_text("device_id,kind,bound_to,status\nV1,vehicle,A9,on\n")

    with pytest.raises(RegistryFilesError) as refused:
        read_directory(tmp_path)

    assert {(problem.file, problem.row, problem.field) for problem in refused.value.problems} == {
        ("companies.csv", "line 1", "colour"),
        ("companies.csv", "line 2", "kind"),
        ("vehicles.csv", "line 2", "capacity_m3"),
        ("vehicles.csv", "line 2", "company_id"),
        ("devices.csv", "line 2", "status"),
        ("devices.csv", "line 2", "bound_to"),
    }
