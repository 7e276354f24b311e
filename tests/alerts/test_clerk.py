"""The clerk: one at a time, and one job's defect does not silence the others."""

import threading
import time

import psycopg

from alerts.clerk import Job, run_clerk
from tests.service.running import HANG_S, wait_until


def test_of_two_clerks_one_works_and_the_other_takes_over(database_url: str) -> None:
    done: list[str] = []
    stops = {name: threading.Event() for name in ("first", "second")}

    def start(name: str) -> threading.Thread:
        jobs = [Job("count", 0.0, lambda _: done.append(name))]
        thread = threading.Thread(target=run_clerk, args=("desk", database_url, jobs, stops[name]))
        thread.start()
        return thread

    first = start("first")
    wait_until(lambda: "first" in done)
    second = start("second")
    time.sleep(2.5)
    assert "second" not in done
    stops["first"].set()
    first.join(HANG_S)
    wait_until(lambda: "second" in done)
    stops["second"].set()
    second.join(HANG_S)


def test_a_job_that_fails_is_tried_again_and_the_others_go_on(database_url: str) -> None:
    done: list[str] = []
    stop = threading.Event()

    def broken(connection: psycopg.Connection) -> None:
        done.append("broken")
        raise ValueError("a defect")

    jobs = [Job("broken", 0.0, broken), Job("sound", 0.0, lambda _: done.append("sound"))]
    thread = threading.Thread(target=run_clerk, args=("desk", database_url, jobs, stop))
    thread.start()
    wait_until(lambda: done.count("broken") >= 2 and done.count("sound") >= 2)
    stop.set()
    thread.join(HANG_S)
