"""A truck whose terminal speaks JT/T 808, from the broker to the alert."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import LiteralString

import httpx2
import psycopg
import pytest

from devices.jt808 import BATCH, LOCATION, batch_body, location_body, pack, pack_in_parts
from devices.repository import store_registry
from tests.parts.mosquitto import Mosquitto
from tests.service.running import Service, environment, publisher, serving, wait_until
from tests.small_district import place, registry

PHONE = "64000000001"
TOPIC = "ff/v1/vehicle/V0/jt808"
FULL = 0b11 << 8
TERMINALS = """
[jt808.profiles.tipper]
about = "tests"
as_of = 2026-11-25
source = "tests"
confidence = "invented"
[[jt808.profiles.tipper.fields]]
field = "lift"
item = 0xE1
values = { 0 = false, 1 = true }
[[jt808.terminals]]
profile = "tipper"
serials = ["0640"]
"""


@pytest.fixture
def service(database_url: str, broker: Mosquitto, tmp_path: Path) -> Iterator[Service]:
    district = registry(trucks=1)
    truck = replace(district.devices["V0"], serial="0" + PHONE)
    with psycopg.connect(database_url) as connection:
        store_registry(connection, replace(district, devices={"V0": truck}), actor="test", note="")
    (tmp_path / "terminals.toml").write_text(TERMINALS)
    env = environment(
        tmp_path,
        database_url=database_url,
        mqtt_url=broker.url,
        terminals_file=str(tmp_path / "terminals.toml"),
    )
    with serving("--role", "collector", env=env, directory=tmp_path) as service:
        yield service


def a_tipping(now_s: float) -> list[bytes]:
    """Loaded in the pit, driven into the fields, tipped there: location bodies, the last completes it."""
    bodies = []
    for seconds, east_m, north_m, load, lift in [
        (-300, 0, 0, 0, 0), (-240, 0, 0, FULL, 0), (-180, 1000, 0, FULL, 0), (-120, 2000, 0, FULL, 0),
        (-60, 2000, 800, FULL, 0), (-30, 2000, 800, FULL, 1), (0, 2000, 800, 0, 1),
    ]:  # fmt: skip
        lat, lon = place(east_m, north_m)
        bodies.append(
            location_body(
                ts_us=int(now_s + seconds) * 1_000_000,
                lat=lat,
                lon=lon,
                status=0b11 | load,
                items={0xE1: bytes([lift])},
            )
        )
    return bodies


def test_a_blind_areas_batch_in_parts_and_a_last_report_end_in_an_alert(
    service: Service, broker: Mosquitto, database_url: str
) -> None:
    *blind, last = a_tipping(time.time())
    heartbeat = pack(0x0002, b"", phone=PHONE, serial=1, version=2013)
    first, *rest = pack_in_parts(BATCH, batch_body(blind, blind=True), phone=PHONE, serial=2, part_bytes=100)
    strange = pack(LOCATION, last, phone="139", serial=1)
    report = pack(LOCATION, last, phone=PHONE, serial=9, version=2013)
    with psycopg.connect(database_url, autocommit=True) as connection:

        def found(query: LiteralString) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()

        with publisher(broker.url) as publish:
            publish(TOPIC, heartbeat + first)
            wait_until(lambda: found("SELECT FROM quarantine") != [])
            publish(TOPIC, strange + b"".join(rest))
            publish(TOPIC, report)
        wait_until(
            lambda: found("SELECT FROM alert WHERE kind = 'illegal_dumping' AND severity = 'critical'") != [],
        )

        assert found("SELECT count(*), count(*) FILTER (WHERE lift) FROM vehicle_position") == [(7, 2)]
        assert found("SELECT reason, device_id, payload FROM quarantine") == [
            ("wrong_serial", "V0", strange + b"".join(rest))
        ]
    metrics = httpx2.get(f"{service.url}/metrics").text
    for message in ("0x0002", "0x0200", "0x0704"):
        assert f'fleetfume_messages_total{{channel="jt808",message="{message}"}} 1.0' in metrics
