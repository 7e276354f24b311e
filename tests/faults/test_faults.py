"""Whatever breaks, and however often: every reading is stored once, and judged as if nothing had happened.

`make chaos` lets each fault strike for minutes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.faults import GROUPS
from tests.faults.scenario import run
from tests.parts.cluster import Cluster

SEED = 20261125


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster("faults")
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_is_lost_nor_doubled_nor_judged_otherwise(
    group: str, cluster: Cluster, tmp_path: Path
) -> None:
    row = run(
        group,
        GROUPS[group],
        cluster,
        tmp_path,
        seed=SEED,
        seconds=8,
        per_s=180,
        pause_s=0.3,
        outage_s=2.4,
    )

    assert row.strikes >= len(GROUPS[group]), row
    assert row.whole, row
