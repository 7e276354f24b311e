"""Makes the sample district: the registry files in `simulators/district_data`, always the same ones.

    python -m simulators.district OUT_DIR

Everything in it is made up to look plausible: firms, plates, restaurants, permits, streets and
outlines. Real are only the counts of the bureau's yearly report, the names and codes of the 18
streets and towns, and the names of the five key roads. See docs/sample-district.md.
"""

import math
import random
import sys
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

import shapely
from shapely.geometry import LineString, MultiPoint, Point, Polygon
from shapely.geometry.base import BaseGeometry

from devices.registry_files import write_directory
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
    Scale,
    Site,
    SiteKind,
    Vehicle,
)
from simulators.roads import (
    KEY_ROADS,
    Place,
    Points,
    Streets,
    key_road_lines,
    nearest_piece,
    outline,
    sample_streets,
    to_degrees,
    to_plane,
)

DATA = Path(__file__).parent / "district_data"
SEED = 20231216

CONSTRUCTION_COMPANIES, DECORATION_COMPANIES = 34, 15
CONSTRUCTION_VEHICLES, DECORATION_VEHICLES = 520, 166
PERMITS, OUTLETS = 36, 659
VALID_FROM, VALID_TO = date(2024, 1, 1), date(2035, 12, 31)
"""So wide that the sample can be played on any day."""
PERMIT_HOURS = ("20:00-06:00", "06:00-22:00", None, "22:00-06:00", "08:00-20:00", "19:00-07:00")
"""Taken in turn, so that some trucks are on the road at every hour."""

UNITS = (
    ("370114001", "明水街道", 117.532, 36.722), ("370114002", "双山街道", 117.494, 36.695),
    ("370114003", "枣园街道", 117.435, 36.722), ("370114004", "龙山街道", 117.378, 36.735),
    ("370114005", "埠村街道", 117.445, 36.622), ("370114006", "圣井街道", 117.418, 36.672),
    ("370114007", "普集街道", 117.648, 36.730), ("370114008", "绣惠街道", 117.502, 36.790),
    ("370114009", "相公庄街道", 117.580, 36.768), ("370114010", "文祖街道", 117.535, 36.590),
    ("370114011", "官庄街道", 117.612, 36.668), ("370114012", "高官寨街道", 117.318, 36.920),
    ("370114013", "白云湖街道", 117.402, 36.872), ("370114014", "宁家埠街道", 117.432, 36.812),
    ("370114015", "曹范街道", 117.415, 36.560), ("370114016", "刁镇街道", 117.520, 36.872),
    ("370114017", "黄河街道", 117.306, 36.990), ("370114101", "垛庄镇", 117.430, 36.508),
)  # fmt: skip
"""Code, name, and a rough seat: lon, lat. Cells around the seats stand for the outlines."""

_OUTLETS_BY_UNIT = (140, 118, 52, 28, 24, 40, 36, 34, 26, 18, 26, 14, 16, 18, 12, 34, 10, 13)

_DISPOSALS = (
    ("D01", "官庄街道西矾硫村直接利用项目（示例）", 117.625, 36.690, 400_000, 280),
    ("D02", "文祖废弃矿坑回填场（示例）", 117.520, 36.604, 900_000, 260),
    ("D03", "埠村采坑修复场（示例）", 117.446, 36.604, 650_000, 240),
    ("D04", "绣惠资源化利用厂（示例）", 117.470, 36.790, 300_000, 200),
    ("D05", "刁镇建筑垃圾消纳场（示例）", 117.550, 36.855, 500_000, 220),
    ("D06", "圣井资源化利用厂（示例）", 117.395, 36.665, 260_000, 200),
    ("D07", "普集采石坑回填场（示例）", 117.640, 36.715, 700_000, 250),
    ("D08", "宁家埠消纳场（示例）", 117.420, 36.830, 350_000, 220),
)
_TRANSFERS = (
    ("T01", "明水装修垃圾中转站（示例）", 117.550, 36.740), ("T02", "双山装修垃圾中转站（示例）", 117.475, 36.680),
    ("T03", "枣园装修垃圾中转站（示例）", 117.430, 36.740), ("T04", "刁镇装修垃圾中转站（示例）", 117.500, 36.875),
    ("T05", "官庄装修垃圾中转站（示例）", 117.595, 36.665),
)  # fmt: skip
_NO_GO = (
    ("N01", "百脉泉泉水保护区（示例）", 117.520, 36.720, 340, None),
    ("N02", "政务区周边（示例）", 117.498, 36.694, 300, "07:00-09:00;17:00-19:00"),
    ("N03", "垛庄水库水源保护区（示例）", 117.460, 36.560, 420, None),
    ("N04", "白云湖湿地保护区（示例）", 117.420, 36.862, 420, None),
    ("N05", "大学城夜间静区（示例）", 117.447, 36.720, 320, "22:00-06:00"),
)
_BUSY = (
    (117.510, 36.735), (117.535, 36.700), (117.480, 36.715), (117.450, 36.690), (117.560, 36.720),
    (117.490, 36.670), (117.420, 36.700), (117.520, 36.765), (117.600, 36.735), (117.500, 36.820),
    (117.440, 36.770), (117.540, 36.660),
)  # fmt: skip
"""Where things are being built: lon, lat."""

