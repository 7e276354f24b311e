"""`fleetfume replay`: recorded readings on the real topics again, in order of time, at a pace."""

import asyncio
import contextlib
import heapq
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from devices.recordings import Recorded, read_recording
from devices.wire import MAX_BATCH_READINGS
from runtime.errors import UserError
from runtime.instants import instant
from runtime.parts import broker
from runtime.settings import load_settings
from runtime.tls import broker_tls
from simulators.play import DRAIN_S, MOST_WAITING, TICK_S
from simulators.publisher import Broker, Publisher

_JSON = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Recording:
    """A file, and what one look through it has told."""

    read: Callable[[], Iterator[Recorded]]
    count: int
    first_us: int
    last_us: int


def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help=".parquet, .ndjson, .csv or .gpx.")],
    speed: Annotated[float, typer.Option(help="Times real time.")] = 1.0,
    shift_to_now: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--shift-to-now",
            help="Move all times by as much as puts the last one at the moment it is published; at speed 1 all of them.",
        ),
    ] = False,
    device: Annotated[
        str | None, typer.Option(metavar="ID", help="The device of readings that name none.")
    ] = None,
) -> None:
    """Publish recorded readings as their devices did, on the real topics."""
    if not speed > 0:
        raise UserError(f"--speed {speed} is not above 0")
    recordings = [look_through(partial(read_recording, path, device_id=device)) for path in files]
    known = [recording for recording in recordings if recording.count]
    if not known:
        raise UserError(f"{', '.join(map(str, files))}: no readings")
    first_us = min(recording.first_us for recording in known)
    last_us = max(recording.last_us for recording in known)
    settings = load_settings()
    with broker(settings) as url:
        begun_us = time.time_ns() // 1000
        shift_us = begun_us + round((last_us - first_us) / speed) - last_us if shift_to_now else 0
        publisher = Publisher.pooled(
            Broker.from_url(url, tls=broker_tls(settings, url)), settings.topic_prefix
        )
        readings = heapq.merge(*(recording.read() for recording in known), key=lambda reading: reading.ts_us)
        asyncio.run(_play(publisher, readings, first_us, speed, shift_us))
        typer.echo(
            f"{sum(recording.count for recording in known)} readings from {instant(first_us):%Y-%m-%dT%H:%M:%SZ} to "
            f"{instant(last_us):%Y-%m-%dT%H:%M:%SZ}, {publisher.acknowledged} acknowledged"
        )


def look_through(read: Callable[[], Iterator[Recorded]]) -> Recording:
    """Read all of it once: how many, from when to when. What is not in order of time is kept, sorted, in memory."""
    count, first_us, last_us, in_order, before_us = 0, 0, 0, True, None
    for reading in read():
        first_us = reading.ts_us if before_us is None else min(first_us, reading.ts_us)
        last_us = reading.ts_us if before_us is None else max(last_us, reading.ts_us)
        in_order = in_order and (before_us is None or before_us <= reading.ts_us)
        before_us = reading.ts_us
        count += 1
    if not in_order:
        ordered = sorted(read(), key=lambda reading: reading.ts_us)
        return Recording(lambda: iter(ordered), count, first_us, last_us)
    return Recording(read, count, first_us, last_us)


async def _play(
    publisher: Publisher, readings: Iterator[Recorded], first_us: int, speed: float, shift_us: int
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for asked in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(asked, stop.set)
    begun = time.monotonic()
    async with publisher:
        for number, reading in enumerate(readings):
            if number % MAX_BATCH_READINGS == 0:
                await asyncio.sleep(0)
            due = begun + (reading.ts_us - first_us) / 1e6 / speed
            while not stop.is_set() and (
                (wait := due - time.monotonic()) > 0 or publisher.waiting >= MOST_WAITING
            ):
                publisher.check()
                await asyncio.sleep(min(max(wait, 0.01), TICK_S))
            if stop.is_set():
                break
            said = {"ts": instant(reading.ts_us + shift_us), **reading.fields}
            publisher.offer(reading.kind, reading.device_id, [_JSON.encode(said)])
        await publisher.below(1, DRAIN_S if stop.is_set() else None)
