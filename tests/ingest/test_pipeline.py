"""The pipeline on a real database: any order, any repetition and any cutting into batches end in the same facts."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.catalogue import load_catalogue
from devices.channels import decoders
from devices.repository import store_registry
from devices.terminals import Terminals
from devices.types import Site
from ingest import rejudging
from ingest.batch import sort_out
from ingest.broker.arrivals import Delivery
from ingest.pipeline import Pipeline
from tests.small_district import place, registry, square

BEGIN_S = 1_764_030_000  # 2025-11-25 08:20 in Shanghai
NOW_US = (BEGIN_S + 7200) * 1_000_000
TRUCKS, KITCHENS = 120, 60

Reading = dict[str, Any]


def drive(stops: list[tuple[float, float, float, float]], *, every_s: int = 20) -> list[Reading]:
    """Fixes along `(seconds, east_m, north_m, load)`, straight in between, load as at the beginning of a leg."""
    readings = []
    for (t0, e0, n0, load), (t1, e1, n1, _) in itertools.pairwise(stops):
        speed = ((e1 - e0) ** 2 + (n1 - n0) ** 2) ** 0.5 / (t1 - t0) * 3.6
        for t in range(int(t0), int(t1), every_s):
            share = (t - t0) / (t1 - t0)
            lat, lon = place(e0 + share * (e1 - e0), n0 + share * (n1 - n0))
            readings.append(
                {"ts": BEGIN_S + t, "lat": lat, "lon": lon, "speed_kmh": speed, "load": load, "fix": True}
            )
    return readings


A_BAD_HAUL = drive(
    [
        (0, 0, 0, 0.0),
        (120, 0, 0, 0.9),
        (240, 0, 0, 0.9),  # loaded in the pit
        (420, 2000, 0, 0.9),  # along the road
        (540, 3000, -900, 0.9),  # off it …
        (660, 3000, -1900, 0.9),  # … and into the protected area
        (720, 3000, -1900, 0.1),  # where it is tipped
        (840, 3000, -1900, 0.1),
        (1100, 0, 0, 0.0),
        (1200, 0, 0, 0.0),
    ]
)

A_BAD_LUNCH = [
    {
        "ts": BEGIN_S + 60 * m,
        "fume_mg_m3": 0.4 if m < 20 or m > 45 else 2.4,
        "fan_on": True,
        "purifier_on": not 15 <= m < 40,
    }
    for m in range(90)
]


def of(kind: str, device_id: str, readings: list[Reading]) -> Delivery:
    payload = readings[0] if len(readings) == 1 else {"batch": readings}
    return Delivery(f"ff/v1/{kind}/{device_id}/telemetry", json.dumps(payload).encode(), NOW_US, 1, 1)


def pipeline() -> Pipeline:
    return Pipeline(
        load_catalogue(None),
        decoders=decoders(Terminals()),
        prefix="ff/v1",
        zone=ZoneInfo("Asia/Shanghai"),
        retention_days=400,
    )


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(trucks=TRUCKS, kitchens=KITCHENS), actor="test", note="")
        yield connection


def standing_alerts(connection: psycopg.Connection, device_id: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        """
        SELECT kind, severity, score, state, place, started_at, opened_at, updated_at, cleared_at, lat, lon,
               evidence -> 'values', jurisdiction
          FROM alert WHERE device_id = %s AND state <> 'withdrawn'
         ORDER BY kind, started_at
        """,
        (device_id,),
    ).fetchall()


def stored(connection: psycopg.Connection, table: str, device_id: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        f"SELECT ts, quality FROM {table} WHERE device_id = %s ORDER BY ts", (device_id,)
    ).fetchall()


@pytest.fixture(scope="module")
def undisturbed(connection: psycopg.Connection) -> dict[str, Any]:
    """What one reading after the other, in order, comes to."""
    line = pipeline()
    for reading in A_BAD_HAUL:
        line.process(connection, [of("vehicle", "V0", [reading])])
    for reading in A_BAD_LUNCH:
        line.process(connection, [of("fume", "F0", [reading])])
    return {device_id: standing_alerts(connection, device_id) for device_id in ("V0", "F0")}


def test_the_bad_haul_and_the_bad_lunch_are_told_for_what_they_are(undisturbed: dict[str, Any]) -> None:
    assert [row[0] for row in undisturbed["V0"]] == ["illegal_dumping", "no_go_entry", "off_route"]
    assert [row[0] for row in undisturbed["F0"]] == ["fume_exceedance", "monitor_suspect", "purifier_off"]
    assert all(row[-1] == "370114001" for row in undisturbed["V0"] + undisturbed["F0"])


_next_device = itertools.count(1)


@st.composite
def arrivals(draw: st.DrawFn, readings: list[Reading]) -> list[list[list[Reading]]]:
    """The readings in any order with some sent again, cut into messages, and those cut into batches."""
    order = draw(st.sampled_from(["in order", "newest first", "hole", "shuffled"]))
    sent = list(readings)
    if order == "newest first":
        sent.reverse()
    elif order == "hole":  # a stretch is stored in the terminal and comes after the rest
        begin = draw(st.integers(0, len(sent) - 1))
        end = draw(st.integers(begin, len(sent)))
        sent = sent[:begin] + sent[end:] + sent[begin:end][:: draw(st.sampled_from([1, -1]))]
    elif order == "shuffled":
        sent = draw(st.permutations(sent))
    sent += draw(st.lists(st.sampled_from(readings), max_size=8))
    size = draw(st.integers(1, 40))
    messages = [sent[i : i + size] for i in range(0, len(sent), size)]
    per_batch = draw(st.integers(1, 6))
    return [messages[i : i + per_batch] for i in range(0, len(messages), per_batch)]


PAGES = st.sampled_from([7, rejudging.PAGE])
"""Readings judged again at a time."""


@given(batches=arrivals(A_BAD_HAUL), page=PAGES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_hauls_alerts_do_not_depend_on_how_its_fixes_arrive(
    connection: psycopg.Connection, undisturbed: dict[str, Any], batches: list[list[list[Reading]]], page: int
) -> None:
    device_id = f"V{next(_next_device) % TRUCKS}"
    line = pipeline()
    with patch.object(rejudging, "PAGE", page):
        for messages in batches:
            line.process(connection, [of("vehicle", device_id, readings) for readings in messages])

    assert standing_alerts(connection, device_id) == undisturbed["V0"]
    assert stored(connection, "vehicle_position", device_id) == stored(connection, "vehicle_position", "V0")


@given(batches=arrivals(A_BAD_LUNCH), page=PAGES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kitchens_alerts_do_not_depend_on_how_its_readings_arrive(
    connection: psycopg.Connection, undisturbed: dict[str, Any], batches: list[list[list[Reading]]], page: int
) -> None:
    device_id = f"F{next(_next_device) % KITCHENS}"
    line = pipeline()
    with patch.object(rejudging, "PAGE", page):
        for messages in batches:
            line.process(connection, [of("fume", device_id, readings) for readings in messages])

    assert standing_alerts(connection, device_id) == undisturbed["F0"]


def test_everything_sent_again_changes_nothing(
    connection: psycopg.Connection, undisturbed: dict[str, Any]
) -> None:
    def everything() -> list[tuple[Any, ...]]:
        return connection.execute(
            "SELECT (SELECT count(*) FROM vehicle_position), (SELECT count(*) FROM alert), (SELECT count(*) FROM outbox),"
            " (SELECT count(*) FROM lead), (SELECT sum(version) FROM engine_state WHERE device_id = 'V0')"
        ).fetchall()

    before = everything()
    pipeline().process(connection, [of("vehicle", "V0", A_BAD_HAUL), of("fume", "F0", A_BAD_LUNCH)])

    assert everything() == before
    assert standing_alerts(connection, "V0") == undisturbed["V0"]


def test_a_dumping_opens_exactly_one_lead(
    connection: psycopg.Connection, undisturbed: dict[str, Any]
) -> None:
    leads = connection.execute(
        "SELECT lead.state, lead.plate FROM lead JOIN alert ON alert.lead_id = lead.id WHERE alert.device_id = 'V0'"
    ).fetchall()
    assert leads == [("new", "鲁A00000")]


def test_a_different_reading_under_the_same_key_is_counted_and_changes_nothing(
    connection: psycopg.Connection, undisturbed: dict[str, Any]
) -> None:
    changed = {**A_BAD_HAUL[5], "lat": 36.9}
    pipeline().process(connection, [of("vehicle", "V0", [changed])])

    assert standing_alerts(connection, "V0") == undisturbed["V0"]


def test_two_pipelines_that_take_turns_end_like_one(
    connection: psycopg.Connection, undisturbed: dict[str, Any]
) -> None:
    """Each has a cache that the other makes stale."""
    device_id = f"V{TRUCKS - 1}"
    lines = [pipeline(), pipeline()]
    for n, reading in enumerate(A_BAD_HAUL):
        lines[n % 2].process(connection, [of("vehicle", device_id, [reading])])

    assert standing_alerts(connection, device_id) == undisturbed["V0"]


def test_a_register_that_changes_in_the_middle_of_a_haul_changes_no_state(
    connection: psycopg.Connection, undisturbed: dict[str, Any]
) -> None:
    """A new site, first by its id, would take another's row if states did not keep their frame."""
    device_id = f"V{TRUCKS - 3}"
    line = pipeline()
    middle = next(
        n for n, fix in enumerate(A_BAD_HAUL) if fix["ts"] >= BEGIN_S + 680
    )  # inside the protected area
    line.process(connection, [of("vehicle", device_id, A_BAD_HAUL[:middle])])
    before = registry(trucks=TRUCKS, kitchens=KITCHENS)
    more = Site(site_id="A-NEW-ONE", name="新工地", kind="source", geometry=square(-9000, -9000, 100))
    with connection.transaction():
        changed = replace(before, sites={**before.sites, more.site_id: more})
        store_registry(connection, changed, actor="test", note="")
    line.process(connection, [of("vehicle", device_id, A_BAD_HAUL[middle:])])

    assert standing_alerts(connection, device_id) == undisturbed["V0"]


