"""The live stream: one listener per process, many clients, each event once and in the order of its id.

    outbox, vehicle_latest --NOTIFY--> Hub --bounded queue--> one sender per client --> WebSocket

Order    Ids become visible in order (alerts.outbox), so after event n the listener never finds a smaller one.
Resume   A client is entered at the Hub's newest id h; what it has missed up to h is read from the outbox and
         sent first, what comes after h is waiting in its queue by then.
Slow     A client whose queue is full is let go (1013) and resumes; nobody waits for it.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, LiteralString, NamedTuple

import msgspec
import psycopg
import structlog
from fastapi import APIRouter, Query, WebSocket
from prometheus_client import Gauge
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocketDisconnect

from alerts.labels import Language
from api.auth import Token, read_token
from api.positions import POSITIONS, position_json
from api.problems import problem
from api.state import Pool, Shared, shared
from runtime.database import connect_async
from runtime.errors import DatabaseUnreachable

log = structlog.get_logger(__name__)
router = APIRouter()

POSITIONS_EVERY_S: Final = 1.0
HEARTBEAT_S: Final = 5.0
"""However quiet it is, the database is asked this often: a dead connection shows, a lost NOTIFY costs no more."""
COMMIT_MOST: Final = timedelta(seconds=30)
"""A row may become visible this long after its `received_at`: a batch takes its time to commit."""
RETRY_FIRST_S, RETRY_MOST_S = 0.2, 10.0
QUEUE_MOST: Final = 1000
PAGE: Final = 500
CLOSE_WITHIN_S: Final = 5.0

POLICY, INTERNAL, TRY_AGAIN = 1008, 1011, 1013

NEWEST: LiteralString = "SELECT coalesce(max(id), 0) AS newest FROM outbox"
EVENTS: LiteralString = """
    SELECT id, type, at, body FROM outbox WHERE id > %(after)s AND id <= %(upto)s ORDER BY id LIMIT %(limit)s
"""
CHANGED: LiteralString = POSITIONS + " WHERE latest.received_at > %(since)s"
LISTEN: LiteralString = "LISTEN fleetfume_outbox; LISTEN fleetfume_positions"
BIGINT_MOST: Final = 2**63 - 1

CLIENTS = Gauge("fleetfume_stream_clients", "Clients of the live stream")


class Event(NamedTuple):
    id: int
    text: str
    lasting: bool
    """In the outbox; positions are not."""


class Client:
    """One connection's queue. `seen`: the newest outbox id it has, or had when it came."""

    def __init__(self, seen: int) -> None:
        self.seen = seen
        self._queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE_MOST)
        self.too_slow = asyncio.Event()

    def offer(self, event: Event) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.too_slow.set()

    async def next(self) -> Event:
        """The next event that is new to the client."""
        while True:
            event = await self._queue.get()
            if not event.lasting:
                return event
            if event.id > self.seen:
                self.seen = event.id
                return event


class Hub:
    """Listens to the database and tells every client; outlasts the database's absence."""

    def __init__(self, url: str, language: Language) -> None:
        self._url = url
        self._language = language
        self._clients: set[Client] = set()
        self._newest: int | None = None
        self._seen_positions: dict[str, datetime] = {}
        self._since = datetime.now(UTC) - COMMIT_MOST
        self._listening = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run(), name="stream")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[tuple[Client, int]]:
        """A client entered now, and the id up to which events went out before it came."""
        await self._listening.wait()
        assert self._newest is not None  # noqa: S101 - what `_listening` means
        client = Client(self._newest)
        self._clients.add(client)
        CLIENTS.set(len(self._clients))
        try:
            yield client, self._newest
        finally:
            self._clients.discard(client)
            CLIENTS.set(len(self._clients))

    def text(self, row: dict[str, Any]) -> str:
        """An outbox row as the contract's envelope."""
        body = row["body"]
        noun, said = ("lead", "title") if row["type"].startswith("lead.") else ("alert", "summary")
        body = {**body, said: body.get(f"{said}_{self._language}", body.get(said))}
        return _text({"id": row["id"], "type": row["type"], "at": row["at"], noun: body})

    async def _run(self) -> None:
        wait_s = RETRY_FIRST_S
        while True:
            try:
                connection = await connect_async(self._url, autocommit=True)
                async with connection:
                    await connection.execute(LISTEN)
                    wait_s = RETRY_FIRST_S
                    await self._listen(connection)
            except (psycopg.OperationalError, DatabaseUnreachable) as error:
                log.warning("stream lost the database, trying again", reason=str(error).partition("\n")[0])
            except Exception:
                log.exception("stream failed, trying again")
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, RETRY_MOST_S)

    async def _listen(self, connection: AsyncConnection[TupleRow]) -> None:
        due: float | None = time.monotonic()
        """When positions may go out; None: nothing has moved."""
        told = time.monotonic()
        while True:
            await self._tell_events(connection)
            self._listening.set()
            now = time.monotonic()
            if due is not None and now >= due:
                await self._tell_positions(connection)
                due, told = None, now
            timeout = HEARTBEAT_S if due is None else max(0.0, min(HEARTBEAT_S, due - time.monotonic()))
            # A batch that moves vehicles is told soon; an event of the outbox at once.
            async for notify in connection.notifies(timeout=timeout, stop_after=1):
                if notify.channel == "fleetfume_positions" and due is None:
                    due = told + POSITIONS_EVERY_S

    async def _tell_events(self, connection: AsyncConnection[TupleRow]) -> None:
        async with connection.cursor(row_factory=dict_row) as cursor:
            if self._newest is None:
                row = await (await cursor.execute(NEWEST)).fetchone()
                self._newest = row["newest"] if row else 0
            while True:
                await cursor.execute(EVENTS, {"after": self._newest, "upto": BIGINT_MOST, "limit": PAGE})
                rows = await cursor.fetchall()
                for row in rows:
                    self._newest = row["id"]
                    if self._clients:
                        self._offer(Event(row["id"], self.text(row), lasting=True))
                if len(rows) < PAGE:
                    return
                # Senders take their turn, or a long absence would fill every queue at once.
                await asyncio.sleep(0)

    async def _tell_positions(self, connection: AsyncConnection[TupleRow]) -> None:
        async with connection.cursor(row_factory=dict_row) as cursor:
            rows = await (await cursor.execute(CHANGED, {"since": self._since - COMMIT_MOST})).fetchall()
        changed = [row for row in rows if self._seen_positions.get(row["device_id"]) != row["received_at"]]
        if not changed:
            return
        self._seen_positions.update({row["device_id"]: row["received_at"] for row in changed})
        self._since = max(self._since, *(row["received_at"] for row in changed))
        if not self._clients:
            return
        newest = self._newest or 0
        envelope = {
            "id": newest, "type": "positions", "at": datetime.now(UTC),
            "vehicles": [position_json(row) for row in changed],
        }  # fmt: skip
        self._offer(Event(newest, _text(envelope), lasting=False))

    def _offer(self, event: Event) -> None:
        """The event is text already, once for all."""
        for client in self._clients:
            client.offer(event)


