"""The faults at length: each for minutes, then all together; prints the loss table, and fails if a line is not whole.

python -m tests.faults [--minutes 1] [--outage-minutes 5] [--seed N] [FAULT…]
"""

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

from tests.faults.faults import FAULTS
from tests.faults.scenario import HEADER, Row, run, table_line
from tests.parts.cluster import Cluster
from tests.parts.run import begin_run, end_run

PER_S = 300.0
PER_S_AT_REST = 50.0
"""While the database is away for long: what piles up is what a fleet of 500 sends each 10 s."""


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    everything = [*FAULTS, "everything"]
    options.add_argument("faults", nargs="*", default=everything, help=f"of {', '.join(everything)}")
    options.add_argument("--minutes", type=float, default=1)
    options.add_argument("--outage-minutes", type=float, default=5)
    options.add_argument("--seed", type=int, default=random.randrange(2**31))
    asked = options.parse_args()
    begin = begin_run()
    rows = []
    try:
        cluster = Cluster("chaos", disk_mb=2000)
        try:
            cluster.start()
            for name in asked.faults:
                rows.append(_run(name, cluster, asked))
                print(f"{table_line(rows[-1])}\n  {rows[-1].seconds:.0f} s, load {os.getloadavg()[1]:.1f}")
                print(*(f"  {difference}\n" for difference in rows[-1].differences), sep="", flush=True)
        finally:
            cluster.remove()
    finally:
        end_run(begin)
    print(f"\nseed {asked.seed}\n{HEADER}", *map(table_line, rows), sep="\n")
    return 0 if all(row.whole for row in rows) else 1


def _run(name: str, cluster: Cluster, asked: argparse.Namespace) -> Row:
    seconds, per_s, outage_s = asked.minutes * 60, PER_S, 8.0
    if name == "database_outage":  # the terminals go on all the while, and a little longer
        seconds, per_s, outage_s = asked.outage_minutes * 63, PER_S_AT_REST, asked.outage_minutes * 60
    faults = list(FAULTS.values()) if name == "everything" else [FAULTS[name]]
    with tempfile.TemporaryDirectory() as folder:
        row = run(
            name,
            faults,
            cluster,
            Path(folder),
            seed=asked.seed,
            seconds=seconds,
            per_s=per_s,
            pause_s=1.0,
            outage_s=outage_s,
            broker_is_killed=name != "database_outage",
        )
        if not row.whole:
            kept = Path(tempfile.mkdtemp(prefix="fleetfume-chaos-"))
            (Path(folder) / "collector.log").rename(kept / "collector.log")
            row.differences.append(f"what the collector said: {kept}")
    return row


if __name__ == "__main__":
    sys.exit(main())
