"""Simulated kitchens over weeks: purifiers that age and are cleaned, and fumes with the shape of real smoke."""

import itertools
from datetime import date, timedelta
from itertools import islice

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.catalogue import load_catalogue
from analytics.district import compile_district
from analytics.records import KINDS, OPENED
from ingest.fleet import Fleet
from ingest.judging import JUDGES
from simulators.kitchens import Kitchen, KitchenDay
from simulators.purifiers import DIRTY, ROUND_DAYS, Dirt, cleanings_csv, last_cleaning, let_through
from simulators.readings import FUME_ROW
from simulators.scenarios import scenario_named
from simulators.smoke import jitter, plume, record, smoke_over
from simulators.tampering import Suspicion
from simulators.truth import Truth
from tests.simulators.fleets import district

OFFSET_S = 8 * 3600
ROUND = 20_776
"""A local day with which a round begins: 742 times 28 days."""


def kitchen(device_id: str, scenario: str = "ageing") -> Kitchen:
    outlet = district().outlets[district().devices[device_id].bound_to or ""]
    return Kitchen(outlet, device_id, scenario_named(scenario), 7)


def life(one: Kitchen, days: int, first: int = ROUND) -> list[KitchenDay]:
    return list(islice(one.days(first * 86_400 - OFFSET_S, OFFSET_S), days))


def truths(days: list[KitchenDay]) -> list[Truth]:
    return [truth for day in days for truth in day.truths]


def medians(days: list[KitchenDay]) -> list[float]:
    return [float(np.median(d.rows["fume_mg_m3"][d.rows["fan_on"] & d.rows["purifier_on"]])) for d in days]


def some(*, neglected: bool) -> str:
    return next(d for d in district().devices if d.startswith("F") and kitchen(d).neglected is neglected)


def test_every_kitchen_is_cleaned_once_a_round_within_three_days() -> None:
    for device_id in ("F0001", "F0002", "F0003", "F0004"):
        days = {last_cleaning(device_id, day) for day in range(ROUND, ROUND + 5 * ROUND_DAYS)}
        assert {(day - min(days)) % ROUND_DAYS for day in days} == {0}
        assert min(days) % ROUND_DAYS in (0, 1, 2)
        assert last_cleaning(device_id, max(days)) == max(days) - ROUND_DAYS, (
            "that day's is only known after it"
        )


def test_what_is_let_through_grows_with_the_days_and_falls_back() -> None:
    fresh, old = (let_through(day, 0, 30, neglected=True) for day in (1, 28))
    assert (1 < fresh < 1.2, old > 4) == (True, True)
    assert let_through(28, 0, 30, neglected=False) < 1.35


