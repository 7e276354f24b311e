"""Density clusters, against the definition spelt out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from analytics.hotspots import clusters


def spelt_out(places: NDArray[np.float64], reach_m: float, least: int) -> tuple[list[set[int]], set[int]]:
    """Sets of cores that belong together; the places in no cluster."""
    near = [
        {j for j in range(len(places)) if np.hypot(*(places[i] - places[j])) <= reach_m}
        for i in range(len(places))
    ]
    cores = {i for i in range(len(places)) if len(near[i]) >= least}
    groups: list[set[int]] = []
    for core in sorted(cores):
        if any(core in group for group in groups):
            continue
        group, new = {core}, {core}
        while new:
            new = {j for i in new for j in near[i] & cores} - group
            group |= new
        groups.append(group)
    return groups, {i for i in range(len(places)) if not near[i] & cores}


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=40),
    st.integers(1, 5),
    st.integers(2, 6),
)
def test_clusters_are_what_the_definition_says(
    cells: list[tuple[int, int]], reach_m: int, least: int
) -> None:
    places = np.array(cells, np.float64).reshape(-1, 2)

    labels = clusters(places, reach_m=reach_m, least=least)

    groups, alone = spelt_out(places, reach_m, least)
    assert set(np.flatnonzero(labels < 0).tolist()) == alone
    assert labels.max(initial=-1) + 1 == len(groups)
    for number, group in enumerate(groups):
        assert {int(labels[i]) for i in group} == {number}
    for i in set(range(len(places))) - alone - {i for group in groups for i in group}:
        assert any(np.hypot(*(places[i] - places[j])) <= reach_m for j in groups[labels[i]])


def test_no_places_have_no_clusters() -> None:
    assert clusters(np.empty((0, 2)), reach_m=100, least=3).tolist() == []


def test_a_place_exactly_within_reach_counts() -> None:
    line = np.array([[0.0, 0.0], [150.0, 0.0], [300.0, 0.0], [450.1, 0.0]])
    assert clusters(line, reach_m=150, least=3).tolist() == [0, 0, 0, -1]
