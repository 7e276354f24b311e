"""A real Mosquitto that a test may stop, kill and start again."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.parts.run import free_port

# Without the autosave lines a killed Mosquitto forgets what it had queued. As root it would change to a
# user of its own, who cannot reach a test's folder; for others the line means nothing.
CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
{autosave}
max_queued_messages 0
max_inflight_messages 10000
log_dest file {folder}/mosquitto.log
user root
"""


def executable() -> str | None:
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def mosquitto_version() -> str:
    """For the header of the run."""
    program = executable()
    if program is None:
        return "Mosquitto: missing (make parts)"
    said = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout
    return said.splitlines()[0]


class Mosquitto:
    """One broker on a free port of its own, whose sessions and messages outlive its process."""

    def __init__(self, folder: Path, *, survives_kill: bool = True) -> None:
        """`survives_kill` has every change written to disk, which a long queue makes slow."""
        program = executable()
        if program is None:
            pytest.exit("The tests need Mosquitto: run 'make parts' as root, or install it.", returncode=3)
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"
        configuration = folder / "mosquitto.conf"
        configuration.write_text(
            CONFIGURATION.format(
                port=self.port,
                folder=folder,
                autosave="autosave_on_changes true\nautosave_interval 1" if survives_kill else "",
            )
        )
        self._command = [program, "-c", str(configuration)]
        self.saved = folder / "mosquitto.db"
        """What a start after `kill` finds again."""
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it unless it runs, and wait until it listens."""
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"Mosquitto did not start:\n{self._log.read_text()}") from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End it in an orderly way."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(20)
            self._process = None
