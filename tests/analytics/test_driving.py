"""How a truck is driven: outside_hours, uncovered_load, overspeed (contract, section 4)."""

import math
from dataclasses import replace
from typing import Any

import pytest

from devices.types import Registry
from tests.analytics.trucks import (
    FIELD,
    PIT,
    ROADSIDE,
    TIP,
    USUAL,
    Fixes,
    drive,
    fix,
    judge,
    permit,
    road,
    stand,
    story,
    told,
)  # fmt: skip
from tests.small_district import place

FULL: dict[str, Any] = {"load": 0.9}


def of(kind: str, fixes: Fixes, registry: Registry) -> list[tuple[str, str]]:
    return [(at, action) for at, action, which in story(fixes, registry) if which.startswith(kind)]


def begun(kind: str, fixes: Fixes, registry: Registry) -> list[str]:
    return [
        which.split()[1]
        for _, action, which in story(fixes, registry)
        if which.startswith(kind) and action == "opened"
    ]


# outside_hours


def by_day(hours: str, *more: str) -> Registry:
    """A permit with these hours; more permits with others."""
    permits = {f"P{i}": permit(f"P{i}", hours=text or None) for i, text in enumerate((hours, *more), 1)}
    return replace(USUAL, permits=permits)


DAY = by_day("08:00-17:00")


def loaded_and_out(start: str, end: str, finish: tuple[float, float] = TIP) -> Fixes:
    return [fix(start, PIT, **FULL), *drive(f"{start}:10", end, PIT, finish, **FULL)]


def test_five_minutes_on_the_move_outside_the_hours_are_told_from_the_first_such_fix() -> None:
    fixes = loaded_and_out("16:50", "17:06")

    assert of("outside_hours", fixes[:-7], DAY) == []
    (opened,) = told(fixes, DAY)
    assert (opened.kind, opened.severity, opened.started, opened.at) == (
        "outside_hours", "minor", "17:00", "17:05",
    )  # fmt: skip
    first = next(f for f in fixes if f[1] >= fixes[0][1] + 600_000_000)
    assert (opened.lat, opened.lon) == (first[3], first[4])
    assert (opened.permit, opened.site, opened.values) == ("P1", "PIT", {"duration_s": 300})


def test_it_clears_when_the_hours_begin_or_the_load_ends() -> None:
    night = loaded_and_out("07:50", "08:05")
    assert of("outside_hours", night, DAY) == [("07:55:40", "opened"), ("08:00", "cleared")]

    tipped = [*loaded_and_out("17:00", "17:10"), fix("17:10:10", TIP, load=0.0)]
    assert of("outside_hours", tipped, DAY)[-1] == ("17:10:10", "cleared")


def test_several_permits_allow_all_their_hours() -> None:
    fixes = loaded_and_out("17:00", "17:10")

    assert of("outside_hours", fixes, by_day("08:00-17:00", "17:00-20:00")) == []
    assert of("outside_hours", fixes, by_day("08:00-17:00", "20:00-22:00")) == [("17:05:30", "opened")]
    assert of("outside_hours", fixes, by_day("08:00-17:00", "")) == []


def test_hours_over_midnight_are_one_night() -> None:
    assert of("outside_hours", loaded_and_out("23:55", "24:10"), by_day("22:00-06:00")) == []
    assert of("outside_hours", loaded_and_out("21:50", "22:05"), by_day("22:00-06:00")) == [
        ("21:55:40", "opened"), ("22:00", "cleared"),
    ]  # fmt: skip


def test_standing_for_less_than_three_minutes_is_moving_and_for_three_starts_anew() -> None:
    def way(stop_until: str, then: str) -> Fixes:
        return [
            *loaded_and_out("16:58", "17:01", ROADSIDE), *stand("17:01:10", stop_until, ROADSIDE, every_s=10, **FULL),
            *drive(then, "17:20", ROADSIDE, TIP, **FULL),
        ]  # fmt: skip

    assert begun("outside_hours", way("17:04", "17:04:10"), DAY) == ["17:00"]
    assert begun("outside_hours", way("17:04:10", "17:04:20"), DAY) == ["17:04:20"]


def test_standing_still_does_not_clear_it() -> None:
    fixes = [*loaded_and_out("17:00", "17:06", ROADSIDE), *stand("17:06:10", "17:30", ROADSIDE, **FULL)]

    assert of("outside_hours", fixes, DAY) == [("17:05:40", "opened")]


