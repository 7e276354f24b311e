"""A simulation ends when it is asked to, broker or no broker."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.parts.mosquitto import Mosquitto
from tests.service.running import HANG_S, environment, wait_until
from tests.simulators.test_publisher import Listener


def test_a_simulation_whose_broker_is_gone_still_ends_when_asked(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, survives_kill=False)
    broker.start()
    simulation = subprocess.Popen(
        [sys.executable, "-m", "runtime.cli", "simulate", "clean", "--catch-up", "1h", "--speed", "60"],
        env=environment(tmp_path, mqtt_url=broker.url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    heard = Listener(broker, "ear")
    try:
        wait_until(lambda: len(heard.readings) > 0)
        broker.kill()
        time.sleep(2)
        assert simulation.poll() is None, "it was to wait for its broker"
        simulation.send_signal(signal.SIGTERM)
        simulation.wait(timeout=HANG_S)
    finally:
        heard.close()
        simulation.kill()
        simulation.wait()
