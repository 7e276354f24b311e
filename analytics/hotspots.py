"""Where things keep happening: density clusters of places. Arrays in, arrays out.

DBSCAN (Ester et al. 1996, KDD-96, 226-231): a place with `least` or more places within `reach_m`, itself included, is a
core; cores within reach of one another are one cluster; a place that is none but within reach of one belongs to the
cluster of the nearest core. Labels are numbered by the first core in the order given; -1: in no cluster.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree


def clusters(places: NDArray[np.float64], *, reach_m: float, least: int) -> NDArray[np.int64]:
    """(N,) labels of `places` (N, 2), planar metres. Exactly `reach_m` apart is within reach."""
    labels = np.full(len(places), -1, np.int64)
    if not len(places):
        return labels
    near = KDTree(places).query_pairs(reach_m, output_type="ndarray")
    neighbours = 1 + np.bincount(near.ravel(), minlength=len(places))
    core = neighbours >= least
    joined = near[core[near].all(axis=1)]
    graph = coo_array((np.ones(len(joined)), (joined[:, 0], joined[:, 1])), shape=(len(places),) * 2)
    _, component = connected_components(graph, directed=False)
    cores = np.flatnonzero(core)
    if not len(cores):
        return labels
    _, first, number = np.unique(component[cores], return_index=True, return_inverse=True)
    by_first = np.argsort(np.argsort(first))
    labels[cores] = by_first[number]
    others = np.flatnonzero(~core)
    if len(others):
        away_m, nearest = KDTree(places[cores]).query(places[others])
        reached = away_m <= reach_m
        labels[others[reached]] = labels[cores[nearest[reached]]]
    return labels
