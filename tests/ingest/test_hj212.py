"""HJ 212 through the pipeline: what is stored, and what is answered and when."""

import io
import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from devices.hj212 import build_frame
from devices.reasons import Reason
from devices.repository import store_registry
from devices.types import Registry
from ingest.batch import Answer
from ingest.broker.arrivals import Delivery
from ingest.pipeline import Pipeline
from simulators.readings import SECOND_US
from simulators.scenarios import scenario_named
from simulators.simulation import make_simulation
from simulators.truth import TruthWriter
from tests.ingest.test_pipeline import NOW_US, pipeline
from tests.simulators.fleets import START_US, ZONE, district
from tests.small_district import registry

MN = "370181CY00000001"
NOW_TEXT = "20251125102000"
"""NOW_US on Beijing's clock."""


@pytest.fixture
def connection(any_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(any_database_url, autocommit=True, options="-c timezone=UTC") as connection:
        district = registry(kitchens=2)
        named = replace(district.devices["F0"], serial=MN)
        with connection.transaction():
            store_registry(
                connection,
                replace(district, devices={**district.devices, "F0": named}),
                actor="test",
                note="",
            )
        yield connection


def frame(
    items: str,
    *,
    qn: str = "20251125102000000",
    cn: str = "2011",
    flag: int = 5,
    time: str = NOW_TEXT,
    mn: str = MN,
) -> bytes:
    text = f"QN={qn};ST=31;CN={cn};PW=123456;MN={mn};Flag={flag};CP=&&DataTime={time};{items}&&"
    return build_frame(text.encode())


def sent(*frames: bytes) -> Delivery:
    return Delivery("ff/v1/fume/F0/hj212", b"".join(frames), NOW_US, 1, 1)


def answered(qn: str) -> Answer:
    text = f"QN={qn};ST=91;CN=9014;PW=123456;MN={MN};Flag=4;CP=&&&&"
    return Answer("ff/v1/fume/F0/cmd", build_frame(text.encode()))


def rows(connection: psycopg.Connection, query: str) -> list[tuple[Any, ...]]:
    return connection.execute(query).fetchall()


READINGS = "SELECT device_id, fume_mg_m3, fan_on, flag FROM fume_reading ORDER BY ts"


def test_a_reading_is_stored_with_its_flag_and_then_answered(connection: psycopg.Connection) -> None:
    answers = pipeline().process(connection, [sent(frame("a34041-Rtd=0.86,a34041-Flag=C;ga2101-Rtd=1"))])

    assert rows(connection, READINGS) == [("F0", 0.86, True, "calibrating")]
    assert answers == [answered("20251125102000000")]


def test_a_monitor_that_missed_the_answer_gets_it_again_and_stores_nothing_twice(
    connection: psycopg.Connection,
) -> None:
    """As after a crash between the commit and the answer: another collector, the same message."""
    message = sent(frame("a34041-Rtd=0.86"))

    first, second = pipeline().process(connection, [message]), pipeline().process(connection, [message])

    assert first == second == [answered("20251125102000000")]
    assert len(rows(connection, READINGS)) == 1


def test_nothing_is_answered_before_it_is_committed(connection: psycopg.Connection) -> None:
    connection.execute("ALTER TABLE fume_reading RENAME TO away")

    answers = pipeline().process(connection, [sent(frame("a34041-Rtd=0.86"))])

    assert answers == []
    assert rows(connection, "SELECT reason FROM quarantine") == [(Reason.INTERNAL,)]


def test_a_message_that_breaks_the_collector_costs_the_others_no_answer(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Pipeline._commit

    def breaks(
        self: Pipeline, connection: psycopg.Connection, deliveries: list[Delivery], read: Any
    ) -> list[Answer]:
        if any(b"poison" in delivery.payload for delivery in deliveries):
            raise ZeroDivisionError
        return commit(self, connection, deliveries, read)

    monkeypatch.setattr(Pipeline, "_commit", breaks)
    messages = [sent(frame(f"a34041-Rtd={n}", qn=str(n), time=f"2025112510{n}000")) for n in (1, 2)]

    answers = pipeline().process(connection, [messages[0], sent(frame("poison=1")), messages[1]])

    assert answers == [answered("1"), answered("2")]


def test_means_are_kept_apart_from_readings_and_the_first_of_a_period_stands(
    connection: psycopg.Connection,
) -> None:
    line = pipeline()
    minute = frame(
        "a34041-Min=0.1,a34041-Avg=0.4,a34041-Max=2,a34041-Flag=N", cn="2051", time="20251125101000"
    )
    again = frame("a34041-Avg=9", cn="2051", time="20251125101000")
    hour = frame("a34041-Avg=0.5,a34041-Flag=D;a34000-Avg=3;a24088-Avg=4", cn="2061", time="20251125090000")
    late = frame("a34041-Avg=1", cn="2051", time="20251125103001")

    line.process(connection, [sent(minute, hour, again), sent(late)])
    line.process(connection, [sent(again)])

    assert rows(connection, READINGS) == []
    assert rows(
        connection,
        "SELECT period, to_char(begins_at, 'HH24:MI'), fume_mg_m3, fume_min_mg_m3, fume_max_mg_m3, pm_mg_m3,"
        " nmhc_mg_m3, flag FROM fume_mean ORDER BY period DESC",
    ) == [
        ("minute", "02:10", 0.4, 0.1, 2.0, None, None, None),
        ("hour", "01:00", 0.5, None, None, 3.0, 4.0, "instrument_fault"),
    ]
    assert rows(connection, "SELECT reason, readings FROM quarantine") == [(Reason.FUTURE_TIME, 1)]


def test_packets_that_came_in_several_messages_are_one_reading(connection: psycopg.Connection) -> None:
    one = split(1, "a34041-Rtd=0.9")
    two = split(2, "ga2101-Rtd=1")

    answers = [pipeline().process(connection, [sent(packet)]) for packet in (one, two)]

    assert rows(connection, READINGS) == [("F0", 0.9, True, None)]
    assert rows(connection, "SELECT reason FROM quarantine") == []
    assert answers == [[answered("7")], [answered("7")]]


def split(number: int, items: str) -> bytes:
    text = (
        f"QN=7;ST=31;CN=2011;PW=123456;MN={MN};Flag=7;PNUM=2;PNO={number};CP=&&DataTime={NOW_TEXT};{items}&&"
    )
    return build_frame(text.encode())


def test_what_an_instrument_says_is_no_measurement_opens_nothing(connection: psycopg.Connection) -> None:
    """Half an hour over every limit: measured, it is an exceedance; said to be a calibration, it is none."""

    def half_an_hour(letter: str, mn: str) -> list[bytes]:
        return [
            frame(
                f"a34041-Rtd=9,a34041-Flag={letter};ga2101-Rtd=1;ga0701-Rtd=1",
                time=f"2025112509{minute:02d}00",
                mn=mn,
            )
            for minute in range(31)
        ]

    other = Delivery("ff/v1/fume/F1/hj212", b"".join(half_an_hour("N", "ANY")), NOW_US, 2, 1)
    pipeline().process(connection, [sent(*half_an_hour("C", MN)), other])

    assert rows(connection, "SELECT DISTINCT device_id, quality, flag FROM fume_reading ORDER BY 1") == [
        ("F0", "flagged", "calibrating"),
        ("F1", "ok", None),
    ]
    assert rows(connection, "SELECT DISTINCT device_id FROM alert WHERE kind = 'fume_exceedance'") == [
        ("F1",)
    ]


def test_in_one_message_good_frames_count_and_bad_ones_are_kept_with_it(
    connection: psycopg.Connection,
) -> None:
    good = frame("a34041-Rtd=1")
    message = sent(good[:-6] + b"0000\r\n", good, frame("a34041-Rtd=1", mn="ANOTHER"))

    answers = pipeline().process(connection, [message])

    assert len(rows(connection, READINGS)) == len(answers) == 1
    kept = rows(connection, "SELECT reason, device_id, payload FROM quarantine ORDER BY reason")
    assert kept == [(reason, "F0", message.payload) for reason in (Reason.BAD_CHECKSUM, Reason.WRONG_SERIAL)]


def test_a_day_of_kitchens_ends_in_the_same_alerts_in_either_language(
    database_url: str, second_database_url: str
) -> None:
    def alerts(url: str, share: float) -> list[tuple[Any, ...]]:
        monitors = {id_: device for id_, device in district().devices.items() if device.kind == "fume"}
        few = Registry(outlets=district().outlets, devices=dict(itertools.islice(monitors.items(), 24)))
        with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
            with connection.transaction():
                store_registry(connection, few, actor="test", note="")
            simulation = make_simulation(
                few, scenario_named("noisy"), ZONE, START_US, 1, TruthWriter(io.BytesIO()), hj212=share
            )
            line = pipeline()
            for hour in range(1, 15):
                until_us = START_US + hour * 3600 * SECOND_US
                messages = [
                    Delivery(
                        f"ff/v1/fume/{device.device_id}/{device.channel}",
                        device.to_message(said),
                        until_us,
                        1,
                        1,
                    )
                    for device, said in simulation.advance(until_us)
                ]
                assert {message.topic.rpartition("/")[2] for message in messages} <= {
                    "hj212" if share else "telemetry"
                }
                line.process(connection, messages)
            assert rows(connection, "SELECT reason FROM quarantine") == []
            return rows(
                connection,
                "SELECT device_id, kind, severity, state, started_at, cleared_at, round(score::numeric, 3)"
                " FROM alert ORDER BY 1, 2, 5",
            )

    in_hj212, in_json = alerts(database_url, 1.0), alerts(second_database_url, 0.0)

    assert {kind for _, kind, *_ in in_json} >= {"fume_exceedance", "purifier_off"}
    assert in_hj212 == in_json
