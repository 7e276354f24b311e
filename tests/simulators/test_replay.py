"""Exported, replayed, collected again: the same readings, on real parts."""

import itertools
import json
import queue
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.broker.arrivals import Delivery
from ingest.history.commands import What, export
from runtime.errors import UserError
from simulators.replay import replay
from tests import builders
from tests.ingest.test_pipeline import A_BAD_HAUL, A_BAD_LUNCH, BEGIN_S, NOW_US, of, pipeline
from tests.parts.mosquitto import Mosquitto
from tests.service.running import HANG_S

BEGIN, END = (
    datetime.fromtimestamp(BEGIN_S, UTC).isoformat(),
    datetime.fromtimestamp(BEGIN_S + 7200, UTC).isoformat(),
)
COLUMNS = {
    "vehicle_position": "ts, device_id, lat, lon, speed_kmh, load, lift, fix, cover, seq, quality",
    "fume_reading": "ts, device_id, fume_mg_m3, fan_on, purifier_on, quality",
}


@pytest.fixture
def heard(broker: Mosquitto) -> Iterator[Callable[[], list[tuple[str, bytes]]]]:
    """What has been published since, as soon as it stops coming."""
    messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="ear")
    subscribed: queue.Queue[bool] = queue.Queue()
    client.on_subscribe = lambda *_: subscribed.put(True)
    client.on_message = lambda _c, _d, sent: messages.put((sent.topic, bytes(sent.payload)))
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.subscribe("ff/v1/#", qos=1)
    subscribed.get(timeout=HANG_S)

    def all_of_it() -> list[tuple[str, bytes]]:
        found = []
        while True:
            try:
                found.append(messages.get(timeout=1))
            except queue.Empty:
                return found

    yield all_of_it
    client.disconnect()
    client.loop_stop()


def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(f"SELECT {names} FROM {table} ORDER BY device_id, ts").fetchall()
            for table, names in COLUMNS.items()
        }


def collect(url: str, messages: list[tuple[str, bytes]]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        with connection.transaction():
            builders.district(connection)
        pipeline().process(
            connection,
            [Delivery(topic, payload, NOW_US, 1, n) for n, (topic, payload) in enumerate(messages)],
        )


@pytest.mark.parametrize("suffix", ["parquet", "csv", "ndjson"])
def test_what_was_exported_and_replayed_is_collected_as_it_was(
    suffix: str, database_url: str, second_database_url: str, heard: Callable[[], list[tuple[str, bytes]]],
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    odd = {
        **A_BAD_HAUL[0],
        "ts": BEGIN_S - 30.123457,
        "lift": True,
        "cover": "open",
        "seq": 2**40,
        "fix": None,
    }
    first = [of("vehicle", "V0", [odd, *A_BAD_HAUL]), of("fume", "F0", A_BAD_LUNCH)]
    collect(database_url, [(delivery.topic, delivery.payload) for delivery in first])
    begin = (datetime.fromtimestamp(BEGIN_S, UTC) - timedelta(minutes=1)).isoformat()
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", database_url)
    monkeypatch.setenv("FLEETFUME_MQTT_URL", broker.url)

    files = [tmp_path / f"{what}.{suffix}" for what in What]
    for what, path in zip(What, files, strict=True):
        export(begin, END, path, what=what)
    replay(files, speed=1e6)
    collect(second_database_url, heard())

    assert len(rows(database_url)["vehicle_position"]) == len(A_BAD_HAUL) + 1
    assert rows(second_database_url) == rows(database_url)


def test_a_replay_shifted_to_now_ends_now_however_fast_it_goes(
    broker: Mosquitto,
    heard: Callable[[], list[tuple[str, bytes]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [{**A_BAD_HAUL[n], "device_id": "V0"} for n in (2, 1, 0)]  # not in order of time
    (tmp_path / "x.ndjson").write_text("\n".join(map(json.dumps, lines)))
    monkeypatch.setenv("FLEETFUME_MQTT_URL", broker.url)

    replay([tmp_path / "x.ndjson"], speed=20, shift_to_now=True)
    now = time.time()

    said = [json.loads(payload) for _, payload in heard()]
    readings = [reading for message in said for reading in message.get("batch", [message])]
    times = [datetime.fromisoformat(reading["ts"]).timestamp() for reading in readings]
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == pytest.approx([20, 20])
    assert now - 10 < times[-1] <= now


def test_export_names_the_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"write \.parquet, \.csv or \.ndjson"):
        export(BEGIN, END, tmp_path / "x.xlsx")
    with pytest.raises(UserError, match=r"--to .* is not after --from"):
        export(END, BEGIN, tmp_path / "x.csv")
    with pytest.raises(UserError, match="--from 'yesterday' is no instant"):
        export("yesterday", END, tmp_path / "x.csv")
    assert list(tmp_path.iterdir()) == []


def test_replay_names_the_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty.ndjson").write_text("")
    with pytest.raises(UserError, match="no readings"):
        replay([tmp_path / "empty.ndjson"])
    with pytest.raises(UserError, match="--speed"):
        replay([tmp_path / "empty.ndjson"], speed=0)
