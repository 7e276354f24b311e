"""A kitchen's monitor that speaks HJ 212, from the broker to the alert, and its answers."""

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.hj212 import Frame, Message, build_frame, read_frames, read_message
from devices.repository import store_registry
from tests.parts.mosquitto import Mosquitto
from tests.service.running import HANG_S, Service, environment, publisher, serving, wait_until
from tests.small_district import registry

MN = "370181CY00000001"
BEIJING = timezone(timedelta(hours=8))


@pytest.fixture
def service(database_url: str, broker: Mosquitto, tmp_path: Path) -> Iterator[Service]:
    district = registry()
    named = replace(district.devices["F0"], serial=MN)
    with psycopg.connect(database_url) as connection:
        store_registry(
            connection, replace(district, devices={**district.devices, "F0": named}), actor="test", note=""
        )
    env = environment(tmp_path, database_url=database_url, mqtt_url=broker.url)
    with serving("--role", "collector", env=env, directory=tmp_path) as service:
        yield service


@contextmanager
def commands(url: str) -> Iterator["queue.SimpleQueue[bytes]"]:
    """What comes down to F0."""
    parts, came = urlsplit(url), queue.SimpleQueue[bytes]()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="F0-listening")
    ready = queue.SimpleQueue[int]()
    client.on_message = lambda _client, _data, message: came.put(bytes(message.payload))
    client.on_subscribe = lambda _client, _data, mid, *_: ready.put(mid)
    client.connect(parts.hostname or "", parts.port or 1883)
    client.loop_start()
    client.subscribe("ff/v1/fume/F0/cmd", 1)
    ready.get(timeout=HANG_S)
    try:
        yield came
    finally:
        client.disconnect()
        client.loop_stop()


def frame(at: datetime, fume: float, *, flag: int) -> bytes:
    stamp = at.astimezone(BEIJING).strftime("%Y%m%d%H%M%S")
    text = (
        f"QN={stamp}000;ST=31;CN=2011;PW=123456;MN={MN};Flag={flag};CP=&&DataTime={stamp};"
        f"a34041-Rtd={fume},a34041-Flag=N;ga2101-Rtd=1;ga0701-Rtd=0&&"
    )
    return build_frame(text.encode())


def test_frames_are_answered_after_the_commit_and_end_in_an_alert(
    service: Service, broker: Mosquitto, database_url: str
) -> None:
    now = datetime.now(BEIJING).replace(microsecond=0)
    lunch = [frame(now - timedelta(minutes=minutes), 0.4, flag=4) for minutes in range(12, 0, -1)]
    last = frame(now, 0.4, flag=5)

    with (
        commands(broker.url) as came,
        publisher(broker.url) as publish,
        psycopg.connect(database_url) as connection,
    ):
        publish("ff/v1/fume/F0/hj212", b"".join(lunch))
        for _ in range(2):  # the second time it is stored already
            publish("ff/v1/fume/F0/hj212", last)
            payload = came.get(timeout=HANG_S)
            stored = connection.execute("SELECT count(*) FROM fume_reading WHERE ts = %s", (now,)).fetchone()
            connection.commit()

            assert stored == (1,)
            (answer,) = read_frames(payload)
            assert isinstance(answer, Frame)
            message = read_message(answer)
            assert isinstance(message, Message)
            assert (message.cn, message.qn, message.mn) == ("9014", now.strftime("%Y%m%d%H%M%S000"), MN)
        assert came.empty()

        def alerts() -> list[tuple[str, str]]:
            found = connection.execute("SELECT device_id, kind FROM alert").fetchall()
            connection.commit()
            return found

        wait_until(lambda: alerts() == [("F0", "purifier_off")], what=lambda: str(alerts()))


def test_what_was_committed_while_the_broker_died_is_answered_when_it_is_sent_again(
    service: Service, broker: Mosquitto, database_url: str
) -> None:
    now = datetime.now(BEIJING).replace(microsecond=0)
    asked = frame(now - timedelta(seconds=7), 0.4, flag=5)

    def stored() -> bool:
        with psycopg.connect(database_url) as connection:
            return bool(connection.execute("SELECT FROM fume_reading").fetchall())

    with publisher(broker.url) as publish:
        publish("ff/v1/fume/F0/hj212", asked)  # nobody listens for the answer
    wait_until(stored)
    broker.stop()
    broker.start()
    time.sleep(1)
    with commands(broker.url) as came, publisher(broker.url) as publish:
        publish("ff/v1/fume/F0/hj212", asked)
        assert b"CN=9014" in came.get(timeout=HANG_S)