def test_an_empty_truck_and_one_without_a_permit_have_no_hours() -> None:
    empty = [fix("17:00", PIT, load=0.0), *drive("17:00:10", "17:20", PIT, TIP, load=0.0)]

    assert told(empty, DAY) == []
    bare = replace(USUAL, permits={})
    assert [e.kind for e in told(loaded_and_out("17:00", "17:20"), bare)] == ["unpermitted_haul"]


# uncovered_load


def covered(*states: str, every_s: int = 10, kmh: float = 30.0, **sent: Any) -> Fixes:
    """East from the roadside, the cover now so, now so."""
    base = fix("10:00", ROADSIDE)[1]
    return [
        fix(base + i * every_s * 1_000_000, (2000 + i * 80, 0), kmh=kmh, cover=state, **{**FULL, **sent})
        for i, state in enumerate(states)
    ]


def test_half_a_minute_of_driving_with_an_open_cover_and_closing_it_clears() -> None:
    assert of("uncovered", covered("open", "open", "open"), USUAL) == []
    opened, cleared = told(covered("closed", "open", "open", "open", "open", "closed"))

    assert (opened.kind, opened.severity, opened.started, opened.at) == (
        "uncovered_load", "minor", "10:00:10", "10:00:40",
    )  # fmt: skip
    assert (opened.lat, opened.lon) == place(2080, 0)
    assert opened.values == {"duration_s": 30, "speed_kmh": 30}
    assert (cleared.action, cleared.at) == ("cleared", "10:00:50")


@pytest.mark.parametrize(
    "fixes",
    [
        covered("open", "open", "closed", "open", "open", "open"),
        covered(*["open"] * 8, kmh=9.9),
        covered(*["open"] * 8, kmh=float("nan")),
        covered(*["open"] * 8, load=0.2),
    ],
    ids=["closed in between", "under ten km/h", "without a speed", "empty"],
)
def test_what_is_not_half_a_minute_of_driving_uncovered(fixes: Fixes) -> None:
    assert of("uncovered", fixes, USUAL) == []


def test_a_slow_fix_starts_the_half_minute_anew_and_does_not_clear() -> None:
    slow = covered(*["open"] * 10)
    slow[2] = fix(slow[2][1], (2160, 0), kmh=5, cover="open", **FULL)
    assert begun("uncovered", slow, USUAL) == ["10:00:30"]

    later = covered(*["open"] * 10)
    later[5] = fix(later[5][1], (2400, 0), kmh=5, cover="open", **FULL)
    assert of("uncovered", later, USUAL) == [("10:00:30", "opened")]


def test_a_cover_left_out_is_as_it_was_and_one_never_sent_is_not_judged() -> None:
    fixes = covered("open", "open", "open", "open")
    fixes[2] = fix(fixes[2][1], (2160, 0), kmh=30, **FULL)

    assert begun("uncovered", fixes, USUAL) == ["10:00"]
    assert told(drive("10:00", "10:10", ROADSIDE, TIP, **FULL)) == []


def test_the_end_of_the_load_clears_it() -> None:
    fixes = [*covered(*["open"] * 5), fix("10:00:50", (2400, 0), kmh=30, load=0.1, cover="open")]

    assert of("uncovered", fixes, USUAL) == [("10:00:30", "opened"), ("10:00:50", "cleared")]


# overspeed

MAIN = road("MAIN", (-5000, 0), (9000, 0), limit_kmh=60)


def on(*roads: Any) -> Registry:
    return replace(USUAL, roads={one.road_id: one for one in roads})


def at_speeds(*kmh: float, north: float = 0.0, every_s: int = 10) -> Fixes:
    base = fix("10:00", ROADSIDE)[1]
    fixes, east = [], 2000.0
    for i, speed in enumerate(kmh):
        east += (0 if math.isnan(speed) else speed) / 3.6 * every_s
        fixes.append(fix(base + i * every_s * 1_000_000, (east, north), kmh=speed))
    return fixes


def test_the_third_fix_in_a_row_more_than_a_tenth_over_the_limit_is_told() -> None:
    fixes = at_speeds(60, 67, 70, 67)

    assert of("overspeed", fixes[:-1], on(MAIN)) == []
    (opened,) = told(fixes, on(MAIN))
    assert (opened.kind, opened.severity, opened.started, opened.at, opened.road) == (
        "overspeed", "minor", "10:00:10", "10:00:30", "MAIN",
    )  # fmt: skip
    assert (opened.lat, opened.lon) == (fixes[1][3], fixes[1][4])
    assert opened.values == {"speed_kmh": 70, "limit_kmh": 60, "fixes": 3, "duration_s": 20}


