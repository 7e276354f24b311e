import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics.evidence import VALUE_NAMES
from analytics.fume import FUME_STATE, judge_fume, new_fume_states
from analytics.records import (
    EVENT_VALUES,
    FUME_EXCEEDANCE,
    NEVER,
    OK,
    PURIFIER_OFF,
    QUALITIES,
    SAMPLE,
    SECOND,
)
from tests.analytics.kitchen_oracle import Kitchen, Reading, Told
from tests.analytics.kitchens import RULES, at, minutes, monitors, reading, samples, summary, told


def judged(readings: list[Reading], *, limit: float = 1.0, interval_s: float = 60.0) -> list[Told]:
    _, _, events = judge_fume(
        RULES, monitors(limit, interval_s=interval_s), new_fume_states(1), samples(readings)
    )
    return [event for event in told(events) if event.kind in ("fume_exceedance", "purifier_off")]


def qualities(*readings: Reading) -> list[str]:
    _, quality, _ = judge_fume(RULES, monitors(1.0), new_fume_states(1), samples(list(readings)))
    return [QUALITIES[code] for code in quality]


# --- which readings are believed


def test_what_no_instrument_reads_is_range_and_what_is_below_zero_is_negative() -> None:
    assert qualities(
        reading(0, 0.0),
        reading(1, 100.0),
        reading(2, 100.01),
        reading(3, 999.99),
        reading(4, -999.0),
        reading(5, 9999.0),
        reading(6, -0.01),
        reading(7, -0.13),
        reading(8, math.nan),
        reading(9, 0.3, pm=-0.5),
        reading(10, 0.3, nmhc=999.99),
        reading(11, 0.3, pm=120.0, nmhc=350.0),
        reading(12, -0.1, pm=9999.0),
        reading(13, math.inf),
    ) == [
        "ok", "ok", "range", "range", "range", "range", "negative", "negative", "ok",
        "negative", "range", "ok", "range", "range",
    ]  # fmt: skip


def test_readings_not_believed_feed_nothing() -> None:
    """Eight of ten are over the limit but three of them negative elsewhere: seven valid are not 75 %."""
    window = [*minutes(0, 7, 5.0), *(reading(minute, 5.0, pm=-1.0) for minute in (7, 8, 9))]
    assert judged([*window, *minutes(10, 11)]) == []

    off = [*minutes(0, 6, purifier=False), reading(6, -0.2, purifier=True), *minutes(7, 12, purifier=False)]
    assert summary(judged(off)) == [("opened", "major", 10.0)]


# --- fume_exceedance


def test_a_window_over_the_limit_opens_minor_at_the_reading_that_fills_it() -> None:
    events = judged(minutes(0, 10, 1.2))

    assert events == [Told(at(9), "fume_exceedance", "opened", "minor", at(0), 1.2)]


def test_a_mean_at_the_limit_is_not_over_it() -> None:
    assert judged(minutes(0, 20, 1.25), limit=1.25) == []


def test_three_times_the_limit_is_critical_from_exactly_there() -> None:
    assert summary(judged(minutes(0, 10, 3.75), limit=1.25)) == [("opened", "critical", 9.0)]
    assert summary(judged(minutes(0, 10, 3.749), limit=1.25)) == [("opened", "minor", 9.0)]


@pytest.mark.parametrize(("missing", "opens_at"), [(2, 10.0), (3, None)])
def test_a_window_with_gaps_is_judged_at_the_next_reading_after_it(
    missing: int, opens_at: float | None
) -> None:
    heard = [*minutes(0, 10 - missing, 2.0), *minutes(10, 11, 0.1)]

    assert [when for _, _, when in summary(judged(heard))] == ([] if opens_at is None else [opens_at])


def test_exactly_three_quarters_of_the_expected_readings_are_enough() -> None:
    """Every 150 s: four a window, three are 75 %."""
    fan = [True, True, True, False]
    heard = [reading(2.5 * n, 2.0, fan=fan[n]) for n in range(4)]
    assert summary(judged(heard, interval_s=150.0)) == [("opened", "minor", 7.5)]

    heard[2] = reading(5.0, 2.0, fan=False)
    assert judged([*heard, reading(10)], interval_s=150.0) == []


