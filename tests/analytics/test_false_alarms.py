"""What looks like something and is nothing, or less than it looks: the scenes of docs/rules.md, one test each."""

from dataclasses import replace
from typing import Any

from devices.types import Registry
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
    district,
    drive,
    fix,
    judge,
    named,
    permit,
    road,
    route,
    silent,
    site,
    stand,
    told,
)  # fmt: skip

FULL: dict[str, Any] = {"load": 0.9}
EMPTY: dict[str, Any] = {"load": 0.0}


def kinds(fixes: Fixes, registry: Registry = USUAL) -> list[str]:
    """What was opened and not taken back."""
    events = told(fixes, registry)
    gone = {(e.kind, e.started) for e in events if e.action == "withdrawn"}
    return [e.kind for e in events if e.action == "opened" and (e.kind, e.started) not in gone]


def loaded_out_to(where: tuple[float, float], end: str = "10:10") -> Fixes:
    return [fix("10:00", PIT, **FULL), *drive("10:00:10", end, PIT, where, **FULL)]


def test_parked_drift() -> None:
    """Ignition off in the yard, the box empty, and the receiver wanders by up to 90 m for a night."""
    wander = [
        fix(clock("20:00") + i * 300_000_000, (4000 + (i * 37 % 91), 1000 - (i * 53 % 91)), **EMPTY)
        for i in range(96)
    ]

    assert kinds(wander) == []


def test_a_load_that_swings_between_steps_while_it_is_loaded() -> None:
    """JT/T 808 knows empty, half and full: near a border the sensor shows now one, now the other."""
    steps = [0.0, 0.0, 0.5, 0.0, 0.5, 0.5, 1.0, 0.5, 1.0, 1.0, 0.5, 1.0]
    swinging = [fix(clock("10:00") + n * 30_000_000, PIT, load=load) for n, load in enumerate(steps)]
    out = drive("10:06", "10:20", PIT, TIP, load=1.0)
    steps = [0.5, 1.0, 0.5, 0.5, 0.0, 0.5, 0.0, 0.0]
    tipped = [fix(clock("10:20:30") + n * 10_000_000, TIP, load=load) for n, load in enumerate(steps)]

    assert kinds([*swinging, *out, *tipped]) == []
    elsewhere = [fix(clock("10:06:30") + n * 10_000_000, FIELD, load=load) for n, load in enumerate(steps)]
    assert set(kinds([*swinging, *elsewhere])) == {"illegal_dumping", "unlicensed_loading"}, (
        "there nothing is forgiven"
    )


def test_what_is_tipped_after_the_swinging_is_told_all_the_same() -> None:
    steps = [0.0, 0.5, 0.0, 0.5, 1.0, 0.5, 1.0]
    swinging = [fix(clock("10:00") + n * 30_000_000, PIT, load=load) for n, load in enumerate(steps)]
    out = drive("10:04", "10:06", PIT, ROADSIDE, load=1.0)

    assert kinds([*swinging, *out, *stand("10:06:10", "10:08", ROADSIDE, load=0.5)]) == ["illegal_dumping"]
    # Back into the pit with the load, ten minutes after it was taken up: that is no loading any more.
    waited = stand("10:03:30", "10:14", PIT, load=1.0)
    assert kinds([*swinging, *waited, *stand("10:14:30", "10:15", PIT, load=0.0)]) == ["illegal_dumping"]


def test_more_than_one_step_of_load_is_no_swing() -> None:
    loaded = [fix(clock("10:00") + n * 30_000_000, PIT, load=load) for n, load in enumerate([0.0, 0.9, 0.9])]

    assert kinds([*loaded, *stand("10:02", "10:03", PIT, load=0.4)]) == []
    assert kinds([*loaded, *stand("10:02", "10:03", PIT, load=0.3)]) == ["illegal_dumping"]
    tipped = [fix(clock("10:10") + n * 30_000_000, TIP, load=load) for n, load in enumerate([1.0, 0.1, 0.1])]
    assert kinds([*tipped, *stand("10:12", "10:13", TIP, load=0.6)]) == []
    assert kinds([*tipped, *stand("10:12", "10:13", TIP, load=0.7)]) == ["unlicensed_loading"]