def test_speed_and_score_show_no_rounding_of_what_the_state_keeps_in_single_precision() -> None:
    (event,) = judge(at_speeds(67, 72.3, 67), on(MAIN))[2]

    assert event["score"] == 0.4 + 0.6 * (72.3 / 60 - 1.0)
    assert event["values"][:2].tolist() == [72.3, 60.0]


@pytest.mark.parametrize(
    "fixes",
    [at_speeds(66, 66, 66, 66), at_speeds(67, 67, 66, 67, 67), at_speeds(67, 67, float("nan"), 67, 67),
     at_speeds(67, 67, 67, 67, north=31)],
    ids=["a tenth is not more", "one within a tenth", "one without a speed", "beside the road"],
)  # fmt: skip
def test_what_is_not_three_fixes_over_the_limit(fixes: Fixes) -> None:
    assert of("overspeed", fixes, on(MAIN)) == []


def test_a_bad_fix_neither_counts_nor_breaks() -> None:
    fixes = at_speeds(67, 67, 67, 67)
    fixes[1] = fix(fixes[1][1], (2200, 0), kmh=67, fixed=False)

    assert of("overspeed", fixes, on(MAIN)) == [("10:00:30", "opened")]


def test_half_a_minute_at_the_limit_clears_and_a_little_over_it_starts_anew() -> None:
    fast = (67.0, 67.0, 67.0)

    assert of("overspeed", at_speeds(*fast, 60, 60, 60), on(MAIN)) == [("10:00:20", "opened")]
    assert of("overspeed", at_speeds(*fast, 60, 60, 60, 60), on(MAIN))[-1] == ("10:01", "cleared")
    assert of("overspeed", at_speeds(*fast, 60, 60, 61, 60, 60, 60), on(MAIN)) == [("10:00:20", "opened")]
    assert of("overspeed", at_speeds(*fast, 60, 60, 61, 60, 60, 60, 60), on(MAIN))[-1] == (
        "10:01:30",
        "cleared",
    )


def test_off_every_road_no_limit_holds() -> None:
    away = [fix(f"10:00:{s}", (2600, 400), kmh=80) for s in (40, 50)] + [fix("10:01:10", (2600, 500), kmh=80)]

    assert of("overspeed", [*at_speeds(67, 67, 67), *away], on(MAIN)) == [
        ("10:00:20", "opened"), ("10:01:10", "cleared"),
    ]  # fmt: skip


def test_of_two_roads_at_once_the_nearer_counts() -> None:
    """A motorway with a service lane 20 m beside it: parallel roads."""
    motorway, lane = (
        road("M", (-5000, 20), (9000, 20), limit_kmh=100),
        road("L", (-5000, 0), (9000, 0), limit_kmh=40),
    )
    both, fixes = on(motorway, lane), (80.0, 80.0, 80.0)

    assert of("overspeed", at_speeds(*fixes, north=15), both) == []
    assert [e.road for e in told(at_speeds(*fixes, north=5), both)] == ["L"]


def test_a_nearer_road_without_a_limit_has_none() -> None:
    plain = road("PLAIN", (-5000, 10), (9000, 10), limit_kmh=None)

    assert of("overspeed", at_speeds(80, 80, 80, north=10), on(MAIN, plain)) == []


def test_the_run_goes_on_from_road_to_road_and_the_worst_of_it_is_told() -> None:
    slow = road("SLOW", (2500, 0), (9000, 0), limit_kmh=30)
    (opened,) = told(at_speeds(67, 67, 67), on(road("MAIN", (-5000, 0), (2450, 0)), slow))

    assert (opened.road, opened.values["limit_kmh"]) == ("SLOW", 30)


def test_any_vehicle_has_a_limit_loaded_or_not() -> None:
    assert [e.kind for e in told(at_speeds(67, 67, 67), on(MAIN), vehicles=[-1])] == ["overspeed"]


# A truck does not leave its road to be told of (FIELD is far from it)


def test_where_no_road_is_listed_nobody_is_too_fast() -> None:
    assert (
        told([fix("10:00", FIELD, kmh=140), fix("10:00:10", FIELD, kmh=140), fix("10:00:20", FIELD, kmh=140)])
        == []
    )
