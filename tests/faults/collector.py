"""The collector as a process of its own, with the patience of a test and a clock that a test can set.

    python -m tests.faults.collector CLOCK

What is silent is given up within seconds. CLOCK is a file that says how many seconds the time of day is ahead.
libfaketime would shift the whole process, but at 0.9.10 it makes Python's own `time.sleep` fail (EINVAL).
"""

import sys
import time
from pathlib import Path

import ingest.broker.receiver
import runtime.database
from runtime.cli import main

READ_EVERY_NS = 20_000_000


class _Clock:
    def __init__(self, file: Path) -> None:
        self._file, self._true_ns, self._ahead_ns, self._read_ns = file, time.time_ns, 0, 0

    def time_ns(self) -> int:
        now = self._true_ns()
        if now - self._read_ns > READ_EVERY_NS:
            self._read_ns = now
            self._ahead_ns = int(self._file.read_text()) * 1_000_000_000
        return now + self._ahead_ns

    def time(self) -> float:
        return self.time_ns() / 1e9


if __name__ == "__main__":
    clock = _Clock(Path(sys.argv[1]))
    time.time, time.time_ns = clock.time, clock.time_ns
    ingest.broker.receiver.KEEPALIVE_S = 1
    runtime.database.ANSWER_TIMEOUT_S = 2.0
    runtime.database.CONNECT_TIMEOUT_S = 2
    sys.argv = ["fleetfume", "serve", "--role", "collector"]
    main()