def test_a_neglected_purifiers_week_is_half_above_its_baseline_when_the_truth_says_so() -> None:
    device_id = some(neglected=True)
    days = life(kitchen(device_id), ROUND_DAYS + 4)
    (truth,) = [one for one in truths(days) if one.kind == "purifier_degraded"]
    cleaned = last_cleaning(device_id, ROUND + 10) - ROUND
    by_day = medians(days)
    baseline = np.median(by_day[cleaned + 1 : cleaned + 8])
    started, decided = (
        int((at + OFFSET_S) // 86_400) - ROUND for at in (truth.started_s, truth.decided_s - 1)
    )

    assert by_day[started] >= DIRTY * baseline * 0.97
    assert max(by_day[cleaned + 8 : started], default=0) < DIRTY * baseline * 1.03
    assert started + 2 <= decided <= started + 7, "half a week's readings"
    assert truth.ended_s == (ROUND + cleaned + ROUND_DAYS) * 86_400 - OFFSET_S, "until the next cleaning"


def test_a_purifier_that_is_kept_is_never_dirty() -> None:
    days = life(kitchen(some(neglected=False)), ROUND_DAYS)

    assert truths(days) == []


def test_without_a_cleaning_seen_nothing_can_be_said() -> None:
    """The simulation begins when the week after the cleaning is over."""
    days = life(kitchen(some(neglected=True)), 15, ROUND + 12)

    assert truths(days) == []


def test_dirt_is_known_once_half_of_a_weeks_readings_say_so() -> None:
    dirt = Dirt()
    said = [dirt.see(day, 0, np.full(100, 1.0 if day <= 8 else 1.6)) for day in range(1, 16)]

    # Days 9 to 12 of the week of 6 to 12: four of seven.
    assert said == [None] * 11 + [9] + [None] * 3


def test_the_firms_book_holds_the_last_cleaning_before_and_those_until_the_end() -> None:
    begin = date(1970, 1, 1) + timedelta(days=ROUND + 10)
    book = cleanings_csv(district(), begin, begin + timedelta(days=ROUND_DAYS))
    rows = [line.split(",") for line in book.splitlines()[1:]]

    assert len(rows) == 2 * 659
    assert len({row[0] for row in rows}) == len(rows)
    mine = sorted(
        date.fromisoformat(row[2]) for row in rows if row[1] == district().devices["F0001"].bound_to
    )
    assert mine[0] == date(1970, 1, 1) + timedelta(days=last_cleaning("F0001", ROUND + 10))
    assert mine[1] - mine[0] == timedelta(days=ROUND_DAYS)


def test_the_record_of_smoke_is_whole_and_its_plume_comes_and_goes() -> None:
    assert (len(record()), record()[0], record().max(), record()[-1]) == (381, 0.7, 792.5, 0.4)
    assert (len(plume()), plume().max()) == (63, 1.0)
    assert plume()[0] < 0.01 > plume()[-1]
    assert 0.005 < jitter().std() < 0.1


def test_smoke_is_of_plumes_and_of_nothing_where_none_begins() -> None:
    seen = smoke_over(1440, 1.0, np.random.default_rng(1))
    assert (len(seen), seen.min() >= 0, 0.5 < seen.max() < 5) == (1440, True, True)
    assert not smoke_over(1440, 0.0, np.random.default_rng(1)).any()


def test_meals_in_smoke_rise_and_fall_more_slowly_than_bursts_and_two_kitchens_differ() -> None:
    def alike(name: str) -> float:
        """Correlation of a cooking minute with the one after it."""
        rows = life(kitchen("F0002", name), 1)[0].rows
        fume = rows["fume_mg_m3"][rows["fan_on"]]
        return float(np.corrcoef(fume[1:], fume[:-1])[0, 1])

    assert alike("smoke") > alike("clean") + 0.1
    one, other = (life(kitchen(d, "smoke"), 1)[0].rows["fume_mg_m3"] for d in ("F0002", "F0003"))
    assert not np.array_equal(one, other)


def measured(device_id: str, fume: float, day: int = ROUND) -> NDArray[np.float64]:
    """What the monitor makes of a day on which the same leaves the duct all the time."""
    rng = np.random.default_rng(3)
    return kitchen(device_id, "clean")._measured(np.full(1440, fume), day, rng)


def of_cuisine(word: str) -> str:
    register = district()
    return next(
        d
        for d, one in register.devices.items()
        if one.kind == "fume" and word in register.outlets[one.bound_to or ""].name
    )


def test_steam_is_taken_for_fume_where_a_cuisine_steams_and_only_for_minutes() -> None:
    steams, dry = measured(of_cuisine("火锅"), 0.5), measured(of_cuisine("川湘菜"), 0.5)

    high = steams > np.median(steams) + 0.1
    assert 0 < high.mean() < 0.05
    assert not (dry > np.median(dry) + 0.1).any()


def test_a_monitors_gain_is_its_own_and_its_zero_drifts_within_bounds() -> None:
    one, other = (np.median(measured(d, 1.0)) for d in ("F0002", "F0005"))
    assert 0.85 < one != other < 1.15
    zeros = [float(np.median(measured("F0002", 0.05, ROUND + week * 7))) for week in range(20)]
    assert 0 < max(zeros) - min(zeros) < 2 * 0.13


def test_particles_follow_the_cuisine_and_the_switches_follow_the_meals() -> None:
    barbecue, stir_fry = (life(kitchen(of_cuisine(word), "honest"), 1)[0].rows for word in ("烧烤", "川湘菜"))
    ratios = [
        float(np.median(rows["pm_mg_m3"][rows["fan_on"]] / rows["fume_mg_m3"][rows["fan_on"]]))
        for rows in (barbecue, stir_fry)
    ]

    assert ratios[0] > 2 * ratios[1]
    for rows in (barbecue, stir_fry):
        assert (rows["purifier_on"] == rows["fan_on"]).all()
        assert rows["fan_a"][rows["fan_on"]].min() > 3 > rows["fan_a"][~rows["fan_on"]].max()


def test_what_was_done_to_a_monitor_is_over_after_an_hour_with_plausible_readings() -> None:
    day = np.arange(0.0, 86_400, 60)
    meal, supper = day[(day >= 40_000) & (day < 43_000)], day[(day >= 60_000) & (day < 63_000)]
    suspicion = Suspicion()
    assert suspicion.is_over(meal, 41_000), "nothing has been done yet"

    suspicion.begin(meal[20])
    assert not suspicion.is_over(np.concatenate([meal, supper]), 43_000), (
        "the fan was off before the hour was over"
    )
    assert not suspicion.is_over(np.concatenate([meal, supper]), 60_000)
    assert suspicion.is_over(np.concatenate([meal, supper]), 60_061)

    suspicion.begin(supper[-1])
    assert not suspicion.is_over(supper, 86_400)
    assert not suspicion.is_over(supper + 86_400, 86_400 + 60_000)
    assert suspicion.is_over(day[day >= 60_000] + 86_400, 86_400 + 65_000)


def test_between_two_truths_of_a_suspect_monitor_it_was_plausible_for_an_hour() -> None:
    tampered = msgspec.structs.replace(scenario_named("clean"), tampering=0.9)
    checked = 0
    for device_id in list(district().devices)[-40:]:
        outlet = district().outlets[district().devices[device_id].bound_to or ""]
        days = life(Kitchen(outlet, device_id, tampered, 7), 4)
        rows = np.concatenate([one.rows for one in days])
        cooking_s = rows["ts"][rows["fan_on"]] / 1e6
        suspect = [one for one in truths(days) if one.kind == "monitor_suspect"]
        for one, other in itertools.pairwise(suspect):
            between = cooking_s[(cooking_s > one.ended_s) & (cooking_s < other.started_s)]
            assert between[-1] - between[0] >= 3600, (device_id, one, other)
            checked += 1
    assert checked > 40


def test_a_meal_that_had_begun_before_the_simulation_is_not_tampered_with() -> None:
    always, never = (
        msgspec.structs.replace(scenario_named("clean"), tampering=share) for share in (1.0, 0.0)
    )
    start_s = ROUND * 86_400 - OFFSET_S + 12 * 3600  # noon, when most are cooking
    checked = 0
    for device_id in list(district().devices)[-40:]:
        outlet = district().outlets[district().devices[device_id].bound_to or ""]
        seen, honest = (
            next(Kitchen(outlet, device_id, one, 7).days(start_s, OFFSET_S)) for one in (always, never)
        )
        rests = np.flatnonzero(~seen.rows["fan_on"])
        if not len(rests) or not rests[0]:
            continue
        under_way = slice(0, rests[0])
        assert np.array_equal(seen.rows["fume_mg_m3"][under_way], honest.rows["fume_mg_m3"][under_way])
        checked += 1
    assert checked > 20


def test_a_truth_is_decided_at_the_very_reading_by_which_the_engine_tells_of_it() -> None:
    """Else what the end of a simulation cuts between the two is told and not true, or true and not told."""
    planted = msgspec.structs.replace(
        scenario_named("clean"), tampering=0.4, fume_exceedance=0.3, purifier_off=0.3, monitor_offline=0.0
    )
    device_ids = [one for one in district().devices if one.startswith("F")][:150]
    fleet = Fleet(district(), compile_district(district()), load_catalogue(None))
    judge = JUDGES["fume"]
    told, true = set(), set()
    for n, device_id in enumerate(device_ids):
        outlet = district().outlets[district().devices[device_id].bound_to or ""]
        start_s = ROUND * 86_400 - OFFSET_S + 11.5 * 3600 + 20 * n  # within lunch, anywhere in a window
        day = next(Kitchen(outlet, device_id, planted, 7).days(start_s, OFFSET_S))
        samples = np.zeros(len(day.rows), judge.record_type)
        for name in set(FUME_ROW.names or ()) & set(samples.dtype.names or ()):
            samples[name] = day.rows[name]
        samples["local"] = samples["ts"] + OFFSET_S * 1_000_000
        _, _, events = judge.judge(fleet, [device_id], judge.new_states(1), samples)
        told |= {
            (device_id, KINDS[one["kind"]], one["ts"] / 1e6) for one in events if one["action"] == OPENED
        }
        true |= {
            (device_id, one.kind, one.decided_s)
            for one in day.truths
            if "sent again" not in one.note and one.decided_s <= day.rows["ts"][-1] / 1e6
        }

    assert told == true
    assert {kind for _, kind, _ in true} == {"fume_exceedance", "purifier_off", "monitor_suspect"}
