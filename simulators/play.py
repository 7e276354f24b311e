"""Plays a simulation against the clock: event time runs at `speed` and never passes the wall clock."""

import asyncio
import time
from dataclasses import dataclass

import structlog

from simulators.publisher import Publisher
from simulators.readings import SECOND_US
from simulators.simulation import Simulation

TICK_S = 1.0
MOST_WAITING = 100_000
"""Readings in memory, beyond which event time waits for the broker."""
LONGEST_STEP_US = 1800 * SECOND_US
YIELD_EVERY = 40
"""Devices between two chances for the connections to work."""
DRAIN_S = 10.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Clock:
    start_us: int
    speed: float
    begun_us: int
    """Wall clock when it was started."""

    def at(self, wall_us: int) -> int:
        return min(self.start_us + int((wall_us - self.begun_us) * self.speed), wall_us)


async def play(
    simulation: Simulation, publisher: Publisher, clock: Clock, end_us: int | None, stop: asyncio.Event
) -> None:
    """Until `end_us` (None: for ever) or `stop`; then sends what is left and writes the truths it cut short."""
    live = False
    while not stop.is_set() and (end_us is None or simulation.at_us < end_us):
        publisher.check()
        wall_us = time.time_ns() // 1000
        until_us = min(clock.at(wall_us), simulation.at_us + LONGEST_STEP_US)
        if end_us is not None:
            until_us = min(until_us, end_us)
        for number, (device, readings) in enumerate(simulation.advance(until_us)):
            publisher.offer(
                device.kind, device.device_id, readings, channel=device.channel, to_message=device.to_message
            )
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        await _below(publisher, MOST_WAITING, stop)
        if not live and clock.speed > 1 and wall_us - until_us < 2 * SECOND_US:
            live = True
            log.info("caught up with the present", readings=simulation.readings)
        behind = clock.at(time.time_ns() // 1000) - simulation.at_us > TICK_S * SECOND_US * clock.speed
        if not behind:
            await _pause(stop, TICK_S)
    simulation.truths.close(simulation.at_us / SECOND_US)
    if not await _below(publisher, 1, stop):
        log.warning("stopped before the broker acknowledged everything", waiting=publisher.waiting)


async def _below(publisher: Publisher, count: int, stop: asyncio.Event) -> bool:
    """Wait until fewer than `count` readings wait; False when they still do DRAIN_S after `stop`: the broker is gone."""
    while not stop.is_set():
        if await publisher.below(count, TICK_S):
            return True
    return await publisher.below(count, DRAIN_S)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
