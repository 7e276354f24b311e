import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from alerts.leads import open_lead
from alerts.presentation import publish_alert
from tests.api.serving import Served, add_alert, add_position


def address(served: Served) -> str:
    return served.url.replace("http", "ws") + "/api/v1/stream"


@contextmanager
def streaming(
    served: Served, query: str = "", token: str | None = None, **options: Any
) -> Iterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {token or served.token('viewer')}"}
    with connect(address(served) + query, additional_headers=headers, proxy=None, **options) as socket:
        yield socket


def publish(served: Served, alert_id: int, count: int = 1) -> list[int]:
    with psycopg.connect(served.database_url) as connection:
        ids = []
        for _ in range(count):
            ids.append(publish_alert(connection, alert_id, "alert.updated"))
            connection.commit()
        return ids


def receive(socket: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [json.loads(socket.recv(timeout=10)) for _ in range(count)]


def _receive_all(socket: ClientConnection, ids: list[int]) -> None:
    while True:
        ids.append(json.loads(socket.recv(timeout=10))["id"])


def test_an_alert_is_told_as_the_contract_says(served: Served) -> None:
    alert_id = add_alert(served)
    with streaming(served) as socket:
        (event_id,) = publish(served, alert_id)
        (event,) = receive(socket, 1)
    assert event["id"] == event_id
    assert event["type"] == "alert.updated"
    assert event["at"].endswith("Z")
    assert event["alert"]["id"] == alert_id
    assert event["alert"]["summary"] == "鲁A00000在明水街道偏离核准路线：最远偏离 240 米"


def test_a_lead_is_told(served: Served) -> None:
    alert_id = add_alert(served)
    with streaming(served) as socket:
        with psycopg.connect(served.database_url) as connection:
            lead_id = open_lead(connection, [alert_id])
        (event,) = receive(socket, 1)
    assert event["type"] == "lead.changed"
    assert (event["lead"]["id"], event["lead"]["alerts"]) == (lead_id, [alert_id])


def test_a_client_that_resumes_gets_every_event_once_and_in_order(served: Served) -> None:
    alert_id = add_alert(served)
    with streaming(served) as socket:
        first, *_ = publish(served, alert_id, 3)
        seen = [event["id"] for event in receive(socket, 2)]
    missed = publish(served, alert_id, 1200)  # more than two pages
    with streaming(served, f"?last_event_id={seen[-1]}") as socket:
        later = publish(served, alert_id, 50)
        resumed = [event["id"] for event in receive(socket, 1 + len(missed) + len(later))]
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.3)
    assert seen[0] == first
    assert seen + resumed == list(range(first, later[-1] + 1))


def test_a_new_client_gets_no_backlog(served: Served) -> None:
    alert_id = add_alert(served)
    publish(served, alert_id, 5)
    with streaming(served) as socket:
        (newest,) = publish(served, alert_id)
        assert receive(socket, 1)[0]["id"] == newest


def test_an_event_id_from_another_database_does_not_silence_the_stream(served: Served) -> None:
    alert_id = add_alert(served)
    with streaming(served, "?last_event_id=1000000") as socket:
        (event_id,) = publish(served, alert_id)
        assert receive(socket, 1)[0]["id"] == event_id


def test_positions_are_those_that_changed(served: Served) -> None:
    add_position(served, device_id="V0")
    with streaming(served) as socket:
        add_position(served, device_id="V1", lat=36.71)
        vehicles: dict[str, Any] = {}
        while "V1" not in vehicles:
            (event,) = receive(socket, 1)
            assert event["type"] == "positions"
            vehicles |= {one["device_id"]: one for one in event["vehicles"]}
        add_position(served, device_id="V1", lat=36.72)
        (event,) = receive(socket, 1)
        assert [(one["device_id"], one["lat"]) for one in event["vehicles"]] == [("V1", 36.72)]
        assert "received_at" not in event["vehicles"][0]


def test_positions_come_at_most_once_a_second(served: Served) -> None:
    times = []
    with streaming(served) as socket:
        for n in range(60):
            add_position(served, lat=36.7 + n / 1000)
            with contextlib.suppress(TimeoutError):
                while True:
                    times.append(datetime.fromisoformat(json.loads(socket.recv(timeout=0.03))["at"]))
    gaps = [(after - before).total_seconds() for before, after in pairwise(times)]
    assert gaps
    assert min(gaps) >= 0.95


def test_the_listener_comes_back_and_catches_up(served: Served) -> None:
    alert_id = add_alert(served)
    with streaming(served) as socket:
        served.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'fleetfume'"
        )
        ids = publish(served, alert_id, 3)
        assert [event["id"] for event in receive(socket, 3)] == ids


def test_without_a_good_token_the_door_stays_shut(served: Served) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(address(served), proxy=None):
        pass
    assert refused.value.response.status_code == 401
    with pytest.raises(InvalidStatus) as refused, streaming(served, token="x.y.z"):
        pass
    assert refused.value.response.status_code == 401


def test_a_browser_gives_its_token_as_a_subprotocol(served: Served) -> None:
    alert_id = add_alert(served)
    offered = [Subprotocol("bearer"), Subprotocol(served.token("viewer"))]
    with connect(address(served), subprotocols=offered, proxy=None) as socket:
        assert socket.subprotocol == "bearer"
        publish(served, alert_id)
        assert receive(socket, 1)[0]["alert"]["id"] == alert_id


def test_a_client_that_is_too_slow_is_told_to_resume(served: Served) -> None:
    alert_id = add_alert(served, note="x" * 20_000)
    with streaming(served, max_queue=1, compression=None) as slow, streaming(served) as other:
        received: list[int] = []
        ids: list[int] = []
        for _ in range(25):
            ids += publish(served, alert_id, 100)
            assert [event["id"] for event in receive(other, 100)] == ids[-100:]
        with pytest.raises(ConnectionClosed) as closed:
            _receive_all(slow, received)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "resume with last_event_id")
    assert received == ids[: len(received)]
    with streaming(served, f"?last_event_id={received[-1]}") as again:
        rest = [event["id"] for event in receive(again, len(ids) - len(received))]
    assert received + rest == ids
