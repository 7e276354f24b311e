"""A device judged again from its beginning: page by page, to the same end, with checkpoints left on the way."""

from typing import Any

import psycopg
import pytest

from devices.repository import store_registry
from ingest import rejudging
from tests.ingest.test_pipeline import A_BAD_HAUL, of, pipeline, standing_alerts, stored
from tests.small_district import registry

PAGE = 10
TRIPS = "SELECT loaded_at, left_at, outcome, ended_at, distance_m, on_route_m FROM trip WHERE device_id = %s"
STATE = "SELECT state FROM engine_state WHERE device_id = %s"
CHECKPOINTS = "SELECT count(*) FROM engine_checkpoint WHERE device_id = %s"


@pytest.fixture
def connection(database_url: str) -> Any:
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(trucks=2), actor="test", note="")
        yield connection


def forget_what_states_mean(connection: psycopg.Connection, device_id: str) -> None:
    """As after an update of the program that keeps its states otherwise."""
    connection.execute(
        "UPDATE engine_state SET layout = layout - 1, state = '\\x0102' WHERE device_id = %s", (device_id,)
    )
    connection.execute("DELETE FROM engine_checkpoint WHERE device_id = %s", (device_id,))


def one(connection: psycopg.Connection, query: str, device_id: str) -> Any:
    return connection.execute(query, (device_id,)).fetchone()


def test_a_history_judged_again_by_pages_ends_like_one_judged_once(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline().process(connection, [of("vehicle", "V0", A_BAD_HAUL)])
    pipeline().process(connection, [of("vehicle", "V1", A_BAD_HAUL[:-1])])
    forget_what_states_mean(connection, "V1")
    fetched: list[int] = []
    pages = rejudging._pages

    def counted(*arguments: Any) -> Any:
        for readings, is_last in pages(*arguments):
            fetched.append(len(readings))
            yield readings, is_last

    monkeypatch.setattr(rejudging, "PAGE", PAGE)
    monkeypatch.setattr(rejudging, "_pages", counted)
    pipeline().process(connection, [of("vehicle", "V1", A_BAD_HAUL[-1:])])

    assert fetched == [PAGE] * (len(A_BAD_HAUL) // PAGE) + [len(A_BAD_HAUL) % PAGE]
    assert standing_alerts(connection, "V1") == standing_alerts(connection, "V0")
    assert stored(connection, "vehicle_position", "V1") == stored(connection, "vehicle_position", "V0")
    assert connection.execute(TRIPS, ("V1",)).fetchall() == connection.execute(TRIPS, ("V0",)).fetchall()
    assert one(connection, STATE, "V1") == one(connection, STATE, "V0")


def test_the_next_late_reading_begins_from_the_last_page_and_not_from_the_beginning(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = len(A_BAD_HAUL) - 5
    pipeline().process(connection, [of("vehicle", "V0", A_BAD_HAUL)])
    pipeline().process(connection, [of("vehicle", "V1", [*A_BAD_HAUL[:late], *A_BAD_HAUL[late + 1 : -1]])])
    forget_what_states_mean(connection, "V1")
    monkeypatch.setattr(rejudging, "PAGE", PAGE)
    pipeline().process(connection, [of("vehicle", "V1", A_BAD_HAUL[-1:])])
    assert one(connection, CHECKPOINTS, "V1") == ((len(A_BAD_HAUL) - 1) // PAGE,)

    connection.execute(
        "UPDATE vehicle_position SET quality = 'seen' WHERE device_id = 'V1' AND ts < to_timestamp(%s)",
        (A_BAD_HAUL[PAGE]["ts"],),
    )
    pipeline().process(connection, [of("vehicle", "V1", A_BAD_HAUL[late : late + 1])])

    untouched = [quality for _, quality in stored(connection, "vehicle_position", "V1")]
    assert untouched == ["seen"] * PAGE + ["ok"] * (len(A_BAD_HAUL) - PAGE)
    assert standing_alerts(connection, "V1") == standing_alerts(connection, "V0")
