"""The trips of loads: what each fix adds, and how a trip ends."""

import math
from typing import NamedTuple

import numpy as np
import pytest

from analytics.haulage.trips import OUTCOMES, VALUES
from analytics.records import ACTIONS, FIX, TRIP
from analytics.rules import VehicleRules
from analytics.vehicles import follow_vehicles, judge_vehicles, new_vehicle_states
from devices.types import Registry, Road
from tests.analytics.trucks import (
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
    reads,
    stand,
)
from tests.small_district import place

SIDE = (3000, 800)
HOME = drive("08:00", "08:15", TIP, PIT, load=0.0)
LOADING = [*stand("06:50", "07:00", PIT, load=0.0), *stand("07:01", "07:10", PIT, load=0.9)]
DELIVERY = [
    *LOADING,
    *drive("07:10:30", "07:40", PIT, TIP, load=0.9),
    *stand("07:41", "07:50", TIP, load=0.0),
]


class Trip(NamedTuple):
    action: str
    at: str
    loaded: str
    site: str | None
    permit: str | None
    road: str | None
    values: dict[str, float]


def trips(fixes: Fixes, registry: Registry = USUAL) -> list[Trip]:
    names = compiled(registry)
    _, _, told = follow_vehicles(
        names.district, VehicleRules(), np.array([0], np.int32), new_vehicle_states(1), np.array(fixes, FIX)
    )

    def named(row: int, ids: tuple[str, ...]) -> str | None:
        return ids[row] if row >= 0 else None

    return [
        Trip(
            ACTIONS[e["action"]],
            reads(int(e["ts"])),
            reads(int(e["started"])),
            named(e["site"], names.site_ids),
            named(e["permit"], names.permit_ids),
            named(e["road"], names.road_ids),
            {n: float(v) for n, v in zip(VALUES, e["values"], strict=False) if not math.isnan(v)},
        )
        for e in told
        if e["kind"] == TRIP
    ]


def outcome(trip: Trip) -> str:
    return OUTCOMES[round(trip.values["outcome"])]


def test_a_delivered_load_is_a_trip_from_the_gate_to_where_it_was_unloaded() -> None:
    left, ended = trips(DELIVERY)

    assert (left.action, left.loaded, left.site, left.permit) == ("opened", "07:01", "PIT", "P1")
    assert (ended.action, ended.at, ended.loaded, ended.site) == ("cleared", "07:41", "07:01", "TIP")
    assert outcome(ended) == "delivered"
    # 150 m of the way lie within the pit.
    assert ended.values["distance_m"] == pytest.approx(6000 - 150, abs=40)
    assert ended.values["on_route_m"] == pytest.approx(ended.values["distance_m"])
    assert ended.values["most_load"] == pytest.approx(0.9)
    assert reads(round(ended.values["unloaded_s"]) * 1_000_000) == "07:41"


def test_only_what_was_driven_within_the_corridor_is_on_the_route() -> None:
    around = [
        *LOADING,
        *drive("07:10:30", "07:20", PIT, (3000, 0), load=0.9),
        *drive("07:20:10", "07:23", (3000, 0), SIDE, load=0.9),
        *drive("07:23:10", "07:26", SIDE, (3000, 0), load=0.9),
        *drive("07:26:10", "07:40", (3000, 0), TIP, load=0.9),
        *stand("07:41", "07:50", TIP, load=0.0),
    ]
    _, ended = trips(around)

    assert ended.values["distance_m"] == pytest.approx(5850 + 1600, abs=50)
    assert ended.values["on_route_m"] == pytest.approx(5850 + 200, abs=100)


def test_a_load_without_a_permit_has_no_share_of_a_route() -> None:
    left, ended = trips(DELIVERY, district(without=["P1"]))

    assert left.permit is None
    assert "on_route_m" not in ended.values
    assert outcome(ended) == "delivered"


def test_a_load_that_was_tipped_beside_the_road_ends_there() -> None:
    dumped = [
        *LOADING,
        *drive("07:10:30", "07:20", PIT, ROADSIDE, load=0.9),
        *stand("07:20:30", "07:22", ROADSIDE, load=0.9, every_s=10),
        *stand("07:22:10", "07:24", ROADSIDE, load=0.0, every_s=10),
        *drive("07:25", "07:35", ROADSIDE, PIT, load=0.0),
    ]
    _, ended = trips(dumped)

    assert (ended.action, ended.site, outcome(ended)) == ("cleared", None, "dumped")
    assert reads(round(ended.values["unloaded_s"]) * 1_000_000) == "07:22"