def test_readings_with_the_fan_off_do_not_dilute_the_mean() -> None:
    heard = [*minutes(0, 8, 1.5), *minutes(8, 10, 0.0, fan=False)]

    assert judged(heard)[0].mean == pytest.approx(1.5)


def test_a_monitor_that_never_says_whether_the_fan_is_on_hangs_on_its_power() -> None:
    assert summary(judged(minutes(0, 10, 2.0, fan=None))) == [("opened", "minor", 9.0)]


def test_once_a_monitor_has_said_so_a_reading_that_does_not_say_counts_as_unknown() -> None:
    assert judged([reading(-1), *minutes(0, 10, 2.0, fan=None), reading(10)]) == []


def test_windows_lie_on_the_wall_clocks_tens() -> None:
    assert judged([*minutes(3, 10, 2.0), *minutes(10, 13, 2.0)]) == []
    assert summary(judged(minutes(3, 20, 2.0))) == [("opened", "minor", 19.0)]


def test_two_windows_in_a_row_are_major() -> None:
    assert summary(judged(minutes(0, 30, 1.2))) == [
        ("opened", "minor", 9.0),
        ("updated", "major", 19.0),
        ("updated", "major", 29.0),
    ]


def test_three_windows_within_an_hour_are_major_and_within_70_min_are_not() -> None:
    def windows(*starts: int) -> list[Reading]:
        return [r for s in range(0, 70, 10) for r in minutes(s, s + 10, 1.2 if s in starts else 0.95)]

    assert [severity for _, severity, _ in summary(judged(windows(0, 20, 50)))] == ["minor", "minor", "major"]
    assert [severity for _, severity, _ in summary(judged(windows(0, 20, 60)))] == ["minor"] * 3


def test_severity_never_falls() -> None:
    assert [s for _, s, _ in summary(judged([*minutes(0, 10, 4.0), *minutes(10, 30, 1.2)]))] == [
        "critical"
    ] * 3


def test_three_calm_windows_in_a_row_clear_and_0_9_of_the_limit_is_calm() -> None:
    heard = [*minutes(0, 10, 2.5), *minutes(10, 40, 1.125)]

    assert summary(judged(heard, limit=1.25)) == [("opened", "minor", 9.0), ("cleared", "minor", 39.0)]


def test_between_0_9_and_the_limit_nothing_clears_and_nothing_is_added() -> None:
    heard = [*minutes(0, 10, 2.0), *minutes(10, 30, 0.5), *minutes(30, 40, 0.95), *minutes(40, 60, 0.5)]

    assert summary(judged(heard)) == [("opened", "minor", 9.0)]


def test_a_window_without_a_valid_mean_between_calm_ones_breaks_the_row() -> None:
    heard = [*minutes(0, 10, 2.0), *minutes(10, 30, 0.5), *minutes(30, 33, 0.5), *minutes(40, 60, 0.5)]

    assert summary(judged(heard)) == [("opened", "minor", 9.0)]


def test_ten_minutes_with_the_fan_off_clear_and_a_gap_does_not_break_them() -> None:
    cooking = minutes(0, 10, 2.0)
    opened = ("opened", "minor", 9.0)

    assert summary(judged([*cooking, *minutes(10, 22, fan=False)])) == [opened, ("cleared", "minor", 20.0)]
    assert summary(judged([*cooking, reading(10, fan=False), reading(300, fan=False)])) == [
        opened,
        ("cleared", "minor", 300.0),
    ]
    broken = [*cooking, *minutes(10, 15, fan=False), reading(15, fan=True), *minutes(16, 26, fan=False)]
    assert summary(judged(broken)) == [opened]


def test_an_outlet_without_a_limit_is_never_over_it() -> None:
    assert judged(minutes(0, 60, 50.0), limit=math.nan) == []


def test_a_monitor_faster_than_registered_has_its_window_judged_once() -> None:
    heard = [reading(n / 2, 2.0) for n in range(20)]
    assert summary(judged(heard)) == [("opened", "minor", 9.0)]

    heard = minutes(0, 20, 2.0)
    assert summary(judged(heard, interval_s=300.0)) == [("opened", "minor", 5.0), ("updated", "major", 15.0)]


