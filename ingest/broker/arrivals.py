"""Messages that have come and are not settled yet, from any number of receivers, for one who takes them."""

import queue
import time
from collections.abc import Sequence
from dataclasses import dataclass

MOST_BYTES = 32_000_000
"""What may be held, waiting or in hand. Receivers read no further then, which the broker feels: with what the program
itself needs, this bounds the collector's memory whatever the backlog."""
EACH_BYTES = 300
"""Around each message, beside its payload."""


@dataclass(slots=True)  # not frozen: that costs a message another half microsecond
class Delivery:
    """One message, as received. `session` tells connections apart: packet ids start anew with each.

    `mid` is 0 where the sender used QoS 0 and nobody waits for an acknowledgement. `again`: the broker says that
    it may have sent this before: it was not answered (DUP), or it is retained. So it may be committed already.
    """

    topic: str
    payload: bytes
    received_us: int
    mid: int
    session: int
    again: bool = False


class Arrivals:
    """A queue of deliveries that knows how much is held. Any thread puts, one takes and settles."""

    def __init__(self) -> None:
        self._chunks: queue.SimpleQueue[Sequence[Delivery]] = queue.SimpleQueue()
        self._rest: Sequence[Delivery] = ()
        # Each thread counts for itself, so that none waits for another.
        self._put_bytes: dict[object, int] = {}
        self._settled_bytes = 0

    def put(self, chunk: Sequence[Delivery], by: object) -> None:
        """`by` tells who puts: each does so from one thread."""
        self._put_bytes[by] = self._put_bytes.get(by, 0) + _weight(chunk)
        self._chunks.put(chunk)

    @property
    def full(self) -> bool:
        return sum(list(self._put_bytes.values())) - self._settled_bytes > MOST_BYTES

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be taken."""
        return not self._rest and self._chunks.empty()

    def settle(self, deliveries: Sequence[Delivery]) -> None:
        """They were taken, are committed, and need not be held any more."""
        self._settled_bytes += _weight(deliveries)

    def take(self, *, max_bytes: int, max_wait_s: float, quiet_s: float) -> list[Delivery]:
        """Deliveries in order: when they hold `max_bytes`, when the first has waited `max_wait_s`, or when
        none has come for `quiet_s`. An empty list after `max_wait_s` without any.
        """
        taken: list[Delivery] = []
        held, wait_s = 0, max_wait_s
        deadline = time.monotonic() + max_wait_s
        while True:
            chunk = self._rest or self._next(wait_s)
            if not chunk:
                return taken
            if not taken:
                deadline = time.monotonic() + max_wait_s
            for n, delivery in enumerate(chunk, 1):  # noqa: B007 - used after the loop
                held += len(delivery.payload)
                if held >= max_bytes:
                    break
            taken += chunk[:n]
            self._rest = chunk[n:]
            wait_s = min(quiet_s, deadline - time.monotonic())
            if held >= max_bytes:
                return taken

    def _next(self, wait_s: float) -> Sequence[Delivery]:
        try:
            return self._chunks.get(timeout=wait_s) if wait_s > 0 else self._chunks.get_nowait()
        except queue.Empty:
            return ()


def _weight(chunk: Sequence[Delivery]) -> int:
    return sum([len(delivery.payload) for delivery in chunk]) + EACH_BYTES * len(chunk)
