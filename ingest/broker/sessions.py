"""This collector's session at the broker, and those of collectors that are gone.

Collectors share the fleet by a shared subscription. A broker goes on putting its share into the session of a
collector that died, and may (MQTT 5, 4.8.2) keep what that one had not acknowledged until it comes back:
Mosquitto does, and loses it when the session expires. So sessions never expire, and a living collector takes
over those whose holder is gone: it works off what waits there, and gives the session up once it is empty.

A collector that is alone subscribes plainly: Mosquitto (2.0) forgets shared subscriptions when it is started again,
and drops what is published until the collectors are back.
"""

import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from ingest.broker.arrivals import Arrivals, Delivery
from ingest.broker.identity import Numbers
from ingest.broker.receiver import Receiver, erase_session
from runtime.database import AWAY

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
ADOPT_AFTER_S = 5.0
"""A session without a holder for so long is taken over: a collector that is started again, or whose database
was, comes first."""
EMPTY_S, SILENT_S = 0.05, 1.0
"""A session is empty when all is acknowledged and nothing has come for so long; and, once unsubscribed, silent."""


@dataclass(slots=True)
class _Held:
    receiver: Receiver
    orphan: Literal["no", "served", "leaving"]


class Sessions:
    """What comes from the broker, in one queue, whichever session it comes by."""

    def __init__(
        self, mqtt_url: str, filters: Sequence[str], numbers: Numbers, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._url, self._tls, self._filters, self._numbers = mqtt_url, tls, filters, numbers
        self._group = f"fleetfume-{numbers.installation}"
        self._arrivals = Arrivals()
        self._held: dict[int, _Held] = {}
        self._unheld_since: dict[int, float] = {}
        self._next_look = 0.0

    @property
    def connected(self) -> bool:
        return any(held.receiver.connected for held in self._held.values() if held.orphan == "no")

    @property
    def idle(self) -> bool:
        """Whether everything that came is taken."""
        return self._arrivals.idle

    def start(self) -> None:
        self.look_after()

    def stop(self) -> None:
        """Leave. The sessions, and with them everything unacknowledged, stay with the broker."""
        for held in self._held.values():
            held.receiver.stop()

    def take(self, *, max_bytes: int, max_wait_s: float, quiet_s: float) -> list[Delivery]:
        """As `Arrivals.take`."""
        return self._arrivals.take(max_bytes=max_bytes, max_wait_s=max_wait_s, quiet_s=quiet_s)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """They are committed."""
        for held in self._held.values():
            held.receiver.acknowledge(deliveries)
        self._arrivals.settle(deliveries)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send down to a device, by a session that has its connection if one has."""
        receivers = [held.receiver for held in self._held.values()]
        for receiver in sorted(receivers, key=lambda one: not one.connected)[:1]:
            receiver.publish(topic, payload)

    def look_after(self) -> None:
        """To be called now and then: keep our number, take over what is left behind, give up what is empty."""
        now = time.monotonic()
        try:
            self._leave_the_empty()
            if now >= self._next_look:
                self._next_look = now + LOOK_EVERY_S
                self._keep()
                self._adopt(now)
        except AWAY:
            self._unheld_since.clear()  # who writes readings says that the database is away

    def _begin(self, number: int, orphan: Literal["no", "served"] = "no") -> None:
        receiver = Receiver(
            self._url,
            self._filters,
            client_id=f"{self._group}-{number}",
            tls=self._tls,
            group=self._group,
            into=self._arrivals,
            subscribing=orphan == "no",
        )
        if orphan == "no":
            receiver.share(shares=not self._numbers.alone())
        self._held[number] = _Held(receiver, orphan)
        receiver.start()

    def _keep(self) -> None:
        kept = self._numbers.keep()
        for number, held in list(self._held.items()):
            if number not in kept:
                log.warning("another collector has this one's number, leaving it to that", number=number)
                held.receiver.stop()
                del self._held[number]
            elif held.receiver.taken_over:
                held.receiver.stop()
                self._begin(number, "no" if held.orphan == "no" else "served")
        if all(held.orphan != "no" for held in self._held.values()):
            self._begin(self._numbers.claim())
        shares = not self._numbers.alone()
        for held in self._held.values():
            if held.orphan == "no":
                held.receiver.share(shares=shares)

    def _adopt(self, now: float) -> None:
        unheld = self._numbers.unheld()
        self._unheld_since = {number: self._unheld_since.get(number, now) for number in unheld}
        for number, since in self._unheld_since.items():
            if now - since >= ADOPT_AFTER_S and self._numbers.try_claim(number):
                log.info("working off the session of a collector that is gone", number=number)
                self._begin(number, "served")

    def _leave_the_empty(self) -> None:
        for number, held in list(self._held.items()):
            if held.orphan == "served" and held.receiver.empty_for(EMPTY_S):
                # Nothing is waiting at the broker, so nothing can be dropped with the subscription.
                held.receiver.unsubscribe()
                held.orphan = "leaving"
            elif (
                held.orphan == "leaving" and held.receiver.unsubscribed and held.receiver.empty_for(SILENT_S)
            ):
                held.receiver.stop()
                if erase_session(self._url, held.receiver.client_id, held.receiver.version, self._tls):
                    self._numbers.give_up(number)
                    del self._held[number]
                    log.info("session worked off and given up", number=number)
                else:
                    self._begin(number, "served")