def test_parked_drift_with_a_load_is_never_more_than_info() -> None:
    """Beside the road, loaded, every tenth fix 60 m off: one stop, and none of it is dumping or off route."""
    base = clock("10:11")
    wander = [fix(base + i * 30_000_000, (2000 + 60 * (i % 10 == 5), 0), **FULL) for i in range(60)]
    further = [fix(base + i * 30_000_000, (2000 + (i * 37 % 61), 0), **FULL) for i in range(60)]

    assert kinds([*loaded_out_to(ROADSIDE), *wander]) == ["loaded_stop"]
    assert set(kinds([*loaded_out_to(ROADSIDE), *further])) <= {"loaded_stop"}, (
        "more of it, and nothing graver"
    )


def test_a_queue_at_the_gate() -> None:
    """Half an hour before the tip's gate, moving up by a truck's length now and then; the last of the queue is inside."""
    queue = [
        fix(clock("10:20:10") + i * 30_000_000, (5780 + 4 * i, 0), kmh=2.0, **FULL) for i in range(60)
    ]  # the border is at 5800: the first fixes are before it

    assert kinds([*loaded_out_to((5780, 0), "10:20"), *queue, fix("10:51", TIP, load=0.0)]) == []


def test_a_gate_just_outside_the_polygon() -> None:
    """The weighbridge, where the load is tipped by the drawing's mistake 40 m before the border, after a visit inside."""
    inside = stand("10:20:10", "10:21", (5820, 0), **FULL)
    tipped = [fix("10:21:30", (5760, 0), **FULL), fix("10:22", (5760, 0), **EMPTY)]

    assert kinds([*loaded_out_to((5820, 0), "10:20"), *inside, *tipped]) == []


def test_a_u_turn_at_a_missed_junction() -> None:
    """Past the corner by 250 m and back: over the corridor for 45 s."""
    corner = replace(USUAL, routes={"ROAD": route("ROAD", (0, 0), (2000, 0), (2000, 1000), (6000, 1000))})
    turn = [
        *drive("10:10:10", "10:10:30", (2000, 0), (2250, 0), **FULL),
        *drive("10:10:40", "10:11", (2200, 0), (2000, 20), **FULL),
        *drive("10:11:10", "10:13", (2000, 60), (2000, 1000), **FULL),
    ]  # fmt: skip

    assert kinds([*loaded_out_to((2000, 0)), *turn], corner) == []


def test_a_parallel_road() -> None:
    """The service lane 60 m beside the permitted road is in its corridor; on the motorway's limit the nearer line counts."""
    beside = drive("10:10:10", "10:20", (2000, 60), (5000, 60), **FULL)
    limits = replace(
        USUAL,
        roads={
            "FAST": road("FAST", (0, 40), (6000, 40), limit_kmh=100),
            "LANE": road("LANE", (0, 60), (6000, 60), limit_kmh=30),
        },
    )
    motorway = [
        fix(clock("10:10:10") + i * 10_000_000, (2000 + 200 * i, 41), kmh=72, **EMPTY) for i in range(9)
    ]

    assert kinds([*loaded_out_to(ROADSIDE), *beside]) == []
    assert kinds(motorway, limits) == []


def test_a_tunnel() -> None:
    """Four minutes without a fix are none; of seven the terminal's own store takes the alarm back."""
    before = loaded_out_to(ROADSIDE)
    assert kinds([*before, *drive("10:14", "10:20", (4000, 0), (5500, 0), **FULL)]) == []

    states, _, _ = judge(before)
    states, by_clock = silent(states, clock("10:16"))
    assert [e.kind for e in named(by_clock, USUAL)] == ["signal_loss"]
    stored = drive("10:10:30", "10:17", (2100, 0), (4000, 0), **FULL)
    assert [(e.kind, e.action) for e in named(judge(stored, states=states)[2], USUAL)] == [
        ("signal_loss", "withdrawn")
    ]


def test_a_tunnel_with_repeated_fixes_that_say_they_are_none() -> None:
    """Four minutes of them: they break the silence, and are too few for a faulty terminal."""
    dark = [fix(clock("10:10:10") + i * 10_000_000, ROADSIDE, kmh=30, fixed=False, **FULL) for i in range(25)]

    assert (
        kinds([*loaded_out_to(ROADSIDE), *dark, *drive("10:14:20", "10:18", (4000, 0), (5000, 0), **FULL)])
        == []
    )