def _text(envelope: dict[str, Any]) -> str:
    return msgspec.json.encode(envelope).decode()


@router.websocket("/stream")
async def stream(
    websocket: WebSocket, last_event_id: Annotated[int | None, Query(ge=0, le=BIGINT_MOST)] = None
) -> None:
    """Events as they come; with `last_event_id` first those after it."""
    parts, hub = shared(websocket), websocket.app.state.hub
    try:
        token = await run_in_threadpool(_token, parts.pool, _bearer(websocket))
    except HTTPException as error:
        await websocket.send_denial_response(
            problem(None, error.status_code, error.detail, headers=error.headers)
        )
        return
    offered = websocket.scope.get("subprotocols", [])
    await websocket.accept(subprotocol="bearer" if "bearer" in offered else None)
    async with hub.client() as (client, entered):
        code, reason = await _serve(
            websocket, client, _sending(websocket, parts, hub, client, last_event_id, entered), token
        )
    if code is not None:
        with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await websocket.close(code, reason)


async def _serve(websocket: WebSocket, client: Client, sending: Any, token: Token) -> tuple[int | None, str]:
    """Send until there is a reason to stop; the close code (None: the client has gone) and the reason."""
    sender = asyncio.create_task(sending)
    gone = asyncio.create_task(_until_gone(websocket))
    slow = asyncio.create_task(client.too_slow.wait())
    tasks = (sender, gone, slow)
    try:
        await asyncio.wait(
            tasks, timeout=max(0.0, token.expires_at - time.time()), return_when=asyncio.FIRST_COMPLETED
        )
        if gone.done():
            return None, ""
        if slow.done():
            return TRY_AGAIN, "resume with last_event_id"
        if not sender.done():
            return POLICY, "the token has expired"
        failure = sender.exception()
        if failure is None or isinstance(failure, WebSocketDisconnect):
            return None, ""
        log.warning("stream ended", error=repr(failure))
        return INTERNAL, "resume with last_event_id"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _sending(
    websocket: WebSocket, parts: Shared, hub: Hub, client: Client, last_event_id: int | None, entered: int
) -> None:
    if last_event_id is not None:
        # An id from before the database was made anew is no reason to keep silent until it is reached again.
        newest = await run_in_threadpool(_newest, parts.pool)
        client.seen = min(last_event_id, newest)
        while missed := await run_in_threadpool(_events, parts.pool, client.seen, entered):
            for row in missed:
                await websocket.send_text(hub.text(row))
                client.seen = row["id"]
    while True:
        event = await client.next()
        await websocket.send_text(event.text)


async def _until_gone(websocket: WebSocket) -> None:
    """What a client says is not listened to; that it leaves, is."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


def _bearer(websocket: WebSocket) -> str | None:
    scheme, _, given = websocket.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and given:
        return given.strip()
    match websocket.scope.get("subprotocols", []):
        case ["bearer", token]:
            return str(token)
    return None


def _token(pool: Pool, text: str | None) -> Token:
    if text is None:
        raise HTTPException(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})
    with pool.connection() as connection:
        return read_token(connection, text)


def _newest(pool: Pool) -> int:
    with pool.connection() as connection:
        row = connection.execute(NEWEST).fetchone()
    return int(row[0]) if row else 0


def _events(pool: Pool, after: int, upto: int) -> list[dict[str, Any]]:
    with pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(EVENTS, {"after": after, "upto": upto, "limit": PAGE}).fetchall()
