"""What a bureau may ask for beyond the contract's verdicts: entries by the way between fixes, margins about a corridor."""

from dataclasses import replace
from datetime import date

import pytest

from analytics.rules import VehicleRules
from tests.analytics.trucks import USUAL, Told, district, drive, fix, site, told
from tests.small_district import square

SWEPT = VehicleRules(no_go_swept_s=30.0)
LANE = replace(site("LANE", "no_go", (2050, 0)), geometry=square(2050, 0, 20))
BARRED = district(LANE)


def past(*east: float, every_s: int = 10) -> list[tuple[object, ...]]:
    """Fixes along the road, from 10:00 on."""
    base = fix("10:00", (0, 0))[1]
    return [fix(base + i * every_s * 1_000_000, (x, 0), kmh=40) for i, x in enumerate(east)]


def entries(fixes: list[tuple[object, ...]], **more: object) -> list[Told]:
    registry = more.pop("registry", BARRED)
    return [e for e in told(fixes, registry, **more) if e.kind == "no_go_entry"]  # type: ignore[arg-type]


THROUGH = past(1900, 2000, 2100, 2200)
ONE_INSIDE = past(1940, 2050, 2160, 2270)


@pytest.mark.parametrize("fixes", [THROUGH, ONE_INSIDE], ids=["between two fixes", "one fix inside"])
def test_a_zone_jumped_over_is_no_entry_unless_the_rules_ask_for_it(fixes: list[tuple[object, ...]]) -> None:
    assert entries(fixes) == []
    (opened,) = entries(fixes, rules=SWEPT)
    assert (opened.action, opened.severity, opened.at, opened.place) == (
        "opened",
        "major",
        "10:00:20",
        "LANE",
    )
    assert opened.values["inferred"] == 1


def test_an_inferred_entry_begins_with_the_last_fix_before_the_zone_and_clears_after_a_minute_outside() -> (
    None
):
    fixes = [*THROUGH, *past(*[2300] * 10)[4:]]
    opened, cleared = entries(fixes, rules=SWEPT)

    assert (opened.started, opened.lat, opened.lon) == ("10:00:10", fixes[1][3], fixes[1][4])
    assert opened.values == {"fixes": 0, "duration_s": 0, "inferred": 1}
    assert (cleared.action, cleared.started, cleared.at) == ("cleared", "10:00:10", "10:01:20")
    assert cleared.values["inferred"] == 1


def test_two_fixes_inside_are_an_entry_that_is_seen() -> None:
    fixes = past(1940, 2040, 2060, 2160)
    (opened,) = entries(fixes, rules=SWEPT)

    assert (opened.started, opened.at) == ("10:00:10", "10:00:20")
    assert opened == entries(fixes)[0]
    assert "inferred" not in opened.values


def test_an_inferred_entry_that_two_fixes_confirm_is_inferred_no_more() -> None:
    fixes = [*past(1940, 2050, 2160, 2060, 2050, *[2300] * 8)]
    opened, cleared = entries(fixes, rules=SWEPT)

    assert opened.values["inferred"] == 1
    assert cleared.values == {"fixes": 3, "duration_s": 30}


def test_a_way_that_took_too_long_or_past_bad_fixes_or_beside_the_zone_infers_nothing() -> None:
    assert entries(past(2000, 2100, every_s=31), rules=SWEPT) == []
    assert (
        entries([fix("10:00", (2000, 0), kmh=40), fix("10:00:10", (2100, 0), kmh=40, hdop=11)], rules=SWEPT)
        == []
    )
    assert entries([fix("10:00", (2000, 50), kmh=40), fix("10:00:10", (2100, 50), kmh=40)], rules=SWEPT) == []


def test_a_zone_that_is_not_barred_then_is_not_crossed() -> None:
    night = district(replace(LANE, hours="22:00-06:00"))
    gone = district(replace(LANE, valid_to=date(2026, 11, 22)))

    assert entries(THROUGH, rules=SWEPT, registry=night) == []
    assert entries(THROUGH, rules=SWEPT, registry=gone) == []


def off(
    north: float, rules: VehicleRules, *, back: float = 0, hdop: float | None = None
) -> list[tuple[str, str]]:
    """A loaded truck under way: two minutes `north` of its route, whose corridor is 100 m, then at `back`."""
    fixes = [
        fix("09:00", (0, 0), load=0.9), *drive("09:01", "09:05", (0, 0), (1500, 0), load=0.9),
        *drive("09:05:10", "09:07:10", (1600, north), (2600, north), load=0.9, hdop=hdop),
        *drive("09:07:20", "09:09:20", (2700, back), (3700, back), load=0.9, hdop=hdop),
        *drive("09:09:30", "09:11:30", (3800, 0), (4800, 0), load=0.9, hdop=hdop),
    ]  # fmt: skip
    return [
        (e.at, e.action)
        for e in told(fixes, USUAL, rules=rules)
        if e.kind == "off_route" and e.action != "updated"
    ]


def test_a_margin_must_be_overcome_too() -> None:
    margin = VehicleRules(off_route_margin_m=30.0)

    assert off(120, VehicleRules())[0] == ("09:06:10", "opened")
    assert off(120, margin) == []
    assert off(131, margin)[0] == ("09:06:10", "opened")


def test_once_told_only_the_corridor_itself_is_back() -> None:
    margin = VehicleRules(off_route_margin_m=30.0)

    assert off(140, margin, back=90)[1] == ("09:08:20", "cleared")
    assert off(140, margin, back=120)[1] == ("09:10:30", "cleared")


def test_a_margin_grows_with_what_the_receiver_says_of_its_accuracy() -> None:
    margin = VehicleRules(off_route_hdop_m=10.0)

    assert off(120, margin, hdop=1.9)[0] == ("09:06:10", "opened")
    assert off(120, margin, hdop=2.1) == []
    assert off(109, margin) == []  # no hdop is one of 1
    assert off(111, margin)[0] == ("09:06:10", "opened")
