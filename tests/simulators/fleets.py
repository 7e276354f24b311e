"""What the tests of the simulators share: the sample register, and a simulation played without a clock."""

import io
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from devices.registry_files import read_directory
from devices.types import Registry
from simulators.readings import SECOND_US
from simulators.scenarios import Scenario, scenario_named
from simulators.simulation import SimulatedDevice, Simulation, make_simulation
from simulators.truth import TruthLine, TruthWriter, read_truths

DATA = Path(__file__).parents[2] / "simulators" / "district_data"
ZONE = ZoneInfo("Asia/Shanghai")
START_US = 1_763_856_000 * SECOND_US
"""2025-11-23T00:00:00Z, eight in the morning."""


@cache
def district() -> Registry:
    return read_directory(DATA)


def part_of_it(every: int) -> Registry:
    """Every so many-th device."""
    devices = list(district().devices.items())[::every]
    return replace(district(), devices=dict(devices))


def played(
    scenario: str | Scenario, hours: float, *, seed: int = 1, registry: Registry | None = None
) -> tuple[list[tuple[SimulatedDevice, list[bytes]]], list[TruthLine]]:
    """Everything that was said in that time, in steps of half an hour, and the truths."""
    out = io.BytesIO()
    chosen = scenario if isinstance(scenario, Scenario) else scenario_named(scenario)
    simulation = make_simulation(registry or district(), chosen, ZONE, START_US, seed, TruthWriter(out))
    said = list(_steps(simulation, hours))
    simulation.truths.close(simulation.at_us / SECOND_US)
    return said, read_truths(io.BytesIO(out.getvalue()))


def _steps(simulation: Simulation, hours: float) -> Iterator[tuple[SimulatedDevice, list[bytes]]]:
    for step in range(1, round(hours * 2) + 1):
        yield from simulation.advance(START_US + step * 1800 * SECOND_US)
