"""The whole register, part by part: each draws from the same dice, so their order is part of the district."""

import random

from devices.types import Registry
from simulators.district.fleet import make_companies, make_devices, make_vehicles
from simulators.district.grounds import make_sites
from simulators.district.outlets import make_outlets
from simulators.district.streets import make_jurisdictions, make_permits, make_roads
from simulators.roads import sample_streets

SEED = 20231216


def make_district() -> Registry:
    dice = random.Random(SEED)
    streets = sample_streets()
    sites = make_sites(streets, dice)
    companies = make_companies(dice)
    vehicles = make_vehicles(companies, dice)
    routes, permits = make_permits(streets, sites, companies, dice)
    jurisdictions = make_jurisdictions()
    outlets = make_outlets(jurisdictions, dice)
    return Registry(
        companies={row.company_id: row for row in companies},
        vehicles={row.plate: row for row in vehicles},
        sites={row.site_id: row for row in sites},
        routes={row.route_id: row for row in routes},
        roads={row.road_id: row for row in make_roads(streets)},
        jurisdictions={row.code: row for row in jurisdictions},
        permits={row.permit_id: row for row in permits},
        outlets={row.outlet_id: row for row in outlets},
        devices={row.device_id: row for row in make_devices(vehicles, outlets, dice)},
    )
