"""Trips on a real database: the same whatever the order in which readings come."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from devices.repository import store_registry
from devices.types import Registry, Road
from tests.ingest.test_pipeline import A_BAD_HAUL, BEGIN_S, Reading, arrivals, drive, of, pipeline
from tests.small_district import place, plate, registry

TRUCKS = 60
GATE = [list(reversed(place(4480, 0))), list(reversed(place(4500, 0)))]
"""Shorter than the way between two fixes."""
HOUR_S = 3600
A_DAY = [
    *A_BAD_HAUL,
    *drive(
        [
            (HOUR_S, 0, 0, 0.0),
            (HOUR_S + 120, 0, 0, 0.7),
            (HOUR_S + 240, 0, 0, 0.7),
            (HOUR_S + 1000, 6000, 0, 0.7),
            (HOUR_S + 1060, 6000, 0, 0.0),
            (HOUR_S + 1800, 0, 0, 0.0),
            (HOUR_S + 1900, 0, 0, 0.9),  # and off again
            (HOUR_S + 2000, 0, 0, 0.9),
            (HOUR_S + 2300, 3000, 0, 0.9),
            (HOUR_S + 2320, 3000, 0, 0.9),
        ]
    ),
]


def with_road() -> Registry:
    ends = [list(reversed(place(1000, 0))), list(reversed(place(2500, 0)))]
    road = Road(road_id="K1", name="经十东路", geometry={"type": "LineString", "coordinates": ends})
    gate = Road(road_id="G1", name="卡口", geometry={"type": "LineString", "coordinates": GATE})
    base = registry(trucks=TRUCKS)
    heavy = {key: replace(vehicle, capacity_m3=20.0) for key, vehicle in base.vehicles.items()}
    return replace(base, roads={"K1": road, "G1": gate}, vehicles=heavy)


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, with_road(), actor="test", note="")
        line = pipeline()
        for reading in A_DAY:
            line.process(connection, [of("vehicle", "V0", [reading])])
        yield connection


def told(connection: psycopg.Connection, device_id: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        """
        SELECT extract(epoch FROM loaded_at)::int - %(begin)s, source_site_id, permit_id, outcome,
               extract(epoch FROM ended_at)::int - %(begin)s, unloaded_site_id, round(distance_m), on_route_m, most_load,
               volume_m3, unloaded_lat
          FROM trip WHERE device_id = %(device_id)s ORDER BY loaded_at
        """,
        {"begin": BEGIN_S, "device_id": device_id},
    ).fetchall()


def passed(connection: psycopg.Connection, device_id: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT ts, road_id, inferred, loaded_at FROM road_passage WHERE device_id = %s ORDER BY ts, road_id",
        (device_id,),
    ).fetchall()


def test_a_day_is_told_as_the_trips_it_was(connection: psycopg.Connection) -> None:
    dumped, delivered, going = told(connection, "V0")

    assert dumped[:4] == (120, "PIT", "P1", "dumped")
    assert delivered[:4] == (HOUR_S + 120, "PIT", "P1", "delivered")
    assert delivered[5] == "TIP"
    assert delivered[9] == pytest.approx(0.7 * 20)
    assert float(delivered[6]) == pytest.approx(5850, abs=250)
    assert going[3:6] == ("under_way", None, None)
    assert [row[1:3] for row in passed(connection, "V0")] == [
        ("K1", False),
        ("K1", False),
        ("G1", True),
        ("K1", False),
    ]
    assert connection.execute("SELECT DISTINCT plate, company_id FROM trip").fetchall()[0] == (
        plate(0),
        "C1",
    )


_number = itertools.count(1)


@given(batches=arrivals(A_DAY))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_trips_do_not_depend_on_how_the_readings_arrive(
    connection: psycopg.Connection, batches: list[list[list[Reading]]]
) -> None:
    device_id = f"V{next(_number)}"
    line = pipeline()
    for messages in batches:
        line.process(connection, [of("vehicle", device_id, readings) for readings in messages])

    assert told(connection, device_id) == told(connection, "V0")
    assert passed(connection, device_id) == passed(connection, "V0")
