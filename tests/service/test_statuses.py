"""A terminal's own word, from a real broker to the list of devices."""

import json
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from tests import builders
from tests.parts.mosquitto import Mosquitto
from tests.service.running import HANG_S, environment, serving, wait_until

TOPIC = "ff/v1/vehicle/V0/status"


@contextmanager
def terminal(url: str) -> Iterator[mqtt.Client]:
    """V0 as firmware connects: with a will, and its status after it. Leaves as one that lost its power."""
    parts = urlsplit(url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="V0")
    client.will_set(TOPIC, b'{"online":false}', qos=1, retain=True)
    client.connect(parts.hostname or "", parts.port or 1883)
    client.loop_start()
    client.publish(TOPIC, b'{"online":true,"fw":"1.4.2"}', qos=1, retain=True).wait_for_publish(20)
    try:
        yield client
    finally:
        client.loop_stop()
        socket = client.socket()
        assert socket is not None
        socket.close()


def test_what_a_terminal_said_before_the_collector_came_its_will_and_what_is_retained(
    database_url: str, broker: Mosquitto, tmp_path: Path
) -> None:
    with psycopg.connect(database_url) as connection:
        builders.district(connection)
    env = environment(tmp_path, database_url=database_url, mqtt_url=broker.url)

    def kept() -> list[tuple[object, ...]]:
        with psycopg.connect(database_url) as connection:
            return connection.execute("SELECT * FROM terminal_status").fetchall()

    def said() -> list[tuple[object, ...]]:
        return [(row[0], row[1], row[4]) for row in kept()]

    with terminal(broker.url), serving("--role", "collector", env=env, directory=tmp_path):
        wait_until(lambda: said() == [("V0", True, "1.4.2")], what=lambda: str(kept()))
    # Nobody listens when it dies; a collector that has its session gets the will, and what is retained, afterwards.
    with serving("--role", "collector", env=env, directory=tmp_path):
        wait_until(lambda: said() == [("V0", False, "1.4.2")], what=lambda: str(kept()))
    before = kept()
    with (
        serving("--role", "collector", env=env, directory=tmp_path),
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        parts = urlsplit(broker.url)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="V1")
        client.connect(parts.hostname or "", parts.port or 1883)
        client.publish("ff/v1/vehicle/V1/ack", b'{"id":7,"ok":true}', qos=1)
        client.loop_start()
        # What is retained came with the subscription, before this.
        wait_until(
            lambda: (
                connection.execute("SELECT device_id, command_id, ok FROM command_ack").fetchall()
                == [("V1", "7", True)]
            ),
        )
        client.disconnect()
        client.loop_stop()
    assert kept() == before
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)


def test_a_command_reaches_the_terminal_and_its_answer_the_database(
    database_url: str, broker: Mosquitto, tmp_path: Path
) -> None:
    with psycopg.connect(database_url) as connection:
        builders.district(connection)
    env = environment(tmp_path, database_url=database_url, mqtt_url=broker.url)
    with (
        serving("--role", "collector", env=env, directory=tmp_path),
        terminal(broker.url) as client,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        ready = queue.SimpleQueue[int]()
        client.on_subscribe = lambda _client, _data, mid, *_: ready.put(mid)

        def answer(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            said = json.loads(message.payload)
            client.publish(
                "ff/v1/vehicle/V0/ack", json.dumps({"id": said["id"], "ok": said["type"] == "locate"}), qos=1
            )

        client.on_message = answer
        client.subscribe("ff/v1/vehicle/V0/cmd", 1)
        ready.get(timeout=HANG_S)
        asked = {
            str(
                builders.insert(connection, "device_command", device_id="V0", body=body, created_by="duty")
            ): ok
            for body, ok in (('{"type":"locate"}', True), ('{"type":"voice"}', False))
        }

        def acked() -> dict[str, bool]:
            return dict(connection.execute("SELECT command_id, ok FROM command_ack").fetchall())

        wait_until(lambda: acked() == asked, what=lambda: str(acked()))
        assert (
            connection.execute("SELECT attempts, next_at FROM device_command").fetchall() == [(1, None)] * 2
        )
