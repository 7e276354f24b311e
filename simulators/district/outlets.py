"""Kitchens: so many to each street, in the cuisines of the region."""

import random
from datetime import date, timedelta

from shapely.geometry import Point, Polygon

from devices.types import Jurisdiction, Outlet, Scale
from simulators.district.counts import NAME_PARTS, OUTLETS
from simulators.district.streets import UNITS

_OUTLETS_BY_UNIT = (140, 118, 52, 28, 24, 40, 36, 34, 26, 18, 26, 14, 16, 18, 12, 34, 10, 13)

CUISINES = (
    ("家常菜馆", "10:00-14:00;16:30-21:00", 0.30), ("川湘菜馆", "10:00-14:00;16:30-21:30", 0.15),
    ("鲁菜酒楼", "10:00-14:00;16:30-21:00", 0.14), ("烧烤店", "16:00-01:00", 0.13),
    ("快餐店", "09:00-21:30", 0.12), ("早餐铺", "05:00-10:00", 0.06), ("火锅店", "10:30-22:00", 0.06),
    ("机关食堂", "06:00-08:30;10:30-13:30;16:30-19:00", 0.04),
)  # fmt: skip
"""What a name ends in, opening hours, share of all."""


def make_outlets(jurisdictions: list[Jurisdiction], dice: random.Random) -> list[Outlet]:
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
                    name=f"{dice.choice(NAME_PARTS)}{cuisine}{number_of_all:03d}（示例）",
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
