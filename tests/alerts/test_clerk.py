"""The clerk: one at a time, and one job's defect does not silence the others."""

import threading
import time

import psycopg
import pytest

from alerts.clerk import Job, run_clerk


def test_of_two_clerks_one_works_and_the_other_takes_over(database_url: str) -> None:
    done: list[str] = []
    stops = {name: threading.Event() for name in ("first", "second")}

    def start(name: str) -> threading.Thread:
        jobs = [Job("count", 0.0, lambda _: done.append(name))]
        thread = threading.Thread(target=run_clerk, args=("desk", database_url, jobs, stops[name]))
        thread.start()
        return thread

    first = start("first")
    _wait(lambda: "first" in done)
    second = start("second")
    time.sleep(2.5)
    assert "second" not in done
    stops["first"].set()
    first.join(10)
    _wait(lambda: "second" in done)
    stops["second"].set()
    second.join(10)


def test_a_job_that_fails_is_tried_again_and_the_others_go_on(database_url: str) -> None:
    done: list[str] = []
    stop = threading.Event()

    def broken(connection: psycopg.Connection) -> None:
        done.append("broken")
        raise ValueError("a defect")

    jobs = [Job("broken", 0.0, broken), Job("sound", 0.0, lambda _: done.append("sound"))]
    thread = threading.Thread(target=run_clerk, args=("desk", database_url, jobs, stop))
    thread.start()
    _wait(lambda: done.count("broken") >= 2 and done.count("sound") >= 2)
    stop.set()
    thread.join(10)


def _wait(condition: object) -> None:
    deadline = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            pytest.fail("not within 20 s")
        time.sleep(0.05)
