"""Several collectors at one broker: who gets what, and what becomes of the messages of one that dies."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from ingest.broker import sessions
from ingest.broker.identity import Numbers
from ingest.broker.sessions import Sessions
from runtime.embedded.broker import embedded_broker
from tests.parts.mosquitto import Mosquitto
from tests.service.running import HANG_S, publisher, wait_until

FILTERS = ["ff/v1/+/+/telemetry"]


class Collector:
    """What a collector does with its sessions, with the commit left out."""

    def __init__(self, mqtt_url: str, numbers: Numbers) -> None:
        self.numbers = numbers
        self.sessions = Sessions(mqtt_url, FILTERS, numbers)
        self.got: list[int] = []
        self.probes: list[int] = []
        """What came that only asks who gets what: numbers below zero."""

    def turn(self, *, acknowledging: bool = True) -> int:
        batch = self.sessions.take(max_bytes=1_000_000, max_wait_s=0.05, quiet_s=0.01)
        numbers = [int(delivery.payload) for delivery in batch]
        self.got += [number for number in numbers if number >= 0]
        self.probes += [number for number in numbers if number < 0]
        if acknowledging:
            self.sessions.acknowledge(batch)
        self.sessions.look_after()
        return len(self.got)

    def die(self) -> None:
        """As kill -9 does: the broker's session stays, the database lets go of the number."""
        self.sessions.stop()
        self.numbers.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """One of each test's own: the databases are copies of one, and so are their installations' names."""
    mosquitto = Mosquitto(tmp_path)
    mosquitto.start()
    yield mosquitto
    mosquitto.stop()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(sessions, "ADOPT_AFTER_S", 0.5)


@contextmanager
def collecting(mqtt_url: str, database_url: str) -> Iterator[Collector]:
    with closing(Numbers(database_url)) as numbers:
        collector = Collector(mqtt_url, numbers)
        collector.sessions.start()
        wait_until(lambda: collector.sessions.connected)
        try:
            yield collector
        finally:
            collector.sessions.stop()