_NAME_PARTS = ("恒顺", "泰达", "鸿运", "齐鲁", "明泉", "绣江", "长城", "龙翔", "金桥", "鑫源", "广汇", "宏图", "瑞丰",
               "永固", "百脉", "锦屏", "胡山", "济东", "通达", "华宇", "盛世", "东方", "众诚", "天成", "顺通", "安泰",
               "鲁中", "山青", "大地", "建兴", "万里", "联发", "福泰", "正阳", "同心", "嘉和", "美居", "新居", "雅筑",
               "宜家园", "绿净", "洁城", "快运", "安居", "惠民", "乐装", "日新", "和顺", "佳美")  # fmt: skip

CUISINES = (
    ("家常菜馆", "10:00-14:00;16:30-21:00", 0.30), ("川湘菜馆", "10:00-14:00;16:30-21:30", 0.15),
    ("鲁菜酒楼", "10:00-14:00;16:30-21:00", 0.14), ("烧烤店", "16:00-01:00", 0.13),
    ("快餐店", "09:00-21:30", 0.12), ("早餐铺", "05:00-10:00", 0.06), ("火锅店", "10:30-22:00", 0.06),
    ("机关食堂", "06:00-08:30;10:30-13:30;16:30-19:00", 0.04),
)  # fmt: skip
"""What a name ends in, opening hours, share of all."""


def make_district() -> Registry:
    dice = random.Random(SEED)
    streets = sample_streets()
    sites = _sites(streets, dice)
    companies = _companies(dice)
    vehicles = _vehicles(companies, dice)
    routes, permits = _permits(streets, sites, companies, dice)
    jurisdictions = _jurisdictions()
    outlets = _outlets(jurisdictions, dice)
    return Registry(
        companies={row.company_id: row for row in companies},
        vehicles={row.plate: row for row in vehicles},
        sites={row.site_id: row for row in sites},
        routes={row.route_id: row for row in routes},
        roads={row.road_id: row for row in _roads(streets)},
        jurisdictions={row.code: row for row in jurisdictions},
        permits={row.permit_id: row for row in permits},
        outlets={row.outlet_id: row for row in outlets},
        devices={row.device_id: row for row in _devices(vehicles, outlets, dice)},
    )


def _companies(dice: random.Random) -> list[Company]:
    return [
        Company(
            company_id=f"C{number:02d}" if number <= CONSTRUCTION_COMPANIES else f"Z{number - CONSTRUCTION_COMPANIES:02d}",
            name=f"{_NAME_PARTS[number - 1]}{'渣土' if number <= CONSTRUCTION_COMPANIES else '装修垃圾'}运输公司（示例）",
            kind="construction" if number <= CONSTRUCTION_COMPANIES else "decoration",
            credit_code=f"91370181SAMPL{number:05d}",
            phone=f"0531-0000{number:04d}",
            status="active",
            review_due=date(2027, 1, 15) + timedelta(days=dice.randrange(0, 300)),
        )
        for number in range(1, CONSTRUCTION_COMPANIES + DECORATION_COMPANIES + 1)
    ]  # fmt: skip


