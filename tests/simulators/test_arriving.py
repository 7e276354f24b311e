"""What of a truck's behaviour can still be seen in what arrived of it."""

import io
from dataclasses import replace
from datetime import datetime
from itertools import islice

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from simulators.arriving import as_track, mark_visible, silences
from simulators.fleet.shifts import stretches
from simulators.fleet.truck import make_truck
from simulators.motion import TRACK
from simulators.noise import Flaws
from simulators.readings import SECOND_US, observed
from simulators.scenarios import scenario_named
from simulators.simulation import _as_they_arrive
from simulators.truth import Truth, TruthWriter, read_truths
from simulators.world import build_world
from tests.simulators.fleets import START_US, ZONE, district, part_of_it, played

RIGHT_CLOCK = Flaws(clock_off_us=0)
OTHER_DEEDS = (
    "dumping_on_route", "dumping_off_route", "detour", "side_lane", "no_go", "unpermitted", "unlicensed", "undelivered",
    "uncovered", "signal_loss", "device_fault", "outside_hours", "offline",
)  # fmt: skip


def driving(seconds: int = 200) -> NDArray[np.void]:
    """A loaded truck, eastward at 36 km/h, a fix every ten seconds."""
    track = np.zeros(seconds // 10, TRACK)
    track["at"] = np.arange(len(track)) * 10.0
    track["x"], track["speed_kmh"], track["load"] = track["at"] * 10, 36.0, 0.9
    return track


def truth(begin_s: float, end_s: float, lat: float = 36.7) -> Truth:
    return Truth("overspeed", "V1", begin_s, end_s, lat, 117.5, "", begin_s + 20)


def test_what_arrives_is_the_track_again_in_order_and_by_a_right_clock() -> None:
    sent = observed(driving())
    sent["ts"] += 60 * SECOND_US
    shuffled = np.concatenate([sent, sent[3:5]])[::-1]

    track, good = as_track(shuffled, Flaws(clock_off_us=60 * SECOND_US))

    assert good.all()
    for name in ("at", "x", "y", "speed_kmh", "load"):
        assert track[name] == pytest.approx(driving()[name], abs=1e-6)


@pytest.mark.parametrize(
    ("field", "value"), [("fix", False), ("hdop", 10.1), (("lat", "lon"), 0.0), ("lat", 36.9)]
)
def test_a_fix_that_is_none_or_too_far_away_is_not_good(field: str | tuple[str, ...], value: float) -> None:
    sent = observed(driving())
    for name in (field,) if isinstance(field, str) else field:
        sent[name][7] = value

    _, good = as_track(sent, RIGHT_CLOCK)

    assert np.flatnonzero(~good).tolist() == [7]


def test_three_far_fixes_that_agree_are_believed_at_the_third() -> None:
    sent = observed(driving())
    sent["lat"][7:] += 0.1

    _, good = as_track(sent, RIGHT_CLOCK)

    assert np.flatnonzero(~good).tolist() == [7, 8]


def test_a_behaviour_without_one_of_its_own_among_what_arrived_is_not_visible() -> None:
    both = [truth(0, 60), truth(100, 200)]
    assert [t.visible for t in mark_visible(both, both)] == [True, True]
    # Both run into one on the wire: it can stand for one of them.
    assert [t.visible for t in mark_visible(both, [truth(1, 200)])] == [True, False]
    assert [t.visible for t in mark_visible(both, [truth(0, 60, lat=36.71)])] == [False, False]
    assert mark_visible([], [truth(0, 60)]) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, [(9, 9, 10)]),
        ({"load": 0.29}, []),
        ({"speed_kmh": 10.0}, []),
    ],
)
def test_five_minutes_without_a_reading_are_a_silence_of_a_loaded_truck_on_the_move(
    change: dict[str, float], found: list[tuple[int, int, int]]
) -> None:
    track = driving()
    track["at"][10:] += 290
    for name, value in change.items():
        track[name][9] = value

    assert silences(track, np.ones(len(track), bool)) == found
    track["at"][10:] -= 0.001
    assert silences(track, np.ones(len(track), bool)) == []


def test_the_last_good_fix_speaks_for_a_silence_if_it_is_under_five_minutes_older() -> None:
    track = driving(600)
    track["at"][40:] += 290
    good = np.ones(len(track), bool)
    good[11:40] = False
    assert silences(track, good) == [(10, 39, 40)]
    good[9:11] = False
    assert silences(track, good) == []


def test_only_what_is_not_visible_says_so_in_the_file() -> None:
    out = io.BytesIO()
    writer = TruthWriter(out)
    for one in mark_visible([truth(0, 60), truth(100, 200)], [truth(1, 200)]):
        writer.add(one)
    writer.close(1000)
    first, second = out.getvalue().splitlines()

    assert b"visible" not in first
    assert b'"visible":false' in second
    assert [line.visible for line in read_truths(io.BytesIO(out.getvalue()))][1] is False


def test_a_hole_that_stays_lost_is_a_loss_of_signal_whoever_made_it() -> None:
    few = part_of_it(16)
    said, truths = played("lossy", 10, registry=few)

    of_holes = [t for t in truths if t.kind == "signal_loss" and "hole" in t.note]
    assert of_holes
    assert not [t for t in played("holes", 10, registry=few)[1] if "hole" in t.note]
    for hole in of_holes:
        heard = [
            datetime.fromisoformat(msgspec.json.decode(reading)["ts"])
            for device, readings in said
            if device.device_id == hole.device_id
            for reading in readings
        ]
        assert not [at for at in heard if hole.started_at < at < hole.ended_at]
        assert (hole.ended_at - hole.started_at).total_seconds() >= 300


def test_the_witness_is_asked_again_about_what_arrived() -> None:
    world = build_world(district(), ZONE)
    racing = msgspec.structs.replace(
        scenario_named("noisy"), overspeed=1.0, **dict.fromkeys(OTHER_DEEDS, 0.0)
    )
    trucks = (
        make_truck(world, racing, vehicle, device.device_id, 1)
        for device in district().devices.values()
        if device.kind == "vehicle" and (vehicle := district().vehicles.get(device.bound_to or ""))
    )
    lives = ((truck, one) for truck in trucks for one in islice(stretches(truck, START_US / SECOND_US), 20))
    truck, stretch = next((truck, one) for truck, one in lives if one.truths)
    sent = observed(stretch.track)

    whole = _as_they_arrive(truck, stretch, sent, RIGHT_CLOCK, keeps=True)
    thin = _as_they_arrive(truck, stretch, sent[::12], RIGHT_CLOCK, keeps=True)

    assert {t.kind for t in stretch.truths} == {"overspeed"}
    assert whole == stretch.truths
    assert thin == [replace(t, visible=False) for t in stretch.truths]
