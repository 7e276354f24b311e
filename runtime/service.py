"""Threads of one process, watched: a signal or a failed one ends them all, within a deadline."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType

import structlog

from runtime.errors import FleetfumeError, PartError

log = structlog.get_logger(__name__)

DRAIN_DEADLINE_S = 25.0  # container managers wait 30 s before they kill


@contextlib.contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """Set `stop` on SIGTERM or SIGINT while the block runs; a second SIGINT interrupts as usual."""

    def ask_to_stop(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def supervised(
    tasks: Mapping[str, Callable[[threading.Event], None]],
    stop: threading.Event,
    deadline_s: float = DRAIN_DEADLINE_S,
) -> Iterator[None]:
    """Run each task in a thread while the block runs; then set `stop` and wait for them.

    A task ends by returning once `stop` is set. One that ends earlier, or fails, sets `stop` for all.
    Raises, after the block, what the first failed task raised; PartError if one ended unasked or is
    not done `deadline_s` after `stop`.
    """
    failures: list[BaseException] = []

    def run(name: str, task: Callable[[threading.Event], None]) -> None:
        try:
            task(stop)
            if not stop.is_set():
                raise PartError(f"{name} ended unasked")
        except FleetfumeError as error:
            failures.append(error)
        except BaseException as error:
            log.exception("task failed", task=name)
            failures.append(error)
        finally:
            stop.set()

    threads = [threading.Thread(target=run, args=item, name=item[0], daemon=True) for item in tasks.items()]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        deadline = time.monotonic() + deadline_s
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
    late = [thread.name for thread in threads if thread.is_alive()]
    if failures:
        raise failures[0]
    if late:
        raise PartError(f"{', '.join(late)} did not finish within {deadline_s:g} s and was left")
