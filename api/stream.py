"""`WS /api/v1/stream`: alerts and leads in the order of their commits, positions as they change.

A stream reads the outbox on from the event it last sent, so that none is skipped, doubled or out of order, and
one that cannot keep up falls behind without holding anything in memory. One that takes nothing at all is closed
with 1013: come back with the last event's id.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from psycopg.rows import dict_row
from starlette.concurrency import run_in_threadpool

from api import metrics
from api.answers import encode
from api.auth import CHALLENGE, Token, find_caller, read_token
from api.hub import AFTER, READ_AT_ONCE, Event, Hub, as_event
from api.positions import NEWEST_EVENT
from api.problems import Problem

router = APIRouter()

SEND_TIMEOUT_S = 20.0
CLOSE_TIMEOUT_S = 1.0
HUB_WAIT_S = 10.0
POSITIONS_EVERY_S = 1.0
MAX_EVENT_ID = 2**63 - 1

TRY_AGAIN = 1013  # RFC 6455's registry: too slow; resume with last_event_id
TOKEN_EXPIRED = 4401


@router.websocket("/stream")
async def stream(websocket: WebSocket) -> None:
    token, subprotocol = _credentials(websocket)
    known = await run_in_threadpool(_signed_in, websocket, token)
    if known is None:
        await websocket.send_denial_response(
            Problem(
                401,
                "a valid bearer token is needed, in Authorization or Sec-WebSocket-Protocol",
                headers=CHALLENGE,
            )
        )
        return
    asked = websocket.query_params.get("last_event_id")
    if asked is not None and not (asked.isascii() and asked.isdigit() and int(asked) <= MAX_EVENT_ID):
        await websocket.send_denial_response(Problem(400, "last_event_id must be the id of an event"))
        return
    hub: Hub = websocket.app.state.hub
    try:
        await asyncio.wait_for(hub.ready.wait(), HUB_WAIT_S)
    except TimeoutError:
        await websocket.send_denial_response(Problem(503, "the database does not answer now"))
        return
    # Where the stream begins is settled before the client hears that it does: what happens from then on is told.
    sent = hub.last_id if asked is None else await run_in_threadpool(_told, websocket, int(asked))
    await websocket.accept(subprotocol=subprotocol)
    sender = _Sender(websocket, hub, sent=sent)
    tasks = [
        asyncio.create_task(sender.run(), name="stream sender"),
        asyncio.create_task(_until_disconnected(websocket), name="stream receiver"),
    ]
    with metrics.STREAMS.track_inprogress():
        try:
            done, _ = await asyncio.wait(
                tasks, timeout=max(0.0, known.expires_at - time.time()), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
    code = TRY_AGAIN if done else TOKEN_EXPIRED
    # Already closed, where it was the client that left; not to be told, where it takes nothing.
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await websocket.close(code, "resume with last_event_id" if done else "sign in again")
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, TimeoutError | WebSocketDisconnect):
            raise result


def _credentials(websocket: WebSocket) -> tuple[str | None, str | None]:
    """The token, and the subprotocol to answer with."""
    scheme, _, token = websocket.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip(), None
    offered = websocket.scope.get("subprotocols", [])
    if len(offered) == 2 and offered[0] == "bearer":
        return offered[1], "bearer"
    return None, None


def _signed_in(websocket: WebSocket, token: str | None) -> Token | None:
    if token is None:
        return None
    with websocket.app.state.pool.connection() as connection:
        known = read_token(websocket.app.state.keys.token(connection), token)
        return known if known and find_caller(connection, known.name) else None


def _told(websocket: WebSocket, asked: int) -> int:
    """What a client that names `asked` has been told: an id beyond the newest is of another database, and
    waiting until it is reached would be silence.
    """
    if asked <= websocket.app.state.hub.last_id:
        return asked
    # Another process may have told more than this one has heard of.
    with websocket.app.state.pool.connection() as connection:
        row = connection.execute(NEWEST_EVENT).fetchone()
    return min(asked, row[0] if row else 0)


async def _until_disconnected(websocket: WebSocket) -> None:
    """What a client says is not listened to."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


class _Sender:
    """One client's stream: everything after `sent`."""

    def __init__(self, websocket: WebSocket, hub: Hub, *, sent: int) -> None:
        self._websocket = websocket
        self._hub = hub
        self._sent = sent
        self._language = websocket.app.state.language

    async def run(self) -> None:
        subscription = self._hub.subscribe()
        moved = 0.0
        try:
            while True:
                subscription.woken.clear()
                await self._send_events()
                due_s = moved + POSITIONS_EVERY_S - time.monotonic()
                if subscription.positions and due_s <= 0:
                    # Handed over before sending: what moves meanwhile is for the next one.
                    vehicles, subscription.positions = list(subscription.positions.values()), {}
                    moved = time.monotonic()
                    await self._send_positions(vehicles)
                    continue
                timeout = max(due_s, 0.0) if subscription.positions else None
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(subscription.woken.wait(), timeout)
        finally:
            self._hub.unsubscribe(subscription)

    async def _send_events(self) -> None:
        while self._sent < self._hub.last_id:
            events = self._hub.events_after(self._sent)
            if events is None:
                events = await run_in_threadpool(self._read_outbox)
            if not events:
                return
            for event in events:
                await self._send(in_language(event, self._language))
                self._sent = event["id"]

    def _read_outbox(self) -> list[Event]:
        with (
            self._websocket.app.state.pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            return [as_event(row) for row in cursor.execute(AFTER, (self._sent, READ_AT_ONCE))]

    async def _send_positions(self, vehicles: list[dict[str, Any]]) -> None:
        # They have no place of their own in the order of events: their id is where the stream is.
        await self._send(
            {"id": self._sent, "type": "positions", "at": datetime.now(UTC), "vehicles": vehicles}
        )

    async def _send(self, event: Event) -> None:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await self._websocket.send_text(encode(event).decode())


def in_language(event: Event, language: str) -> Event:
    """`summary` and `title` as the HTTP routes give them."""
    said = dict(event)
    if "alert" in said:
        said["alert"] = {**said["alert"], "summary": said["alert"][f"summary_{language}"]}
    if "lead" in said:
        said["lead"] = {**said["lead"], "title": said["lead"][f"title_{language}"]}
    return said
