"""The live stream on a real port: in order, none twice, none missed, positions as they change."""

import asyncio
import base64
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from alerts.presentation import publish_alert
from api import stream
from api.auth import Token, read_token
from tests import builders
from tests.service.running import HANG_S, wait_until

QUIET_S = 1.2  # longer than positions wait


class Live:
    """A client of the stream with a viewer's token."""

    def __init__(self, address: str, token: str) -> None:
        self.url = f"ws://{address}/api/v1/stream"
        self.headers = {"Authorization": f"Bearer {token}"}

    def __call__(self, last_event_id: object = None) -> ClientConnection:
        query = "" if last_event_id is None else f"?last_event_id={last_event_id}"
        return connect(self.url + query, additional_headers=self.headers)


@pytest.fixture
def live(address: str, token_of: Callable[[str], str]) -> Live:
    return Live(address, token_of("viewer"))


def received(events: ClientConnection, *, at_least: int = 0) -> list[dict[str, Any]]:
    """What comes until it is quiet, but no fewer than `at_least` events that are not positions."""
    got: list[dict[str, Any]] = []
    try:
        while True:
            patience = QUIET_S if len(not_positions(got)) >= at_least else HANG_S
            got.append(json.loads(events.recv(timeout=patience)))
    except TimeoutError:
        return got


def _until_closed(events: ClientConnection) -> Iterator[str | bytes]:
    while True:
        try:
            yield events.recv(timeout=HANG_S)
        except ConnectionClosed:
            return


def not_positions(events: list[dict[str, Any]]) -> list[int]:
    return [event["id"] for event in events if event["type"] != "positions"]


def tell(database: Connection[TupleRow], count: int) -> list[int]:
    """Open `count` alerts; the ids of their events."""
    last = database.execute("SELECT coalesce(max(id), 0) FROM outbox").fetchone()
    assert last is not None
    for _ in range(count):
        row = database.execute("SELECT count(*) FROM alert").fetchone()
        assert row is not None
        with database.transaction():
            builders.alert(database, told=True, place=f"episode {row[0]}")
    return [row[0] for row in database.execute("SELECT id FROM outbox WHERE id > %s ORDER BY id", (last[0],))]


def test_an_alert_is_told_at_once_as_the_api_shows_it(live: Live, database: Connection[TupleRow]) -> None:
    with live() as events:
        begun = time.monotonic()
        (event_id,) = tell(database, 1)
        event = json.loads(events.recv(timeout=HANG_S))
        took_s = time.monotonic() - begun
    assert (event["id"], event["type"]) == (event_id, "alert.opened")
    assert event["at"].endswith("Z")
    assert (
        event["alert"]["summary"]
        == event["alert"]["summary_zh"]
        == "鲁A00000在明水街道偏离核准路线：最远偏离 420 米"
    )
    assert event["alert"]["opened_at"] == "2026-11-23T04:00:00Z"
    assert took_s < 1.0


