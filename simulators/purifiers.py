"""Purifiers that age: cleaned on a firm's round, then dirtier day by day, and from when on by the contract's definition.

Round    Every 28 days, each kitchen on one of three days; it is done by the end of that local day.
Ageing   What is let through grows with the days since. A neglected purifier's efficiency falls from 0.92 to 0.65 within
         its cuisine's ageing days (domain/fume.md 3.2, a design value), a kept one's so little that nothing comes of it.
Dirty    The definition: the median over seven local days is half above that of the seven days after the cleaning. The
         behaviour begins on the first day whose own median is; it can be known once half of the week's readings are.
"""

import zlib
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from devices.types import Registry

ROUND_DAYS = 28
WEEK = 7
NEW, OLD = 0.92, 0.65
"""Efficiency after a cleaning and at the end of the ageing days."""
DIRTY = 1.5
KEPT_GROWTH = 1 / 3
EPOCH = date(1970, 1, 1)
Floats = NDArray[np.float64]


def last_cleaning(device_id: str, day: int) -> int:
    """The local day (since 1970) of the last cleaning before `day`."""
    visited = zlib.crc32(device_id.encode()) % 3
    return day - 1 - (day - 1 - visited) % ROUND_DAYS


def cleanings_csv(register: Registry, begin: date, end: date) -> str:
    """What the firm would write down, from its last round before `begin` until `end`: for `kitchens cleanings` to read."""
    lines = ["record,outlet_id,cleaned_on,done_by,note"]
    for device in register.devices.values():
        if device.kind != "fume" or device.bound_to not in register.outlets:
            continue
        day, first = last_cleaning(device.device_id, (end - EPOCH).days + 1), (begin - EPOCH).days
        while day + ROUND_DAYS > first:
            on = EPOCH + timedelta(days=day)
            lines.append(f"{device.bound_to}-{on:%Y%m%d},{device.bound_to},{on},清洗公司（模拟）,")
            day -= ROUND_DAYS
    return "\n".join(lines) + "\n"


def let_through(day: int, cleaned: int, ageing_days: int, *, neglected: bool) -> float:
    """Times what was let through right after the cleaning."""
    age = (day - cleaned) / ageing_days
    return 1 + age * ((NEW - OLD) / (1 - NEW) if neglected else KEPT_GROWTH)


@dataclass(slots=True)
class Dirt:
    """What a kitchen's readings, with fan and purifier on, say of its purifier since its cleaning; day by day."""

    cleaned: int | None = None
    since: int | None = None
    """First day whose own median was half above the baseline."""
    known: bool = False
    _days: dict[int, Floats] = field(default_factory=dict)

    def see(self, day: int, cleaned: int, readings: Floats) -> int | None:
        """The first dirty day, once, on the day on which it can be known."""
        if cleaned != self.cleaned:
            self.cleaned, self.since, self.known, self._days = cleaned, None, False, {}
        self._days[day] = readings
        base = [self._days[n] for n in range(cleaned + 1, cleaned + 1 + WEEK) if n in self._days]
        after = [
            (n, self._days[n]) for n in range(max(day - WEEK, cleaned + WEEK) + 1, day + 1) if n in self._days
        ]
        if not base or not after or self.known:
            return None
        line = DIRTY * float(np.median(np.concatenate(base)))
        if self.since is None and len(readings) and np.median(readings) >= line:
            self.since = day
        week = [self._days[n] for n in range(day - WEEK + 1, day + 1) if n in self._days]
        above = sum(int((one >= line).sum()) for _, one in after)
        self.known = self.since is not None and 2 * above >= sum(map(len, week))
        return self.since if self.known else None
