"""What terminals publish in a fault scenario, and what has to come of it."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from devices.repository import store_registry
from ingest.broker.arrivals import Delivery
from tests.ingest.test_pipeline import A_BAD_HAUL, A_BAD_LUNCH, BEGIN_S, pipeline
from tests.small_district import registry

Message = tuple[str, bytes]
Reading = tuple[str, int]
"""Device and seconds: what a reading is known by."""

STANDING_ALERTS = """
    SELECT device_id, kind, place, severity, state, started_at, opened_at, cleared_at, lat, lon, lead_id IS NOT NULL
      FROM alert WHERE state <> 'withdrawn'
     ORDER BY device_id, kind, started_at
"""
QUALITIES = """
    SELECT device_id, ts, quality FROM vehicle_position
     UNION ALL SELECT device_id, ts, quality FROM fume_reading
     ORDER BY device_id, ts
"""


@dataclass(frozen=True)
class Load:
    """Bad hauls and bad lunches, side by side; some messages late, some twice, some unreadable."""

    trucks: int
    kitchens: int
    messages: list[Message]
    readings: frozenset[Reading]
    unreadable: dict[bytes, list[int]]
    """By payload: which of `messages` say it."""


def make_load(seed: int, messages: int) -> Load:
    """About `messages` of them, the same for the same `seed` but for the hour in which they are set."""
    chance = random.Random(seed)
    trucks = max(1, messages * 2 // 3 // len(A_BAD_HAUL))
    kitchens = max(1, messages // 3 // len(A_BAD_LUNCH))
    shift_s = int(time.time()) - 2 * 3600 - BEGIN_S
    timed: list[tuple[float, Message]] = []
    readings = set()
    for kind, count, day in (("vehicle", trucks, A_BAD_HAUL), ("fume", kitchens, A_BAD_LUNCH)):
        for device_id in (f"{kind[0].upper()}{n}" for n in range(count)):
            own = [{**reading, "ts": reading["ts"] + shift_s} for reading in day]
            readings |= {(device_id, reading["ts"]) for reading in own}
            for some in _cut(own, chance):
                late_s = chance.choice((0.0,) * 30 + (120.0, 600.0))
                said = json.dumps(some[0] if len(some) == 1 else {"batch": some}).encode()
                message = (f"ff/v1/{kind}/{device_id}/telemetry", said)
                at = some[-1]["ts"] + late_s + chance.random()
                timed.append((at, message))
                if chance.random() < 0.03:
                    timed.append((at + chance.choice((0.0, 60.0, 900.0)), message))
    for n in range(len(timed) // 100 + 1):
        timed.append((chance.choice(timed)[0], ("ff/v1/vehicle/V0/telemetry", b'{"ts": unreadable %d}' % n)))
    timed.sort(key=lambda entry: entry[0])
    ordered = [message for _, message in timed]
    unreadable: dict[bytes, list[int]] = {}
    for i, (_, payload) in enumerate(ordered):
        if b"unreadable" in payload:
            unreadable.setdefault(payload, []).append(i)
    return Load(trucks, kitchens, ordered, frozenset(readings), unreadable)


def _cut(readings: list[dict[str, Any]], chance: random.Random) -> Iterator[list[dict[str, Any]]]:
    at = 0
    while at < len(readings):
        size = chance.choice((1, 1, 1, 1, 1, 1, 1, 1, 1, 6))
        yield readings[at : at + size]
        at += size


def register(database_url: str, load: Load) -> None:
    with psycopg.connect(database_url) as connection:
        store_registry(
            connection, registry(trucks=load.trucks, kitchens=load.kitchens), actor="test", note=""
        )


@dataclass(frozen=True)
class Facts:
    """What a database says of a load."""

    alerts: list[tuple[Any, ...]]
    qualities: list[tuple[Any, ...]]


def facts(database_url: str) -> Facts:
    with psycopg.connect(database_url) as connection:
        return Facts(connection.execute(STANDING_ALERTS).fetchall(), connection.execute(QUALITIES).fetchall())


def undisturbed(database_url: str, load: Load) -> Facts:
    """What `load` comes to where nothing goes wrong."""
    register(database_url, load)
    line = pipeline()
    now_us = time.time_ns() // 1000
    with psycopg.connect(database_url, autocommit=True) as connection:
        for begin in range(0, len(load.messages), 500):
            batch = [
                Delivery(topic, payload, now_us, 1, 1)
                for topic, payload in load.messages[begin : begin + 500]
            ]
            line.process(connection, batch)
    return facts(database_url)