def _vehicles(companies: list[Company], dice: random.Random) -> list[Vehicle]:
    vehicles: list[Vehicle] = []
    plates: set[str] = set()
    for kind, count in (("construction", CONSTRUCTION_VEHICLES), ("decoration", DECORATION_VEHICLES)):
        owners = [company for company in companies if company.kind == kind]
        for number in range(count):
            heavy = kind == "construction"
            plate = _plate(plates, dice)
            vehicles.append(
                Vehicle(
                    plate=plate,
                    company_id=owners[number % len(owners)].company_id,
                    kind="construction" if heavy else "decoration",
                    vin=f"LSAMPLE{len(vehicles) + 1:010d}",
                    capacity_m3=dice.choice((19.32, 19.32, 14.90)) if heavy else dice.choice((4.0, 6.0, 8.0)),
                    tare_t=dice.choice((14.5, 15.2, 15.8)) if heavy else dice.choice((3.2, 4.1)),
                    gross_t=31.0 if heavy else dice.choice((4.5, 8.0)),
                    status="active",
                )
            )
    return vehicles


def _plate(taken: set[str], dice: random.Random) -> str:
    while True:
        plate = f"鲁A{dice.choice('BCDEFGHJK')}{dice.randrange(10_000):04d}"
        if plate not in taken:
            taken.add(plate)
            return plate


def _sites(streets: Streets, dice: random.Random) -> list[Site]:
    """No-go zones first: they lie on a street, which is barred; everything else keeps off the streets."""
    ground = _Ground(streets, dice)
    sites = [_no_go_site(streets, *row) for row in _NO_GO]
    for site in sites:
        area = Polygon([to_plane(lon, lat) for lon, lat in site.geometry["coordinates"][0]])
        streets.bar(site.site_id, area)
        ground.taken.append(area.buffer(250))
    for site_id, name, lon, lat, capacity, radius in _DISPOSALS:
        sites.append(ground.site(site_id, name, "disposal", (lon, lat), radius, capacity))
    for site_id, name, lon, lat in _TRANSFERS:
        sites.append(ground.site(site_id, name, "transfer", (lon, lat), 150, 60_000))
    for number in range(1, PERMITS + 1):
        lon, lat = _BUSY[(number - 1) % len(_BUSY)]
        near = lon + dice.uniform(-0.02, 0.02), lat + dice.uniform(-0.02, 0.02)
        name = f"{dice.choice(('安置区', '学校', '道路改造', '商住', '产业园', '医院'))}项目{number:02d}号工地（示例）"
        sites.append(ground.site(f"S{number:02d}", name, "source", near, dice.choice((150, 170, 190))))
    for number in range(1, CONSTRUCTION_COMPANIES + DECORATION_COMPANIES + 1):
        code = (
            f"C{number:02d}"
            if number <= CONSTRUCTION_COMPANIES
            else f"Z{number - CONSTRUCTION_COMPANIES:02d}"
        )
        near = dice.uniform(117.40, 117.62), dice.uniform(36.64, 36.86)
        sites.append(
            ground.site(f"P{code}", f"{_NAME_PARTS[number - 1]}停车场（示例）", "parking", near, 140)
        )
    return sites


def _no_go_site(
    streets: Streets, site_id: str, name: str, lon: float, lat: float, radius_m: int, hours: str | None
) -> Site:
    """Around the bend nearest to the place, so that a street runs through."""
    x, y = to_plane(lon, lat)
    bends = [n for n in range(len(streets.nodes)) if n not in streets.junctions]
    bend = min(bends, key=lambda n: (streets.nodes[n][0] - x) ** 2 + (streets.nodes[n][1] - y) ** 2)
    shape = Point(streets.nodes[bend]).buffer(radius_m, quad_segs=5)
    return Site(site_id=site_id, name=name, kind="no_go", geometry=_polygon(shape), hours=hours,
                valid_from=VALID_FROM, valid_to=VALID_TO)  # fmt: skip


