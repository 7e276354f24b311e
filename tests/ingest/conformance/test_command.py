"""`fleetfume device-test` against a real broker, as a maker of firmware runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.conformance import commands
from ingest.conformance.captured import Captured, read_captured, write_captured
from runtime.embedded.broker import embedded_broker
from runtime.errors import FleetfumeError, UserError
from tests.parts.mosquitto import Mosquitto
from tests.service.running import HANG_S

DISTRICT = Path(__file__).parents[3] / "simulators" / "district_data"
DESCRIBED = ("--kind", "vehicle", "--interval-s", "1")


@contextmanager
def device_test(url: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The command, listening when the block begins."""
    with subprocess.Popen(
        [sys.executable, "-m", "runtime.cli", "device-test", *arguments],
        env={**os.environ, "FLEETFUME_MQTT_URL": url}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert "listening to ff/v1/+/V1/#" in process.stderr.readline()
        yield process
        if process.poll() is None:
            process.kill()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    said, complaints = process.communicate(timeout=HANG_S)
    assert complaints == ""
    return process.returncode, said


def a_terminal(url: str, *, qos: int, retained: bool) -> None:
    """Six readings, then a connection that breaks."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="V1")
    client.will_set("ff/v1/vehicle/V1/status", b'{"online":false}', qos=1, retain=True)
    client.connect("127.0.0.1", int(url.rpartition(":")[2]))
    client.loop_start()
    client.publish(
        "ff/v1/vehicle/V1/status", b'{"online":true,"fw":"0.1"}', qos=1, retain=True
    ).wait_for_publish(10)
    now = int(time.time())
    for seconds in range(-5, 1):
        reading = {"ts": now + seconds, "lat": 36.7, "lon": 117.5, "fix": True, "speed_kmh": 0}
        client.publish(
            "ff/v1/vehicle/V1/telemetry", json.dumps(reading), qos=qos, retain=retained
        ).wait_for_publish(10)
    sock = client.socket()
    assert sock is not None
    client.loop_stop()
    sock.close()
    time.sleep(1)


def test_a_good_terminal_passes_with_its_will_and_what_was_heard_can_be_looked_at_again(
    broker: Mosquitto, tmp_path: Path
) -> None:
    saved = tmp_path / "session.ndjson"
    with device_test(broker.url, "V1", *DESCRIBED, "--save", str(saved)) as process:
        a_terminal(broker.url, qos=1, retained=False)
        code, said = ended(process)

    assert (code, said.splitlines()[-1]) == (0, "0 wrong, 0 doubtful"), said
    assert "right  will" in said
    again = subprocess.run(
        [sys.executable, "-m", "runtime.cli", "device-test", "V1", *DESCRIBED, "--file", str(saved)],
        capture_output=True, text=True, check=False, timeout=HANG_S,
    )  # fmt: skip
    assert (again.returncode, again.stdout) == (0, said)


def test_a_bad_terminal_fails_by_the_flags_it_really_set(broker: Mosquitto) -> None:
    with device_test(broker.url, "V1", *DESCRIBED) as process:
        a_terminal(broker.url, qos=0, retained=True)
        code, said = ended(process)

    assert code == 1
    assert "WRONG  qos        6 messages with QoS 0" in said
    assert "WRONG  retained   6 messages with the retained flag, first on ff/v1/vehicle/V1/telemetry" in said


def test_it_listens_at_a_broker_that_knows_only_mqtt_3(tmp_path: Path) -> None:
    with embedded_broker(tmp_path, "ff/v1") as url, device_test(url, "V1", *DESCRIBED) as process:
        code, said = ended(process)

    assert (code, "WRONG  topic      nothing was heard below ff/v1/+/V1/" in said) == (1, True)


def test_a_session_is_kept_as_it_was(tmp_path: Path) -> None:
    messages = [
        Captured(
            topic="ff/v1/vehicle/V1/jt808", payload=b"\x7e\x00\xff\n", qos=1, retained=None, received_us=7
        ),
        Captured(topic="a/油烟", payload=b"", qos=0, retained=True, received_us=8),
    ]
    write_captured(tmp_path / "session", messages)

    assert read_captured(tmp_path / "session") == messages


def test_a_file_of_something_else_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "session").write_text('{"ts":1}\n')

    with pytest.raises(UserError, match="line 1: not a message"):
        read_captured(tmp_path / "session")


@pytest.mark.parametrize(
    ("device_id", "options", "complaint"),
    [
        ("V+1", {}, "not a device id"),
        ("V1", {"serial": "139"}, "give --kind too"),
        ("V1", {"kind": "vehicle", "minutes": 0}, "not above 0"),
        ("V1", {"kind": "vehicle", "file": Path("nowhere")}, "nowhere cannot be read"),
        ("V9", {"registry": DISTRICT}, "no device 'V9'"),
        ("V1", {"kind": "vehicle"}, "is it running"),
    ],
)
def test_a_mistake_is_named(
    monkeypatch: pytest.MonkeyPatch, device_id: str, options: dict[str, Any], complaint: str
) -> None:
    monkeypatch.setenv("FLEETFUME_MQTT_URL", "mqtt://127.0.0.1:9")

    with pytest.raises(FleetfumeError, match=complaint):
        commands.device_test(device_id, **options)
