import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from devices.checks import RegistryFilesError
from devices.repository import (
    CHANNEL,
    Changes,
    compare,
    current_version,
    delete_row,
    load_registry,
    put_row,
    store_registry,
)
from devices.types import Device, Outlet, Registry, Vehicle
from tests.devices.builders import LINE, a_registry, without_versions

Connection = psycopg.Connection[Any]


@pytest.fixture
def connection(any_database_url: str) -> Iterator[Connection]:
    with psycopg.connect(any_database_url) as connection:
        yield connection


def history(connection: Connection) -> list[tuple[str, str, int, bool]]:
    """(table, key, version, still there after it) of every change."""
    return connection.execute(
        "SELECT entity, key, version, row IS NOT NULL FROM registry_history ORDER BY id"
    ).fetchall()


def test_a_register_comes_back_as_it_was_stored(connection: Connection) -> None:
    assert load_registry(connection) == Registry()

    version = store_registry(connection, a_registry(), actor="duty", note="first")

    assert load_registry(connection) == replace(a_registry(), version=version)
    assert current_version(connection) == version
    assert connection.execute("SELECT version, actor, note FROM registry_version").fetchall() == [
        (version, "duty", "first")
    ]


def test_storing_the_same_again_makes_no_version_and_no_history(connection: Connection) -> None:
    first = store_registry(connection, a_registry(), actor="duty")
    before = history(connection)

    assert store_registry(connection, load_registry(connection), actor="duty") == first
    assert store_registry(connection, a_registry(), actor="duty") == first
    assert history(connection) == before


def test_only_rows_that_differ_make_history(connection: Connection) -> None:
    registry = a_registry()
    first = store_registry(connection, registry, actor="duty")
    before = history(connection)
    assert len(before) == 13
    route, road = (
        replace(registry.routes["R1"], corridor_m=80.0),
        replace(registry.roads["W1"], geometry=LINE),
    )
    added = Vehicle(plate="鲁A99999", company_id=None, kind="decoration", status="suspended")
    vehicles = {"鲁A12345": registry.vehicles["鲁A12345"], "鲁A99999": added}
    devices = {key: device for key, device in registry.devices.items() if key != "T2"}
    changed = replace(registry, routes={"R1": route}, roads={"W1": road}, vehicles=vehicles, devices=devices)

    second = store_registry(connection, changed, actor="duty")

    assert second > first
    assert set(history(connection)[13:]) == {
        ("vehicle", "鲁A99999", second, True),
        ("vehicle", "鲁A12346", second, False),
        ("route", "R1", second, True),
        ("device", "T2", second, False),
    }
    assert without_versions(load_registry(connection)) == changed


def test_the_history_holds_the_row_as_it_became(connection: Connection) -> None:
    store_registry(connection, a_registry(), actor="duty")
    outlet = replace(a_registry().outlets["O1"], limit_mg_m3=0.8)
    version = put_row(connection, "outlets", outlet, actor="duty")

    row = connection.execute(
        "SELECT row FROM registry_history WHERE entity = 'outlet' AND version = %s", [version]
    ).fetchone()

    assert row is not None
    assert (row[0]["outlet_id"], row[0]["limit_mg_m3"]) == ("O1", 0.8)


def test_nothing_is_stored_if_the_callers_transaction_fails(connection: Connection) -> None:
    store_registry(connection, a_registry(), actor="duty")
    connection.rollback()

    assert load_registry(connection) == Registry()
    assert history(connection) == []


def test_whoever_judges_by_the_register_is_told_of_a_new_version(any_database_url: str) -> None:
    with (
        psycopg.connect(any_database_url, autocommit=True) as listener,
        psycopg.connect(any_database_url, autocommit=True) as writer,
    ):
        listener.execute(f"LISTEN {CHANNEL}")

        with writer.transaction():
            version = store_registry(writer, a_registry(), actor="duty")
        with writer.transaction():
            store_registry(writer, a_registry(), actor="duty")

        told = list(listener.notifies(timeout=0.5))
        assert [notice.payload for notice in told] == [str(version)]


