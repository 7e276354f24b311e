"""The trips of loads: what each fix adds, and how a trip ends."""

import math
from typing import Any, NamedTuple

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
    compiled,
    district,
    drive,
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


def test_a_loaded_truck_passes_a_listed_road_once_however_it_is_cut_by_a_crossing() -> None:
    def line(*points: tuple[float, float]) -> dict[str, Any]:
        return {"type": "LineString", "coordinates": [list(reversed(place(*p))) for p in points]}

    along = Road(road_id="ALONG", name="经十东路", geometry=line((1000, 0), (4000, 0)))
    across = Road(road_id="ACROSS", name="潘王路", geometry=line((2500, -500), (2500, 500)), corridor_m=40)
    registry = district(roads={"ALONG": along, "ACROSS": across})
    slow = [
        *LOADING,
        *drive("07:10:30", "07:40", PIT, TIP, load=0.9, every_s=10),
        *stand("07:41", "07:50", TIP, load=0.0),
        *drive("07:51", "08:20", TIP, PIT, load=0.0, every_s=10),
    ]
    passed = [trip for trip in trips(slow, registry) if trip.action == "updated"]

    assert [trip.road for trip in passed if trip.road == "ALONG"] == ["ALONG"]
    assert passed[0].at == "07:15:30"


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
