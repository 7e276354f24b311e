"""Faults of whole terminals, each planted in an honest day, and the honest day itself."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analytics.datum import from_bd09, from_gcj02, to_gcj02
from analytics.findings import Finding, Lines, Stretch, findings
from analytics.records import HOUR, MINUTE, NO, SECOND, YES
from tests.small_district import place

BEGIN_US = 1_764_000_000 * SECOND
ROAD = np.array([place(e, 0)[::-1] for e in (0, 2000, 4000, 6000)])
LINES = Lines([ROAD])


def honest_day() -> Stretch:
    """Up and down the road at 36 km/h, a fix each 10 s, then an hour parked with the engine off."""
    east = np.concatenate([np.arange(0, 6000, 100), np.arange(6000, 0, -100), np.zeros(360)]).astype(float)
    n, driving = len(east), 120
    rng = np.random.default_rng(7)
    places = np.array([place(e + rng.normal(0, 4), rng.normal(0, 4)) for e in east])
    ts = BEGIN_US + np.arange(n) * 10 * SECOND
    return Stretch(
        ts=ts,
        received=ts + 2 * SECOND,
        lat=places[:, 0],
        lon=places[:, 1],
        speed_kmh=np.where(np.arange(n) < driving, 36.0, 0.0),
        odometer_km=np.minimum(np.arange(n), driving) * 0.1 + 5000,
        fix=np.full(n, YES, np.int8),
        ignition=np.where(np.arange(n) < driving, YES, NO).astype(np.int8),
        quality=np.full(n, "ok"),
    )


def found(stretch: Stretch, **changes: Any) -> dict[str, Finding]:
    return {one.code: one for one in findings(replace(stretch, **changes), LINES)}


def test_of_an_honest_day_nothing_is_found() -> None:
    assert found(honest_day()) == {}


def test_of_nothing_nothing_is_found() -> None:
    day = honest_day()
    nothing = {name: getattr(day, name)[:0] for name in Stretch.__slots__}
    assert found(day, **nothing) == {}


def test_the_shift_is_the_one_measured_in_zhangqiu_and_is_undone_to_a_centimetre() -> None:
    lat, lon = np.array([36.70]), np.array([117.53])
    shifted = to_gcj02(lat, lon)
    assert shifted[1][0] == pytest.approx(117.5359457, abs=1e-7)
    assert shifted[0][0] == pytest.approx(36.7002066, abs=1e-7)
    back = from_gcj02(*shifted)
    assert abs(back[0][0] - 36.70) < 1e-7
    assert abs(back[1][0] - 117.53) < 1e-7


NORTHWARD = Lines([np.array([place(0, n)[::-1] for n in (0, 3000, 6000)])])
"""The shift is nearly due east: along a road that leads east nobody could see it."""


def northward(day: Stretch) -> Stretch:
    """The driving part of `day`, on the road that leads north."""
    moving = replace(
        day, **{name: getattr(day, name)[:120] for name in Stretch.__slots__ if name != "refused_us"}
    )
    lat, lon = (np.array(x) for x in zip(*(place(0, n) for n in range(0, 6000, 50)), strict=True))
    return replace(moving, lat=lat, lon=lon)


def test_a_track_in_gcj_02_is_told_from_a_road_that_is_not_in_the_register() -> None:
    along = northward(honest_day())
    lat, lon = to_gcj02(along.lat, along.lon)
    shifted = replace(along, lat=lat, lon=lon)

    (finding,) = findings(shifted, NORTHWARD)
    assert (finding.code, finding.detail["datum"]) == ("device_datum", "GCJ-02")
    assert (finding.detail["near_as_is"], finding.detail["near_undone"]) == (0.0, 1.0)
    assert findings(along, NORTHWARD) == []
    assert findings(replace(along, lon=along.lon + 0.02), NORTHWARD) == []
    assert findings(shifted, Lines([])) == []


def test_a_track_in_bd_09_is_named_as_such() -> None:
    along = northward(honest_day())
    lat, lon = along.lat.copy(), along.lon.copy()
    for _ in range(10):  # its inverse is all we have: look for what that takes to the road
        back_lat, back_lon = from_bd09(lat, lon)
        lat, lon = lat + along.lat - back_lat, lon + along.lon - back_lon

    (finding,) = findings(replace(along, lat=lat, lon=lon), NORTHWARD)
    assert (finding.code, finding.detail["datum"]) == ("device_datum", "BD-09")


def test_a_position_that_stays_while_the_odometer_grows_is_frozen() -> None:
    day = honest_day()
    lat, lon = day.lat.copy(), day.lon.copy()
    lat[20:90], lon[20:90] = lat[20], lon[20]

    (finding,) = found(day, lat=lat, lon=lon).values()
    assert (finding.code, finding.detail["fixes"]) == ("frozen", 70)
    assert finding.detail["odometer_km"] == pytest.approx(6.9)
    unknown = np.full(len(day), np.nan)
    assert "frozen" in found(day, lat=lat, lon=lon, odometer_km=unknown)
    assert "frozen" not in found(day, lat=lat, lon=lon, odometer_km=unknown, speed_kmh=np.zeros(len(day)))


def test_a_parked_vehicle_that_wanders_drifts_and_one_that_is_towed_does_not() -> None:
    day = honest_day()
    rng = np.random.default_rng(3)
    wander = np.array([place(*rng.normal(0, 60, 2)) for _ in range(360)])
    lat, lon = day.lat.copy(), day.lon.copy()
    lat[120:], lon[120:] = wander[:, 0], wander[:, 1]
    (finding,) = found(day, lat=lat, lon=lon).values()
    assert finding.code == "parked_drift"
    assert 80 < finding.detail["p95_m"] < 250

    towed = np.array([place(e, 0) for e in np.linspace(0, 3000, 360)])
    lat[120:], lon[120:] = towed[:, 0], towed[:, 1]
    assert "parked_drift" not in found(day, lat=lat, lon=lon)


def test_slow_fixes_far_apart_say_nothing_of_what_was_in_between() -> None:
    day = honest_day()
    rng = np.random.default_rng(3)
    wander = np.array([place(*rng.normal(0, 60, 2)) for _ in range(360)])
    lat, lon, ts = day.lat.copy(), day.lon.copy(), day.ts.copy()
    lat[120:], lon[120:] = wander[:, 0], wander[:, 1]
    ts[120:] = ts[120] + np.arange(360) * 2 * MINUTE
    unknown = np.full(len(day), -1, np.int8)
    assert "parked_drift" not in found(day, lat=lat, lon=lon, ts=ts, received=ts, ignition=unknown)
    assert "parked_drift" in found(day, lat=lat, lon=lon, ts=ts, received=ts)


def test_many_jumps_are_told_with_how_many_went_to_one_place() -> None:
    day = honest_day()
    quality, lat, lon = day.quality.astype("U8"), day.lat.copy(), day.lon.copy()
    quality[10:22], lat[10:21], lon[10:21] = "jump", 36.9, 117.9
    detail = found(day, quality=quality, lat=lat, lon=lon)["teleports"].detail
    assert (detail["jumps"], detail["to_one_place"]) == (12, pytest.approx(11 / 12, abs=1e-3))
    quality[19:] = "ok"
    assert "teleports" not in found(day, quality=quality)


def test_zeros_count_where_a_fix_is_claimed() -> None:
    day = honest_day()
    lat, lon, quality = day.lat.copy(), day.lon.copy(), day.quality.astype("U8")
    lat[:5], lon[:5], quality[:5] = 0, 0, "zero"
    assert found(day, lat=lat, lon=lon, quality=quality)["false_zero"].detail == {"readings": 5}
    fix = day.fix.copy()
    fix[0] = NO
    assert "false_zero" not in found(day, lat=lat, lon=lon, quality=quality, fix=fix)


@pytest.mark.parametrize(
    ("behind", "like"),
    [(8 * HOUR, "time_zone"), (1024 * 7 * 24 * HOUR, "gps_week_rollover"), (3 * HOUR, "unknown")],
)
def test_a_clock_that_is_wrong_by_a_constant_is_told_by_how_much(behind: int, like: str) -> None:
    day = honest_day()
    detail = found(day, received=day.received + behind)["clock_offset"].detail
    assert (detail["like"], detail["offset_s"]) == (like, -(behind // SECOND) - 2)


def test_what_a_terminal_had_stored_is_no_wrong_clock() -> None:
    day = honest_day()
    assert found(day, received=np.full(len(day), day.ts[-1] + 8 * HOUR)) == {}


def test_a_clock_ahead_is_seen_in_what_was_refused() -> None:
    ahead = np.full(20, 8 * HOUR - SECOND)
    detail = found(honest_day(), refused_us=ahead)["clock_offset"].detail
    assert (detail["like"], detail["offset_s"], detail["stored"]) == ("time_zone", 8 * 3600 - 1, False)
    assert found(honest_day(), refused_us=ahead[:19]) == {}
    reset = np.full(20, -20 * 365 * 24 * HOUR)
    assert found(honest_day(), refused_us=reset)["clock_offset"].detail["like"] == "reset"


@pytest.mark.parametrize(
    ("unit", "factor"), [("m/s", 1 / 3.6), ("mph", 0.6214), ("knot", 0.54), ("km/h times 3.6", 3.6)]
)
def test_a_speed_in_another_unit_is_named(unit: str, factor: float) -> None:
    day = honest_day()
    assert found(day, speed_kmh=day.speed_kmh * factor)["speed_unit"].detail["unit"] == unit


@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_an_odometer_off_by_a_thousand_is_told(factor: float) -> None:
    day = honest_day()
    detail = found(day, odometer_km=day.odometer_km * factor)["odometer_unit"].detail
    assert detail["said_to_track"] == pytest.approx(factor, rel=0.2)
