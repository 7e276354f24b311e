"""device_fault: what a terminal's last sixty readings say of it (contract, section 4)."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.records import FIX
from analytics.rules import VehicleRules
from tests.analytics.oracle import Oracle
from tests.analytics.test_vehicles_oracle import sayings
from tests.analytics.trucks import (
    ROADSIDE,
    USUAL,
    YARD,
    Fixes,
    clock,
    compiled,
    fix,
    judge,
    refused,
    story,
    told,
)  # fmt: skip
from tests.small_district import place

GOOD, BAD, REFUSED = "g", "b", "r"


def readings(text: str, *, every_s: int = 10) -> Fixes:
    """One letter a reading: good, bad, or refused for its time."""
    base = clock("10:00")
    made = []
    for i, letter in enumerate(text):
        at = base + i * every_s * 1_000_000
        made.append(refused(at) if letter == REFUSED else fix(at, YARD, fixed=letter == GOOD))
    return made


def test_more_than_half_of_a_full_window_opens_and_half_does_not() -> None:
    assert told(readings(GOOD * 30 + BAD * 30)) == []
    (opened,) = told(readings(GOOD * 30 + BAD * 31))

    assert (opened.kind, opened.severity, opened.started, opened.at) == (
        "device_fault", "minor", "10:05", "10:10",
    )  # fmt: skip
    assert (opened.lat, opened.lon) == place(*YARD)
    assert opened.values == {"bad_readings": 31, "refused_readings": 0, "readings": 60, "duration_s": 300}


def test_less_than_sixty_readings_say_nothing() -> None:
    assert told(readings(BAD * 59)) == []
    assert [e.at for e in told(readings(BAD * 60))] == ["10:09:50"]


def test_a_good_reading_may_be_the_one_that_fills_the_window() -> None:
    """A clock that was wrong at first: the refused ones are known before the stored ones that follow."""
    (opened,) = told(readings(BAD * 31 + GOOD * 40))

    assert (opened.started, opened.at) == ("10:00", "10:09:50")
    assert [e.at for e in told(readings(REFUSED * 10 + GOOD * 50))] == ["10:09:50"]
    assert told(readings(REFUSED * 9 + GOOD * 51)) == []


def test_ten_readings_refused_for_their_time_open_and_nine_do_not() -> None:
    assert told(readings(GOOD * 51 + REFUSED * 9 + GOOD * 60)) == []
    (opened,) = told(readings(GOOD * 50 + REFUSED * 10))

    assert (opened.started, opened.at) == ("10:08:20", "10:09:50")
    assert opened.values["refused_readings"] == 10


def test_refused_readings_are_not_good_ones_either() -> None:
    assert [e.kind for e in told(readings(GOOD * 29 + BAD * 22 + REFUSED * 9))] == ["device_fault"]


def test_sixty_good_ones_clear_and_one_bad_among_them_starts_anew() -> None:
    faulty = GOOD * 29 + BAD * 31

    assert story(readings(faulty + GOOD * 59)) == [("10:09:50", "opened", "device_fault 10:04:50")]
    assert story(readings(faulty + GOOD * 60))[-1] == ("10:19:50", "cleared", "device_fault 10:04:50")
    assert len(story(readings(faulty + GOOD * 59 + BAD + GOOD * 59))) == 1


def test_it_began_with_the_first_bad_one_after_ten_good_ones() -> None:
    assert [e.started for e in told(readings(BAD + GOOD * 18 + BAD + GOOD * 10 + BAD * 31))] == ["10:05"]
    assert [e.started for e in told(readings(BAD + GOOD * 18 + BAD + GOOD * 9 + BAD * 31))] == ["10:03:10"]


def test_a_terminal_of_which_everything_is_refused_is_faulty_and_nowhere() -> None:
    (opened,) = told(readings(REFUSED * 60))

    assert (opened.kind, opened.started, opened.at) == ("device_fault", "10:00", "10:09:50")
    assert np.isnan(opened.lat)


def test_a_refused_reading_moves_no_time_and_no_vehicle() -> None:
    """What was refused came at 11:00; a good fix of 10:02 is still newer than the last."""
    fixes = [fix("10:00", YARD), refused("11:00"), fix("10:02", ROADSIDE)]
    states, quality, _ = judge(fixes)

    assert states["good_ts"][0] == states["last_ts"][0] == clock("10:02")
    assert len(quality) == 3


LONG = st.text(alphabet="ggggbr", min_size=40, max_size=200)
JUST_FULL = st.text(alphabet="ggb", min_size=55, max_size=70)


@given(LONG | JUST_FULL, st.integers(0, 200))
@settings(max_examples=200)
def test_the_engine_says_what_the_oracle_says_however_the_readings_are_cut(text: str, cut: int) -> None:
    fixes: list[Any] = readings(text)
    oracle = Oracle(compiled(USUAL).district, 0)
    for one in np.array(fixes, FIX):
        oracle.hear(one)
    states, _, first = judge(fixes[:cut])
    _, _, second = judge(fixes[cut:], states=states)

    assert sayings(np.concatenate([first, second])) == oracle.said


def test_a_longer_window_than_a_state_remembers_is_refused() -> None:
    import pytest

    with pytest.raises(ValueError, match="fault_readings"):
        judge([], rules=VehicleRules(fault_readings=61))