def test_what_happens_from_the_moment_a_stream_is_accepted_is_told(
    live: Live, database: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the server takes to go on after it has said yes."""
    accept = WebSocket.accept

    async def slowly(self: WebSocket, *args: Any, **options: Any) -> None:
        await accept(self, *args, **options)
        await asyncio.sleep(1.0)

    monkeypatch.setattr(WebSocket, "accept", slowly)
    with live() as events:
        told = tell(database, 1)
        assert not_positions(received(events, at_least=1)) == told


def test_without_an_id_the_stream_begins_now_and_with_one_after_it(
    live: Live, database: Connection[TupleRow], app: FastAPI
) -> None:
    missed = tell(database, 5)
    wait_until(lambda: app.state.hub.last_id == missed[-1])
    with live() as events:
        fresh = tell(database, 1)
        assert not_positions(received(events, at_least=1)) == fresh
    with live(last_event_id=missed[1]) as events:
        assert not_positions(received(events, at_least=4)) == missed[2:] + fresh
    with live(last_event_id=0) as events:
        assert not_positions(received(events, at_least=6)) == missed + fresh


def test_positions_and_the_events_beside_them_resume_from_one_id(
    live: Live, database: Connection[TupleRow]
) -> None:
    with live() as events:
        told = tell(database, 1)
        builders.latest_position(database)
        got = received(events, at_least=1)
    assert {event["id"] for event in got if event["type"] == "positions"} == set(told)


def test_more_than_is_kept_in_memory_comes_from_the_outbox_in_order(
    live: Live, database: Connection[TupleRow]
) -> None:
    with database.transaction():
        alert_id = builders.alert(database)
        database.execute(
            "INSERT INTO outbox (type, alert_id, body) SELECT 'alert.updated', %s,"
            " jsonb_build_object('id', %s::bigint, 'summary_zh', n::text) FROM generate_series(1, 1700) n",
            (alert_id, alert_id),
        )
        database.execute("SELECT pg_notify('fleetfume_outbox', '')")
    with live(last_event_id=3) as events:
        got = received(events, at_least=1697)
    assert not_positions(got) == list(range(4, 1701))
    assert got[-1]["alert"]["summary"] == "1700"


def test_an_event_id_of_another_database_does_not_silence_the_stream(
    live: Live, database: Connection[TupleRow]
) -> None:
    with live(last_event_id=1_000_000) as events:
        alert_id = builders.alert(database)
        with database.transaction():
            event_id = publish_alert(database, alert_id, "alert.opened")
        assert not_positions(received(events, at_least=1)) == [event_id]


async def test_resuming_while_others_write_misses_nothing_and_repeats_nothing(
    live: Live, database_url: str, database: Connection[TupleRow]
) -> None:
    """Writers commit from several connections while clients drop their connection again and again."""
    writers, each = 4, 25

    def write(writer: int) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for n in range(each):
                with connection.transaction():
                    builders.alert(connection, told=True, device_id=f"V{writer}", place=f"episode {n}")

    async def follow(drop_after: int) -> list[int]:
        seen: list[int] = []
        while len(seen) < writers * each:
            last = seen[-1] if seen else 0
            async with connect_async(
                f"{live.url}?last_event_id={last}", additional_headers=live.headers
            ) as events:
                for _ in range(drop_after):
                    event = json.loads(await asyncio.wait_for(events.recv(), 20))
                    if event["type"] != "positions":
                        seen.append(event["id"])
                    if len(seen) == writers * each:
                        break
                # As a network does it: no goodbye.
                events.transport.abort()
        return seen

    followers = [asyncio.create_task(follow(drop_after)) for drop_after in (3, 17, 1000)]
    await asyncio.gather(*(asyncio.to_thread(write, n) for n in range(writers)))
    seen = await asyncio.gather(*followers)
    written = [row[0] for row in database.execute("SELECT id FROM outbox ORDER BY id")]
    assert len(written) == writers * each
    assert seen == [written] * 3


def test_only_vehicles_that_changed_are_sent_and_at_most_once_a_second(
    live: Live, database: Connection[TupleRow], app: FastAPI
) -> None:
    builders.latest_position(database, device_id="V0")
    builders.latest_position(database, device_id="V1")
    wait_until(lambda: len(app.state.hub._positions) == 2)
    with live() as events:
        first = received(events)
        assert [len(event["vehicles"]) for event in first] == [2]
        begun = time.monotonic()
        for speed in range(12):
            builders.latest_position(database, device_id="V1", speed_kmh=float(speed))
            time.sleep(0.2)
        moved = received(events)
        took_s = time.monotonic() - begun
    assert {vehicle["device_id"] for event in moved for vehicle in event["vehicles"]} == {"V1"}
    assert moved[-1]["vehicles"][0]["speed_kmh"] == 11.0
    assert 2 <= len(moved) <= took_s + 1


def test_a_position_shows_the_gravest_alert_that_goes_on(live: Live, database: Connection[TupleRow]) -> None:
    builders.latest_position(database)
    with live() as events:
        received(events)
        with database.transaction():
            builders.alert(database, told=True, severity="minor")
            builders.alert(database, told=True, severity="critical", kind="illegal_dumping")
        moved = [event for event in received(events, at_least=2) if event["type"] == "positions"]
    assert [vehicle["alert"] for event in moved for vehicle in event["vehicles"]] == ["critical"]


def test_a_browser_gives_its_token_as_a_subprotocol(
    address: str, token_of: Callable[[str], str], database: Connection[TupleRow]
) -> None:
    offered = [Subprotocol("bearer"), Subprotocol(token_of("viewer"))]
    with connect(f"ws://{address}/api/v1/stream", subprotocols=offered) as events:
        assert events.subprotocol == "bearer"
        told = tell(database, 1)
        assert not_positions(received(events, at_least=1)) == told


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic ZDpk"}]
)
def test_a_stream_without_a_good_token_is_refused(address: str, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://{address}/api/v1/stream", additional_headers=headers)
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("last_event_id", ["-1", "x", "", "9" * 30, "１"])
def test_an_id_that_is_none_is_refused(live: Live, last_event_id: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        live(last_event_id=last_event_id)
    assert refused.value.response.status_code == 400


def test_a_stream_ends_with_its_token(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def about_to_expire(key: bytes, token: str) -> Token | None:
        known = read_token(key, token)
        return known and Token(known.name, time.time() + 0.5)

    monkeypatch.setattr(stream, "read_token", about_to_expire)
    with live() as events, pytest.raises(ConnectionClosed) as closed:
        events.recv(timeout=HANG_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == stream.TOKEN_EXPIRED


def test_a_client_that_takes_nothing_is_closed_and_can_resume(
    live: Live, database: Connection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SEND_TIMEOUT_S", 0.5)
    incompressible = base64.b64encode(random.Random(1).randbytes(150_000)).decode()
    with database.transaction():
        alert_id = builders.alert(database)
        database.execute(
            "INSERT INTO outbox (type, alert_id, body) SELECT 'alert.updated', %s,"
            " jsonb_build_object('id', %s::bigint, 'summary_zh', %s::text) FROM generate_series(1, 200) n",
            (alert_id, alert_id, incompressible),
        )
        database.execute("SELECT pg_notify('fleetfume_outbox', '')")
    with live(last_event_id=0) as events:
        wait_until(lambda: REGISTRY.get_sample_value("fleetfume_streams") == 0)  # given up
        got = [json.loads(message)["id"] for message in _until_closed(events)]
    assert got == list(range(1, len(got) + 1))
    assert len(got) < 200
    with live(last_event_id=199) as events:
        assert not_positions(received(events, at_least=1)) == [200]


def test_the_listener_comes_back_when_its_connection_is_cut(
    live: Live, database: Connection[TupleRow], app: FastAPI
) -> None:
    with live() as events:
        cut = database.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchone()
        assert cut is not None
        assert cut[0] >= 1
        told = tell(database, 2)
        assert not_positions(received(events, at_least=2)) == told
