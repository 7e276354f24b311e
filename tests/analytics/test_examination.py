"""The nightly examination: every planted pattern is found, honest kitchens are let alone, and borders by hand."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from analytics.examination.detectors import (
    DETECTORS,
    Known,
    even_digits,
    examine,
    for_show,
    near_limit,
    probe_out,
    rescaled,
    unplugged,
)
from analytics.examination.profiles import PARTS, READINGS, SLOTS, profiles_of
from benchmarks.examination import life, limit_of, nights, planted, profiles_over
from simulators.tampering import DAILY
from tests.simulators.fleets import district

OUTLETS = [outlet for outlet in district().outlets.values() if "早餐" not in outlet.name][:3]
NOON_SLOT = 24


def test_honest_kitchens_are_let_alone() -> None:
    for n, outlet in enumerate(OUTLETS):
        profiles = profiles_over(life(outlet, n, 20), limit_of(outlet))
        visits = ((profiles[3]["day"], NOON_SLOT), (profiles[12]["day"], NOON_SLOT))
        assert [found for _, found in nights(profiles, Known(visits=visits)) if found] == []


@pytest.mark.parametrize("kind", DAILY)
def test_what_is_planted_is_found(kind: str) -> None:
    assert any(planted(outlet, n, kind, 30) for n, outlet in enumerate(OUTLETS))


def test_every_detector_has_something_planted_for_it() -> None:
    assert {detector.__name__ for detector in DETECTORS} == set(DAILY)


# --- profiles


def readings(minutes: int, **columns: Any) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "device_id": ["F0"] * minutes, "minute": np.arange(minutes, dtype=np.int32), "ok": True, "fume_mg_m3": 0.5,
            "temp_c": 20.0, "rh_pct": 50.0, "fan_on": True, "purifier_on": True, "limit_mg_m3": 1.0, **columns,
        },
        schema=READINGS,
    )  # fmt: skip


def profile(minutes: int = 1440, **columns: Any) -> dict[str, Any]:
    (one,) = profiles_of(readings(minutes, **columns)).to_dicts()
    return one


def test_a_profile_counts_what_the_readings_say() -> None:
    one = profile(600, fume_mg_m3=[0.1] * 300 + [0.95] * 200 + [0.85] * 99 + [1.0])

    assert (one["on"], one["under_limit"], one["below_that"], one["over_limit"]) == (600, 200, 99, 1)
    assert one["part_count"] == [300, 300, 0, 0, 0]
    assert one["part_mean"][0] == pytest.approx(0.1)
    assert one["part_mean"][2:] == [None, None, None]
    assert (one["heard"], one["both"]) == ([30] * 20 + [0] * 28, [30] * 20 + [0] * 28)


def test_readings_not_believed_or_with_the_fan_off_are_heard_and_nothing_else() -> None:
    for columns in ({"ok": False}, {"fan_on": False}, {"fan_on": None}):
        one = profile(**columns)
        assert (one["on"], sum(one["heard"]), sum(one["fan"])) == (0, 1440, 0), columns
        assert one["mean_on"] is None


def test_last_digits_are_those_of_the_thousandths() -> None:
    assert profile(20, fume_mg_m3=[n / 1000 for n in range(1, 21)])["last_digits"] == [2] * 10


# --- detectors, by hand


def day(number: int, **fields: Any) -> dict[str, Any]:
    """An unremarkable day: lunch and dinner at 0.5."""
    return {
        "day": number, "on": 400, "mean_on": 0.5, "quantiles": [0.2, 0.3, 0.5, 0.7, 0.9],
        "part_mean": [None, None, 0.5, 0.5, None], "part_count": [0, 0, 180, 220, 0], "warmer_c": 18.0, "damper_pct": 12.0,
        "under_limit": 2, "below_that": 5, "over_limit": 1, "last_digits": [40] * 10,
        "heard": [30] * SLOTS, "fan": [30 if 20 <= n < 28 or 34 <= n < 42 else 0 for n in range(SLOTS)],
        "both": [30 if 20 <= n < 28 or 34 <= n < 42 else 0 for n in range(SLOTS)], **fields,
    }  # fmt: skip


USUAL = [day(n) for n in range(20)]


def test_unremarkable_days_are_unremarkable() -> None:
    assert examine(USUAL, Known()) == []
    assert examine(USUAL[:1], Known()) == []


def test_three_meals_at_less_than_a_fifth_are_needed() -> None:
    low = [None, None, 0.09, 0.09, None]
    assert probe_out([*USUAL, day(20, part_mean=low)], Known()) is None
    assert probe_out([*USUAL, day(20, part_mean=low), day(21, part_mean=low)], Known()) is not None
    border = [None, None, 0.1, 0.1, None]
    assert probe_out([*USUAL, day(20, part_mean=border), day(21, part_mean=border)], Known()) is None
    short = {"part_mean": low, "part_count": [0, 0, 44, 44, 0]}
    assert probe_out([*USUAL, day(20, **short), day(21, **short)], Known()) is None


def test_a_new_factor_after_a_cleaning_is_the_cleanings() -> None:
    after = [day(20 + n, quantiles=[0.1, 0.15, 0.25, 0.35, 0.45]) for n in range(4)]

    assert rescaled([*USUAL, *after], Known()) is not None
    assert rescaled([*USUAL, *after], Known(cleaned=frozenset({18}))) is None
    other_shape = [day(20 + n, quantiles=[0.1, 0.15, 0.25, 0.5, 0.9]) for n in range(4)]
    assert rescaled([*USUAL, *other_shape], Known()) is None


def test_one_reading_over_the_limit_is_no_clipped_day() -> None:
    piled = {"under_limit": 20, "below_that": 6, "over_limit": 0}
    assert near_limit([*USUAL, *(day(20 + n, **piled) for n in range(3))], Known()) is not None
    assert near_limit([*USUAL, *(day(20 + n, **piled) for n in range(2))], Known()) is None
    once_over = [day(20, **piled), day(21, **{**piled, "over_limit": 1}), day(22, **piled)]
    assert near_limit([*USUAL, *once_over], Known()) is None


def test_an_instrument_that_reads_hundredths_has_no_uneven_digits() -> None:
    coarse = [day(n, last_digits=[400] + [0] * 9) for n in range(3)]
    fives = [day(n, last_digits=[200, 0, 0, 0, 0, 200, 0, 0, 0, 0]) for n in range(3)]

    assert even_digits(coarse, Known()) is None
    assert even_digits(fives, Known()) is not None


def test_silence_at_night_is_not_being_unplugged() -> None:
    def silent(slots: range) -> list[int]:
        return [0 if n in slots else 30 for n in range(SLOTS)]

    at_lunch = [day(20 + n, heard=silent(range(22, 25))) for n in range(4)]
    at_night = [day(20 + n, heard=silent(range(2, 12))) for n in range(4)]
    assert unplugged([*USUAL, *at_lunch], Known()) is not None
    assert unplugged([*USUAL, *at_night], Known()) is None


def test_a_purifier_that_only_runs_at_visits_needs_two_of_them() -> None:
    off = [0] * SLOTS
    shown = [30 if 20 <= n < 28 else 0 for n in range(SLOTS)]
    days = [day(n, both=shown if n in (3, 12) else off) for n in range(20)]

    assert for_show(days, Known(visits=((3, NOON_SLOT), (12, NOON_SLOT)))) is not None
    assert for_show(days, Known(visits=((3, NOON_SLOT),))) is None
    assert for_show(USUAL, Known(visits=((3, NOON_SLOT), (12, NOON_SLOT)))) is None


def test_the_parts_cover_the_day() -> None:
    assert [hour for begin, end in PARTS for hour in range(begin, end)] == list(range(24))
