"""Monitors that speak HJ 212: the same kitchens, in other bytes."""

import io
from dataclasses import replace

import pytest

from devices.channels import decoders
from devices.terminals import Terminals
from devices.types import Registry
from devices.wire import FumeReading, decode_telemetry
from simulators.readings import SECOND_US, message
from simulators.scenarios import scenario_named
from simulators.simulation import SimulatedDevice, make_simulation
from simulators.truth import TruthWriter
from tests.simulators.fleets import START_US, ZONE, district


def kitchens(count: int = 20) -> Registry:
    monitors = [device for device in district().devices.values() if device.kind == "fume"]
    return replace(district(), devices={device.device_id: device for device in monitors[:count]})


def played(hj212: float) -> list[tuple[SimulatedDevice, list[bytes]]]:
    simulation = make_simulation(
        kitchens(), scenario_named("noisy"), ZONE, START_US, 1, TruthWriter(io.BytesIO()), hj212=hj212
    )
    return [said for n in range(1, 9) for said in simulation.advance(START_US + n * 1800 * SECOND_US)]


def test_the_readings_are_those_of_the_json_kitchens_and_ask_for_an_answer_each() -> None:
    cooking = 0
    for (device, said), (_, plain) in zip(played(1.0), played(0.0), strict=True):
        assert device.channel == "hj212"
        registered = district().devices[device.device_id]
        decoded = decoders(Terminals())["hj212"](registered, device.to_message(said))
        assert (decoded.problems, decoded.unknown_fields, decoded.defects) == ([], 0, {})
        assert len(decoded.answers) == len({reading.ts_us for reading in decoded.readings})
        for reading, wanted in zip(
            decoded.readings, decode_telemetry("fume", message(plain)).readings, strict=True
        ):
            assert isinstance(reading, FumeReading)
            assert reading.ts_us == wanted.ts_us // SECOND_US * SECOND_US
            for name in ("fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3", "temp_c", "rh_pct", "fan_a", "purifier_a"):
                assert getattr(reading, name) == pytest.approx(getattr(wanted, name), abs=1e-9), name
            assert (reading.fan_on, reading.purifier_on) == (wanted.fan_on, wanted.purifier_on)
            cooking += reading.fan_on is True
    assert cooking > 0


def test_a_share_is_a_share_and_always_the_same_kitchens() -> None:
    def speakers(share: float) -> set[str]:
        return {device.device_id for device, _ in played(share) if device.channel == "hj212"}

    some = speakers(0.5)
    assert 4 <= len(some) <= 16
    assert some < speakers(0.9)
    assert speakers(0.0) == set()
