"""Checks of numbers against others: the clock here, the register's interval, the way between positions."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from devices.topics import READ_CHANNELS
from devices.wire import FumeReading, VehicleReading
from ingest.conformance.findings import Finding
from ingest.conformance.heard import Heard

_S = 1_000_000
ENOUGH = 5
"""Readings (or pairs of them) before a regularity is spoken of."""
EARTH_M: Final = 6_371_000.0


def clock(heard: Heard) -> Iterator[Finding]:
    """How far the newest reading of each message lies from the clock here. What is stored and sent late lies further
    back, so the nearest of all says how the clock goes.
    """
    lags_s = [
        (one.captured.received_us - max(reading.ts_us for reading in one.readings)) / _S
        for one in heard.on(*READ_CHANNELS)
        if one.readings and not one.captured.retained
    ]
    if not lags_s:
        return
    least_s = min(lags_s)
    for hours in (-8, 8):
        if abs(least_s - hours * 3600) < 300:
            was = "UTC is sent as local time" if hours > 0 else "local time is sent as UTC"
            yield Finding("wrong", "clock", f"the clock is 8 h off: {was}", "RFC 3339 with the right zone")
            return
    if least_s > 86400:
        yield Finding(
            "wrong", "clock", f"the newest reading is {least_s / 86400:,.0f} days old",
            "Set the clock by GNSS or NTP; mind the receiver's week rollover (1024 weeks)",
        )  # fmt: skip
    elif least_s > 60:
        yield Finding(
            "doubtful", "clock", f"no reading was younger than {least_s:.0f} s when it came",
            "Set the clock, or send readings when they are made",
        )  # fmt: skip
    elif least_s < -5:
        yield Finding("doubtful", "clock", f"the clock is {-least_s:.0f} s fast", "Set it by GNSS or NTP")
    else:
        yield Finding("right", "clock", f"readings come {least_s:.1f} s after they are made, at the least")


def interval(heard: Heard) -> Iterator[Finding]:
    """The usual time between readings against the register's."""
    steps_s = [(b.ts_us - a.ts_us) / _S for a, b in pairwise(heard.readings)]
    if len(steps_s) < ENOUGH:
        yield Finding("note", "interval", "too few readings to tell the interval", "Listen longer")
        return
    usual_s, wanted_s = median(steps_s), heard.device.interval_s
    if wanted_s is None:
        yield Finding(
            "note", "interval", f"a reading every {usual_s:g} s; the register does not say how often"
        )
    elif usual_s > 1.3 * wanted_s:
        yield Finding(
            "wrong" if heard.device.kind == "fume" else "doubtful", "interval",
            f"a reading every {usual_s:g} s; the register says {wanted_s:g} s",
            "Send more often, or correct interval_s: a mean needs 75 % of the readings that are expected",
        )  # fmt: skip
    elif usual_s < 0.7 * wanted_s:
        yield Finding(
            "doubtful", "interval", f"a reading every {usual_s:g} s; the register says {wanted_s:g} s",
            "Send as often as agreed, or correct interval_s",
        )  # fmt: skip
    else:
        yield Finding("right", "interval", f"a reading every {usual_s:g} s")


def vehicle_units(heard: Heard) -> Iterator[Finding]:
    """Speed and odometer against the way between positions."""
    fixes = [
        one for one in heard.readings if isinstance(one, VehicleReading) and one.fix is not False and one.lat
    ]
    speeds, odometers = [], []
    for a, b in pairwise(fixes):
        hours, way_km = (b.ts_us - a.ts_us) / 3.6e9, _distance_km(a, b)
        if not way_km > 0.03 or hours > 0.05 or way_km / hours < 10:
            continue  # standing, or too long a way to be straight
        if a.speed_kmh is not None and b.speed_kmh is not None:
            speeds.append((a.speed_kmh + b.speed_kmh) / 2 / (way_km / hours))
        if a.odometer_km is not None and b.odometer_km is not None:
            odometers.append((b.odometer_km - a.odometer_km) / way_km)
    yield from _unit(
        "speed_kmh", speeds, {1 / 3.6: "m/s", 1 / 1.852: "knots", 10.0: "0.1 km/h", 0.621: "miles per hour"}
    )
    yield from _unit("odometer_km", odometers, {1000.0: "metres", 10.0: "0.1 km", 0.001: "thousands of km"})


def _unit(field: str, ratios: Sequence[float], units: dict[float, str]) -> Iterator[Finding]:
    if len(ratios) < ENOUGH:
        return
    ratio = median(ratios)
    if 0.8 <= ratio <= 1.35:
        yield Finding("right", "units", f"{field} agrees with the positions")
        return
    close = [name for factor, name in units.items() if abs(ratio / factor - 1) < 0.15]
    looks = f"; it looks like {close[0]}" if close else ""
    yield Finding(
        "wrong",
        "units",
        f"{field} is {ratio:.3g} times what the positions say{looks}",
        f"The unit is in the name: {field}",
    )


def _distance_km(a: VehicleReading, b: VehicleReading) -> float:
    x = math.radians(b.lon - a.lon) * math.cos(math.radians((a.lat + b.lat) / 2))
    return math.hypot(x, math.radians(b.lat - a.lat)) * EARTH_M / 1000


_FUME_MOST: Final = {
    "fume_mg_m3": (50, "micrograms"), "pm_mg_m3": (100, "micrograms"), "nmhc_mg_m3": (500, "micrograms"),
    "temp_c": (150, "tenths of a degree"), "rh_pct": (100, "tenths of a percent"),
    "fan_a": (100, "milliamperes"), "purifier_a": (50, "milliamperes"),
}  # fmt: skip
"""More than this as the usual value is another unit. Of our own choosing: no kitchen's duct has it for long."""


def fume_units(heard: Heard) -> Iterator[Finding]:
    readings = [one for one in heard.readings if isinstance(one, FumeReading)]
    for field, (most, looks) in _FUME_MOST.items():
        values = [value for one in readings if (value := getattr(one, field)) is not None]
        if len(values) >= ENOUGH and median(values) > most:
            yield Finding(
                "wrong", "units", f"{field} is {median(values):g} as a rule; is it in {looks}?",
                f"The unit is in the name: {field}",
            )  # fmt: skip


AGREEMENT = (clock, interval, vehicle_units, fume_units)
