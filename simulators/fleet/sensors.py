"""Which sensors a truck's terminal has."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sensors:
    load: bool
    lift: bool
    cover: bool


SUITES = (
    (0.55, Sensors(load=True, lift=True, cover=True)),
    (0.18, Sensors(load=True, lift=False, cover=False)),
    (0.12, Sensors(load=False, lift=True, cover=False)),
    (0.15, Sensors(load=False, lift=False, cover=False)),
)
"""Share of the construction trucks, and what theirs have."""
NO_SENSORS = Sensors(load=False, lift=False, cover=False)


def suite_of(device_id: str) -> Sensors:
    """Always the same one, whatever the seed."""
    dice = random.Random(f"sensors/{device_id}")
    return dice.choices([kind for _, kind in SUITES], [share for share, _ in SUITES])[0]