class _Ground:
    """Finds free ground beside a street for one site after another."""

    def __init__(self, streets: Streets, dice: random.Random) -> None:
        self.streets, self.dice = streets, dice
        self.taken: list[Polygon] = []
        self.pieces = streets.pieces()
        self.lines = shapely.STRtree(
            [LineString([streets.nodes[a], streets.nodes[b]]) for a, b in self.pieces]
        )

    def site(
        self,
        site_id: str,
        name: str,
        kind: SiteKind,
        near: tuple[float, float],
        radius_m: float,
        capacity_m3: float | None = None,
    ) -> Site:
        centre, shape = self._free(to_plane(*near), radius_m)
        self.taken.append(shape.buffer(300))
        every_fifth = kind == "source" and site_id.endswith(("3", "8"))
        return Site(
            site_id=site_id,
            name=name,
            kind=kind,
            geometry={"type": "Point", "coordinates": list(to_degrees(*centre))}
            if every_fifth
            else _polygon(shape),
            radius_m=radius_m if every_fifth else None,
            valid_from=VALID_FROM,
            valid_to=VALID_TO,
            capacity_m3=capacity_m3,
        )

    def _free(self, near: Place, radius_m: float) -> tuple[Place, Polygon]:
        """A place off the streets, away from other sites, and its outline."""
        inner = outline().buffer(-600)
        free = [piece for piece in self.pieces if frozenset(piece) not in self.streets.barred]
        for attempt in range(400):
            wide = 300 + 25 * attempt
            x, y = near[0] + self.dice.uniform(-wide, wide), near[1] + self.dice.uniform(-wide, wide)
            a, b, (fx, fy) = nearest_piece(self.streets, free, (x, y))
            (ax, ay), (bx, by) = self.streets.nodes[a], self.streets.nodes[b]
            length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
            off = (radius_m + self.dice.uniform(120, 220)) * self.dice.choice((-1, 1))
            centre = fx - off * (by - ay) / length, fy + off * (bx - ax) / length
            shape = self._blob(centre, radius_m)
            clear = shape.buffer(90)
            if (
                inner.contains(shape)
                and not any(other.intersects(shape) for other in self.taken)
                and not any(clear.intersects(self.lines.geometries[i]) for i in self.lines.query(clear))
            ):
                return centre, shape
        raise RuntimeError(f"no free ground around {near}")

    def _blob(self, centre: Place, radius_m: float) -> Polygon:
        """A round outline with a little of its own shape; nowhere nearer than 85 % of the radius."""
        circle = shapely.get_coordinates(Point(0, 0).buffer(1, quad_segs=3))[:-1]
        reach = [radius_m * self.dice.uniform(0.9, 1.0) for _ in circle]
        return Polygon(
            [(centre[0] + r * x, centre[1] + r * y) for r, (x, y) in zip(reach, circle, strict=True)]
        )


def _permits(
    streets: Streets, sites: list[Site], companies: list[Company], dice: random.Random
) -> tuple[list[Route], list[Permit]]:
    where = {site.site_id: _centre(site) for site in sites}
    for site in sites:
        if site.kind != "no_go":
            streets.attach(site.site_id, where[site.site_id])
    haulers = [company for company in companies if company.kind == "construction"]
    routes, permits = [], []
    for number in range(1, PERMITS + 1):
        source = f"S{number:02d}"
        nearest = sorted((row[0] for row in _DISPOSALS), key=lambda name: _apart(where[source], where[name]))
        far_enough = [name for name in nearest if _apart(where[source], where[name]) > 4000]
        disposal = dice.choice(far_enough[:3])
        way = streets.line(streets.path(streets.places[source], streets.places[disposal]))
        route_id = f"R{number:02d}"
        routes.append(
            Route(route_id=route_id, name=f"{source} 至 {disposal} 核准路线（示例）", geometry=_line(way))
        )
        permits.append(
            Permit(
                permit_id=f"章渣核〔示例〕{number:03d}号",
                company_id=haulers[(number - 1) % len(haulers)].company_id,
                source_site_id=source,
                disposal_site_id=disposal,
                route_id=route_id,
                valid_from=VALID_FROM,
                valid_to=VALID_TO,
                hours=PERMIT_HOURS[(number - 1) % len(PERMIT_HOURS)],
                volume_m3=float(dice.randrange(8, 36) * 1000),
            )
        )
    return routes, permits


def _roads(streets: Streets) -> Iterator[Road]:
    lines = key_road_lines(streets)
    for number, road in enumerate(KEY_ROADS, start=1):
        yield Road(
            road_id=f"K{number}",
            name=road.name,
            geometry=_line(lines[road.name]),
            corridor_m=30.0,
            speed_limit_kmh=road.limit_kmh,
        )


