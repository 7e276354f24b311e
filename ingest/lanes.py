"""What is live goes first; what terminals had stored waits, and is worked off in slices between.

A message is backlog if its newest reading was old when it came. Late readings cost the judging again of all that
came after them, so a device's late messages that wait are judged together. The order in which messages are
committed changes no alert (a property the tests hold); only what is live is told without delay.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from ingest.broker.arrivals import Delivery

LIVE_US = 2 * 60 * 1_000_000
"""The contract's measure of live (section 4, stream clock): event time within 2 min of the wall clock."""
SLICE_S = 0.1
"""A live message waits for one slice at most, so this long is what the backlog may add to an alert's latency."""
ALONE_SLICE_S = 0.5
"""Where nothing live has come lately (history is replayed) nobody waits, and larger slices cost less."""
SMALLEST_BYTES = 20_000
MOST_FRONTS = 100_000


@dataclass(slots=True)
class Deferred:
    """A message that can wait, and the event time of its newest reading."""

    delivery: Delivery
    newest_us: int
    late: bool = False
    taken: bool = False


def can_wait(delivery: Delivery, newest_us: int) -> bool:
    """Whether the sender had stored it. Not what nobody would send again (`mid` 0): it may live in memory only."""
    return delivery.mid != 0 and newest_us < delivery.received_us - LIVE_US


def can_tell_silence(waiting: int, *, live_lately: bool) -> bool:
    """Whether a device that says nothing may be told silent now.

    Where history is replayed the stream clock is the newest devices' own time, and what others said meanwhile may be
    among the `waiting` messages: their silences would be told and taken back. Once all that came is committed, they
    are told for what they are. Live traffic has the wall clock, and waits for no backlog.
    """
    return live_lately or not waiting


class Backlog:
    """Messages taken and not yet committed. They stay unacknowledged: a crash loses none."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._slice_bytes = SMALLEST_BYTES
        self._line: deque[Deferred] = deque()
        self._late: dict[str, list[Deferred]] = {}
        self._front: dict[str, int] = {}
        """By topic, the newest event time heard of: what is older comes late. Good for speed, not for rightness."""
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def add(self, deferred: Iterable[Deferred]) -> None:
        for one in deferred:
            topic = one.delivery.topic
            front = self._front.get(topic, 0)
            one.late = one.newest_us < front
            if one.late:
                self._late.setdefault(topic, []).append(one)
            else:
                self._front[topic] = one.newest_us
            self._line.append(one)
            self._waiting += 1

    def saw_live(self, deliveries: Iterable[Delivery]) -> None:
        """These were committed as they came: their senders' stored messages are late from now on."""
        if len(self._front) > MOST_FRONTS:  # strangers' topics are without end
            self._front.clear()
        for delivery in deliveries:
            live_us = delivery.received_us - LIVE_US
            if self._front.get(delivery.topic, 0) < live_us:
                self._front[delivery.topic] = live_us

    def slice(self) -> list[Delivery]:
        """The next messages to commit: those that wait longest, and with a late one all late ones of its sender."""
        taken: list[Delivery] = []
        held = 0
        while self._line and (not taken or held < self._slice_bytes):
            first = self._line.popleft()
            if first.taken:
                continue
            topic = first.delivery.topic
            together = self._late.pop(topic) if first.late else [first]
            for one in together:
                one.taken = True
                taken.append(one.delivery)
                held += len(one.delivery.payload)
        self._waiting -= len(taken)
        return taken

    def took(self, seconds: float, *, alone: bool = False) -> None:
        """Fit the slices to SLICE_S, by how long the last one took; `alone`: to ALONE_SLICE_S."""
        wanted_s = ALONE_SLICE_S if alone else SLICE_S
        fitting = self._slice_bytes * min(2.0, max(0.25, wanted_s / max(seconds, 0.001)))
        self._slice_bytes = int(min(self._most_bytes, max(SMALLEST_BYTES, fitting)))
