"""Binary COPY of our own making, against what the database then says is there."""

from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from analytics.records import QUALITIES
from devices.decoding import Instant
from devices.types import DeviceKind
from devices.wire import Flag, FumeReading, VehicleReading
from ingest.rows import make_rows
from ingest.storage import copy_fresh
from ingest.tables import TABLES

NOW_US = 1_764_030_000_123_456
SWITCH = st.none() | st.booleans()
FLOAT = st.none() | st.floats(allow_nan=False, allow_infinity=False)
SEQ = st.none() | st.integers(0, 2**63 - 1)

VEHICLE = st.builds(
    VehicleReading, ts_us=st.just(Instant(0)), lat=st.floats(-90, 90), lon=st.floats(-180, 180), speed_kmh=FLOAT,
    heading_deg=FLOAT, alt_m=FLOAT, hdop=FLOAT, sats=st.none() | st.integers(0, 2**31 - 1), fix=SWITCH, ignition=SWITCH,
    odometer_km=FLOAT, load=FLOAT, lift=SWITCH, cover=st.sampled_from([None, "open", "closed"]), seq=SEQ,
)  # fmt: skip
FUME = st.builds(
    FumeReading, ts_us=st.just(Instant(0)), fume_mg_m3=FLOAT, pm_mg_m3=FLOAT, nmhc_mg_m3=FLOAT, temp_c=FLOAT,
    rh_pct=FLOAT, fan_on=SWITCH, purifier_on=SWITCH, fan_a=FLOAT, purifier_a=FLOAT,
    flag=st.sampled_from([None, *get_args(Flag)]), seq=SEQ,
)  # fmt: skip
OF_KIND: dict[DeviceKind, st.SearchStrategy[Any]] = {"vehicle": VEHICLE, "fume": FUME}


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_database_url) as connection:
        yield connection


@st.composite
def readings(draw: st.DrawFn) -> tuple[DeviceKind, list[tuple[str, Any, str]]]:
    kind: DeviceKind = draw(st.sampled_from(["vehicle", "fume"]))
    drawn = draw(
        st.lists(
            st.tuples(st.sampled_from(["V", "鲁A-12", "x" * 40]), OF_KIND[kind], st.sampled_from(QUALITIES))
        )
    )
    return kind, sorted(drawn, key=lambda one: one[0])


@given(drawn=readings())
@example(drawn=("vehicle", [("V", VehicleReading(ts_us=Instant(0), lat=-0.0, lon=5e-324, seq=0), "ok")]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_copied_is_what_was_read(
    connection: psycopg.Connection, drawn: tuple[DeviceKind, list[tuple[str, Any, str]]]
) -> None:
    kind, given_rows = drawn
    table = TABLES[kind]
    device_ids = sorted({device_id for device_id, *_ in given_rows})
    rows = make_rows(
        table,
        device_ids,
        np.array([device_ids.index(device_id) for device_id, *_ in given_rows], np.int32),
        [reading for _, reading, _ in given_rows],
        np.full(len(given_rows), NOW_US + 7),
    )
    rows.ts_us = NOW_US + np.arange(len(given_rows))
    rows.quality = np.array([QUALITIES.index(quality) for *_, quality in given_rows], np.int8)

    copy_fresh(connection, rows)
    found = connection.execute(
        f"SELECT device_id, quality, extract(epoch FROM ts) * 1000000, extract(epoch FROM received_at) * 1000000,"
        f" {', '.join(table.columns)} FROM {table.name} ORDER BY ts"
    ).fetchall()
    connection.rollback()

    assert found == [
        (device_id, quality, NOW_US + n, NOW_US + 7, *[getattr(reading, column) for column in table.columns])
        for n, (device_id, reading, quality) in enumerate(given_rows)
    ]
