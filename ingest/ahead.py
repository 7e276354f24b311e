"""What comes next, read while the database commits this: decided, decoded and laid out, and not yet committed.

A thread of its own takes what is there, live messages first, stored ones in slices between (`ingest.lanes`), and reads
one piece of work ahead (decision 0011). It computes nothing from states: those are the committing thread's, so that a
commit that fails leaves nothing to be taken back here. Nothing is acknowledged before its own commit.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from ingest.batch import Quarantined
from ingest.broker.arrivals import Delivery
from ingest.broker.sessions import Sessions
from ingest.lanes import Backlog
from ingest.pipeline import Pipeline, Read
from ingest.rates import Rates

QUIET_S = 0.01
"""A lull this long ends a batch: waiting longer would only add to the alerts' latency."""
ALONE_AFTER_S = 10.0
"""Without a live message for so long, the backlog is alone."""
SLICE_EVERY_S = 1.0
"""At least so often the backlog gets its turn, however much comes."""
LOOK_S = 0.2
"""How soon a reader that waits for the committing thread notices that it is to stop."""


class Work(NamedTuple):
    """What is to be committed, and acknowledged, together."""

    deliveries: Sequence[Delivery]
    read: Read | None
    """None: to be read within the transaction."""
    refused: Sequence[Quarantined] = ()
    """Messages over their sender's rate, which nobody looks into."""
    stored: bool = False
    """A slice of the backlog."""
    alone: bool = False
    """… where nothing is live: history is replayed."""


class ReadAhead:
    """Hands out work, in order. Between two threads."""

    def __init__(
        self,
        sessions: Sessions,
        pipeline: Pipeline,
        rates: Rates,
        *,
        most_bytes: int,
        most_wait_s: float,
    ) -> None:
        self._sessions = sessions
        self._pipeline = pipeline
        self._rates = rates
        self._most_bytes = most_bytes
        self._most_wait_s = most_wait_s
        self._stop = threading.Event()
        self._backlog = Backlog(most_bytes)
        self._live_at = self._slice_due = 0.0
        self._ready: queue.Queue[Work | None] = queue.Queue(maxsize=1)
        self._done: list[Work] = []
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="read ahead", daemon=True)

    @property
    def waiting(self) -> int:
        """How many messages wait as backlog."""
        return len(self._backlog)

    @property
    def live_lately(self) -> bool:
        """Whether somebody may be waiting for what is live."""
        return time.monotonic() - self._live_at <= ALONE_AFTER_S

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What was read and not handed out is dropped; the broker has it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def next(self, wait_s: float) -> Work | None:
        """The next piece of work; None if there is none for `wait_s`. Raises what has ended the reader."""
        try:
            work = self._ready.get(timeout=wait_s)
        except queue.Empty:
            return None
        if work is None and self._failure is not None:
            raise self._failure
        return work

    def took(self, work: Work, seconds: float) -> None:
        """So long the commit of `work` took. To let go of what it holds takes Python milliseconds: the reader has them."""
        self._done.append(work)
        if work.stored:
            self._backlog.took(seconds, alone=work.alone)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._read_live()
                # What is in the queue may be live; but a flood of it must not stop the backlog for good.
                if self._backlog and (self._sessions.idle or time.monotonic() > self._slice_due):
                    self._read_stored()
                    self._slice_due = time.monotonic() + SLICE_EVERY_S
        except Exception as failure:  # noqa: BLE001 - raised by `next`, where it ends the collector
            self._failure = failure
            self._hand_over(None)

    def _read_live(self) -> None:
        batch = self._sessions.take(
            max_bytes=self._most_bytes,
            max_wait_s=0 if self._backlog else self._most_wait_s,
            quiet_s=QUIET_S,
        )
        if not batch:
            return
        within, refused = self._rates.split(batch)
        read, deferred = self._pipeline.read(within, deferring=True)
        live = within if read is None else read.deliveries
        self._backlog.saw_live(live)
        self._backlog.add(deferred)
        if live:
            self._live_at = time.monotonic()
        if live or refused:
            self._hand_over(Work(live, read, refused))

    def _read_stored(self) -> None:
        alone = not self.live_lately
        deliveries = self._backlog.slice()
        read, _ = self._pipeline.read(deliveries)
        self._hand_over(Work(deliveries, read, stored=True, alone=alone))

    def _hand_over(self, work: Work | None) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Full):
                self._ready.put(work, timeout=LOOK_S)
                self._done.clear()
                return