# --- purifier_off


def test_a_purifier_off_for_ten_minutes_opens_and_says_so_every_ten_minutes() -> None:
    heard = [reading(0), *minutes(1, 25, purifier=False), reading(25)]

    assert judged(heard) == [
        Told(at(11), "purifier_off", "opened", "major", at(1)),
        Told(at(21), "purifier_off", "updated", "major", at(1)),
        Told(at(25), "purifier_off", "cleared", "major", at(1)),
    ]


def test_ten_minutes_less_a_second_are_not_ten_minutes() -> None:
    seconds = [reading(0, purifier=False), reading(10 - 1 / 60, purifier=False)]

    assert judged(seconds) == []
    assert summary(judged([*seconds, reading(10, purifier=False)])) == [("opened", "major", 10.0)]


def test_the_fan_off_or_the_purifier_on_starts_the_ten_minutes_anew() -> None:
    for switches in ({"fan": False, "purifier": False}, {"purifier": True}):
        heard = [*minutes(0, 9, purifier=False), reading(9, **switches), *minutes(10, 20, purifier=False)]
        assert judged(heard) == [], switches
        assert summary(judged([*heard, reading(20, purifier=False)])) == [("opened", "major", 20.0)], switches


def test_a_gap_or_an_unknown_switch_neither_breaks_nor_makes_the_ten_minutes() -> None:
    gap = [reading(0, purifier=False), reading(55, purifier=False)]
    assert summary(judged(gap)) == [("opened", "major", 55.0)]

    unknown = [reading(0, purifier=False), reading(10, purifier=None), reading(11, fan=None, purifier=False)]
    assert judged(unknown) == []
    assert summary(judged([*unknown, reading(12, purifier=False)])) == [("opened", "major", 12.0)]


# --- the fold


switches = st.sampled_from([True, True, True, False, None])
shifts = st.lists(
    st.tuples(
        st.integers(1, 14),  # readings
        st.sampled_from([0.0, 0.5, 0.9, 0.95, 1.0, 1.01, 1.5, 3.0, 4.0, -0.1, 999.99, math.nan]),
        switches,
        switches,
        st.sampled_from([0, 0, 0, 1, 7, 30]),  # minutes of silence after
    ),
    min_size=1,
    max_size=10,
)


def evening(
    drawn: Sequence[tuple[int, float, bool | None, bool | None, int]], interval_min: int = 1
) -> list[Reading]:
    heard, minute = [], 3
    for count, fume, fan, purifier, silence in drawn:
        for _ in range(count):
            heard.append(reading(minute, fume, fan=fan, purifier=purifier))
            minute += interval_min
        minute += silence
    return heard


COOKING = [
    (10, 1.5, True, True, 0),
    (12, 1.5, True, False, 0),
    (12, 0.5, False, False, 0),
    (40, 0.5, True, True, 0),
]


@given(shifts, st.sampled_from([1, 2, 5]))
@example([(7, 1.5, True, True, 0), *COOKING], 1)
@example([(14, 1.5, None, False, 0), (14, 4.0, None, None, 7), (9, 1.01, True, False, 0)] * 2, 1)
@settings(max_examples=300)
def test_says_what_the_oracle_says(drawn: Any, interval_min: int) -> None:
    heard = evening(drawn, interval_min)
    kitchen = Kitchen(limit=1.0, interval_min=interval_min)
    for one in heard:
        kitchen.hear(one)

    _, quality, events = judge_fume(
        RULES, monitors(1.0, interval_s=60.0 * interval_min), new_fume_states(1), samples(heard)
    )

    assert [QUALITIES[code] for code in quality] == [one.quality for one in heard]
    assert told(events) == kitchen.told


