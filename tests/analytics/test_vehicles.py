"""The rules for trucks, clause by clause (contract, section 4)."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from analytics.records import EVENT, FIX, OK, QUALITIES
from analytics.rules import VehicleRules
from analytics.vehicles import VEHICLE_STATE, judge_vehicles, new_vehicle_states
from devices.types import Registry
from tests.analytics.trucks import (
    DEPOT,
    FIELD,
    PIT,
    ROADSIDE,
    SPRING,
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
    qualities,
    route,
    site,
    stand,
    story,
    told,
)  # fmt: skip
from tests.small_district import place

FULL: dict[str, Any] = {"load": 0.9}
EMPTY: dict[str, Any] = {"load": 0.0}


def loaded_in_the_pit(at: str = "10:00") -> Fixes:
    """Loaded by the sensor between `at` and five minutes later."""
    base = clock(at)
    return [
        fix(base, PIT, **EMPTY),
        fix(base + 120_000_000, PIT, load=0.5),
        fix(base + 300_000_000, PIT, **FULL),
    ]


def out_to(where: tuple[float, float], start: str = "10:05:10", end: str = "10:10", **sent: Any) -> Fixes:
    return drive(start, end, PIT, where, **{**FULL, **sent})


# Which fixes to believe


def test_a_receiver_without_a_fix_is_not_believed() -> None:
    assert qualities(fix("10:00", PIT), fix("10:01", PIT, fixed=False)) == ["ok", "unfixed"]


def test_zero_zero_is_not_believed_whatever_the_receiver_says() -> None:
    nowhere = list(fix("10:00", PIT))
    nowhere[3] = nowhere[4] = 0.0
    also = list(fix("10:01", PIT, fixed=False))
    also[3] = also[4] = 0.0
    assert qualities(tuple(nowhere), tuple(also)) == ["zero", "zero"]


def test_a_fix_of_hdop_ten_is_believed_and_one_over_is_not() -> None:
    assert qualities(fix("10:00", PIT, hdop=10.0), fix("10:01", PIT, hdop=10.1)) == ["ok", "hdop"]


@pytest.mark.parametrize(
    ("seconds", "kmh", "most_m"),
    [
        (36, 40.0, 100 + 700),
        (60, 0.0, 100 + 60 * 40 / 3.6),
        (61, 0.0, 100 + 61 * 150 / 3.6),
        (36, np.nan, 100 + 1500),
    ],
)
def test_a_fix_is_believed_as_far_as_the_vehicle_can_have_come(
    seconds: int, kmh: float, most_m: float
) -> None:
    start = fix("10:00", PIT, kmh=10.0)
    then = clock("10:00") + seconds * 1_000_000

    assert qualities(start, fix(then, (most_m - 1, 0), kmh=kmh)) == ["ok", "ok"]
    assert qualities(start, fix(then, (most_m + 1, 0), kmh=kmh)) == ["ok", "jump"]


def test_the_third_fix_that_agrees_with_two_jumps_is_believed_and_poisons_nothing() -> None:
    astray = fix("10:00", (50_000, 0))
    home = [fix(f"10:0{i}", PIT) for i in range(1, 6)]

    assert qualities(astray, *home) == ["ok", "jump", "jump", "ok", "ok", "ok"]


def test_jumps_that_do_not_agree_are_never_believed() -> None:
    strays = [fix(f"10:0{i}", (50_000 * (-1) ** i, 0)) for i in range(1, 7)]

    assert qualities(fix("10:00", PIT), *strays) == ["ok"] + ["jump"] * 6


def test_a_believable_fix_breaks_the_chain_of_jumps_and_an_unfixed_one_does_not() -> None:
    far = [fix(f"10:0{i}", (50_000, 0)) for i in range(1, 7)]

    assert qualities(fix("10:00", PIT), *far[:2], fix("10:02:30", PIT), *far[2:4]) == [
        "ok", "jump", "jump", "ok", "jump", "jump",
    ]  # fmt: skip
    assert qualities(fix("10:00", PIT), *far[:2], fix("10:02:30", PIT, fixed=False), far[2]) == [
        "ok", "jump", "jump", "unfixed", "ok",
    ]  # fmt: skip


def test_a_bad_fix_says_that_there_is_a_sensor_and_nothing_else() -> None:
    after, _, _ = judge([fix("10:00", PIT), fix("10:01", PIT, load=0.9, lift=True, fixed=False)])

    assert (after["has_load"][0], after["has_lift"][0], after["has_cover"][0]) == (1, 1, 0)
    assert np.isnan(after["load"][0])
    assert (after["last_ts"][0], after["good_ts"][0]) == (clock("10:01"), clock("10:00"))


# The load, and unpermitted_haul


def test_a_haul_with_a_permit_by_its_road_to_its_tip_is_nobodys_business() -> None:
    assert told([
        *loaded_in_the_pit(), *out_to(TIP, end="10:20"),
        *stand("10:20:10", "10:23", TIP, load=0.9), *stand("10:23:10", "10:25", TIP, load=0.9, lift=True),
        *stand("10:25:10", "10:26", TIP, load=0.0, lift=True), *drive("10:26:30", "10:40", TIP, PIT, load=0.0, lift=False),
    ]) == []  # fmt: skip


def test_a_load_that_leaves_its_source_without_a_permit_is_unpermitted_until_unloaded() -> None:
    bare = district(without=["P1"])
    haul = [*loaded_in_the_pit(), *out_to(TIP, end="10:20"), *stand("10:20:10", "10:29", TIP, **FULL)]
    haul.append(fix("10:30", TIP, load=0.2))

    opened, cleared = told(haul, bare)

    assert (opened.action, opened.kind, opened.severity) == ("opened", "unpermitted_haul", "major")
    assert (opened.site, opened.permit, opened.started) == ("PIT", None, opened.at)
    first_outside = next(f for f in haul if f[4] > place(150, 0)[1])
    assert (opened.lat, opened.lon) == (first_outside[3], first_outside[4])
    assert (cleared.action, cleared.at, cleared.started) == ("cleared", "10:30", opened.started)


@pytest.mark.parametrize(
    "why",
    [
        {"valid_to": "2026-11-22"}, {"valid_from": "2026-11-24"}, {"source_site_id": "ELSEWHERE"}, {"company_id": "C2"},
        {"plates": ("鲁A99999",)},
    ],
    ids=["expired", "not yet", "another source", "another company", "other plates"],
)  # fmt: skip
def test_a_permit_that_does_not_cover_the_load_is_none(why: dict[str, str]) -> None:
    fields = {k: date.fromisoformat(v) if k.startswith("valid") else v for k, v in why.items()}
    registry = district(site("ELSEWHERE", "source", (-3000, 0)), without=["P1"])
    with_it = replace(registry, permits={"P2": permit("P2", **fields)})

    assert [e.kind for e in told([*loaded_in_the_pit(), *out_to((1000, 0))], with_it)] == ["unpermitted_haul"]


def test_a_permit_is_valid_on_its_last_day() -> None:
    registry = district()
    last_day = replace(
        registry, permits={"P2": permit("P2", valid_from=date(2026, 11, 23), valid_to=date(2026, 11, 23))}
    )

    assert told([*loaded_in_the_pit(), *out_to((1000, 0))], last_day) == []


def test_a_vehicle_outside_the_register_has_no_permits() -> None:
    assert [e.kind for e in told([*loaded_in_the_pit(), *out_to((1000, 0))], vehicles=[-1])] == [
        "unpermitted_haul"
    ]


def test_no_permit_rule_applies_to_a_load_from_nowhere_known() -> None:
    assert (
        told([fix("10:00", ROADSIDE, load=0.9), *drive("10:01", "10:10", ROADSIDE, (2000, 3000), load=0.9)])
        == []
    )


def test_a_first_fix_loaded_in_the_pit_is_a_load_from_there() -> None:
    assert [
        e.kind for e in told([fix("10:00", PIT, load=0.9), *out_to((1000, 0))], district(without=["P1"]))
    ] == ["unpermitted_haul"]


def test_without_a_sensor_three_minutes_in_the_pit_are_a_load_and_less_is_none() -> None:
    bare = district(without=["P1"])

    assert told([*stand("10:00", "10:02:30", PIT), *drive("10:03", "10:08", PIT, ROADSIDE)], bare) == []
    assert [
        e.kind
        for e in told([*stand("10:00", "10:03", PIT), *drive("10:03:10", "10:08", PIT, ROADSIDE)], bare)
    ] == ["unpermitted_haul"]


def test_without_a_sensor_a_minute_in_the_tip_ends_the_load_and_less_does_not() -> None:
    bare = district(without=["P1"])
    way = [*stand("10:00", "10:03", PIT), *drive("10:03:10", "10:14", PIT, TIP)]

    assert [e.action for e in told([*way, *stand("10:14:10", "10:14:40", TIP)], bare)] == ["opened"]
    assert [e.action for e in told([*way, *stand("10:14:10", "10:15:10", TIP)], bare)] == [
        "opened",
        "cleared",
    ]


# off_route


def off_the_road(until: str, *, north: float = 200, end: str = "10:10") -> Fixes:
    """East along the road, then at `end` off to the north and along there."""
    return [
        *loaded_in_the_pit(),
        *out_to(ROADSIDE, end=end),
        *drive("10:10:30", until, (2000, north), (2900, north), **FULL),
    ]


def test_a_minute_beyond_the_corridor_opens_and_less_does_not() -> None:
    assert told(off_the_road("10:11:20")) == []

    (opened,) = told(off_the_road("10:11:30"))

    assert (opened.kind, opened.severity, opened.started, opened.at) == (
        "off_route",
        "minor",
        "10:10:30",
        "10:11:30",
    )
    assert (opened.permit, opened.site) == ("P1", "PIT")
    assert opened.values["distance_m"] == pytest.approx(200, abs=0.5)
    assert (opened.values["corridor_m"], opened.values["fixes"], opened.values["duration_s"]) == (100, 7, 60)


def test_two_fixes_beyond_the_corridor_are_too_few_however_long_they_last() -> None:
    beyond = [fix("10:11", (2000, 200), kmh=20, **FULL), fix("10:13", (2000, 200), kmh=20, **FULL)]

    assert told([*loaded_in_the_pit(), *out_to(ROADSIDE), *beyond]) == []
    assert (
        len(told([*loaded_in_the_pit(), *out_to(ROADSIDE), *beyond, fix("10:14", (2000, 200), **FULL)])) == 1
    )


def test_a_fix_on_the_road_starts_the_minute_anew() -> None:
    way = [*off_the_road("10:11:20"), fix("10:11:30", (2800, 0), kmh=40, **FULL)]

    (opened,) = told([*way, *drive("10:11:40", "10:12:40", (2900, 200), (3800, 200), **FULL)])

    assert (opened.started, opened.at) == ("10:11:40", "10:12:40")


def test_more_than_three_hundred_metres_off_is_major_at_once() -> None:
    assert told(off_the_road("10:12", north=310))[0].severity == "major"
    assert told(off_the_road("10:12", north=290))[0].severity == "minor"


def test_ten_minutes_off_are_major() -> None:
    events = told(off_the_road("10:21"))

    assert next((e.at, e.action) for e in events if e.severity == "minor") == ("10:11:30", "opened")
    assert next((e.at, e.action) for e in events if e.severity == "major") == ("10:20:30", "updated")
    assert len(events) <= 12


def test_a_minute_back_on_the_road_clears_and_less_does_not() -> None:
    away = off_the_road("10:12")
    back = drive("10:12:20", "10:14", (2900, 0), (3800, 0), **FULL)

    assert [e.action for e in told([*away, *back[:6]])] == ["opened"]
    assert [(e.at, e.action) for e in told([*away, *back])] == [
        ("10:11:30", "opened"),
        ("10:13:20", "cleared"),
    ]


def test_a_fix_beyond_breaks_the_minute_back() -> None:
    away = off_the_road("10:12")
    back = drive("10:12:20", "10:13:10", (2900, 0), (3800, 0), **FULL)
    again = [fix("10:13:20", (3900, 200), kmh=60, **FULL)]

    events = told([*away, *back, *again, *drive("10:13:30", "10:14:20", (4000, 0), (4800, 0), **FULL)])

    assert [e.action for e in events if e.action == "cleared"] == []


def test_an_empty_truck_is_nowhere_off_its_route() -> None:
    assert told([fix("10:00", PIT, **EMPTY), *drive("10:01", "10:20", PIT, (2000, 3000), **EMPTY)]) == []


def test_with_two_permits_it_is_off_route_only_where_it_is_off_both() -> None:
    registry = district()
    both = replace(
        registry,
        routes={**registry.routes, "NORTH": route("NORTH", (0, 0), (0, 250), (6000, 250))},
        permits={**registry.permits, "P2": permit("P2", route_id="NORTH")},
    )

    assert told(off_the_road("10:12"), both) == []
    assert told(off_the_road("10:12", north=400), both)[0].permit == "P2"


def test_a_permit_without_a_route_lets_the_load_go_anywhere() -> None:
    registry = district()
    free = replace(registry, permits={**registry.permits, "P2": permit("P2", route_id=None)})

    assert told(off_the_road("10:12", north=400), free) == []


def test_the_end_of_the_load_clears_at_once() -> None:
    events = told([*off_the_road("10:12"), fix("10:12:10", (2900, 200), load=0.2)])

    assert ("10:12:10", "cleared", "off_route") in [(e.at, e.action, e.kind) for e in events]


# Unloading


def test_a_raised_box_in_a_field_is_dumping_and_the_falling_load_makes_it_sure() -> None:
    opened, cleared, updated = [
        e for e in told([
            *loaded_in_the_pit(), *out_to(FIELD, end="10:08"), fix("10:08:10", FIELD, **FULL, lift=False),
            fix("10:08:20", FIELD, **FULL, lift=True), fix("10:08:30", FIELD, **FULL, lift=True),
            fix("10:08:40", FIELD, load=0.1, lift=True), fix("10:08:50", FIELD, load=0.1, lift=False),
        ]) if e.kind == "illegal_dumping" or e.action == "cleared"
    ]  # fmt: skip

    assert (opened.action, opened.severity, opened.started, opened.at) == (
        "opened",
        "critical",
        "10:08:20",
        "10:08:30",
    )
    assert (opened.lat, opened.lon) == place(*FIELD)
    assert 0.6 <= opened.score < 0.85 <= updated.score
    assert (opened.site, opened.permit) == ("PIT", "P1")
    assert (cleared.kind, cleared.at) == ("off_route", "10:08:30")
    assert (updated.action, updated.at, updated.started) == ("updated", "10:08:40", "10:08:20")
    assert (updated.values["load_before"], updated.values["load_after"]) == (0.9, 0.1)


@pytest.mark.parametrize(
    "raised",
    [
        [fix("10:20:10", FIELD, **FULL, lift=True)],
        [fix("10:20:10", FIELD, **FULL, lift=True), fix("10:20:19", FIELD, **FULL, lift=True)],
        [fix(f"10:20:{s}", FIELD, **FULL, lift=s != 20) for s in (10, 20, 30)],
        [fix("10:20:10", FIELD, **FULL, lift=True, kmh=10), fix("10:20:20", FIELD, **FULL, lift=True)],
    ],
    ids=["one fix", "nine seconds", "a lowered fix between", "at ten km/h"],
)
def test_what_is_not_quite_a_raised_box(raised: Fixes) -> None:
    way = [*loaded_in_the_pit(), *stand("10:20", "10:20", FIELD, **FULL)]

    assert [e for e in told([*way, *raised]) if e.kind == "illegal_dumping"] == []


def test_an_empty_box_may_be_raised_ten_minutes_after_the_load_and_not_before() -> None:
    way = [
        fix("10:00", ROADSIDE, load=0.5),
        fix("10:01", ROADSIDE, load=0.2),
    ]  # too small a fall to be an unloading

    def raised(*clocks: str) -> list[str]:
        return [e.kind for e in told([*way, *(fix(at, FIELD, load=0.2, lift=True) for at in clocks)])]

    assert raised("10:09", "10:10") == ["illegal_dumping"]
    assert raised("10:09:55", "10:10:05") == []


def test_one_raised_fix_where_it_may_unload_makes_it_lawful() -> None:
    edge = 6000 - 200
    way = [*loaded_in_the_pit(), *out_to((edge - 30, 0), end="10:20")]
    assert (
        told(
            [
                *way,
                fix("10:20:10", (edge + 5, 0), **FULL, lift=True),
                fix("10:20:30", (edge - 30, 0), **FULL, lift=True),
            ]
        )
        == []
    )


def test_a_transfer_site_takes_any_load() -> None:
    way = [*loaded_in_the_pit(), fix("10:20", DEPOT, **FULL)]
    assert [e for e in told([*way, fix("10:20:30", DEPOT, load=0.0)]) if e.kind == "illegal_dumping"] == []


def test_a_parking_site_the_permit_names_takes_its_load() -> None:
    registry = district()
    named = replace(registry, permits={"P1": permit("P1", disposal_site_id="YARD")})
    tipped = [*loaded_in_the_pit(), *out_to(YARD, end="10:15"), fix("10:15:30", YARD, load=0.0)]

    assert [e for e in told(tipped, named) if e.kind == "illegal_dumping"] == []
    (dumping,) = [e for e in told(tipped) if e.kind == "illegal_dumping"]
    assert dumping.severity == "minor"


def test_a_tip_that_closed_yesterday_takes_nothing() -> None:
    closed = district(site("TIP", "disposal", TIP, 200, valid_to=date(2026, 11, 22)))
    tipped = [*loaded_in_the_pit(), *out_to(TIP, end="10:15"), fix("10:15:30", TIP, load=0.0)]

    assert [e.kind for e in told(tipped, closed)] == ["illegal_dumping"]


def test_a_load_that_falls_by_four_tenths_in_a_field_began_with_the_last_fix_before() -> None:
    way = [fix("10:10", ROADSIDE, load=0.7), fix("10:11", (2100, 0), load=0.66)]
    (dumping,) = told([*way, fix("10:12", (2150, 0), load=0.3)])

    assert (dumping.kind, dumping.severity, dumping.started) == ("illegal_dumping", "critical", "10:11")
    assert (dumping.lat, dumping.lon) == pytest.approx(place(2100, 0), abs=1e-6)
    assert told([*way, fix("10:12", (2150, 0), load=0.301)]) == []


def test_a_fall_over_more_than_ten_minutes_or_three_hundred_metres_is_none() -> None:
    way = [*loaded_in_the_pit(), *out_to(ROADSIDE, end="10:09:50"), fix("10:10", ROADSIDE, **FULL)]

    assert told([*way, fix("10:20", ROADSIDE, load=0.1)])[0].kind == "illegal_dumping"
    assert told([*way, fix("10:20:01", ROADSIDE, load=0.1)]) == []
    assert told([*way, fix("10:11", (2301, 0), load=0.1)]) == []
    assert told([*way, fix("10:11", (2299, 0), load=0.1)])[0].kind == "illegal_dumping"


def test_a_stay_that_touched_the_tip_an_hour_ago_is_lawful_while_it_is_unbroken() -> None:
    gate = (6000 + 250, 0)
    queue = stand("10:21", "11:20", gate, **FULL)
    in_and_out = [*loaded_in_the_pit(), *out_to(TIP, end="10:20"), fix("10:20:30", (6180, 0), **FULL)]

    kinds = [e.kind for e in told([*in_and_out, *queue, fix("11:20:30", gate, load=0.0)])]
    assert "illegal_dumping" not in kinds
    without = [*loaded_in_the_pit(), *out_to((5600, 0), end="10:20")]
    assert "illegal_dumping" in [e.kind for e in told([*without, *queue, fix("11:20:30", gate, load=0.0)])]


def test_one_unloading_is_told_once_and_another_is_another() -> None:
    def dumped(start: str, where: tuple[float, float]) -> Fixes:
        at = clock(start)
        return [
            fix(at - 60_000_000, where, **FULL, lift=False), fix(at, where, **FULL, lift=True),
            fix(at + 10_000_000, where, **FULL, lift=True),
            fix(at + 30_000_000, where, load=0.0, lift=True),
        ]  # fmt: skip

    first = [fix("10:00", ROADSIDE, **FULL), *dumped("10:05", ROADSIDE)]
    again = dumped("10:30", ROADSIDE)

    assert [e.action for e in told(first) if e.kind == "illegal_dumping"] == ["opened", "updated"]
    opened = [e for e in told([*first, *again]) if e.action == "opened" and e.kind == "illegal_dumping"]
    assert [e.started for e in opened] == ["10:05", "10:30"]


def test_a_box_that_stayed_up_unseen_is_another_unloading_with_a_beginning_of_its_own() -> None:
    fixes = [fix(at, FIELD, **FULL, lift=True) for at in ("10:00", "10:01", "10:20", "10:21")]

    assert story(fixes) == [
        ("10:01", "opened", "illegal_dumping 10:00"),
        ("10:21", "opened", "illegal_dumping 10:20"),
    ]


def test_the_night_counts() -> None:
    day = told(
        [*loaded_in_the_pit("10:00"), fix("10:20", ROADSIDE, **FULL), fix("10:21", ROADSIDE, load=0.0)]
    )
    night = told(
        [*loaded_in_the_pit("22:00"), fix("22:20", ROADSIDE, **FULL), fix("22:21", ROADSIDE, load=0.0)]
    )

    assert night[0].score == pytest.approx(day[0].score + VehicleRules().score_night)
    assert night[0].values["term_night"] == 1


# Unloading without sensors


NO_ROUTE = replace(district(), permits={"P1": permit("P1", route_id=None)})


def bare_haul(*stops: Fixes) -> Fixes:
    return [*stand("10:00", "10:05", PIT), *(f for stop in stops for f in stop)]


DUMP_STOP = [*drive("10:05:10", "10:12", PIT, FIELD), *stand("10:12:10", "10:16", FIELD)]


def test_without_sensors_a_stop_in_the_field_and_straight_back_is_dumping() -> None:
    events = told(bare_haul(DUMP_STOP, drive("10:16:10", "10:25", FIELD, PIT)))
    (dumping,) = [e for e in events if e.kind == "illegal_dumping"]

    assert (dumping.severity, dumping.started) == ("major", "10:12:10")
    assert (dumping.lat, dumping.lon) == place(*FIELD)
    assert dumping.score >= 0.5
    assert dumping.values["stop_s"] == 210


def test_without_sensors_a_stop_of_less_than_three_minutes_is_none() -> None:
    short = [*drive("10:05:10", "10:12", PIT, FIELD), *stand("10:12:10", "10:14:40", FIELD)]
    events = told(bare_haul(short, drive("10:15", "10:25", FIELD, PIT)))

    assert [e for e in events if e.kind == "illegal_dumping"] == []


def test_without_sensors_a_visit_to_the_tip_clears_the_stop_for_good() -> None:
    to_tip = [*drive("10:16:10", "10:30", FIELD, TIP), fix("10:30:10", TIP, kmh=20)]
    later = [
        *drive("10:31", "10:41", TIP, FIELD),
        *stand("10:41:10", "10:45", FIELD),
        *drive("10:45:10", "10:55", FIELD, PIT),
    ]
    events = told(bare_haul(DUMP_STOP, to_tip, later))

    assert [e for e in events if e.kind == "illegal_dumping"] == []


def test_without_sensors_half_an_hour_in_the_yard_decides() -> None:
    home = [*drive("10:16:10", "10:25", FIELD, YARD), *stand("10:25:10", "10:54:40", YARD)]
    first_in_the_yard = next(f for f in home if f[3] > place(0, 900)[0] and f[4] > place(3900, 0)[1])

    events = told(bare_haul(DUMP_STOP, home, stand("10:55", "10:55", YARD)))

    (dumping,) = [e for e in events if e.kind == "illegal_dumping"]
    assert clock(dumping.at) - first_in_the_yard[1] >= 1800 * 1_000_000
    assert [e for e in told(bare_haul(DUMP_STOP, home[:-2])) if e.kind == "illegal_dumping"] == []


def test_what_needed_the_load_and_began_after_the_tipping_is_taken_back() -> None:
    """Off the road only after the stop beside it."""
    stop = [*drive("10:05:10", "10:12", PIT, ROADSIDE), *stand("10:12:10", "10:16", ROADSIDE)]
    detour = [
        *drive("10:16:10", "10:19", ROADSIDE, (2000, 1500)),
        *drive("10:19:10", "10:25", (2000, 1500), (0, 300)),
    ]

    assert story(bare_haul(stop, detour, drive("10:25:10", "10:28", (0, 300), PIT))) == [
        ("10:15:10", "opened", "loaded_stop 10:12:10"),
        ("10:16:10", "cleared", "loaded_stop 10:12:10"),
        ("10:17:30", "opened", "off_route 10:16:30"),
        ("10:26:40", "opened", "illegal_dumping 10:12:10"),
        ("10:26:40", "withdrawn", "off_route 10:16:30"),
    ]


def test_a_stop_with_the_load_that_began_after_the_tipping_is_taken_back_too() -> None:
    """The second stop rolls into the pit before it ends, so that it is not the one where it tipped."""
    gate = [*drive("10:16:10", "10:25", FIELD, (0, 180)), *stand("10:25:10", "10:28:10", (0, 180))]

    assert story(bare_haul(DUMP_STOP, gate, [fix("10:28:40", (0, 140))]), NO_ROUTE) == [
        ("10:15:10", "opened", "loaded_stop 10:12:10"),
        ("10:16:10", "cleared", "loaded_stop 10:12:10"),
        ("10:28:10", "opened", "loaded_stop 10:25:10"),
        ("10:28:40", "opened", "illegal_dumping 10:12:10"),
        ("10:28:40", "withdrawn", "loaded_stop 10:25:10"),
    ]


# loaded_stop


def stops(fixes: Fixes, registry: Registry = USUAL) -> list[tuple[str, str]]:
    return [(e.at, e.action) for e in told(fixes, registry) if e.kind == "loaded_stop"]


def test_three_minutes_of_standing_with_a_load_open_and_moving_on_clears() -> None:
    way = [*loaded_in_the_pit(), *out_to(ROADSIDE)]
    stop = stand("10:10:10", "10:14:10", ROADSIDE, **FULL)

    assert stops([*way, *stop[:6]]) == []
    opened, cleared = told([*way, *stop, fix("10:14:20", (2020, 0), kmh=5, **FULL)])
    assert (opened.kind, opened.severity, opened.started, opened.at) == (
        "loaded_stop",
        "info",
        "10:10:10",
        "10:13:10",
    )
    assert (opened.lat, opened.lon) == place(*ROADSIDE)
    assert (opened.site, opened.values) == ("PIT", {"duration_s": 180})
    assert (cleared.at, cleared.action, cleared.started) == ("10:14:20", "cleared", "10:10:10")
    assert cleared.values == {"duration_s": 240}


def test_a_creep_of_more_than_fifty_metres_is_moving_on_and_begins_another_stop() -> None:
    way = [*loaded_in_the_pit(), *out_to(ROADSIDE), *stand("10:10:10", "10:13:10", ROADSIDE, **FULL)]
    further = stand("10:13:40", "10:16:40", (2051, 0), **FULL)

    assert stops([*way, fix("10:13:40", (2049, 0), **FULL)]) == [("10:13:10", "opened")]
    assert stops([*way, further[0]]) == [("10:13:10", "opened")], "one fix alone may be the receiver's"
    assert stops([*way, *further]) == [
        ("10:13:10", "opened"),
        ("10:14:10", "cleared"),
        ("10:16:40", "opened"),
    ]
    assert told([*way, *further])[-1].started == "10:13:40"


def test_a_parked_receiver_that_wanders_for_a_fix_is_told_once_and_clears_when_it_drives_off() -> None:
    way = [*loaded_in_the_pit(), *out_to(ROADSIDE), *stand("10:10:10", "10:13:10", ROADSIDE, **FULL)]
    wanders = [
        fix("10:13:40", (2060, 0), **FULL), *stand("10:14:10", "10:18:10", ROADSIDE, **FULL),
        fix("10:18:40", (2000, -60), **FULL), fix("10:19:10", ROADSIDE, **FULL), fix("10:19:40", (1940, 0), **FULL),
    ]  # fmt: skip

    assert stops([*way, *wanders]) == [("10:13:10", "opened")]
    *_, cleared = told([*way, *wanders, fix("10:20:10", (2100, 0), kmh=20, **FULL)])
    assert (cleared.at, cleared.action, cleared.started) == ("10:20:10", "cleared", "10:10:10")
    assert cleared.values == {"duration_s": 540}, "to the last fix where it stood"


def test_before_three_minutes_one_fix_astray_begins_the_stop_anew() -> None:
    first = stand("10:10:10", "10:12:40", ROADSIDE, **FULL)
    second = [fix("10:13:10", (2060, 0), **FULL), *stand("10:13:40", "10:16:40", ROADSIDE, **FULL)]

    opened = told([*loaded_in_the_pit(), *out_to(ROADSIDE), *first, *second])
    assert [(e.at, e.started) for e in opened if e.kind == "loaded_stop"] == [("10:16:40", "10:13:40")]


def test_a_wheel_that_turns_for_a_moment_is_moving_on() -> None:
    way = [*loaded_in_the_pit(), *out_to(ROADSIDE), *stand("10:10:10", "10:13:10", ROADSIDE, **FULL)]
    rolled = [fix("10:13:40", ROADSIDE, kmh=5, **FULL), *stand("10:14:10", "10:17:10", ROADSIDE, **FULL)]

    assert stops([*way, *rolled]) == [("10:13:10", "opened"), ("10:13:40", "cleared"), ("10:17:10", "opened")]


def test_standing_empty_or_in_a_site_or_at_its_gate_is_no_loaded_stop() -> None:
    assert stops(stand("10:00", "10:10", ROADSIDE, **EMPTY)) == []
    for where in (PIT, TIP, YARD, DEPOT):
        assert stops(stand("10:00", "10:10", where, **FULL)) == []
    gate = [fix("10:00", (6190, 0), **FULL), *stand("10:00:30", "10:10", (6210, 0), **FULL)]
    assert stops(gate) == []


def test_a_no_go_zone_and_a_site_that_closed_yesterday_are_no_sites_to_stand_in() -> None:
    closed = district(site("YARD", "parking", YARD, valid_to=date(2026, 11, 22)))

    assert stops(stand("10:00", "10:03", SPRING, **FULL)) == [("10:03", "opened")]
    assert stops(stand("10:00", "10:03", YARD, **FULL), closed) == [("10:03", "opened")]


def test_a_stop_that_began_empty_is_no_loaded_stop() -> None:
    assert stops([fix("10:00", FIELD, **EMPTY), *stand("10:00:30", "10:10", FIELD, **FULL)]) == []


def test_an_unloading_ends_a_loaded_stop_and_the_same_stop_begins_no_other() -> None:
    stop = stand("10:00", "10:04", ROADSIDE, **FULL)
    tipped = fix("10:04:30", ROADSIDE, **EMPTY)
    again = stand("10:05", "10:10", ROADSIDE, **FULL)

    assert stops([*stop, tipped, *again]) == [("10:03", "opened"), ("10:04:30", "cleared")]
    raised = stand("10:04:10", "10:10", ROADSIDE, **FULL, lift=True)
    assert stops([*stop, *raised]) == [("10:03", "opened"), ("10:04:40", "cleared")]


# unlicensed_loading


def test_a_load_taken_up_in_a_field_is_unlicensed_and_told_once() -> None:
    fixes = [
        fix("10:00", FIELD, load=0.0),
        fix("10:02", FIELD, load=0.3),
        fix("10:04", FIELD, load=0.4),
        fix("10:06", FIELD, load=0.9),
    ]
    (opened,) = told(fixes)

    assert (opened.kind, opened.severity, opened.started, opened.at) == (
        "unlicensed_loading",
        "major",
        "10:00",
        "10:04",
    )


def test_a_load_taken_up_in_a_pit_or_a_depot_is_licensed() -> None:
    for where in (PIT, DEPOT):
        assert told([fix("10:00", where, load=0.0), fix("10:04", where, load=0.9)]) == []


# no_go_entry


def test_the_second_fix_in_a_no_go_zone_opens_and_a_minute_outside_clears() -> None:
    inside = [fix("10:00", SPRING), fix("10:01", SPRING)]
    out = [fix("10:02", (3000, -1600)), fix("10:02:59", (3000, -1600)), fix("10:03", (3000, -1600))]

    assert told(inside[:1]) == []
    opened, cleared = told([*inside, *out])
    assert (opened.kind, opened.severity, opened.place, opened.site) == (
        "no_go_entry",
        "major",
        "SPRING",
        "SPRING",
    )
    assert (opened.started, opened.at, cleared.action, cleared.at) == ("10:00", "10:01", "cleared", "10:03")


def test_one_fix_inside_out_and_in_again_are_not_two_in_a_row() -> None:
    assert told([fix("10:00", SPRING), fix("10:01", (3000, -1600)), fix("10:02", SPRING)]) == []


def test_a_no_go_zone_with_hours_bars_in_its_hours_only() -> None:
    school = district(site("SCHOOL", "no_go", FIELD, hours="07:00-08:00;22:00-02:00"))

    def kinds(*clocks: str) -> list[str]:
        return [e.action for e in told([fix(at, FIELD) for at in clocks], school)]

    assert kinds("06:58", "06:59") == []
    assert kinds("06:59", "07:00", "07:01") == ["opened"]
    assert kinds("07:58", "07:59", "08:00", "08:01") == ["opened", "cleared"]
    assert kinds("25:58", "25:59") == ["opened"]


# The fold itself


def test_a_fix_heard_again_changes_nothing() -> None:
    fixes = off_the_road("10:12")
    after, _, _ = judge(fixes)
    again, quality, events = judge(fixes, states=after)

    assert again.tobytes() == after.tobytes()
    assert len(events) == 0
    assert {QUALITIES[q] for q in quality} == {QUALITIES[OK]}


def test_it_does_not_matter_how_a_day_is_cut_into_batches() -> None:
    day = [*bare_haul(DUMP_STOP, drive("10:16:10", "10:25", FIELD, PIT)), *loaded_in_the_pit("11:00"), *[
        f for f in off_the_road("10:12") if f[1] > clock("11:10")
    ]]  # fmt: skip
    whole_state, whole_quality, whole_events = judge(day)
    assert len(whole_events) > 2
    for cut in range(len(day) + 1):
        first = judge(day[:cut])
        second = judge(day[cut:], states=first[0])
        assert second[0].tobytes() == whole_state.tobytes()
        assert [*first[1], *second[1]] == list(whole_quality)
        events = np.concatenate([first[2], second[2]])
        events["index"][len(first[2]) :] += cut
        for name in EVENT.fields or ():
            assert events[name].tobytes() == whole_events[name].tobytes(), name


def test_many_vehicles_are_judged_as_if_each_were_alone() -> None:
    stories = [
        off_the_road("10:12"),
        bare_haul(DUMP_STOP, drive("10:16:10", "10:25", FIELD, PIT)),
        [fix("10:00", SPRING), fix("10:01", SPRING)],
    ]
    fixes = np.concatenate([np.array(s, FIX) for s in stories])
    fixes["slot"] = np.repeat([0, 1, 2], [len(s) for s in stories])

    states, _, events = judge(fixes, vehicles=[0, 0, 0])

    for slot, own in enumerate(stories):
        alone, _, said = judge(own)
        assert states[slot : slot + 1].tobytes() == alone.tobytes()
        assert list(events[events["slot"] == slot]["started"]) == list(said["started"])


def test_no_event_is_lost_where_a_batch_has_many() -> None:
    visits = [
        fix(clock("10:00") + i * 240_000_000 + k * 60_000_000, where)
        for i in range(100) for k, where in enumerate([SPRING, SPRING, (3000, -1600), (3000, -1600)])
    ]  # fmt: skip

    assert [e.action for e in told(visits)] == ["opened", "cleared"] * 100


def test_the_arguments_stay_as_they_are() -> None:
    states, fixes = new_vehicle_states(1), np.array(off_the_road("10:12"), FIX)
    before = states.tobytes(), fixes.tobytes()

    judge_vehicles(compiled(USUAL).district, VehicleRules(), np.zeros(1, np.int32), states, fixes)

    assert (states.tobytes(), fixes.tobytes()) == before


def test_nothing_comes_of_nothing() -> None:
    states, quality, events = judge([], vehicles=[])

    assert (len(states), len(quality), len(events)) == (0, 0, 0)


def test_a_state_is_small() -> None:
    assert VEHICLE_STATE.itemsize <= 2048


def test_a_memory_longer_than_ten_minutes_is_refused() -> None:
    with pytest.raises(ValueError, match="load_change_s"):
        judge([], rules=VehicleRules(load_change_s=900.0))
