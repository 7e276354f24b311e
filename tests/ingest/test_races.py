"""Two collectors and three officers at once: one alert of an event, one lead of an alert."""

import threading
from collections.abc import Callable

import psycopg
import pytest

from alerts.casework.leads import NothingToOpen, open_lead
from alerts.outbox import take_turn
from devices.repository import store_registry
from tests.ingest.test_pipeline import A_BAD_HAUL, of, pipeline
from tests.service.running import HANG_S
from tests.small_district import registry

ROUNDS = 6


def at_once(*works: Callable[[], None]) -> None:
    """Run them side by side; raise what one of them raised."""
    failures: list[BaseException] = []
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            ready.wait()
            work()
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG_S)
    if failures:
        raise failures[0]


@pytest.mark.parametrize("size", [7, 60])
def test_two_collectors_and_three_officers_never_make_two_of_one(database_url: str, size: int) -> None:
    with psycopg.connect(database_url) as connection:
        store_registry(connection, registry(trucks=ROUNDS), actor="test", note="")
    batches = [A_BAD_HAUL[n : n + size] for n in range(0, len(A_BAD_HAUL), size)]

    def collector() -> None:
        line = pipeline()
        with psycopg.connect(database_url, autocommit=True) as connection:
            for batch in batches:
                line.process(connection, [of("vehicle", f"V{n}", batch) for n in range(ROUNDS)])

    def officer(name: str) -> Callable[[], None]:
        def work() -> None:
            with psycopg.connect(database_url, autocommit=True) as connection:
                for _ in range(30):
                    for (alert_id,) in connection.execute(
                        "SELECT id FROM alert WHERE lead_id IS NULL"
                    ).fetchall():
                        try:
                            with connection.transaction():
                                take_turn(connection)
                                open_lead(connection, [alert_id], created_by=name)
                        except NothingToOpen:
                            pass

        return work

    at_once(collector, collector, officer("a"), officer("b"), officer("c"))

    with psycopg.connect(database_url) as connection:
        alerts = connection.execute(
            "SELECT device_id, kind, started_at, count(*) FROM alert GROUP BY 1, 2, 3"
        ).fetchall()
        assert len(alerts) == 3 * ROUNDS
        assert {row[3] for row in alerts} == {1}
        # Each lead was opened once, from the alerts that are its own, and every dumping has one.
        leads = connection.execute("SELECT count(*) FROM lead").fetchone()
        opened = connection.execute(
            "SELECT (detail -> 'alerts' ->> 0)::bigint FROM lead_journal WHERE action = 'opened'"
        ).fetchall()
        assert leads == (len(opened),)
        assert len(set(opened)) == len(opened)
        assert connection.execute(
            "SELECT count(*) FROM alert WHERE kind = 'illegal_dumping' AND lead_id IS NULL"
        ).fetchone() == (0,)