def test_a_load_that_is_no_more_for_no_known_reason_has_an_unknown_end() -> None:
    leaking = [
        *LOADING,
        *drive("07:10:30", "07:20", PIT, ROADSIDE, load=0.9),
        *stand("07:20:30", "07:31", ROADSIDE, load=0.6, every_s=30),
        *stand("07:42", "07:43", ROADSIDE, load=0.25),
    ]
    assert [outcome(trip) for trip in trips(leaking)[1:]] == ["unknown"]


def test_without_sensors_a_trip_ends_with_a_stop_at_the_tip_and_the_next_begins_at_the_pit() -> None:
    twice: Fixes = []
    for hour in (7, 9):
        twice += [
            *stand(f"{hour:02}:00", f"{hour:02}:10", PIT),
            *drive(f"{hour:02}:10:30", f"{hour:02}:40", PIT, TIP),
            *stand(f"{hour:02}:41", f"{hour:02}:50", TIP),
            *drive(f"{hour:02}:51", f"{hour + 1:02}:20", TIP, PIT),
        ]
    told = trips(twice)

    assert [trip.action for trip in told] == ["opened", "cleared"] * 2
    assert [trip.loaded for trip in told[::2]] == ["07:03", "09:03"]
    assert [outcome(trip) for trip in told[1::2]] == ["delivered"] * 2
    assert "most_load" not in told[1].values


def test_a_truck_that_only_waits_in_the_pit_makes_no_trip() -> None:
    assert trips([*LOADING, *stand("07:11", "09:00", PIT, load=0.9)]) == []


def listed(road_id: str, *points: tuple[float, float], corridor_m: float = 30) -> dict[str, Road]:
    line = {"type": "LineString", "coordinates": [list(reversed(place(*p))) for p in points]}
    return {road_id: Road(road_id=road_id, name="经十东路", geometry=line, corridor_m=corridor_m)}


def passed(fixes: Fixes, roads: dict[str, Road]) -> list[tuple[str, str | None, bool]]:
    """When each road was passed, which one, and whether that is inferred."""
    return [
        (trip.at, trip.road, trip.values.get(VALUES[0]) == 1)
        for trip in trips(fixes, district(roads=roads))
        if trip.action == "updated"
    ]


def fixes_at(*seconds_and_places: tuple[int, tuple[float, float]]) -> Fixes:
    """The loaded truck out of the pit, then at these places, so many seconds after 07:12."""
    leaving = drive("07:10:30", "07:11:50", PIT, (400, 0), load=0.9, every_s=10)
    begin = clock("07:12")
    return [
        *LOADING,
        *leaving,
        *(fix(begin + s * 1_000_000, p, kmh=40, load=0.9) for s, p in seconds_and_places),
    ]


def test_a_loaded_truck_passes_a_listed_road_once_however_it_is_cut_by_a_crossing() -> None:
    roads = listed("ALONG", (1000, 0), (4000, 0)) | listed("ACROSS", (2500, -500), (2500, 500), corridor_m=40)
    home = [*stand("07:41", "07:50", TIP, load=0.0), *drive("07:51", "08:20", TIP, PIT, load=0.0, every_s=10)]

    assert passed([*LOADING, *drive("07:10:30", "07:40", PIT, TIP, load=0.9), *home], roads) == [
        ("07:15:30", "ALONG", False)
    ]


def test_a_road_counts_once_though_another_was_passed_in_between() -> None:
    roads = listed("LONG", (600, 0), (5000, 0)) | listed("BRANCH", (1500, 40), (2500, 40), corridor_m=60)
    swerve = [
        *LOADING, *drive("07:10:30", "07:13", PIT, (1500, 0), load=0.9),
        *drive("07:13:10", "07:14", (1500, 40), (2500, 40), load=0.9),
        *drive("07:14:10", "07:20", (2500, 0), (5000, 0), load=0.9),
    ]  # fmt: skip

    assert [(road, inferred) for _, road, inferred in passed(swerve, roads)] == [
        ("LONG", False),
        ("BRANCH", False),
    ]


def test_a_gate_between_two_fixes_is_passed_and_said_to_be_inferred() -> None:
    gate = listed("GATE", (1050, 5), (1150, 5))

    assert passed(fixes_at((0, (600, 0)), (30, (950, 0)), (60, (1300, 0)), (90, (1650, 0))), gate) == [
        ("07:13", "GATE", True)
    ]


