"""What waits for silence, or for a time to be up: signal_loss, device_offline, undelivered_load (contract, section 4)."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.episodes import Episode, fold, named_events
from analytics.records import FIX, NOTHING_DUE
from analytics.rules import VehicleRules
from analytics.vehicles import vehicles_due
from tests.analytics.test_vehicles_oracle import shifts
from tests.analytics.trucks import (
    DEPOT,
    FIELD,
    PIT,
    ROADSIDE,
    TIP,
    USUAL,
    YARD,
    Fixes,
    clock,
    compiled,
    district,
    drive,
    fix,
    judge,
    permit,
    silence,
    silent,
    site,
    stand,
    story,
    told,
)  # fmt: skip
from tests.small_district import place

FULL: dict[str, Any] = {"load": 0.9}
KINDS = {"signal_loss", "device_offline", "undelivered_load"}


def out(
    start: str = "10:00", end: str = "10:05", where: tuple[float, float] = ROADSIDE, **sent: Any
) -> Fixes:
    """Loaded out of the pit, the last fix at the place and on the move."""
    return drive(start, end, PIT, where, **{**FULL, **sent})


def of_silence(events: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [event for event in events if event[2].split()[0] in KINDS]


# signal_loss


def test_five_silent_minutes_of_a_loaded_truck_on_the_move_are_told_by_the_clock() -> None:
    assert silence(out(), "10:09:59") == []
    (lost,) = silence(out(), "10:10")

    assert (lost.kind, lost.action, lost.severity, lost.started, lost.at) == (
        "signal_loss", "opened", "major", "10:05", "10:10",
    )  # fmt: skip
    assert (lost.lat, lost.lon) == place(*ROADSIDE)
    assert lost.values == {"speed_kmh": 24.0, "duration_s": 300}


def test_the_next_fix_tells_the_same_and_clears_it() -> None:
    opened, cleared = told([*out(), fix("10:12", (3000, 0), kmh=20, **FULL)])

    assert [opened] == silence(out(), "10:10")
    assert (cleared.action, cleared.at, cleared.started) == ("cleared", "10:12", "10:05")
    assert told([*out(), fix("10:09:59", (3000, 0), kmh=20, **FULL)]) == []
    assert story([*out(), fix("10:10", (3000, 0), kmh=20, **FULL)]) == [
        ("10:10", "opened", "signal_loss 10:05"), ("10:10", "cleared", "signal_loss 10:05"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "last",
    [
        fix("10:05:10", ROADSIDE, kmh=10.0, **FULL),
        fix("10:05:10", ROADSIDE, kmh=float("nan"), **FULL),
        fix("10:05:10", ROADSIDE, kmh=40.0, load=0.2),
    ],
    ids=["at ten km/h", "without a speed", "empty"],
)
def test_a_truck_that_stood_or_was_empty_is_not_lost(last: tuple[Any, ...]) -> None:
    assert silence([*out(), last], "11:00") == []


def test_a_load_that_was_tipped_is_not_lost_whatever_its_sensor_goes_on_saying() -> None:
    tipped = [fix(f"10:05:{s}", ROADSIDE, lift=True, **FULL) for s in (10, 20, 30)]
    away = [fix("10:06", (2100, 0), kmh=30, lift=False, **FULL)]

    assert silence([*out(), *tipped, *away], "11:00") == []


def test_any_stored_reading_breaks_a_silence_and_the_last_good_fix_speaks_for_five_minutes() -> None:
    bad = fix("10:09:59", ROADSIDE, fixed=False)
    (lost,) = silence([*out(), bad], "10:14:59")

    assert (lost.started, lost.at) == ("10:09:59", "10:14:59")
    assert (lost.lat, lost.lon) == place(*ROADSIDE)
    assert silence([*out(), bad], "10:14:58") == []
    older = [fix("10:07", ROADSIDE, fixed=False), fix("10:10", ROADSIDE, fixed=False)]
    assert silence([*out(), *older], "11:00") == []


def test_a_reading_from_within_a_silence_that_was_told_takes_it_back() -> None:
    after, _, _ = judge(out())
    after, told_by_clock = silent(after, clock("10:10"))
    _, _, events = judge([fix("10:09", (2500, 0), kmh=20, **FULL)], states=after)

    assert len(told_by_clock) == 1
    (withdrawn,) = named_events(events, site_ids=USUAL_IDS, permit_ids=("P1",))
    assert (withdrawn.kind, withdrawn.action, withdrawn.reason) == (
        "signal_loss", "withdrawn", "heard_after_all",
    )  # fmt: skip


USUAL_IDS = compiled(USUAL).site_ids


def test_the_clock_tells_a_silence_once() -> None:
    after, _, _ = judge(out())
    after, first = silent(after, clock("10:10"))
    again, second = silent(after, clock("10:30"))

    assert (len(first), len(second)) == (1, 0)
    assert again.tobytes() == after.tobytes()


def test_a_silence_after_the_stop_where_it_tipped_is_taken_back() -> None:
    """Without sensors: the stop in the field, then silence on the way home, then the pit."""
    haul = [
        *stand("10:00", "10:05", PIT), *drive("10:05:10", "10:12", PIT, FIELD), *stand("10:12:10", "10:16", FIELD),
        *drive("10:16:10", "10:18", FIELD, (1500, 800)), *drive("10:24", "10:30", (1000, 500), PIT),
    ]  # fmt: skip
    free = replace(USUAL, permits={"P1": permit("P1", route_id=None)})

    assert [event for event in story(haul, free) if "signal_loss" in event[2]] == [
        ("10:23", "opened", "signal_loss 10:18"),
        ("10:24", "cleared", "signal_loss 10:18"),
        ("10:29:10", "withdrawn", "signal_loss 10:18"),
    ]


# device_offline


def test_a_day_without_a_word_from_a_vehicle_in_service() -> None:
    at = fix("10:00", YARD)

    assert silence([at], "33:59:59") == []
    (offline,) = silence([at], "34:00")
    assert (offline.kind, offline.severity, offline.started, offline.at) == (
        "device_offline", "minor", "10:00", "34:00",
    )  # fmt: skip
    assert (offline.lat, offline.lon) == place(*YARD)


def test_the_next_reading_clears_be_it_good_or_not() -> None:
    assert story([fix("10:00", YARD), fix("35:00", YARD, fixed=False)]) == [
        ("34:00", "opened", "device_offline 10:00"),
        ("35:00", "cleared", "device_offline 10:00"),
    ]


def test_a_vehicle_out_of_service_or_outside_the_register_is_not_offline() -> None:
    vehicles = {key: replace(v, status="suspended") for key, v in USUAL.vehicles.items()}
    idle = replace(USUAL, vehicles=vehicles)
    at = [fix("10:00", YARD)]

    assert silence(at, "60:00", idle) == []
    assert silence(at, "60:00", vehicles=[-1]) == []
    after, _, _ = judge(at, idle)
    passed, _ = silent(after, clock("60:00"), idle)
    assert vehicles_due(VehicleRules(), passed).tolist() == [NOTHING_DUE]  # so that nobody asks each second


def test_a_vehicle_in_service_of_a_suspended_company_is_offline_all_the_same() -> None:
    companies = {key: replace(c, status="suspended") for key, c in USUAL.companies.items()}

    assert [e.kind for e in silence([fix("10:00", YARD)], "34:00", replace(USUAL, companies=companies))] == [
        "device_offline"
    ]


# undelivered_load


def parked(until: str, **sent: Any) -> Fixes:
    """Loaded, out of the pit at 10:00:30, and then in the yard every few minutes."""
    return [
        fix("10:00", PIT, **FULL), *out("10:00:10", "10:05", **sent),
        *stand("10:06", until, YARD, every_s=240, **{**FULL, **sent}),
    ]  # fmt: skip


LEFT = next(f[1] for f in parked("10:10") if f[4] > place(150, 0)[1])
DUE = LEFT + 4 * 3600 * 1_000_000


def overdue(fixes: Fixes) -> list[tuple[int, str, str]]:
    names = named_events(judge(fixes)[2], site_ids=USUAL_IDS, permit_ids=("P1",))
    return [(e.at, e.action, e.reason) for e in names if e.kind == "undelivered_load"]


def test_four_hours_after_leaving_its_source_a_load_that_reached_nothing_is_undelivered() -> None:
    events = told(parked("14:10"))
    (opened,) = [e for e in events if e.kind == "undelivered_load"]

    assert (opened.action, opened.severity, clock(opened.at), clock(opened.started)) == (
        "opened", "minor", DUE, LEFT,
    )  # fmt: skip
    assert (opened.site, opened.permit) == ("PIT", "P1")
    first_outside = next(f for f in parked("10:10") if f[1] == LEFT)
    assert (opened.lat, opened.lon) == (first_outside[3], first_outside[4])
    assert opened.values == {"duration_s": 14400}


def test_the_clock_and_the_next_fix_tell_it_alike() -> None:
    after, _, _ = judge(parked("14:00"))

    assert len(silent(after, DUE - 1)[1]) == 0
    (by_clock,) = named_events(silent(after, DUE)[1], site_ids=USUAL_IDS, permit_ids=("P1",))
    (by_fix,) = [
        e
        for e in named_events(
            judge([fix(DUE + 60_000_000, YARD, **FULL)], states=after)[2],
            site_ids=USUAL_IDS,
            permit_ids=("P1",),
        )
        if e.kind == "undelivered_load"
    ]
    assert by_clock == by_fix


@pytest.mark.parametrize("where", [TIP, DEPOT], ids=["disposal", "transfer"])
def test_one_fix_where_it_may_be_unloaded_is_delivered_within_four_hours_to_the_instant(where: Any) -> None:
    before = parked("14:00")

    assert overdue([*before, fix(DUE, where, **FULL), *stand("14:10", "15:00", YARD, **FULL)]) == []
    assert overdue([*before, fix(DUE + 1, where, **FULL)]) == [(DUE, "opened", ""), (DUE + 1, "cleared", "")]


def test_a_disposal_site_that_closed_yesterday_is_none() -> None:
    closed = district(site("TIP", "disposal", TIP, 200, valid_to=date(2026, 11, 22)))

    assert "undelivered_load" in [
        e.kind
        for e in told([*parked("14:00"), fix("14:01", TIP, **FULL), fix("14:06", YARD, **FULL)], closed)
    ]


def test_any_unloading_ends_it() -> None:
    before = parked("14:00")

    assert overdue([*before, fix("14:00:10", YARD, load=0.0), *stand("14:01", "15:00", YARD, load=0.0)]) == []
    late = [fix("14:10", YARD, **FULL), fix("14:11", YARD, load=0.0)]
    assert overdue([*before, *late]) == [(DUE, "opened", ""), (clock("14:11"), "cleared", "")]


def test_word_that_it_was_unloaded_in_time_takes_it_back() -> None:
    after, _, _ = judge(parked("14:00"))
    after, _ = silent(after, DUE + 60_000_000)
    for news in (fix(DUE, TIP, **FULL), fix(DUE - 1, FIELD, load=0.0)):
        names = named_events(judge([news], states=after)[2], site_ids=USUAL_IDS, permit_ids=("P1",))
        assert [(e.action, e.reason) for e in names if e.kind == "undelivered_load"] == [
            ("withdrawn", "unloaded_in_time")
        ]


def test_a_load_from_nowhere_known_left_no_source() -> None:
    assert overdue([fix("10:00", FIELD, **FULL), *stand("10:05", "15:00", YARD, every_s=240, **FULL)]) == []


# Asked in between


@given(
    shifts(),
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 100_000)), max_size=6),
    st.integers(0, 90_000),
)
@settings(max_examples=150)
def test_it_does_not_matter_when_the_clock_is_asked(
    fixes: list[Any], asked: list[tuple[int, int]], then_s: int
) -> None:
    """`asked`: after how many fixes, and how many seconds after the last of them."""
    until = max(fixes[-1][1] + then_s * 1_000_000, fixes[-1][1])
    states, _, events = judge(fixes)
    states, more = silent(states, until)
    undisturbed = folded([events, more])

    told_events, states_now, begin = [], None, 0
    for cut, later_s in sorted((min(cut, len(fixes)), later_s) for cut, later_s in asked):
        states_now, _, said = judge(np.array(fixes[begin:cut], FIX), states=states_now)
        states_now, more = silent(
            states_now, min(until, (fixes[cut - 1][1] if cut else 0) + later_s * 1_000_000)
        )
        told_events += [said, more]
        begin = cut
    states_now, _, said = judge(np.array(fixes[begin:], FIX), states=states_now)
    states_now, more = silent(states_now, until)

    assert folded([*told_events, said, more]) == undisturbed
    assert states_now.tobytes() == states.tobytes()
    assert vehicles_due(VehicleRules(), states_now)[0] > until


def folded(events: list[Any]) -> list[Episode]:
    """What stands: the episodes that were not withdrawn."""
    named = named_events(np.concatenate(events), site_ids=USUAL_IDS, permit_ids=("P1",))
    return sorted(
        (episode for episode in fold([], named).values() if episode.withdrawn is None),
        key=lambda episode: (episode.kind, episode.started),
    )