def test_a_register_with_a_reference_to_nothing_is_refused_and_changes_nothing(
    connection: Connection,
) -> None:
    registry = replace(a_registry(), companies={})

    with pytest.raises(RegistryFilesError, match="no company_id 'C1' in companies"):
        store_registry(connection, registry, actor="duty")

    assert current_version(connection) == 0


def test_one_row_is_put_and_deleted(connection: Connection) -> None:
    store_registry(connection, a_registry(), actor="duty")
    device = Device(device_id="T3", kind="vehicle", bound_to="鲁A12346", status="active")

    put = put_row(connection, "devices", device, actor="admin")
    assert load_registry(connection).devices["T3"] == device

    deleted = delete_row(connection, "devices", "T3", actor="admin")
    assert without_versions(load_registry(connection)) == a_registry()
    assert delete_row(connection, "devices", "T3", actor="admin") == deleted > put


def test_a_row_that_others_refer_to_is_not_deleted(connection: Connection) -> None:
    version = store_registry(connection, a_registry(), actor="duty")

    with pytest.raises(RegistryFilesError) as caught:
        delete_row(connection, "vehicles", "鲁A12345", actor="admin")

    assert [(p.row, p.field) for p in caught.value.problems] == [("'X1'", "plates"), ("'T1'", "bound_to")]
    assert current_version(connection) == version


def test_deleting_a_device_leaves_its_readings(connection: Connection) -> None:
    store_registry(connection, a_registry(), actor="duty")
    connection.execute(
        "INSERT INTO vehicle_position (ts, device_id, lat, lon, quality, received_at)"
        " VALUES (now(), 'T1', 36.7, 117.5, 'ok', now())"
    )

    delete_row(connection, "devices", "T1", actor="admin")

    assert connection.execute("SELECT device_id FROM vehicle_position").fetchall() == [("T1",)]


def test_two_writers_take_turns_and_readers_do_not_wait(any_database_url: str) -> None:
    with (
        psycopg.connect(any_database_url) as first,
        psycopg.connect(any_database_url, options="-c lock_timeout=200") as second,
    ):
        store_registry(first, a_registry(), actor="first")

        assert load_registry(second) == Registry()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            store_registry(second, a_registry(), actor="second")


def test_compare_names_what_is_new_changed_and_removed() -> None:
    registry = a_registry()
    outlet = Outlet(outlet_id="O2", name="烧烤")
    device = replace(registry.devices["T1"], serial="013812345678")

    changes = compare(
        registry, replace(registry, outlets={"O2": outlet}, devices={**registry.devices, "T1": device})
    )

    assert changes == {
        "outlets": Changes(added=[outlet], changed=[], removed=["O1"]),
        "devices": Changes(added=[], changed=[device], removed=[]),
    }


def test_a_city_of_12000_outlets_and_5000_vehicles_is_stored_within_20_s(connection: Connection) -> None:
    vehicle, outlet, device = (
        a_registry().vehicles["鲁A12345"],
        a_registry().outlets["O1"],
        a_registry().devices["T1"],
    )
    vehicles = {f"鲁A{n:05}": replace(vehicle, plate=f"鲁A{n:05}") for n in range(5_000)}
    outlets = {f"O{n:05}": replace(outlet, outlet_id=f"O{n:05}") for n in range(12_000)}
    terminals = {
        f"T{n}": replace(device, device_id=f"T{n}", bound_to=plate) for n, plate in enumerate(vehicles)
    }
    monitors = {
        f"F{n}": replace(device, device_id=f"F{n}", kind="fume", bound_to=outlet_id)
        for n, outlet_id in enumerate(outlets)
    }
    city = Registry(
        companies=a_registry().companies,
        vehicles=vehicles,
        outlets=outlets,
        devices={**terminals, **monitors},
    )

    started = time.monotonic()
    store_registry(connection, city, actor="duty")
    took_s = time.monotonic() - started

    assert took_s < 20, json.dumps(took_s)
    assert without_versions(load_registry(connection)) == replace(
        city, devices=dict(sorted(city.devices.items()))
    )
