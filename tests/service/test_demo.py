"""`fleetfume demo`, as a stranger runs it: an address, a login, trucks on the road; Ctrl-C ends all of it."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

from tests.parts.run import free_port
from tests.service.running import environment, wait_until


def test_the_demo_prints_a_login_shows_trucks_and_ends_when_asked(tmp_path: Path) -> None:
    port, said = free_port(), tmp_path / "said.txt"
    data = tmp_path / "demo"
    with said.open("wb") as sink:
        demo = subprocess.Popen(
            [
                sys.executable, "-m", "runtime.cli", "demo",
                "--data-dir", str(data), "--http-port", str(port), "--catch-up", "30m",
            ],
            env=environment(tmp_path), stdout=sink, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_until(lambda: "password" in said.read_text(), what=said.read_text)
        (password,) = re.findall(r"password (\S+)", said.read_text())
        base = f"http://127.0.0.1:{port}"
        answer = httpx2.post(
            f"{base}/api/v1/auth/token", data={"username": "duty", "password": password}, timeout=30
        )
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

        def reporting() -> int:
            latest = httpx2.get(f"{base}/api/v1/vehicles/latest", headers=headers, timeout=30)
            return len(latest.json()["vehicles"])

        wait_until(lambda: reporting() == 686, what=lambda: f"{reporting()} of 686 vehicles")
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=40) == 0, said.read_text()
    finally:
        demo.kill()
        demo.wait()
    assert subprocess.run(["pgrep", "-f", str(data)], capture_output=True, check=False).stdout == b""
