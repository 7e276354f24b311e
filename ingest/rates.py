"""How much one device may send: a token bucket on arrival times.

What terminals store and send after a hole has to pass: ten minutes' worth may come at once. What is over is
quarantined whole, before it is decoded, so that a device gone mad costs the others nothing; it can be read again.
"""

from collections.abc import Iterable, Sequence

from devices.reasons import Reason
from ingest.batch import Quarantined
from ingest.broker.arrivals import Delivery

BURST_MINUTES = 10
MINUTE_US = 60_000_000
MOST_KNOWN = 50_000


class Rates:
    """Messages per device, by this collector's count. Decides by arrival times alone."""

    def __init__(self, per_minute: int) -> None:
        """`per_minute`: messages a device may send for as long as it likes; 0: any number."""
        self._per_minute = per_minute
        self._room = per_minute * BURST_MINUTES
        self._buckets: dict[str, tuple[float, int]] = {}
        """Device as the topic says: what it may send now, as of when (µs)."""

    def split(self, deliveries: Sequence[Delivery]) -> tuple[Sequence[Delivery], list[Quarantined]]:
        """Those within the rate, and those over it."""
        if not self._per_minute:
            return deliveries, []
        kept, over = [], []
        for delivery in deliveries:
            if self._may(delivery):
                kept.append(delivery)
            else:
                over.append(delivery)
        if len(self._buckets) > MOST_KNOWN:  # strangers' names are without end
            self._forget_the_quiet(deliveries[-1].received_us)
        return kept, list(self._quarantined(over))

    def _may(self, delivery: Delivery) -> bool:
        device_id, now_us = _device(delivery), delivery.received_us
        left, since_us = self._buckets.get(device_id, (self._room, now_us))
        left = min(self._room, left + max(0, now_us - since_us) * self._per_minute / MINUTE_US)
        may = left >= 1
        self._buckets[device_id] = (left - may, max(now_us, since_us))
        return may

    def _forget_the_quiet(self, now_us: int) -> None:
        full_after_us = BURST_MINUTES * MINUTE_US
        self._buckets = {
            device_id: bucket
            for device_id, bucket in self._buckets.items()
            if now_us - bucket[1] < full_after_us
        }

    def _quarantined(self, over: Iterable[Delivery]) -> Iterable[Quarantined]:
        detail = f"over {self._per_minute} messages a minute (and {self._room} at once)"
        for delivery in over:
            yield Quarantined(delivery, Reason.RATE_LIMITED, detail, _device(delivery) or None)


def _device(delivery: Delivery) -> str:
    """The level before the channel: the device, in every topic of ours."""
    levels = delivery.topic.rsplit("/", 2)
    return levels[-2].replace("\x00", "") if len(levels) == 3 else ""