def turning(*collectors: Collector, until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG_S
    while not until():
        assert time.monotonic() < deadline, [collector.got for collector in collectors]
        for collector in collectors:
            collector.turn()


def turning_until_shared(url: str, *collectors: Collector) -> None:
    """Until what is published comes to one of them, and each of them has its turn: they know of each other."""
    for probe in itertools.count(-1, -1):
        publish(url, probe)
        turning(*collectors, until=lambda: any(probe in one.probes for one in collectors))  # noqa: B023 - asked here
        # Of the last few: a second copy of the newest one may still be on its way.
        last = [[n for n in one.probes if probe < n <= probe + 3 * len(collectors)] for one in collectors]
        if all(last) and sum(map(len, last)) == 3 * len(collectors):
            return
        assert probe > -1000, last


def turning_until_alone(url: str, collector: Collector) -> None:
    """Until it has found that it is alone, and the broker has heard that it subscribes plainly."""
    held = collector.sessions._held.values()
    turning(collector, until=lambda: not any(one.receiver._shares for one in held))
    probe = min([0, *collector.probes]) - 1
    publish(url, probe)
    turning(collector, until=lambda: probe in collector.probes)


def publish(url: str, *numbers: int) -> None:
    with publisher(url) as send:
        for number in numbers:
            send("ff/v1/vehicle/V0/telemetry", str(number).encode())


def recorded(database_url: str) -> list[int]:
    with psycopg.connect(database_url) as connection:
        return [n for (n,) in connection.execute("SELECT number FROM collector_session ORDER BY number")]


def test_collectors_share_what_comes(database_url: str, broker: Mosquitto) -> None:
    with ExitStack() as opened:
        three = [opened.enter_context(collecting(broker.url, database_url)) for _ in range(3)]
        turning_until_shared(broker.url, *three)
        publish(broker.url, *range(30))
        turning(*three, until=lambda: sum(len(one.got) for one in three) >= 30)

        assert sorted(number for one in three for number in one.got) == list(range(30))
        assert all(one.got for one in three)
        assert recorded(database_url) == [1, 2, 3]


def test_at_a_broker_without_shared_subscriptions_each_gets_everything(
    database_url: str, tmp_path: Path
) -> None:
    with ExitStack() as opened:
        url = opened.enter_context(embedded_broker(tmp_path))
        two = [opened.enter_context(collecting(url, database_url)) for _ in range(2)]
        publish(url, *range(10))
        turning(*two, until=lambda: all(len(one.got) >= 10 for one in two))

        assert [sorted(one.got) for one in two] == [list(range(10))] * 2


def test_what_a_dead_collector_had_or_got_comes_to_the_living_and_its_session_is_given_up(
    database_url: str, broker: Mosquitto
) -> None:
    with collecting(broker.url, database_url) as lives, collecting(broker.url, database_url) as dies:
        publish(broker.url, *range(10))
        wait_until(lambda: dies.turn(acknowledging=False) >= 5)
        dies.die()
        publish(broker.url, *range(10, 20))  # half of it goes to the session nobody holds
        turning(lives, until=lambda: recorded(database_url) == [1])

        assert sorted(set(lives.got)) == list(range(20))
        publish(broker.url, *range(20, 30))
        turning(lives, until=lambda: len(set(lives.got)) == 30)


def test_so_it_is_at_a_broker_without_shared_subscriptions(database_url: str, tmp_path: Path) -> None:
    with (
        embedded_broker(tmp_path) as url,
        collecting(url, database_url) as lives,
        collecting(url, database_url) as dies,
    ):
        publish(url, *range(10))
        wait_until(lambda: dies.turn(acknowledging=False) >= 10)
        dies.die()
        turning(lives, until=lambda: recorded(database_url) == [1])

        assert set(lives.got) == set(range(10))


def test_one_that_is_started_again_has_its_old_number_and_what_waited_for_it(
    database_url: str, broker: Mosquitto
) -> None:
    with collecting(broker.url, database_url) as first:
        publish(broker.url, 1, 2)
        wait_until(lambda: first.turn(acknowledging=False) >= 2)
        first.die()
    publish(broker.url, 3)

    with collecting(broker.url, database_url) as again:
        turning(again, until=lambda: len(again.got) >= 3)
        assert again.got == [1, 2, 3]
        assert recorded(database_url) == [1]


def test_what_comes_between_a_brokers_restart_and_the_lone_collectors_return_is_kept(
    database_url: str, broker: Mosquitto
) -> None:
    """Mosquitto forgets shared subscriptions when it ends."""
    with collecting(broker.url, database_url) as first:
        with collecting(broker.url, database_url) as second:
            turning_until_shared(broker.url, first, second)
            second.die()
        turning(first, until=lambda: recorded(database_url) == [1])
        turning_until_alone(broker.url, first)
        first.die()
    broker.stop()
    broker.start()
    publish(broker.url, *range(5))

    with collecting(broker.url, database_url) as again:
        turning(again, until=lambda: len(again.got) >= 5)
        assert again.got == list(range(5))


def test_a_collector_that_gets_company_loses_nothing_on_the_way(database_url: str, broker: Mosquitto) -> None:
    with collecting(broker.url, database_url) as first, publisher(broker.url) as send, ExitStack() as opened:
        both = [first]
        for n in range(300):
            send("ff/v1/vehicle/V0/telemetry", str(n).encode())
            if n == 100:
                both.append(opened.enter_context(collecting(broker.url, database_url)))
            for one in both if n % 3 == 0 else ():
                one.turn()
        turning(*both, until=lambda: len({n for one in both for n in one.got}) == 300)

        assert len(first.got) + len(both[1].got) < 600
        assert both[1].got


def lose_the_database(database_url: str) -> None:
    """As a restart of the database does to every collector's number."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 4714"
        )


def test_a_database_that_restarts_leaves_every_collector_its_number(
    database_url: str, broker: Mosquitto
) -> None:
    with collecting(broker.url, database_url) as one, collecting(broker.url, database_url) as other:
        lose_the_database(database_url)
        turning(one, other, until=lambda: (*one.numbers.keep(), *other.numbers.keep()) == (1, 2))
        turning_until_shared(broker.url, one, other)
        publish(broker.url, *range(10))
        turning(one, other, until=lambda: len(one.got) + len(other.got) >= 10)

        assert sorted(one.got + other.got) == list(range(10))
        assert (one.numbers.keep(), other.numbers.keep()) == (frozenset({1}), frozenset({2}))


def test_one_whose_number_was_taken_meanwhile_takes_another_and_does_not_fight_for_the_session(
    database_url: str, broker: Mosquitto
) -> None:
    with ExitStack() as opened:
        first = opened.enter_context(collecting(broker.url, database_url))
        lose_the_database(database_url)
        second = opened.enter_context(collecting(broker.url, database_url))  # before the first looks
        turning(first, second, until=lambda: (*first.numbers.keep(), *second.numbers.keep()) == (2, 1))
        turning_until_shared(broker.url, first, second)
        publish(broker.url, *range(10))
        turning(first, second, until=lambda: len(first.got) + len(second.got) >= 10)

        assert sorted(first.got + second.got) == list(range(10))
        assert (first.numbers.keep(), second.numbers.keep()) == (frozenset({2}), frozenset({1}))
