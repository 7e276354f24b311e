"""Random shifts of a truck, judged by the engine and by the oracle."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.records import ACTIONS, FIX, KINDS, QUALITIES, SEVERITIES
from tests.analytics.oracle import Oracle
from tests.analytics.trucks import (
    DEPOT,
    FIELD,
    PIT,
    ROADSIDE,
    SPRING,
    TIP,
    USUAL,
    YARD,
    clock,
    compiled,
    fix,
    judge,
    permit,
    road,
    route,
    silent,
)  # fmt: skip

COMPILED = os.environ.get("NUMBA_DISABLE_JIT") != "1"

PERMITTED = USUAL
BARE = replace(USUAL, permits={})
TWO_ROUTES = replace(
    USUAL,
    routes={**USUAL.routes, "NORTH": route("NORTH", (0, 0), (0, 250), (6000, 250))},
    permits={**USUAL.permits, "P2": permit("P2", route_id="NORTH")},
)
ROADS = {
    "HIGH": road("HIGH", (-500, 0), (7000, 0)),
    "SIDE": road("SIDE", (2000, -500), (2000, 1000), limit_kmh=30),
    "PLAIN": road("PLAIN", (2040, -500), (2040, 1000), limit_kmh=None),
}
BY_NIGHT = replace(
    USUAL, roads=ROADS,
    permits={"P1": permit("P1", hours="22:00-22:30;23:00-02:00"), "P2": permit("P2", route_id=None, hours="20:30-21:00")},
)  # fmt: skip
PERMITTED = replace(PERMITTED, roads=ROADS)
NO_ROUTE = replace(USUAL, permits={"P1": permit("P1", route_id=None, disposal_site_id="YARD")})

# Near ones are within 300 m of each other, all of them: so that a stay is the same seen from any of its fixes.
PLACES = [
    PIT,
    PIT,
    (160, 0),
    ROADSIDE,
    (2000, 200),
    (2000, 290),
    (2040, 0),
    FIELD,
    FIELD,
    TIP,
    (6250, 0),
    YARD,
    SPRING,
    DEPOT,
]
GAPS_S = [30, 31, 45, 60, 61, 120, 200, 299, 300, 601, 14399, 14400, 86400]  # an entry of the ring each
LOADS = [None, 0.0, 0.1, 0.25, 0.3, 0.5, 0.6, 0.7, 0.9, 1.0]

steps = st.tuples(
    st.sampled_from(PLACES), st.sampled_from(GAPS_S),
    st.sampled_from([0.0, 0.0, 4.0, 8.0, 33.0, 34.0, 40.0, 65.0, 67.0, float("nan")]),
    st.sampled_from([None, None, *LOADS]), st.sampled_from([None, None, False, True]), st.integers(1, 8),
    st.sampled_from([True] * 12 + [False]), st.sampled_from([None, None, "open", "closed"]),
)  # fmt: skip


@st.composite
def shifts(draw: st.DrawFn) -> list[Any]:
    """Now here, now there: some fixes at each place, by a terminal with or without sensors."""
    has_load, has_lift, has_cover = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    now = clock("20:00")
    prelude = draw(st.integers(0, 8))  # loaded in the pit, out by the road
    fixes = [fix(now - (8 - n) * 30_000_000, PIT, load=0.9 if has_load else None) for n in range(prelude)]
    for where, gap_s, kmh, load, lift, count, fixed, cover in draw(st.lists(steps, min_size=1, max_size=14)):
        for _ in range(count):
            now += gap_s * 1_000_000
            fixes.append(
                fix(
                    now,
                    where,
                    kmh=kmh,
                    load=load if has_load else None,
                    lift=lift if has_lift else None,
                    fixed=fixed,
                    cover=cover if has_cover else None,
                )
            )
    return fixes


@given(shifts(), st.sampled_from([PERMITTED, BARE, TWO_ROUTES, NO_ROUTE, BY_NIGHT]), st.integers(0, 90_000))
@settings(max_examples=600 if COMPILED else 40)
def test_the_engine_says_what_the_oracle_says(fixes: list[Any], registry: Any, then_s: int) -> None:
    oracle = Oracle(compiled(registry).district, 0)
    for one in np.array(fixes, FIX):
        oracle.hear(one)

    states, quality, events = judge(fixes, registry)
    until = fixes[-1][1] + then_s * 1_000_000

    assert [QUALITIES[q] for q in quality] == oracle.qualities
    assert sayings(events) == oracle.said
    assert sorted(sayings(silent(states, until, registry)[1])) == sorted(oracle.silent(until))


def sayings(events: Any) -> list[tuple[int, str, str, str, int]]:
    return [
        (int(e["ts"]), ACTIONS[e["action"]], KINDS[e["kind"]], SEVERITIES[e["severity"]], int(e["started"]))
        for e in events
    ]


@given(shifts(), st.data())
@settings(max_examples=100 if COMPILED else 10)
def test_any_cut_of_any_shift_gives_the_same(fixes: list[Any], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(fixes)))
    whole = judge(fixes)
    first = judge(fixes[:cut])
    second = judge(fixes[cut:], states=first[0])

    assert second[0].tobytes() == whole[0].tobytes()
    for name in ("ts", "kind", "action", "started", "score", "values"):
        assert np.concatenate([first[2], second[2]])[name].tobytes() == whole[2][name].tobytes()