def _jurisdictions() -> list[Jurisdiction]:
    seats = [to_plane(lon, lat) for _, _, lon, lat in UNITS]
    cells = shapely.voronoi_polygons(MultiPoint(seats), extend_to=outline().buffer(5000)).geoms
    areas = []
    for number, (code, name, _, _) in enumerate(UNITS, start=1):
        cell = next(cell for cell in cells if cell.contains(Point(seats[number - 1])))
        areas.append(
            Jurisdiction(
                code=code,
                name=name,
                squad=f"{name.removesuffix('街道').removesuffix('镇')}执法中队",
                geometry=_polygon(cell.intersection(outline())),
            )
        )
    return areas


def _outlets(jurisdictions: list[Jurisdiction], dice: random.Random) -> list[Outlet]:
    outlets: list[Outlet] = []
    for (_, unit, lon, lat), count, area in zip(UNITS, _OUTLETS_BY_UNIT, jurisdictions, strict=True):
        cell = Polygon(area.geometry["coordinates"][0])
        streets = [f"{unit}{name}" for name in ("府前街", "文化路", "泉水街", "商贸路", "育才街")]
        for number in range(1, count + 1):
            number_of_all = len(outlets) + 1
            cuisine, hours, _ = dice.choices(CUISINES, [share for _, _, share in CUISINES])[0]
            scale: Scale = dice.choices(("small", "medium", "large"), (0.62, 0.30, 0.08))[0]
            place = _within(cell, (lon, lat), dice)
            outlets.append(
                Outlet(
                    outlet_id=f"R{number_of_all:04d}",
                    name=f"{dice.choice(_NAME_PARTS)}{cuisine}{number_of_all:03d}（示例）",
                    address=f"{dice.choice(streets)}{number * 2 - 1}号（示例）",
                    lat=place[1],
                    lon=place[0],
                    scale=scale,
                    limit_mg_m3=0.8 if dice.random() < 0.04 else None,
                    hours=hours,
                    cleaned_on=date(2026, 11, 20) - timedelta(days=dice.randrange(0, 75)),
                )
            )
    if len(outlets) != OUTLETS:
        raise RuntimeError(f"{len(outlets)} outlets, not {OUTLETS}")
    return outlets


def _within(cell: Polygon, seat: tuple[float, float], dice: random.Random) -> tuple[float, float]:
    while True:
        lon, lat = round(dice.gauss(seat[0], 0.009), 6), round(dice.gauss(seat[1], 0.007), 6)
        if cell.contains(Point(lon, lat)):
            return lon, lat


def _devices(vehicles: list[Vehicle], outlets: list[Outlet], dice: random.Random) -> Iterator[Device]:
    for number, vehicle in enumerate(vehicles, start=1):
        yield Device(
            device_id=f"V{number:04d}",
            kind="vehicle",
            bound_to=vehicle.plate,
            serial=f"0640{number:08d}",
            interval_s=10.0,
            status="active",
            installed_on=date(2025, 3, 1) + timedelta(days=dice.randrange(0, 400)),
        )
    for number, outlet in enumerate(outlets, start=1):
        yield Device(
            device_id=f"F{number:04d}",
            kind="fume",
            bound_to=outlet.outlet_id,
            serial=f"ZQ370114FUME{number:012d}",
            interval_s=60.0,
            status="active",
            installed_on=date(2025, 3, 1) + timedelta(days=dice.randrange(0, 400)),
        )


def _centre(site: Site) -> Place:
    if site.geometry["type"] == "Point":
        lon, lat = site.geometry["coordinates"]
        return to_plane(lon, lat)
    middle = Polygon([to_plane(lon, lat) for lon, lat in site.geometry["coordinates"][0]]).centroid
    return middle.x, middle.y


def _apart(a: Place, b: Place) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])


def _polygon(shape: BaseGeometry) -> Geometry:
    return {"type": "Polygon", "coordinates": [_positions(shapely.get_coordinates(shape).tolist())]}


def _line(points: Points) -> Geometry:
    return {"type": "LineString", "coordinates": _positions(points)}


def _positions(points: Iterable[Iterable[float]]) -> list[list[float]]:
    return [list(to_degrees(*point)) for point in points]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m simulators.district OUT_DIR")
    for file, rows in write_directory(make_district(), Path(sys.argv[1])).items():
        sys.stdout.write(f"{file}: {rows}\n")


if __name__ == "__main__":
    main()
