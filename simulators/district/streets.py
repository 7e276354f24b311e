"""Streets and towns, key roads, and the permits with their routes over the streets."""

import random
from collections.abc import Iterator

import shapely
from shapely.geometry import MultiPoint, Point

from devices.types import Company, Jurisdiction, Permit, Road, Route, Site
from simulators.district.counts import PERMITS, VALID_FROM, VALID_TO
from simulators.district.grounds import DISPOSALS
from simulators.district.shapes import centre_of, line, polygon
from simulators.roads import KEY_ROADS, Streets, apart, key_road_lines, outline, to_plane

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


def make_permits(
    streets: Streets, sites: list[Site], companies: list[Company], dice: random.Random
) -> tuple[list[Route], list[Permit]]:
    where = {site.site_id: centre_of(site) for site in sites}
    for site in sites:
        if site.kind != "no_go":
            streets.attach(site.site_id, where[site.site_id])
    haulers = [company for company in companies if company.kind == "construction"]
    routes, permits = [], []
    for number in range(1, PERMITS + 1):
        source = f"S{number:02d}"
        nearest = sorted((row[0] for row in DISPOSALS), key=lambda name: apart(where[source], where[name]))
        far_enough = [name for name in nearest if apart(where[source], where[name]) > 4000]
        disposal = dice.choice(far_enough[:3])
        way = streets.line(streets.path(streets.places[source], streets.places[disposal]))
        route_id = f"R{number:02d}"
        routes.append(
            Route(route_id=route_id, name=f"{source} 至 {disposal} 核准路线（示例）", geometry=line(way))
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


def make_roads(streets: Streets) -> Iterator[Road]:
    lines = key_road_lines(streets)
    for number, road in enumerate(KEY_ROADS, start=1):
        yield Road(
            road_id=f"K{number}",
            name=road.name,
            geometry=line(lines[road.name]),
            corridor_m=30.0,
            speed_limit_kmh=road.limit_kmh,
        )


def make_jurisdictions() -> list[Jurisdiction]:
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
                geometry=polygon(cell.intersection(outline())),
            )
        )
    return areas