def test_a_delivery_nobody_can_process_is_quarantined_and_the_others_count(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks on one message, breaks for that message alone."""

    def breaks_on_the_poison(deliveries: list[Delivery], *args: Any, **kwargs: Any) -> Any:
        if any(b"poison" in delivery.payload for delivery in deliveries):
            raise ZeroDivisionError("poison")
        return sort_out(deliveries, *args, **kwargs)

    monkeypatch.setattr("ingest.pipeline.sort_out", breaks_on_the_poison)
    device_id = f"V{TRUCKS - 2}"
    poison = Delivery(f"ff/v1/vehicle/{device_id}/telemetry", b"poison", NOW_US, 1, 1)
    pipeline().process(
        connection,
        [of("vehicle", device_id, [A_BAD_HAUL[0]]), poison, of("vehicle", device_id, [A_BAD_HAUL[1]])],
    )

    assert len(stored(connection, "vehicle_position", device_id)) == 2
    (quarantined,) = connection.execute(
        "SELECT reason, payload FROM quarantine WHERE payload = %s", (b"poison",)
    ).fetchall()
    assert quarantined == ("internal", b"poison")


def test_what_was_stored_is_left_for_later_and_ends_in_the_same_alerts(
    connection: psycopg.Connection, undisturbed: dict[str, Any]
) -> None:
    device_id = f"V{TRUCKS - 4}"
    line = pipeline()
    line.prepare(connection)
    messages = [of("vehicle", device_id, A_BAD_HAUL[n : n + 7]) for n in range(0, len(A_BAD_HAUL), 7)]
    read, deferred = line.read(messages, deferring=True)
    assert read is not None
    line.process(connection, read.deliveries, read)

    assert stored(connection, "vehicle_position", device_id) == []
    assert [one.delivery for one in deferred] == messages

    line.process(connection, [one.delivery for one in deferred])
    assert standing_alerts(connection, device_id) == undisturbed["V0"]
