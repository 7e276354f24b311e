"""The engine's compiled code, made or loaded before the first reading waits for it.

`python -m ingest.warming`, a step of make, makes what is kept (`analytics.kernels._compile`), trucks and kitchens side by
side, so that whatever is started next only loads it. Of several processes that start without it, one makes it.
"""

from collections.abc import Iterable
from multiprocessing import get_context
from typing import get_args

import numpy as np

from alerts.catalogue import Catalogue, load_catalogue
from analytics.district import compile_district
from analytics.fume import piece_hashes
from analytics.kernels._compile import compiling_alone
from devices.types import Device, DeviceKind, Registry
from ingest.copying import binary_rows
from ingest.fleet import Fleet
from ingest.judging import JUDGES
from ingest.rows import make_rows
from ingest.tables import TABLES


def warm_up(catalogue: Catalogue, kinds: Iterable[DeviceKind] = tuple(JUDGES)) -> None:
    """Call all that the judges of `kinds` have compiled, with a reading and a register of nothing."""
    empty = Registry(
        devices={
            kind: Device(device_id=kind, kind=kind, bound_to=None, status="active")
            for kind in get_args(DeviceKind)
        }
    )
    fleet = Fleet(empty, compile_district(empty), catalogue)
    for kind in kinds:
        judge, readings = JUDGES[kind], np.zeros(1, dtype=JUDGES[kind].record_type)
        with compiling_alone(kind):
            states, _, _ = judge.judge(fleet, [kind], judge.new_states(1), readings)
            judge.due(fleet, [kind], states)
            list(
                binary_rows(make_rows(TABLES[kind], [kind], np.zeros(0, np.int32), [], np.zeros(0, np.int64)))
            )
            judge.silent(fleet, [kind], states, 0)
            if kind == "fume":
                piece_hashes(catalogue.fume_rules(), fleet.monitors([kind]), states, readings)


def _warm_one(kind: DeviceKind) -> None:
    warm_up(load_catalogue(None), [kind])


if __name__ == "__main__":
    with get_context("spawn").Pool(len(JUDGES)) as pool:
        pool.map(_warm_one, JUDGES)
