"""Sites: where is built, tipped, parked, and where nobody may drive."""

import random

import shapely
from shapely.geometry import LineString, Point, Polygon

from devices.types import Site, SiteKind
from simulators.district.counts import NAME_PARTS, PERMITS, VALID_FROM, VALID_TO
from simulators.district.fleet import company_ids
from simulators.district.shapes import polygon
from simulators.roads import Place, Streets, nearest_piece, outline, to_degrees, to_plane

DISPOSALS = (
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


def make_sites(streets: Streets, dice: random.Random) -> list[Site]:
    """No-go zones first: they lie on a street, which is barred; everything else keeps off the streets."""
    ground = _Ground(streets, dice)
    sites = [_no_go_site(streets, *row) for row in _NO_GO]
    for site in sites:
        area = Polygon([to_plane(lon, lat) for lon, lat in site.geometry["coordinates"][0]])
        streets.bar(site.site_id, area)
        ground.taken.append(area.buffer(250))
    for site_id, name, lon, lat, capacity, radius in DISPOSALS:
        sites.append(ground.site(site_id, name, "disposal", (lon, lat), radius, capacity))
    for site_id, name, lon, lat in _TRANSFERS:
        sites.append(ground.site(site_id, name, "transfer", (lon, lat), 150, 60_000))
    for number in range(1, PERMITS + 1):
        lon, lat = _BUSY[(number - 1) % len(_BUSY)]
        near = lon + dice.uniform(-0.02, 0.02), lat + dice.uniform(-0.02, 0.02)
        name = f"{dice.choice(('安置区', '学校', '道路改造', '商住', '产业园', '医院'))}项目{number:02d}号工地（示例）"
        sites.append(ground.site(f"S{number:02d}", name, "source", near, dice.choice((150, 170, 190))))
    for name, company_id in zip(NAME_PARTS, company_ids(), strict=True):
        near = dice.uniform(117.40, 117.62), dice.uniform(36.64, 36.86)
        sites.append(ground.site(f"P{company_id}", f"{name}停车场（示例）", "parking", near, 140))
    return sites


def _no_go_site(
    streets: Streets, site_id: str, name: str, lon: float, lat: float, radius_m: int, hours: str | None
) -> Site:
    """Around the bend nearest to the place, so that a street runs through."""
    x, y = to_plane(lon, lat)
    bends = [n for n in range(len(streets.nodes)) if n not in streets.junctions]
    bend = min(bends, key=lambda n: (streets.nodes[n][0] - x) ** 2 + (streets.nodes[n][1] - y) ** 2)
    shape = Point(streets.nodes[bend]).buffer(radius_m, quad_segs=5)
    return Site(site_id=site_id, name=name, kind="no_go", geometry=polygon(shape), hours=hours,
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
            else polygon(shape),
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
