import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

import msgspec
import numpy as np
import pytest
import shapely
from shapely.geometry import LineString

from devices.wire import decode_telemetry
from simulators.kitchens import LIMIT_MG_M3
from simulators.readings import SECOND_US, message
from simulators.roads import to_plane
from simulators.scenarios import scenario_named
from simulators.truth import TruthLine
from simulators.world import World, build_world
from tests.simulators.fleets import START_US, ZONE, district, part_of_it, played

PLANTED = {
    "illegal_dumping", "off_route", "no_go_entry", "unpermitted_haul", "unlicensed_loading", "purifier_off",
    "fume_exceedance", "monitor_offline", "monitor_suspect",
    "undelivered_load", "uncovered_load", "overspeed", "signal_loss", "device_fault",
}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(district(), ZONE)


@pytest.fixture(scope="module")
def clean() -> tuple[dict[str, list[dict[str, object]]], list[TruthLine]]:
    said, truths = played("clean", 8)
    return by_device(said), truths


def by_device(said: object) -> dict[str, list[dict[str, object]]]:
    readings: dict[str, list[dict[str, object]]] = defaultdict(list)
    for device, texts in said:  # type: ignore[attr-defined]
        readings[device.device_id] += [msgspec.json.decode(text) for text in texts]
    return readings


def plane(reading: dict[str, object]) -> tuple[float, float]:
    return to_plane(float(str(reading["lon"])), float(str(reading["lat"])))


