"""A register that changes: a fix is judged by the one of its own time, whenever it comes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from devices.repository import load_registry, load_registry_at, registry_periods, store_registry
from devices.types import Registry, Site
from tests.ingest.test_pipeline import A_BAD_HAUL, BEGIN_S, Reading, arrivals, of, pipeline, standing_alerts
from tests.small_district import registry, square

BEGIN = datetime.fromtimestamp(BEGIN_S, UTC)
IN_SPRING_S, BACK_S = 700, 1000
"""Of the bad haul: it is in the protected area; it has left."""


def without_spring(now: Registry) -> Registry:
    return replace(now, sites={key: site for key, site in now.sites.items() if key != "SPRING"})


def store(connection: psycopg.Connection, wanted: Registry, after_s: float) -> int:
    """Store a version that came into force `after_s` after the haul's beginning."""
    with connection.transaction():
        version = store_registry(connection, wanted, actor="test", note="")
        connection.execute(
            "UPDATE registry_version SET at = %s WHERE version = %s",
            (BEGIN + timedelta(seconds=after_s), version),
        )
    return version


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def fresh(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def kinds(connection: psycopg.Connection) -> list[str]:
    return [row[0] for row in standing_alerts(connection, "V0")]


@pytest.mark.parametrize(
    ("removed_s", "told"),
    [
        (BACK_S, ["illegal_dumping", "no_go_entry", "off_route"]),
        (IN_SPRING_S - 200, ["illegal_dumping", "off_route"]),
    ],
)
def test_a_zone_that_was_removed_counts_for_what_happened_before(
    fresh: psycopg.Connection, removed_s: float, told: list[str]
) -> None:
    first = store(fresh, registry(), -3600)
    store(fresh, without_spring(registry()), removed_s)

    pipeline().process(fresh, [of("vehicle", "V0", A_BAD_HAUL)])

    assert kinds(fresh) == told
    if removed_s == BACK_S:
        versions = fresh.execute(
            "SELECT DISTINCT registry_version, evidence ->> 'registry_version' FROM alert"
        )
        assert versions.fetchall() == [(first, str(first))]


_number = iter(range(1, 1000))


@given(batches=arrivals(A_BAD_HAUL))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_alerts_do_not_depend_on_which_readings_came_after_the_register_had_changed(
    connection: psycopg.Connection, batches: list[list[list[Reading]]]
) -> None:
    trucks = 60
    if connection.execute("SELECT FROM registry_version").fetchone() is None:
        store(connection, registry(trucks=trucks), -3600)
        moved = replace(registry().sites["SPRING"], geometry=square(3000, -3000, 300))
        changed = registry(trucks=trucks)
        store(connection, replace(changed, sites={**changed.sites, "SPRING": moved}), IN_SPRING_S)
        pipeline().process(connection, [of("vehicle", "V0", A_BAD_HAUL)])
    device_id = f"V{next(_number)}"
    line = pipeline()
    for messages in batches:
        line.process(connection, [of("vehicle", device_id, readings) for readings in messages])

    assert standing_alerts(connection, device_id) == standing_alerts(connection, "V0")
    (no_go,) = [row for row in standing_alerts(connection, "V0") if row[0] == "no_go_entry"]
    assert no_go[8] - BEGIN >= timedelta(seconds=IN_SPRING_S + 60)  # cleared: the zone had moved away by then


def test_what_was_registered_late_counts_from_its_own_dates_on(fresh: psycopg.Connection) -> None:
    bare = replace(registry(), permits={})
    store(fresh, bare, -3600)
    store(fresh, registry(), BACK_S)

    pipeline().process(fresh, [of("vehicle", "V0", A_BAD_HAUL)])

    assert kinds(fresh) == ["illegal_dumping", "no_go_entry", "off_route"]


def test_before_its_first_version_the_register_is_the_one_of_today(fresh: psycopg.Connection) -> None:
    store(fresh, without_spring(registry()), 3600)
    store(fresh, registry(), 7200)

    pipeline().process(fresh, [of("vehicle", "V0", A_BAD_HAUL)])

    assert kinds(fresh) == ["illegal_dumping", "no_go_entry", "off_route"]


def test_the_register_of_a_version_is_what_was_there_then(fresh: psycopg.Connection) -> None:
    first = store(fresh, registry(), 0)
    moved = replace(registry().sites["TIP"], geometry=square(9000, 0, 200))
    late = Site(site_id="LATE", name="后来登记", kind="source", geometry=square(0, 3000, 100))
    gone = without_spring(registry())
    second = store(fresh, replace(gone, sites={**gone.sites, "TIP": moved, "LATE": late}), 60)

    now = load_registry(fresh)
    then = load_registry_at(fresh, now, first)

    assert then == replace(registry(), version=first, sites={**registry().sites, "LATE": late})
    assert load_registry_at(fresh, now, second) == now
    assert load_registry_at(fresh, now, 0) == replace(now, version=0)


def test_a_version_whose_writer_had_to_wait_came_into_force_after_the_one_it_waited_for(
    fresh: psycopg.Connection,
) -> None:
    first, second = store(fresh, registry(), 60), store(fresh, without_spring(registry()), 0)

    since: Any = int(BEGIN.timestamp() + 60) * 1_000_000
    assert registry_periods(fresh) == [(since, first), (since, second)]
