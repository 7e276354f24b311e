"""kill -9 in the middle of the work: nothing lost, nothing doubled."""

import json
import time
from pathlib import Path
from typing import Any

import psycopg

from devices.repository import store_registry
from tests.ingest.test_pipeline import A_BAD_HAUL, BEGIN_S
from tests.parts.mosquitto import Mosquitto
from tests.service.running import environment, publisher, serving, wait_until
from tests.small_district import registry

TRUCKS = 40


def facts(url: str) -> dict[str, Any]:
    """What is stored and told, but for what may differ between runs: numbers and the time of recording.

    A collector that dies between two batches leaves some trucks further on than others. If the broker takes long to
    send the rest, these are told silent, and that is taken back: such alerts are opened once, withdrawn once, and gone.
    """
    with psycopg.connect(url) as connection:
        alerts = connection.execute(
            "SELECT device_id, kind, severity, state, started_at, opened_at, cleared_at, lead_id IS NOT NULL"
            " FROM alert WHERE state <> 'withdrawn' ORDER BY device_id, kind, started_at"
        ).fetchall()
        positions = connection.execute(
            "SELECT device_id, ts, quality FROM vehicle_position ORDER BY device_id, ts"
        ).fetchall()
        # What happens to one alert within one batch is told once, so the number of updates may differ.
        told = connection.execute(
            "SELECT told, count(*) FROM ("
            "    SELECT array_agg(type ORDER BY id) AS told FROM outbox"
            "     WHERE type <> 'alert.updated' GROUP BY alert_id, lead_id) AS of_one"
            " WHERE told <> '{alert.opened,alert.withdrawn}' GROUP BY told ORDER BY told"
        ).fetchall()
        leads = connection.execute("SELECT count(*) FROM lead").fetchall()
    return {"alerts": alerts, "positions": positions, "told": told, "leads": leads}


def publish_everything(url: str) -> None:
    with publisher(url) as publish:
        for reading in A_BAD_HAUL:
            shifted = {**reading, "ts": reading["ts"] - BEGIN_S + time_base}
            for truck in range(TRUCKS):
                publish(f"ff/v1/vehicle/V{truck}/telemetry", json.dumps(shifted).encode())


time_base = int(time.time()) - 7200


def stored(url: str) -> int:
    with psycopg.connect(url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM vehicle_position").fetchall()
    return int(count[0])


def test_a_collector_killed_again_and_again_loses_and_doubles_nothing(
    database_url: str, second_database_url: str, broker: Mosquitto, tmp_path: Path
) -> None:
    every_reading = TRUCKS * len(A_BAD_HAUL)
    for url in (database_url, second_database_url):
        with psycopg.connect(url) as connection:
            store_registry(connection, registry(trucks=TRUCKS), actor="test", note="")

    undisturbed = environment(
        tmp_path, database_url=second_database_url, mqtt_url=broker.url, collector_id="calm"
    )
    with serving("--role", "collector", env=undisturbed, directory=tmp_path):
        publish_everything(broker.url)
        wait_until(lambda: stored(second_database_url) >= every_reading)

    env = environment(tmp_path, database_url=database_url, mqtt_url=broker.url, batch_max_rows="200")
    kills = 0
    with serving("--role", "collector", env=env, directory=tmp_path) as first:
        publish_everything(broker.url)
        wait_until(lambda: stored(database_url) > 200)
        first.kill()
        kills += 1
    while True:
        with serving("--role", "collector", env=env, directory=tmp_path) as service:
            seen = stored(database_url)
            if kills < 4 and seen < every_reading:
                wait_until(lambda: stored(database_url) > seen)  # noqa: B023 - waited for here
                service.kill()
                kills += 1
                continue
            wait_until(lambda: stored(database_url) >= every_reading)
            time.sleep(1)
            break

    assert kills >= 1
    disturbed, calm = facts(database_url), facts(second_database_url)
    for what, of_calm in calm.items():
        assert disturbed[what] == of_calm, what