def test_a_jam_on_the_route() -> None:
    """Creeping on by 60 m every two minutes for half an hour: no stop lasts three minutes, so none is told."""
    jam = [fix(clock("10:10:10") + i * 30_000_000, (2000 + 15 * i, 0), kmh=3.0, **FULL) for i in range(60)]

    assert kinds([*loaded_out_to(ROADSIDE), *jam]) == []


def test_a_jam_that_stands_is_info_and_no_more() -> None:
    jam = stand("10:10:10", "10:25", ROADSIDE, **FULL)

    events = told([*loaded_out_to(ROADSIDE), *jam])
    assert [(e.kind, e.severity) for e in events if e.action == "opened"] == [("loaded_stop", "info")]


def test_a_second_permitted_disposal_site() -> None:
    """The permit names the tip; the load goes to another valid one, by the other permit's road."""
    other = site("TIP2", "disposal", (2000, 3000), 200)
    registry = district(other)
    both = replace(
        registry,
        routes={**registry.routes, "NORTH": route("NORTH", (0, 0), (2000, 3000))},
        permits={**registry.permits, "P2": permit("P2", disposal_site_id="TIP2", route_id="NORTH")},
    )
    haul = [*loaded_out_to((2000, 3000), "10:20"), *stand("10:20:10", "10:22", (2000, 3000), **FULL)]
    tipped = [
        fix("10:22:10", (2000, 3000), lift=True, **FULL),
        fix("10:22:30", (2000, 3000), lift=True, **EMPTY),
    ]

    assert kinds([*haul, *tipped], both) == []


def test_a_transfer_station_takes_what_the_permit_sends_elsewhere() -> None:
    haul = [*drive("10:00:10", "10:05", DEPOT, DEPOT, **FULL), fix("10:06", DEPOT, **EMPTY)]

    assert kinds([fix("10:00", DEPOT, **FULL), *haul]) == []


def test_lifting_the_box_in_the_yard_to_wash_it() -> None:
    """Empty for hours: nothing. Ten minutes after the tip, in the yard: minor, so that a load left there is still seen."""
    delivered = [*loaded_out_to(TIP, "10:20"), fix("10:20:30", TIP, **FULL), fix("10:21", TIP, **EMPTY)]
    home = drive("10:22", "10:30", TIP, YARD, **EMPTY)
    wash = stand("10:40", "10:45", YARD, lift=True, **EMPTY)

    assert kinds([*delivered, *home, *wash]) == []
    early = [
        *delivered,
        *drive("10:22", "10:28", TIP, YARD, **EMPTY),
        *stand("10:29", "10:30", YARD, lift=True, **EMPTY),
    ]
    assert [(e.kind, e.severity) for e in told(early)] == [("illegal_dumping", "minor")]


def test_fixes_thirty_seconds_apart() -> None:
    """An honest haul is silent, and each kind that counts seconds still opens with its first fix past them."""
    honest = [
        fix("10:00", PIT, **FULL), *drive("10:00:30", "10:20", PIT, TIP, every_s=30, **FULL),
        *stand("10:20:30", "10:22", TIP, **FULL), fix("10:22:30", TIP, **EMPTY),
    ]  # fmt: skip
    assert kinds(honest) == []

    off = drive("10:10:30", "10:13", (2000, 200), (3000, 200), every_s=30, **FULL)
    (opened,) = [e for e in told([*loaded_out_to(ROADSIDE), *off]) if e.action == "opened"]
    assert (opened.kind, opened.started, opened.at) == ("off_route", "10:10:30", "10:11:30")


def test_a_thin_zone_between_two_fixes_is_not_entered() -> None:
    """A hundred metres of it, crossed between fixes 30 s and 330 m apart: two fixes inside it are what the rule asks for."""
    thin = district(site("SCHOOL", "no_go", (3000, 0), 50))

    assert kinds(drive("10:00", "10:05", (2835, 0), (6135, 0), every_s=30, **EMPTY), thin) == []