@given(shifts, shifts, st.data())
def test_it_does_not_matter_how_the_stream_is_cut_into_batches(
    one: Any, other: Any, data: st.DataObject
) -> None:
    by_slot = [samples(evening(one), 0), samples(evening(other), 1)]
    limits = monitors(1.0, 0.8)
    whole = judge_fume(RULES, limits, new_fume_states(2), np.concatenate(by_slot))

    cuts = [sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3))) for rows in by_slot]
    states, events = new_fume_states(2), []
    for batch in range(4):
        pieces = [
            rows[([0, *cut, *[len(rows)] * 3][batch]) : ([*cut, *[len(rows)] * 4][batch])]
            for rows, cut in zip(by_slot, cuts, strict=True)
        ]
        states, _, more = judge_fume(RULES, limits, states, np.concatenate(pieces))
        events += [(event["slot"], one) for event, one in zip(more, told(more), strict=True)]

    assert states.tobytes() == whole[0].tobytes()
    for slot in (0, 1):
        assert [one for s, one in events if s == slot] == told(whole[2][whole[2]["slot"] == slot])


def test_hearing_an_old_reading_again_changes_nothing() -> None:
    heard = samples(evening(COOKING))
    states = new_fume_states(1)
    for n in range(len(heard)):
        states, _, _ = judge_fume(RULES, monitors(1.0), states, heard[n : n + 1])
        for old in (0, n // 2, n):
            again, quality, events = judge_fume(RULES, monitors(1.0), states, heard[old : old + 1])
            assert again.tobytes() == states.tobytes(), f"{old} after {n}"
            assert (quality.tolist(), len(events)) == ([OK], 0)


def test_the_arguments_stay_as_they_are_and_every_state_knows_its_newest_reading() -> None:
    states, heard = new_fume_states(2), samples([*minutes(0, 30, 2.0), reading(30, 999.99)], 1)
    before = states.tobytes(), heard.tobytes()

    after, _, _ = judge_fume(RULES, monitors(1.0, 1.0), states, heard)

    assert (states.tobytes(), heard.tobytes()) == before
    assert after["last_ts"].tolist() == [NEVER, at(30)]


def test_nothing_heard_says_nothing() -> None:
    states, quality, events = judge_fume(RULES, monitors(), new_fume_states(0), np.zeros(0, SAMPLE))

    assert (len(states), len(quality), len(events)) == (0, 0, 0)
    assert states.dtype == FUME_STATE


def test_more_events_than_there_was_room_for_are_all_told() -> None:
    heard = [reading(n, purifier=n % 12 == 11) for n in range(3000)]

    assert len(judged(heard)) == 500


def test_an_event_holds_its_evidence_by_name() -> None:
    _, _, events = judge_fume(
        RULES, monitors(1.0), new_fume_states(1), samples(minutes(0, 20, 2.0, purifier=False))
    )
    exceeding, off, worse = (
        dict(zip(VALUE_NAMES[event["kind"]], event["values"].tolist(), strict=False)) for event in events
    )

    assert exceeding == {
        "mean_mg_m3": 2.0,
        "limit_mg_m3": 1.0,
        "max_mean_mg_m3": 2.0,
        "windows_over": 1.0,
        "valid_count": 10.0,
        "expected_count": 10.0,
        "window_start_s": at(0) / SECOND,
    }
    assert off == {"duration_s": 600.0, "fan_a": 4.5, "purifier_a": 0.02}
    assert worse["windows_over"] == 2.0
    assert events["score"].tolist() == pytest.approx([0.75, 0.7, 0.75])
    assert np.isnan(events["lat"]).all()
    assert all(len(VALUE_NAMES[kind]) <= EVENT_VALUES for kind in (FUME_EXCEEDANCE, PURIFIER_OFF))


def test_rules_read_as_whole_numbers_are_no_other_rules() -> None:
    whole = RULES._replace(window_s=600, critical_ratio=3, fan_off_s=600, purifier_off_s=600)

    assert told(
        judge_fume(whole, monitors(1.0), new_fume_states(1), samples(minutes(0, 10, 2.0)))[2]
    ) == judged(minutes(0, 10, 2.0))


def test_a_rule_the_state_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="major_count is 9, may be 1 to 8"):
        judge_fume(RULES._replace(major_count=9), monitors(), new_fume_states(0), np.zeros(0, SAMPLE))
