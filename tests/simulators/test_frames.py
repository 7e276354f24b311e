"""Trucks that speak JT/T 808: the same fleet, in other bytes."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from devices.channels import decoders
from devices.decoding import Decoded
from devices.terminals import Terminals, load_terminals
from devices.types import Registry
from devices.wire import VehicleReading, decode_telemetry
from simulators.readings import SECOND_US, message
from simulators.scenarios import scenario_named
from simulators.simulation import SimulatedDevice, make_simulation
from simulators.truth import TruthWriter
from tests.simulators.fleets import START_US, ZONE, district

DOCS = Path(__file__).parents[2] / "docs"


def trucks(count: int = 30) -> Registry:
    """Construction trucks at the beginning of the register, of which most have sensors."""
    vehicles = [device for device in district().devices.values() if device.kind == "vehicle"]
    return replace(district(), devices={device.device_id: device for device in vehicles[:count]})


def played(jt808: float, *, step_s: int = 360) -> list[tuple[SimulatedDevice, list[bytes]]]:
    simulation = make_simulation(
        trucks(), scenario_named("noisy"), ZONE, START_US, 1, TruthWriter(io.BytesIO()), jt808=jt808
    )
    return [
        said
        for n in range(1, 2 * 3600 // step_s)
        for said in simulation.advance(START_US + n * step_s * SECOND_US)
    ]


@pytest.fixture
def simulated(tmp_path: Path) -> Terminals:
    """Every terminal of the sample district in the simulator's dialect: the example of docs/jt808.md."""
    page = (DOCS / "jt808.md").read_text(encoding="utf-8")
    (tmp_path / "terminals.toml").write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    return load_terminals(tmp_path / "terminals.toml")


def read(terminals: Terminals, device: SimulatedDevice, payload: bytes) -> Decoded[Any]:
    return decoders(terminals)[device.channel](district().devices[device.device_id], payload)


def test_the_readings_are_those_of_the_json_fleet_as_far_as_the_frames_can_say_them(
    simulated: Terminals,
) -> None:
    checked = 0
    for (device, said), (_, plain) in zip(played(1.0), played(0.0), strict=True):
        assert device.channel == "jt808"
        decoded = read(simulated, device, device.to_message(said))
        assert (decoded.problems, decoded.unknown_fields) == ([], 0)
        for reading, wanted in zip(
            decoded.readings, decode_telemetry("vehicle", message(plain)).readings, strict=True
        ):
            assert isinstance(reading, VehicleReading)
            for name in ("lat", "lon", "fix", "ignition", "lift", "cover", "sats"):
                assert getattr(reading, name) == getattr(wanted, name), name
            assert reading.ts_us == wanted.ts_us // SECOND_US * SECOND_US
            assert reading.speed_kmh == pytest.approx(wanted.speed_kmh, abs=0.06)
            assert reading.odometer_km == pytest.approx(wanted.odometer_km, abs=0.06)
            assert (reading.load is None) == (wanted.load is None)
            assert reading.load is None or abs(reading.load - (wanted.load or 0.0)) <= 0.26
            checked += reading.lift is True
    assert checked > 0


def test_one_point_goes_as_a_report_and_a_backlog_as_batches_that_need_parts(simulated: Terminals) -> None:
    device, said = max(played(1.0, step_s=3500), key=lambda one: len(one[1]))
    assert len(said) > 100

    first = read(simulated, device, device.to_message(said[:1]))
    assert first.messages == {"0x0002": 1, "0x0200": 1}
    second = read(simulated, device, device.to_message(said[:101]))
    assert (second.messages, len(second.readings)) == ({"0x0704": 3}, 101)


def test_a_share_is_a_share_and_always_the_same_trucks() -> None:
    def speakers(share: float) -> set[str]:
        return {device.device_id for device, _ in played(share, step_s=3600) if device.channel == "jt808"}

    some = speakers(0.4)
    assert 5 <= len(some) <= 19
    assert some < speakers(0.8)
    assert speakers(0.0) == set()


def test_json_is_what_everyone_else_speaks() -> None:
    for device, said in played(0.5, step_s=3600):
        if device.channel == "telemetry":
            assert json.loads(device.to_message(said))
