"""Silence, suspicion and dirt, clause by clause of docs/kitchens.md; then random kitchens against plain Python."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analytics.evidence import VALUE_NAMES
from analytics.fume import fume_due, judge_fume, new_fume_states, pass_fume_time, piece_hashes
from analytics.kitchens.state import NO_DAY
from analytics.records import DAY, HOUR, MINUTE, MONITOR_SUSPECT, NOTHING_DUE, QUALITIES, SECOND
from tests.analytics.kitchen_oracle import Kitchen, Reading, Told, copied
from tests.analytics.kitchens import RULES, at, minutes, monitors, reading, samples, summary, told

TODAY = (at(0) + 8 * HOUR) // DAY
"""The local day of the minutes."""
LUNCH = (11 * 60, 14 * 60)
NIGHT = [(0, 2 * 60), (17 * 60, 24 * 60)]


def varied(start: int, end: int, *, seed: int = 0) -> list[Reading]:
    """One plausible reading a minute: no two alike, none near the limit of 1."""
    values = np.random.default_rng(seed + 1000 * start).permutation(np.arange(100, 100 + end - start)) / 1000
    return [replace(one, fume=float(value)) for one, value in zip(minutes(start, end), values, strict=True)]


def monitor(
    *,
    hours: Sequence[tuple[int, int]] = (),
    cleanings: Sequence[int] = (),
    cleaning_days: int = 0,
    **fields: float,
) -> NDArray[np.void]:
    rows = monitors(1.0)
    for n, (begin, end) in enumerate(hours):
        rows["hours"][0, n] = begin, end
    for n, day in enumerate(sorted(cleanings, reverse=True)):
        rows["cleaned"][0, n] = day
    rows["cleaning_days"] = cleaning_days
    for name, value in fields.items():
        rows[name] = value
    return rows


def judged(
    heard: list[Reading], kind: str, of: NDArray[np.void] | None = None, *, until: float | None = None
) -> list[Told]:
    """What is told of `kind`; `until`: and nothing comes until that minute."""
    of = monitor() if of is None else of
    states, _, events = judge_fume(RULES, of, new_fume_states(1), samples(heard))
    if until is not None:
        _, more = pass_fume_time(RULES, of, states, at(until))
        events = np.concatenate([events, more])
    return [event for event in told(events) if event.kind == kind]


# --- monitor_offline


def test_half_an_hour_of_silence_is_offline_until_the_next_reading() -> None:
    heard = [*varied(0, 10), *varied(60, 62)]

    assert judged(heard, "monitor_offline") == [
        Told(at(39), "monitor_offline", "opened", "minor", at(9)),
        Told(at(60), "monitor_offline", "cleared", "minor", at(9)),
    ]
    assert judged(varied(0, 10), "monitor_offline", until=39)[0] == judged(heard, "monitor_offline")[0]
    assert judged(varied(0, 10), "monitor_offline", until=38.99) == []


def test_a_reading_at_the_very_end_of_the_half_hour_comes_too_late() -> None:
    assert [e.action for e in judged([reading(0), reading(30)], "monitor_offline")] == ["opened", "cleared"]
    assert judged([reading(0), reading(29.99)], "monitor_offline") == []


def test_any_reading_breaks_a_silence_believed_or_not() -> None:
    heard = [reading(0), reading(20, -5.0), reading(40, 999.99), reading(60, fan=None)]

    assert judged(heard, "monitor_offline") == []


def test_the_half_hour_lies_within_the_opening_hours() -> None:
    """Noon is minute 0; lunch is over at minute 120."""
    hours = monitor(hours=[LUNCH, (17 * 60, 21 * 60)])

    assert judged([reading(89)], "monitor_offline", hours, until=200)[0].ts == at(119)
    assert judged([reading(90)], "monitor_offline", hours, until=200)[0].ts == at(120)
    assert judged([reading(91)], "monitor_offline", hours, until=300) == []
    assert judged([reading(91)], "monitor_offline", hours, until=330)[0] == Told(
        at(330), "monitor_offline", "opened", "minor", at(300)
    )


def test_a_night_over_which_the_monitor_is_switched_off_is_not_a_silence() -> None:
    hours = monitor(hours=[LUNCH])
    next_day = 24 * 60

    assert judged([*varied(0, 115), *varied(next_day - 50, next_day)], "monitor_offline", hours) == []
    (opened,) = judged(varied(0, 115), "monitor_offline", hours, until=next_day)
    assert opened.ts == at(next_day - 30)


def test_opening_hours_over_midnight_are_one_stretch() -> None:
    heard, hours = [reading(11 * 60 + 45)], monitor(hours=NIGHT)

    assert judged(heard, "monitor_offline", hours, until=13 * 60)[0].ts == at(12 * 60 + 15)


def test_opening_hours_shorter_than_half_an_hour_are_never_silent() -> None:
    hours = monitor(hours=[(600, 625)])

    assert judged([reading(0)], "monitor_offline", hours, until=10_000) == []
    states, _, _ = judge_fume(RULES, hours, new_fume_states(1), samples([reading(0)]))
    states, _ = pass_fume_time(RULES, hours, states, at(100))
    assert fume_due(RULES, hours, states).tolist() == [NOTHING_DUE]


def test_a_monitor_never_heard_of_is_not_offline() -> None:
    states = new_fume_states(1)

    assert fume_due(RULES, monitor(), states).tolist() == [NOTHING_DUE]
    assert len(pass_fume_time(RULES, monitor(), states, at(10_000))[1]) == 0


# --- a window that only time closes


def test_a_window_that_no_reading_closes_is_judged_ten_minutes_after_its_end() -> None:
    silent = minutes(0, 9, 2.0)

    assert judged(silent, "fume_exceedance", until=19.99) == []
    assert summary(judged(silent, "fume_exceedance", until=20)) == [("opened", "minor", 20.0)]
    later = [*silent, *minutes(45, 46)]
    assert judged(later, "fume_exceedance") == judged(silent, "fume_exceedance", until=60)


def test_what_comes_after_all_for_a_time_that_is_judged_is_late() -> None:
    """The state says so: the caller judges what is no newer than `last_ts` again."""
    states, _, _ = judge_fume(RULES, monitor(), new_fume_states(1), samples(minutes(0, 9, 2.0)))
    states, _ = pass_fume_time(RULES, monitor(), states, at(25))

    assert states["last_ts"].tolist() == [at(20) - 1]
    assert states["heard_ts"].tolist() == [at(8)]


# --- monitor_suspect: stuck


def test_half_an_hour_of_equal_readings_with_the_fan_on_is_stuck() -> None:
    events = judged(minutes(0, 31, 0.3), "monitor_suspect")

    assert events == [Told(at(30), "monitor_suspect", "opened", "major", at(0))]
    assert judged(minutes(0, 30, 0.3), "monitor_suspect") == []


def test_two_hundredths_are_not_stuck_and_a_thousandth_more_is() -> None:
    assert judged(minutes(0, 60, 0.02), "monitor_suspect") == []
    assert judged(minutes(0, 60, 0.0), "monitor_suspect") == []
    assert judged(minutes(0, 31, 0.021), "monitor_suspect") != []


def test_with_the_fan_off_equal_readings_are_nothing_and_begin_anew() -> None:
    assert judged(minutes(0, 60, 0.3, fan=False), "monitor_suspect") == []
    broken = [*minutes(0, 20, 0.3), reading(20, 0.3, fan=False), *minutes(21, 51, 0.3)]
    assert judged(broken, "monitor_suspect") == []


def test_a_gap_or_a_reading_without_fume_does_not_break_equal_readings() -> None:
    heard = [reading(0), reading(10, math.nan), reading(15, fan=None), reading(25, -0.05), reading(30)]

    assert summary(judged(heard, "monitor_suspect")) == [("opened", "major", 30.0)]


def test_a_monitor_that_says_nothing_of_its_fan_can_be_stuck() -> None:
    assert summary(judged(minutes(0, 31, fan=None), "monitor_suspect")) == [("opened", "major", 30.0)]


# --- impossible


def test_three_impossible_readings_within_an_hour_are_suspect() -> None:
    bad = [reading(0, 999.99), reading(20, -0.14), reading(60, 0.3, pm=-9999.0)]

    assert judged(bad, "monitor_suspect") == [Told(at(60), "monitor_suspect", "opened", "major", at(0))]
    assert judged([*bad[:2], reading(60.01, 999.99)], "monitor_suspect") == []


def test_zero_drift_is_not_impossible_and_neither_is_a_marked_reading() -> None:
    drift = [reading(minute, -0.13) for minute in range(60)]
    marked = [replace(reading(minute, 999.99), marked=True) for minute in range(60)]

    assert judged(drift, "monitor_suspect") == []
    assert judged(marked, "monitor_suspect") == []
    _, quality, _ = judge_fume(RULES, monitor(), new_fume_states(1), samples(marked[:1]))
    assert QUALITIES[quality[0]] == "flagged"


# --- clipped


def pile(count: int, *, lowest: float = 0.9) -> list[Reading]:
    return [reading(n, lowest + 0.099 * (n * 37 % 100) / 100) for n in range(count)]


def test_thirty_readings_piled_up_under_the_limit_are_clipped() -> None:
    events = judged(pile(30), "monitor_suspect")

    assert events == [Told(at(29), "monitor_suspect", "opened", "major", at(0))]
    assert judged(pile(29), "monitor_suspect") == []


def test_a_reading_at_the_limit_takes_the_pile_away() -> None:
    heard = pile(40)
    heard[15] = reading(15, 1.0)

    assert judged(heard, "monitor_suspect") == []


def test_a_tail_that_thins_out_towards_the_limit_is_no_pile() -> None:
    heard = [
        reading(n, (0.85 if n % 4 == 0 else 0.93) + 0.0001 * n) for n in range(120)
    ]  # three over one: still a pile
    assert judged(heard, "monitor_suspect") != []
    heard = [reading(n, (0.85 if n % 3 == 0 else 0.93) + 0.0001 * n) for n in range(120)]
    assert judged(heard, "monitor_suspect") == []


def test_piles_are_counted_by_the_local_day() -> None:
    before_midnight = [
        replace(one, ts=one.ts + 12 * HOUR - 20 * MINUTE, local=one.local + 12 * HOUR - 20 * MINUTE)
        for one in pile(40)
    ]

    assert judged(before_midnight, "monitor_suspect") == []


# --- copied


def with_copies(heard: list[Reading]) -> tuple[NDArray[np.void], list[int]]:
    """Samples, each told the end of the first piece that is the same; and where copies end."""
    rows = samples(heard)
    hashes = piece_hashes(RULES, monitor(), new_fume_states(1), rows).tolist()
    first: dict[int, int] = {}
    for row, digest in zip(rows, hashes, strict=True):
        if digest and first.setdefault(digest, int(row["ts"])) < row["ts"]:
            row["seen"] = first[digest]
    return rows, np.flatnonzero(rows["seen"]).tolist()


def moved(heard: list[Reading], by_minutes: int) -> list[Reading]:
    return [
        replace(one, ts=one.ts + by_minutes * MINUTE, local=one.local + by_minutes * MINUTE) for one in heard
    ]


def test_sixty_readings_seen_before_are_a_copy_and_fifty_nine_are_not() -> None:
    lunch = varied(0, 100)
    for length, copies in ((60, 1), (59, 0), (75, 16)):
        again = moved(lunch[20 : 20 + length], 1440)
        rows, found = with_copies([*lunch, *again, *varied(1600, 1610)])
        assert len(found) == copies, length
    _, _, events = judge_fume(RULES, monitor(), new_fume_states(1), rows)
    (opened, *_) = (e for e in events if e["kind"] == MONITOR_SUSPECT)
    said = dict(zip(VALUE_NAMES[MONITOR_SUSPECT], opened["values"].tolist(), strict=False))
    assert (int(opened["ts"]), int(opened["started"])) == (at(1440 + 79), at(1440 + 20))
    assert (said["copied"], said["copied_from_s"]) == (1.0, at(79) / SECOND)


def test_a_copy_may_be_sent_at_another_pace() -> None:
    lunch = varied(0, 60)
    slow = [
        replace(one, ts=at(2000 + 5 * n), local=at(2000 + 5 * n) + 8 * HOUR) for n, one in enumerate(lunch)
    ]

    assert len(with_copies([*lunch, *slow])[1]) == 1


def test_idle_zeros_steps_and_sawteeth_are_nobodys_copy() -> None:
    steps = [*minutes(0, 30, 0.4), *minutes(30, 60, 2.4)]
    sawtooth = [reading(n, 0.3 + 0.01 * (n % 30)) for n in range(240)]

    assert with_copies([*minutes(0, 200, 0.0), *moved(steps, 300), *moved(steps, 600)])[1] == []
    assert with_copies(sawtooth)[1] == []
    assert len(with_copies([reading(n, 0.3 + 0.01 * (n % 31)) for n in range(92)])[1]) == 2


def test_the_fan_off_cuts_a_piece() -> None:
    lunch = varied(0, 100)
    interrupted = [*lunch[:30], reading(30, 0.0, fan=False), *moved(lunch[30:], 1)]

    assert with_copies([*interrupted, *moved(interrupted[:80], 1440)])[1] == []


# --- clearing


def test_an_hour_of_plausible_readings_clears_and_anything_against_starts_it_anew() -> None:
    stuck = minutes(0, 31, 0.3)

    assert summary(judged([*stuck, *varied(31, 92)], "monitor_suspect")) == [
        ("opened", "major", 30.0), ("cleared", "major", 91.0),
    ]  # fmt: skip
    assert len(judged([*stuck, *varied(31, 91)], "monitor_suspect")) == 1
    doubted = [*stuck, *varied(31, 80), reading(80, 999.99), *varied(81, 142)]
    assert summary(judged(doubted, "monitor_suspect"))[-1] == ("cleared", "major", 141.0)


def test_readings_with_the_fan_off_do_not_clear() -> None:
    heard = [*minutes(0, 31, 0.3), *minutes(31, 300, 0.0, fan=False), *varied(300, 330)]

    assert summary(judged(heard, "monitor_suspect")) == [("opened", "major", 30.0)]


def test_a_second_cause_updates_the_alert_at_once() -> None:
    heard = [*minutes(0, 31, 0.3), *(reading(minute, 500.0) for minute in (31, 32, 33))]

    assert summary(judged(heard, "monitor_suspect")) == [
        ("opened", "major", 30.0),
        ("updated", "major", 33.0),
    ]


def test_suspicion_takes_no_reading_from_the_other_detections() -> None:
    stuck_high = minutes(0, 60, 2.0, purifier=False)

    assert summary(judged(stuck_high, "fume_exceedance"))[0] == ("opened", "minor", 9.0)
    assert summary(judged(stuck_high, "purifier_off"))[0] == ("opened", "major", 10.0)


# --- the purifier's state from its current


def test_where_no_switch_is_reported_the_current_says_it_from_the_units_own_threshold_on() -> None:
    rows = samples(minutes(0, 30, purifier=None))
    rows["purifier_a"] = np.where(np.arange(30) < 20, 0.02, 0.8)

    def off(of: NDArray[np.void]) -> list[tuple[str, str, float]]:
        _, _, events = judge_fume(RULES, of, new_fume_states(1), rows)
        return summary([event for event in told(events) if event.kind == "purifier_off"])

    assert off(monitor(purifier_min_a=0.3)) == [("opened", "major", 10.0), ("cleared", "major", 20.0)]
    assert off(monitor(purifier_min_a=0.02)) == []
    assert off(monitor()) == []


def test_a_switch_that_is_reported_goes_before_the_current() -> None:
    rows = samples(minutes(0, 30, purifier=True))
    rows["purifier_a"] = 0.0

    _, _, events = judge_fume(RULES, monitor(purifier_min_a=0.3), new_fume_states(1), rows)
    assert [event for event in told(events) if event.kind == "purifier_off"] == []


def test_where_no_fan_is_reported_its_current_says_whether_it_runs() -> None:
    rows = samples(minutes(0, 10, 2.0, fan=None))
    for fan_a, alerts in ((4.5, 1), (0.0, 0)):
        rows["fan_a"] = fan_a
        _, _, events = judge_fume(RULES, monitor(fan_min_a=1.0), new_fume_states(1), rows)
        assert len(events) == alerts


# --- purifier_degraded


def weeks(*levels: float, begin: int = 1, a_day: int = 20) -> list[Reading]:
    """A day of readings at each level, from noon of so many days after today."""
    return [
        reading(24 * 60 * (begin + day) + 3 * n, level)
        for day, level in enumerate(levels)
        for n in range(a_day)
    ]


def test_a_week_half_above_the_week_after_the_cleaning_is_dirty() -> None:
    cleaned_today = monitor(cleanings=[TODAY])
    heard = weeks(*[0.4] * 7, *[0.6] * 7)

    events = judged(heard, "purifier_degraded", cleaned_today)

    # Three days of seven are not half of the readings; the first of a fourth makes it more than half.
    assert summary(events) == [("opened", "minor", 24 * 60 * 11.0)]
    assert judged(weeks(*[0.4] * 7, *[0.599] * 7), "purifier_degraded", cleaned_today) == []


def test_only_a_recorded_cleaning_ends_it() -> None:
    heard = weeks(*[0.4] * 7, *[0.6] * 7, *[0.4] * 7)
    once = monitor(cleanings=[TODAY])
    twice = monitor(cleanings=[TODAY, TODAY + 15])

    assert [e.action for e in judged(heard, "purifier_degraded", once)] == ["opened"]
    opened, cleared = judged(heard, "purifier_degraded", twice)
    assert cleared == replace(opened, action="cleared", ts=(TODAY + 15) * DAY - 8 * HOUR)


def test_readings_with_the_purifier_off_or_not_believed_say_nothing_of_it() -> None:
    dirty = weeks(*[0.4] * 7, *[0.6] * 7)
    for change in ({"purifier": False}, {"fan": False}, {"fume": -0.5}, {"fan": None}):
        heard = [*dirty[:140], *(replace(one, **change) for one in dirty[140:])]
        assert judged(heard, "purifier_degraded", monitor(cleanings=[TODAY])) == [], change


def test_a_feast_of_a_day_is_not_dirt() -> None:
    assert judged(weeks(*[0.4] * 7, 2.0, *[0.4] * 6), "purifier_degraded", monitor(cleanings=[TODAY])) == []


def test_too_few_readings_have_no_median() -> None:
    heard = weeks(*[0.4] * 7, *[0.6] * 7, a_day=8)

    assert judged(heard, "purifier_degraded", monitor(cleanings=[TODAY])) == []


def test_a_cleaning_is_overdue_from_the_midnight_after_its_day() -> None:
    due = monitor(cleanings=[TODAY - 29], cleaning_days=30)
    midnight = (TODAY + 2) * DAY - 8 * HOUR

    assert judged([reading(0)], "purifier_degraded", due, until=(midnight - at(0)) / MINUTE - 1) == []
    assert judged([reading(0)], "purifier_degraded", due, until=3 * 24 * 60) == [
        Told(midnight, "purifier_degraded", "opened", "minor", midnight)
    ]
    assert judged([reading(0)], "purifier_degraded", monitor(cleanings=[TODAY - 900]), until=9999) == []
    assert judged([reading(0)], "purifier_degraded", monitor(cleaning_days=30), until=99_999) == []


def test_overdue_at_the_first_reading_is_told_there() -> None:
    late = monitor(cleanings=[TODAY - 31], cleaning_days=30)

    assert judged([reading(5)], "purifier_degraded", late) == [
        Told(at(5), "purifier_degraded", "opened", "minor", at(5))
    ]


def test_a_cleaning_recorded_between_two_readings_ends_what_was_overdue() -> None:
    late = monitor(cleanings=[TODAY - 31], cleaning_days=30)
    states, _, _ = judge_fume(RULES, late, new_fume_states(1), samples([reading(5)]))
    cleaned = monitor(cleanings=[TODAY - 31, TODAY], cleaning_days=30)

    _, _, events = judge_fume(RULES, cleaned, states, samples([reading(6)]))
    assert summary(told(events)) == [("cleared", "minor", 5.0)]
    assert summary(told(pass_fume_time(RULES, cleaned, states, at(30))[1]))[0] == ("cleared", "minor", 5.0)


def test_a_cleaning_struck_from_the_register_is_forgotten() -> None:
    cleaned = monitor(cleanings=[TODAY], cleaning_days=30)
    states, _, _ = judge_fume(RULES, cleaned, new_fume_states(1), samples([reading(5)]))

    states, _, _ = judge_fume(RULES, monitor(cleaning_days=30), states, samples([reading(6)]))

    assert states["cleaned"].tolist() == [NO_DAY]


# --- random kitchens

LEVELS = [0.0, 0.02, 0.3, 0.3, 0.3, 0.5, 0.85, 0.93, 0.95, 1.0, 2.0, -0.1, -1.0, 999.99, math.nan]
switches = st.sampled_from([True, True, True, True, False, None])
hours = st.sampled_from([[], [LUNCH], NIGHT, [(0, 1440)], [(600, 625)]])
spells = st.lists(
    st.tuples(
        st.sampled_from([1, 5, 31, 40, 70]),  # readings
        st.one_of(st.sampled_from(LEVELS), st.sampled_from(["varied", "again"])),
        switches,
        switches,
        st.sampled_from([0, 0, 1, 12, 29, 30, 200, 1440]),  # minutes of silence after
    ),
    min_size=1,
    max_size=8,
)


def days_of(spells: Any) -> list[Reading]:
    heard: list[Reading] = []
    minute = 0
    lunch = [one.fume for one in varied(0, 70)]
    for n, (count, level, fan, purifier, silence) in enumerate(spells):
        fumes = {"varied": [one.fume for one in varied(0, count, seed=n + 1)], "again": lunch[:count]}.get(
            level, [level] * count
        )
        heard += [reading(minute + i, fume, fan=fan, purifier=purifier) for i, fume in enumerate(fumes)]
        minute += count + silence
    return heard


def with_fans(heard: list[Reading]) -> list[Reading]:
    """As the engine takes them."""
    has_fan, out = False, []
    for one in heard:
        has_fan = has_fan or one.fan is not None
        out.append(replace(one, fan_on=one.fan is True or not has_fan))
    return out


@given(spells, hours, st.sampled_from([[], [-31], [-3, -1], [0, 1]]), st.sampled_from([0, 1, 30]))
@example(
    [(70, "again", True, True, 0), (70, "again", True, True, 30), (70, "varied", True, True, 29)], [], [], 0
)
@example(
    [(31, 0.3, True, False, 0), (70, "varied", True, True, 0), (40, 0.95, None, True, 0)], [LUNCH], [0, 1], 1
)
@settings(max_examples=60, deadline=None)
def test_says_what_the_oracle_says(
    drawn: Any, hours: list[tuple[int, int]], cleanings: list[int], cleaning_days: int
) -> None:
    heard = days_of(drawn)
    rows, _ = with_copies(heard)
    days = [TODAY + n for n in cleanings]
    kitchen = Kitchen(limit=1.0, hours=hours, cleanings=days, cleaning_days=cleaning_days)
    kitchen.copies = set(copied({0: with_fans(heard)})[0])
    of = monitor(hours=hours, cleanings=days, cleaning_days=cleaning_days)
    for one in heard:
        kitchen.hear(one)
    kitchen.wait(heard[-1].ts + 100 * MINUTE)

    states, _, events = judge_fume(RULES, of, new_fume_states(1), rows)
    _, more = pass_fume_time(RULES, of, states, heard[-1].ts + 100 * MINUTE)

    assert told(np.concatenate([events, more])) == kitchen.told


@given(
    st.lists(st.sampled_from([0.2, 0.3, 0.45, 0.6]), min_size=8, max_size=25),
    st.sampled_from([[0], [0, 12], [5]]),
)
@example([*[0.2] * 16, 0.3, 0.2, 0.2, 0.6, 0.6, 0.6, 0.2, 0.2, 0.45], [5])  # 0.3 is half above 0.2, exactly
@settings(max_examples=30, deadline=None)
def test_says_of_dirt_what_the_oracle_says(levels: list[float], cleanings: list[int]) -> None:
    heard = weeks(*levels, begin=0, a_day=12)
    days = [TODAY + n for n in cleanings]
    kitchen = Kitchen(limit=1.0, cleanings=days, step=HOUR)  # cleanings come at midnight
    for one in heard:
        kitchen.hear(one)

    assert judged(heard, "purifier_degraded", monitor(cleanings=days)) == [
        one for one in kitchen.told if one.kind == "purifier_degraded"
    ]


@given(spells, st.data())
@settings(max_examples=40, deadline=None)
def test_neither_cuts_nor_a_clock_in_between_change_what_is_told(drawn: Any, data: st.DataObject) -> None:
    heard = days_of(drawn)
    rows, _ = with_copies(heard)
    of = monitor(hours=[LUNCH, (17 * 60, 24 * 60)], cleanings=[TODAY], cleaning_days=1)
    whole_states, _, whole = judge_fume(RULES, of, new_fume_states(1), rows)

    states, events = new_fume_states(1), []
    begin = 0
    for end in [*sorted(data.draw(st.sets(st.integers(1, len(rows)), max_size=4))), len(rows)]:
        states, _, more = judge_fume(RULES, of, states, rows[begin:end])
        events.append(more)
        if begin < end < len(rows):
            clock = data.draw(st.integers(int(rows["ts"][end - 1]), int(rows["ts"][end]) - 1))
            states, more = pass_fume_time(RULES, of, states, clock)
            events.append(more)
            assert (fume_due(RULES, of, states) > clock).all()
        begin = end

    assert told(np.concatenate(events)) == told(whole)
    assert states.tobytes() == whole_states.tobytes()