def trips(readings: list[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    """Unbroken stretches of a loaded truck's readings."""
    trip: list[dict[str, object]] = []
    for reading in readings:
        if float(str(reading.get("load", 0))) >= 0.3:
            trip.append(reading)
        elif trip:
            yield trip
            trip = []


def test_the_same_seed_says_the_same_and_another_does_not() -> None:
    few = part_of_it(40)
    one, two, other = (
        [texts for _, texts in played("noisy", 2, seed=seed, registry=few)[0]] for seed in (1, 1, 2)
    )
    assert one == two
    assert one != other


@pytest.mark.parametrize("scenario", ["clean", "noisy"])
def test_every_message_can_be_read(scenario: str) -> None:
    for device, texts in played(scenario, 1, registry=part_of_it(10))[0]:
        decoded = decode_telemetry(device.kind, message(texts))
        assert len(decoded.readings) == len(texts)
        assert not decoded.problems
        assert not decoded.unknown_fields


def test_without_noise_no_device_says_anything_twice_or_late() -> None:
    for device, texts in played("quiet", 1, registry=part_of_it(10))[0]:
        times = [json.loads(text)["ts"] for text in texts]
        assert times == sorted(set(times)), device.device_id


def test_noise_brings_doubles_disorder_lost_fixes_and_zeros() -> None:
    readings = by_device(played("noisy", 4, registry=part_of_it(4))[0])
    trucks = [read for name, read in readings.items() if name.startswith("V")]
    times = [[str(reading["ts"]) for reading in truck] for truck in trucks]
    assert any(len(set(truck)) < len(truck) for truck in times)
    assert any(truck != sorted(truck) for truck in times)
    assert any(not reading["fix"] for truck in trucks for reading in truck)
    assert any(reading["lat"] == 0 for truck in trucks for reading in truck)


@pytest.mark.parametrize("scenario", ["honest", "quiet"])
def test_honest_people_leave_no_truths(scenario: str) -> None:
    assert played(scenario, 8)[1] == []


@pytest.mark.parametrize("interval_s", [10, 300])
def test_where_nobody_works_the_trucks_stand_in_their_yards_and_report_as_often_as_parked_ones_do(
    interval_s: float,
) -> None:
    nobody = msgspec.structs.replace(
        scenario_named("clean"), duty=0.0, offline=0.0, parked_interval_s=interval_s
    )

    said, truths = played(nobody, 2, registry=part_of_it(40))

    trucks = {name: read for name, read in by_device(said).items() if name.startswith("V")}
    assert trucks
    for name, read in trucks.items():
        times = [datetime.fromisoformat(str(reading["ts"])).timestamp() for reading in read]
        assert np.median(np.diff(times)) == interval_s, name
        assert len({(reading["lat"], reading["lon"]) for reading in read}) == 1, name
    assert not [truth for truth in truths if truth.device_id.startswith("V")]


def test_every_kind_is_planted(clean: tuple[object, list[TruthLine]]) -> None:
    assert {truth.kind for truth in clean[1]} >= PLANTED


def test_truths_end_after_they_begin_and_within_the_simulation(clean: tuple[object, list[TruthLine]]) -> None:
    for truth in clean[1]:
        assert START_US / SECOND_US <= truth.started_at.timestamp() <= truth.ended_at.timestamp()
        assert truth.ended_at.timestamp() <= START_US / SECOND_US + 8 * 3600


def test_every_dumping_lies_outside_every_site(clean: tuple[object, list[TruthLine]], world: World) -> None:
    dumpings = [truth for truth in clean[1] if truth.kind == "illegal_dumping"]
    places = np.array([to_plane(truth.lon or 0, truth.lat or 0) for truth in dumpings])
    assert len(places) > 10
    assert not world.inside_any_site(places[:, 0], places[:, 1]).any()


def test_dumping_is_planted_with_every_sensor_and_with_none(clean: tuple[object, list[TruthLine]]) -> None:
    notes = {truth.note.split(", ")[1] for truth in clean[1] if truth.kind == "illegal_dumping"}
    assert notes == {"told by lift", "told by load", "no sensor"}


def test_a_loaded_truck_is_in_the_corridor_or_a_truth_says_it_is_not(
    clean: tuple[dict[str, list[dict[str, object]]], list[TruthLine]], world: World
) -> None:
    readings, truths = clean
    told = defaultdict(list)
    for truth in truths:
        told[truth.device_id].append((truth.started_at.timestamp() - 120, truth.ended_at.timestamp() + 120))
    routes = {haul: LineString(one.points).buffer(one.corridor_m) for haul, one in world.hauls.items()}
    checked = 0
    for device_id, read in readings.items():
        if not device_id.startswith("V"):
            continue
        company = district().vehicles[district().devices[device_id].bound_to or ""].company_id
        mine = [routes[haul.permit.permit_id] for haul in world.hauls_of.get(company or "", [])]
        for trip in trips(read):
            begin = datetime.fromisoformat(str(trip[0]["ts"])).timestamp()
            end = datetime.fromisoformat(str(trip[-1]["ts"])).timestamp()
            if any(first <= end and last >= begin for first, last in told[device_id]):
                continue
            spots = np.array([plane(reading) for reading in trip])
            inside = [
                shapely.contains_xy(route.buffer(1), spots) | world.inside_any_site(*spots.T)
                for route in mine
            ]
            assert any(each.all() for each in inside), (device_id, trip[0]["ts"])
            checked += 1
    assert checked > 100


def test_no_truck_goes_faster_than_trucks_do(
    clean: tuple[dict[str, list[dict[str, object]]], object],
) -> None:
    for device_id, read in clean[0].items():
        if device_id.startswith("V") and len(read) > 1:
            spots = np.array([plane(reading) for reading in read])
            times = np.array([datetime.fromisoformat(str(reading["ts"])).timestamp() for reading in read])
            kmh = np.hypot(*np.diff(spots, axis=0).T) / np.diff(times) * 3.6
            assert kmh.max() < 100, device_id
            said = [float(str(r["speed_kmh"])) for r in read if float(str(r.get("load", 0))) >= 0.3]
            assert max(said, default=0) < 55, device_id  # only empty trucks race


def test_ten_minute_means_are_clearly_over_or_under_the_limit_as_the_truth_says(
    clean: tuple[dict[str, list[dict[str, object]]], list[TruthLine]],
) -> None:
    readings, truths = clean
    tampered = {truth.device_id for truth in truths if truth.kind == "monitor_suspect"}
    high = {
        (truth.device_id, window)
        for truth in truths
        if truth.kind == "fume_exceedance" and truth.device_id not in tampered
        for window in range(int(truth.started_at.timestamp()) // 600, int(truth.ended_at.timestamp()) // 600)
    }
    seen = set()
    for device_id, read in readings.items():
        if not device_id.startswith("F") or device_id in tampered:
            continue
        outlet = district().outlets[district().devices[device_id].bound_to or ""]
        limit = outlet.limit_mg_m3 or LIMIT_MG_M3[outlet.scale or "large"]
        windows = defaultdict(list)
        for reading in read:
            if (
                reading["fan_on"] and 0 <= float(str(reading["fume_mg_m3"])) < 100
            ):  # tampering that is not over yet
                at = datetime.fromisoformat(str(reading["ts"])).timestamp()
                windows[int(at) // 600].append(float(str(reading["fume_mg_m3"])))
        for window, values in windows.items():
            share = float(np.mean(values)) / limit
            if (device_id, window) in high:
                seen.add((device_id, window))
                assert share > 1.3
            elif len(values) >= 8:
                assert share < 1
    assert seen == high


def between(readings: list[dict[str, object]], begin: datetime, end: datetime) -> list[dict[str, object]]:
    return [r for r in readings if begin <= datetime.fromisoformat(str(r["ts"])) <= end]


def test_a_terminal_that_is_off_says_nothing_and_was_loaded_and_moving_before(
    clean: tuple[dict[str, list[dict[str, object]]], list[TruthLine]],
) -> None:
    lost = [truth for truth in clean[1] if truth.kind == "signal_loss"]
    assert len(lost) > 5
    for truth in lost:
        last, *more = between(clean[0][truth.device_id], truth.started_at, truth.ended_at)
        assert len(more) <= 1  # the next one, where it came before the end of the simulation
        assert float(str(last["speed_kmh"])) > 10
        assert float(str(last.get("load", 1))) >= 0.3


def test_a_faulty_receiver_finds_no_fix(
    clean: tuple[dict[str, list[dict[str, object]]], list[TruthLine]],
) -> None:
    faults = [truth for truth in clean[1] if truth.kind == "device_fault"]
    assert faults
    for truth in faults:
        seen = between(clean[0][truth.device_id], truth.started_at, truth.ended_at)
        assert sum(not reading["fix"] for reading in seen) > 30


def test_an_uncovered_load_is_loaded_and_open(
    clean: tuple[dict[str, list[dict[str, object]]], list[TruthLine]],
) -> None:
    for truth in (truth for truth in clean[1] if truth.kind == "uncovered_load"):
        seen = between(clean[0][truth.device_id], truth.started_at, truth.ended_at)
        assert {str(reading["cover"]) for reading in seen} == {"open"}
        assert min(float(str(reading["load"])) for reading in seen) >= 0.3


def test_hauls_after_hours_and_a_day_of_silence_are_planted_where_the_time_is_long_enough() -> None:
    few = part_of_it(9)
    kinds = {truth.kind for truth in played("clean", 40, registry=few)[1]}

    assert {"outside_hours", "device_offline"} <= kinds
