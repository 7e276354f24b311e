"""`fleetfume quarantine` and `fleetfume findings`, as an operator uses them."""

import json
from pathlib import Path

import psycopg
import pytest

from devices.repository import store_registry
from tests import builders
from tests.builders import NOON
from tests.service.running import environment, fleetfume
from tests.small_district import place, registry


@pytest.fixture
def env(database_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, database_url=database_url)


def test_a_device_is_registered_and_what_it_had_sent_before_is_read(
    env: dict[str, str], database_url: str
) -> None:
    lat, lon = place(0, 0)
    payload = json.dumps({"ts": NOON.timestamp(), "lat": lat, "lon": lon}).encode()
    with psycopg.connect(database_url, autocommit=True) as connection:
        for what, reason in ((payload, "unknown_device"), (b"\x1b[2J", "not_json")):
            builders.insert(
                connection, "quarantine", received_at=NOON, topic="ff/v1/vehicle/V0/telemetry", payload=what,
                reason=reason, device_id="V0",
            )  # fmt: skip
        said = fleetfume("quarantine", "list", env=env)
        assert "unknown_device" in said
        assert "\x1b" not in said
        assert "2 rows" in said
        with connection.transaction():
            store_registry(connection, registry(trucks=1), actor="test", note="")

        dry = fleetfume("quarantine", "retry", "--reason", "unknown_device", "--dry-run", env=env)
        assert "1 resolved, 0 still" in dry
        assert "1 readings stored" in dry
        assert "nothing is kept" in dry
        assert "2 rows" in fleetfume("quarantine", "list", env=env)

        said = fleetfume("quarantine", "retry", "--device", "V0", env=env)
        assert "2 rows read again: 1 resolved, 1 still cannot be read; 1 readings stored" in said
        assert "not_json: 1" in said
        assert connection.execute("SELECT ts FROM vehicle_position").fetchall() == [(NOON,)]
    assert "1 rows read again: 0 resolved" in fleetfume("quarantine", "retry", env=env)
    assert "1 rows" in fleetfume("quarantine", "list", "--from", "2026-11-23T00:00:00Z", env=env)
    assert "0 rows" in fleetfume("quarantine", "list", "--to", "2026-11-23T00:00:00Z", env=env)


def test_parts_of_messages_are_not_read_again_and_it_says_why(env: dict[str, str]) -> None:
    with pytest.raises(AssertionError, match="a part is read by itself when the other parts come"):
        fleetfume("quarantine", "retry", "--reason", "incomplete_message", env=env)


def test_findings_are_made_again_and_printed(env: dict[str, str], database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(trucks=1), actor="test", note="")
        for n in range(21):
            builders.position(connection, NOON + builders.minutes(n), odometer_km=n * 0.5)

    assert fleetfume("findings", "--from", "2026-11-23", env=env) == "0 findings\n"
    said = fleetfume("findings", "--from", "2026-11-23", "--device", "V0", "--again", env=env)
    assert said.startswith("2026-11-23  V0  frozen  {")
    assert said.endswith("1 findings\n")
