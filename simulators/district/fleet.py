"""Companies, their trucks, and the terminals and monitors."""

import random
from collections.abc import Iterator
from datetime import date, timedelta

from devices.types import Company, Device, Outlet, Vehicle
from simulators.district.counts import (
    CONSTRUCTION_COMPANIES,
    CONSTRUCTION_VEHICLES,
    DECORATION_COMPANIES,
    DECORATION_VEHICLES,
    NAME_PARTS,
)


def company_ids() -> list[str]:
    return [f"C{n:02d}" for n in range(1, CONSTRUCTION_COMPANIES + 1)] + [
        f"Z{n:02d}" for n in range(1, DECORATION_COMPANIES + 1)
    ]


def make_companies(dice: random.Random) -> list[Company]:
    return [
        Company(
            company_id=company_id,
            name=f"{NAME_PARTS[number - 1]}{'渣土' if company_id[0] == 'C' else '装修垃圾'}运输公司（示例）",
            kind="construction" if company_id[0] == "C" else "decoration",
            credit_code=f"91370181SAMPL{number:05d}",
            phone=f"0531-0000{number:04d}",
            status="active",
            review_due=date(2027, 1, 15) + timedelta(days=dice.randrange(0, 300)),
        )
        for number, company_id in enumerate(company_ids(), start=1)
    ]


def make_vehicles(companies: list[Company], dice: random.Random) -> list[Vehicle]:
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


def make_devices(vehicles: list[Vehicle], outlets: list[Outlet], dice: random.Random) -> Iterator[Device]:
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
