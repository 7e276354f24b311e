"""What happens, as this process hears it: one listener on the database for all of its streams.

Events    The outbox is the truth; NOTIFY only says that there is something to read. The newest events are kept
          here, so that streams which keep up never ask the database; one that fell behind reads it.
Positions Once a second at most, the map's rows are compared with those of before; what changed is handed to
          every stream, which keeps the newest of each vehicle until it can send.
"""

import asyncio
import random
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from api.positions import NEWEST_EVENT, POSITIONS, position
from runtime.database import connect_async
from runtime.errors import DatabaseUnreachable

log = structlog.get_logger(__name__)

POSITIONS_EVERY_S = 1.0
# A NOTIFY is never lost but with its connection; this finds a connection that is dead and does not say so.
HEARTBEAT_S = 10.0
RETRY_FIRST_S, RETRY_MAX_S = 0.2, 5.0
KEPT_EVENTS = 1000
READ_AT_ONCE = 500
# A stream begins with what moved just before: its map was fetched a moment earlier.
FRESH = timedelta(seconds=15)

AFTER: LiteralString = "SELECT id, type, at, body FROM outbox WHERE id > %s ORDER BY id LIMIT %s"

Event = dict[str, Any]
Position = dict[str, Any]


def as_event(row: dict[str, Any]) -> Event:
    """A row of the outbox as the stream's envelope."""
    noun = row["type"].partition(".")[0]
    return {"id": row["id"], "type": row["type"], "at": row["at"], noun: row["body"]}


class Subscription:
    """What one stream has yet to send of the positions, and how it is woken."""

    def __init__(self, fresh: dict[str, Position]) -> None:
        self.positions = fresh
        self.woken = asyncio.Event()


class Hub:
    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._last_id: int | None = None
        self._positions: dict[str, Position] = {}
        self._received: dict[str, datetime] = {}
        self._subscriptions: set[Subscription] = set()
        self.ready = asyncio.Event()
        """Set once the listener has heard from the database."""

    @property
    def last_id(self) -> int:
        """The newest event heard of."""
        return self._last_id or 0

    def subscribe(self) -> Subscription:
        since = datetime.now(UTC) - FRESH
        fresh = {
            device_id: self._positions[device_id]
            for device_id, received in self._received.items()
            if received >= since
        }
        subscription = Subscription(fresh)
        if fresh:
            subscription.woken.set()
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)

    def events_after(self, event_id: int) -> list[Event] | None:
        """Events after `event_id` that are kept here; None if there were others in between: read the outbox."""
        if event_id >= self.last_id:
            return []
        if not self._events or self._events[0]["id"] > event_id + 1:
            # Numbers have holes where a transaction was rolled back: only the outbox knows which.
            return None
        return [event for event in self._events if event["id"] > event_id]

    async def run(self) -> None:
        """Listen until cancelled; a lost connection comes back by itself."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                async with await connect_async(self._url, autocommit=True) as connection:
                    connection.row_factory = dict_row  # type: ignore[assignment]
                    await connection.execute("LISTEN fleetfume_outbox")
                    await connection.execute("LISTEN fleetfume_positions")
                    wait_s = RETRY_FIRST_S
                    await self._listen(connection)  # type: ignore[arg-type]
            except (psycopg.Error, DatabaseUnreachable) as error:
                log.warning("stream's listener lost the database", reason=str(error).splitlines()[0])
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - so that not all come back at once
            wait_s = min(wait_s * 2, RETRY_MAX_S)

    async def _listen(self, connection: AsyncConnection[DictRow]) -> None:
        positions_changed, looked = True, 0.0
        while True:
            if await self._read_events(connection):
                positions_changed = True  # an alert is part of a position
            due_s = max(0.0, looked + POSITIONS_EVERY_S - time.monotonic())
            if positions_changed and due_s == 0.0:
                await self._read_positions(connection)
                positions_changed, looked = False, time.monotonic()
            self.ready.set()
            timeout = due_s if positions_changed else HEARTBEAT_S
            async for heard in connection.notifies(timeout=timeout, stop_after=1):
                positions_changed = positions_changed or heard.channel == "fleetfume_positions"

    async def _read_events(self, connection: AsyncConnection[DictRow]) -> bool:
        if self._last_id is None:
            row = await (await connection.execute(NEWEST_EVENT)).fetchone()
            self._last_id = row["coalesce"] if row else 0
            return False
        heard = False
        while rows := await (await connection.execute(AFTER, (self._last_id, READ_AT_ONCE))).fetchall():
            self._events.extend(as_event(row) for row in rows)
            self._last_id = rows[-1]["id"]
            heard = True
        if heard:
            self._wake()
        return heard

    async def _read_positions(self, connection: AsyncConnection[DictRow]) -> None:
        rows = await (await connection.execute(POSITIONS)).fetchall()
        now = {row["device_id"]: position(row) for row in rows}
        changed = {
            device_id: seen for device_id, seen in now.items() if self._positions.get(device_id) != seen
        }
        self._positions = now
        self._received = {row["device_id"]: row["received_at"] for row in rows}
        if changed:
            for subscription in self._subscriptions:
                subscription.positions.update(changed)
            self._wake()

    def _wake(self) -> None:
        for subscription in self._subscriptions:
            subscription.woken.set()
