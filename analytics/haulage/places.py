"""Where a fix lies: sites, and what this vehicle may do there."""

import numpy as np
from numpy.typing import NDArray

from analytics.district import DISPOSAL, NO_GO, PARKING, SOURCE, TRANSFER, District
from analytics.haulage.state import (
    AT_PARKING,
    AT_PERMITTED,
    AT_SITE,
    AT_SOURCE,
    AT_TRANSFER,
    MAY_UNLOAD,
    OVERLAPS,
)
from analytics.haulage.telling import Record
from analytics.kernels._compile import inner_kernel
from analytics.records import DAY, MINUTE


@inner_kernel
def fold_place(district: District, state: Record, here: Record, found: NDArray[np.int32], count: int) -> None:
    """Write into `here` which of `found`, the first `count` of them, hold the fix: those valid on its local day."""
    day, minute = here["local"] // DAY, here["local"] % DAY // MINUTE
    flags, source, insides, barreds = 0, -1, 0, 0
    for i in range(count):
        site = found[i]
        if day < district.site_from_day[site] or day > district.site_to_day[site]:
            continue
        kind = district.site_kind[site]
        if kind == NO_GO:
            if barreds < OVERLAPS and barred_at(district, site, minute):
                here["barred"][barreds] = site
                barreds += 1
            continue
        if insides < OVERLAPS:
            here["inside"][insides] = site
            insides += 1
        flags |= AT_SITE
        if kind == SOURCE:
            flags |= AT_SOURCE
            permitted = any_permit(district, here["vehicle"], site, day)
            if source < 0 or (permitted and not flags & AT_PERMITTED):
                source = site
            if permitted:
                flags |= AT_PERMITTED
        elif kind == PARKING:
            flags |= AT_PARKING
        elif kind == TRANSFER:
            flags |= AT_TRANSFER
        if kind in (DISPOSAL, TRANSFER) or disposes(district, state, site):
            flags |= MAY_UNLOAD
    here["flags"], here["source"], here["insides"], here["barreds"] = flags, source, insides, barreds
    state["site"] = here["inside"][0] if insides > 0 else -1


@inner_kernel
def place_nowhere(state: Record, here: Record) -> None:
    """No site holds the fix."""
    here["flags"], here["source"], here["insides"], here["barreds"] = 0, -1, 0, 0
    state["site"] = -1


@inner_kernel
def is_inside(here: Record, site: int) -> bool:
    for i in range(here["insides"]):  # noqa: SIM110 - numba has no any()
        if here["inside"][i] == site:
            return True
    return False


@inner_kernel
def barred_at(district: District, site: int, minute: int) -> bool:
    first, last = district.site_hours_start[site], district.site_hours_start[site + 1]
    if first == last:
        return True
    for i in range(first, last):  # noqa: SIM110 - numba has no any()
        if district.site_hours[i, 0] <= minute < district.site_hours[i, 1]:
            return True
    return False


@inner_kernel
def disposes(district: District, state: Record, site: int) -> bool:
    """Whether a permit in force for the load names `site` as where to bring it."""
    for i in range(state["permits"]):  # noqa: SIM110 - numba has no any()
        if district.permit_disposal[state["permit"][i]] == site:
            return True
    return False


@inner_kernel
def permits(district: District, vehicle: int, permit: int, source: int, day: int) -> bool:
    """Whether `permit`, one of the vehicle's, is valid for a load from `source` on local `day`."""
    return bool(
        district.permit_source[permit] == source
        and district.permit_from_day[permit] <= day <= district.permit_to_day[permit]
        and district.permit_active[permit]
        and district.vehicle_active[vehicle]
    )


@inner_kernel
def any_permit(district: District, vehicle: int, source: int, day: int) -> bool:
    if vehicle >= 0:
        for i in range(district.vehicle_permits_start[vehicle], district.vehicle_permits_start[vehicle + 1]):
            if permits(district, vehicle, district.vehicle_permits[i], source, day):
                return True
    return False