def test_a_gate_with_one_fix_on_it_is_inferred_by_the_way_before_and_after() -> None:
    gate = listed("GATE", (900, 5), (1250, 5))
    there = (0, (600, 0)), (30, (850, 0)), (60, (1100, 0))

    assert passed(fixes_at(*there), gate) == []
    assert passed(fixes_at(*there, (90, (1350, 0))), gate) == [("07:13:30", "GATE", True)]
    assert passed(fixes_at(*there, (90, (850, 0)), (120, (600, 0))), gate) == [], "it has turned on it"


def test_a_gate_with_two_fixes_on_it_is_seen_and_not_told_again_when_left() -> None:
    gate = listed("GATE", (900, 5), (1250, 5))
    fixes = fixes_at((0, (600, 0)), (30, (950, 0)), (60, (1100, 0)), (90, (1350, 0)), (120, (1700, 0)))

    assert passed(fixes, gate) == [("07:13", "GATE", False)]
    short = listed("GATE", (1050, 5), (1150, 5))
    waits = fixes_at((0, (600, 0)), (30, (950, 0)), (60, (1170, 0)), (90, (1172, 0)), (120, (1500, 0)))
    assert passed(waits, short) == [("07:13:30", "GATE", False)], (
        "nothing is inferred of a road it is still on"
    )


def test_a_road_that_is_only_crossed_or_met_or_far_longer_than_the_way_is_not_inferred() -> None:
    fixes = fixes_at((0, (600, 0)), (30, (950, 0)), (60, (1300, 0)), (90, (1650, 0)))

    assert passed(fixes, listed("ACROSS", (1100, -100), (1100, 100))) == []
    assert passed(fixes, listed("ASKEW", (1000, 0), (1150, 50))) == []
    assert passed(fixes, listed("BENT", (1000, 0), (1100, 40), (1200, 0))) == [], (
        "its corner lies beside the way"
    )
    assert passed(fixes, listed("AHEAD", (1700, 0), (1900, 0))) == []
    assert passed(fixes, listed("EDGE", (1000, 30), (1150, 30))) == [("07:13", "EDGE", True)]


def test_nothing_is_inferred_between_fixes_more_than_a_minute_apart_or_without_a_load() -> None:
    gate = listed("GATE", (1050, 5), (1150, 5))
    way = [(0, (600, 0)), (30, (950, 0)), (90, (1300, 0)), (120, (1650, 0))]

    assert passed(fixes_at(*way), gate) == [("07:13:30", "GATE", True)]
    late = [(second + (second >= 90), where) for second, where in way]
    assert passed(fixes_at(*late), gate) == []
    empty = [fix(clock("07:12") + s * 1_000_000, p, kmh=40, load=0.0) for s, p in way]
    assert passed(empty, gate) == []


def test_a_gate_counts_again_after_ten_minutes_elsewhere() -> None:
    gate = listed("GATE", (1050, 5), (1150, 5))
    forth = [(0, (600, 0)), (30, (950, 0)), (60, (1300, 0))]
    back = [(90, (950, 0)), (120, (600, 0))]
    later = [(690, (600, 0)), (720, (950, 0)), (750, (1300, 0))]

    assert [at for at, *_ in passed(fixes_at(*forth, *back), gate)] == ["07:13"]
    assert [at for at, *_ in passed(fixes_at(*forth, *back, *later), gate)] == ["07:13", "07:24:30"]


def test_how_the_fixes_are_cut_into_batches_changes_no_trip() -> None:
    names = compiled(USUAL)
    fixes = np.array([*DELIVERY, *HOME], FIX)
    whole = follow_vehicles(
        names.district, VehicleRules(), np.array([0], np.int32), new_vehicle_states(1), fixes
    )
    for cut in range(0, len(fixes), 7):
        states, told = new_vehicle_states(1), []
        for part in (fixes[:cut], fixes[cut:]):
            states, _, events = follow_vehicles(
                names.district, VehicleRules(), np.array([0], np.int32), states, part
            )
            told.append(events)
        both = np.concatenate(told)
        assert states.tobytes() == whole[0].tobytes(), f"cut after {cut}"
        assert both["values"].tobytes() == whole[2]["values"].tobytes(), f"cut after {cut}"


def test_the_judge_says_nothing_of_trips() -> None:
    names = compiled(USUAL)
    _, _, events = judge_vehicles(
        names.district,
        VehicleRules(),
        np.array([0], np.int32),
        new_vehicle_states(1),
        np.array(DELIVERY, FIX),
    )
    assert len(events) == 0


def test_a_trip_to_the_yard_goes_on() -> None:
    assert [t.action for t in trips([*LOADING, *drive("07:10:30", "07:40", PIT, YARD, load=0.9)])] == [
        "opened"
    ]
