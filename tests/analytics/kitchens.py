"""The vocabulary of the kitchens' specifications: readings by the minute after a local noon."""

import math

import numpy as np
from numpy.typing import NDArray

from analytics.fume import new_monitors
from analytics.records import (
    ACTIONS,
    DAY,
    FUME_EXCEEDANCE,
    HOUR,
    KINDS,
    MINUTE,
    SAMPLE,
    SEVERITIES,
)
from analytics.rules import FumeRules
from tests.analytics.kitchen_oracle import Reading, Told

RULES = FumeRules()
NOON = 20_780 * DAY + 12 * HOUR
"""A local noon."""
SWITCH = {None: -1, False: 0, True: 1}


def at(minute: float) -> int:
    """Event time, so many minutes after noon."""
    return NOON - 8 * HOUR + round(minute * MINUTE)


def reading(
    minute: float,
    fume: float = 0.3,
    *,
    fan: bool | None = True,
    purifier: bool | None = True,
    pm: float = math.nan,
    nmhc: float = math.nan,
) -> Reading:
    return Reading(at(minute), at(minute) + 8 * HOUR, fume, fan, purifier, pm, nmhc)


def minutes(
    start: int, end: int, fume: float = 0.3, *, fan: bool | None = True, purifier: bool | None = True
) -> list[Reading]:
    """One reading a minute, from `start` to before `end`."""
    return [reading(minute, fume, fan=fan, purifier=purifier) for minute in range(start, end)]


def samples(readings: list[Reading], slot: int = 0) -> NDArray[np.void]:
    rows = np.zeros(len(readings), SAMPLE)
    for name in ("temp_c", "rh_pct"):
        rows[name] = math.nan
    rows["slot"] = slot
    rows["fan_a"], rows["purifier_a"] = 4.5, 0.02
    for row, heard in zip(rows, readings, strict=True):
        row["ts"], row["local"] = heard.ts, heard.local
        row["fume_mg_m3"], row["pm_mg_m3"], row["nmhc_mg_m3"] = heard.fume, heard.pm, heard.nmhc
        row["fan_on"], row["purifier_on"] = SWITCH[heard.fan], SWITCH[heard.purifier]
        row["marked"] = heard.marked
    return rows


def monitors(*limits: float, interval_s: float = 60.0) -> NDArray[np.void]:
    rows = new_monitors(len(limits))
    rows["limit_mg_m3"], rows["interval_s"] = limits, interval_s
    return rows


def told(events: NDArray[np.void]) -> list[Told]:
    return [
        Told(
            int(event["ts"]),
            KINDS[event["kind"]],
            ACTIONS[event["action"]],
            SEVERITIES[event["severity"]],
            int(event["started"]),
            None
            if event["kind"] != FUME_EXCEEDANCE or math.isnan(event["values"][0])
            else round(float(event["values"][0]), 9),
        )
        for event in events
    ]


def summary(events: list[Told]) -> list[tuple[str, str, float]]:
    return [(event.action, event.severity, (event.ts - at(0)) / MINUTE) for event in events]
