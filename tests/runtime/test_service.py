"""Tasks in threads: one that fails ends all, and nobody waits for ever."""

import os
import signal
import threading
import time

import pytest

from runtime.errors import PartError
from runtime.service import stop_on_signals, supervised


def patient(stop: threading.Event) -> None:
    stop.wait()


def test_the_tasks_are_told_to_stop_and_waited_for() -> None:
    finished: list[str] = []

    def drains(stop: threading.Event) -> None:
        stop.wait()
        time.sleep(0.1)
        finished.append("drained")

    with supervised({"collector": drains}, threading.Event()):
        pass

    assert finished == ["drained"]


def test_a_task_that_fails_stops_the_others_and_its_error_is_raised() -> None:
    stop = threading.Event()

    def fails(stop: threading.Event) -> None:
        raise ConnectionError("broker gone")

    with pytest.raises(ConnectionError, match="broker gone"), supervised({"a": patient, "b": fails}, stop):
        assert stop.wait(5)


def test_a_task_that_ends_unasked_is_an_error() -> None:
    stop = threading.Event()

    with pytest.raises(PartError, match="b ended unasked"), supervised({"b": lambda _: None}, stop):
        assert stop.wait(5)


def test_a_task_that_does_not_finish_in_time_is_named_and_left() -> None:
    release = threading.Event()

    with (
        pytest.raises(PartError, match=r"deaf did not finish within 0\.1 s"),
        supervised({"deaf": lambda _: (release.wait(), None)[1]}, threading.Event(), deadline_s=0.1),
    ):
        pass
    release.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_to_stop(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    stop = threading.Event()

    with stop_on_signals(stop):
        os.kill(os.getpid(), number)
        assert stop.wait(5)

    assert signal.getsignal(number) is before
