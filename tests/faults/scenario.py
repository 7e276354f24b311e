"""Faults, one after the other, while terminals publish; then: is every reading there, once, and judged alike?

    terminal -> Mosquitto -> proxy -> collector (started again when it ends) -> proxy -> TimescaleDB

`run` gives a row of the loss table. The same seed brings the same load and the same faults in the same order; when
exactly they strike is up to the machine.
"""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx2
import psycopg

from tests.faults.load import Facts, Load, facts, make_load, register, undisturbed
from tests.parts.cluster import Cluster
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import fresh_database
from tests.parts.proxy import FaultProxy
from tests.parts.raw_mqtt import Terminal
from tests.parts.run import free_port
from tests.service.running import environment, wait_until

PATIENCE_S = 40.0
"""So long may nothing happen, once all is well again, before what is missing is called lost."""


class Collector:
    """`fleetfume serve --role collector`, started again whenever it has ended, as a service manager would."""

    def __init__(self, directory: Path, database_url: str, mqtt_url: str) -> None:
        self._log = directory / "collector.log"
        self._clock = directory / "clock"
        self.set_clock(0)
        self.port = free_port()
        self._env = environment(
            directory,
            database_url=database_url,
            mqtt_url=mqtt_url,
            http_port=str(self.port),
            batch_max_rows="500",
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.ended_by_itself = 0

    def start(self) -> None:
        with self._log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.collector", str(self._clock)],
                env=self._env,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

    def look_after(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            # To find no database when it starts is an answer, and waiting is the service manager's part.
            self.ended_by_itself += "cannot be reached" not in self.said().splitlines()[-1]
            self.start()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def set_clock(self, ahead_s: int) -> None:
        """Have it believe that it is `ahead_s` later than it is; at once, and also while it runs."""
        new = self._clock.with_suffix(".new")
        new.write_text(f"{ahead_s:+d}\n")
        new.replace(self._clock)

    @property
    def ready(self) -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).status_code == 200
        except httpx2.TransportError:
            return False

    def said(self) -> str:
        return self._log.read_text()


@dataclass
class World:
    """The parts, for a fault to spoil."""

    cluster: Cluster
    broker: Mosquitto
    to_database: FaultProxy
    to_broker: FaultProxy
    collector: Collector
    chance: random.Random
    pause_s: float
    """How long a fault lasts, about."""
    outage_s: float
    """How long the database is away in an outage."""

    def wait(self, share: float = 1.0) -> None:
        time.sleep(share * self.pause_s * self.chance.uniform(0.5, 1.5))

    def wait_for_the_collector(self) -> None:
        deadline = time.monotonic() + 60
        while not self.collector.ready and time.monotonic() < deadline:
            self.collector.look_after()
            time.sleep(0.05)

    def heal(self) -> None:
        self.to_database.open()
        self.to_broker.open()
        self.cluster.free_disk()
        self.cluster.resume()
        self.cluster.ensure_running()
        self.cluster.read_only(False)
        self.broker.start()
        self.collector.set_clock(0)
        self.collector.look_after()


@dataclass
class Row:
    """A line of the loss table. Counts are of readings, but for messages where that is said."""

    faults: str
    seed: int
    strikes: int
    published: int
    acknowledged: int
    """Messages that the broker has acknowledged to the terminal."""
    messages: int
    stored: int
    quarantined: int
    """Messages that cannot be read; as many as were published."""
    unreadable: int
    lost: int
    doubled: int
    alerts: int
    alerts_equal: bool
    ended_by_itself: int
    seconds: float
    differences: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return (
            self.acknowledged == self.messages
            and self.stored == self.published
            and self.quarantined == self.unreadable
            and self.lost == self.doubled == self.ended_by_itself == 0
            and self.alerts_equal
        )


Fault = Callable[[World], None]


def run(
    name: str,
    faults: Sequence[Fault],
    cluster: Cluster,
    directory: Path,
    *,
    seed: int,
    seconds: float,
    per_s: float,
    pause_s: float,
    outage_s: float,
    broker_is_killed: bool = True,
) -> Row:
    """Publish for about `seconds`, have `faults` strike all the while; heal, wait, and count.

    `broker_is_killed` False: it need not write all it holds with each message, which takes ever longer while much waits.
    """
    print(f"{name}: seed {seed}, {seconds:g} s at {per_s:g} messages a second")
    begun = time.monotonic()
    load = make_load(seed, int(seconds * per_s))
    cluster.ensure_running()
    broker = Mosquitto(directory, survives_kill=broker_is_killed)
    broker.start()
    try:
        with fresh_database(cluster.url) as calm_url, fresh_database(cluster.url) as url:
            expected = undisturbed(calm_url, load)
            register(url, load)
            with FaultProxy(cluster.port) as to_database, FaultProxy(broker.port) as to_broker:
                collector = Collector(
                    directory, through(to_database, url), f"mqtt://127.0.0.1:{to_broker.port}"
                )
                world = World(
                    cluster, broker, to_database, to_broker, collector, random.Random(seed), pause_s, outage_s
                )
                terminal = Terminal(broker.port, load.messages, per_s=per_s, window=200)
                try:
                    collector.start()
                    wait_until(lambda: collector.ready, what=collector.said)
                    terminal.start()
                    strikes = 0
                    deadline = time.monotonic() + 10 * seconds + 60
                    for fault in _in_turns(faults, world.chance):
                        world.wait()
                        if time.monotonic() > deadline or (
                            strikes >= len(faults) and not terminal.is_alive()
                        ):
                            break
                        fault(world)
                        strikes += 1
                        collector.look_after()
                    world.heal()
                    terminal.join(60)
                    _settle(url, load, collector)
                    row = _count(name, seed, strikes, url, load, terminal, collector, expected)
                finally:
                    world.heal()
                    terminal.leave()
                    collector.kill()
    finally:
        broker.stop()
    row.seconds = time.monotonic() - begun
    return row


def _in_turns(faults: Sequence[Fault], chance: random.Random) -> Iterator[Fault]:
    """Each once in any order, and again."""
    while True:
        yield from chance.sample(faults, len(faults))


def through(proxy: FaultProxy, url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"postgres@127.0.0.1:{proxy.port}"))


def _settle(url: str, load: Load, collector: Collector) -> None:
    """Wait until everything has arrived, or nothing has for PATIENCE_S."""
    seen, since = (-1, -1), time.monotonic()
    while seen != (len(load.readings), len(load.unreadable)) and time.monotonic() < since + PATIENCE_S:
        collector.look_after()
        time.sleep(0.2)
        with psycopg.connect(url) as connection:
            ((stored, quarantined),) = connection.execute(
                "SELECT (SELECT count(*) FROM vehicle_position) + (SELECT count(*) FROM fume_reading),"
                " (SELECT count(DISTINCT payload) FROM quarantine)"
            ).fetchall()
        if (stored, quarantined) != seen:
            seen, since = (stored, quarantined), time.monotonic()
    time.sleep(0.5)  # for what may come twice


def _count(
    name: str,
    seed: int,
    strikes: int,
    url: str,
    load: Load,
    terminal: Terminal,
    collector: Collector,
    expected: Facts,
) -> Row:
    found = facts(url)
    keys = [(device_id, round(ts.timestamp())) for device_id, ts, _ in found.qualities]
    with psycopg.connect(url) as connection:
        quarantined: dict[bytes, int] = dict(
            connection.execute("SELECT payload, count(*) FROM quarantine GROUP BY payload").fetchall()
        )
    twice = sum(
        max(0, count - sum(terminal.sent[i] for i in load.unreadable.get(payload, [])))
        for payload, count in quarantined.items()
    )
    lost_messages = [payload for payload in load.unreadable if payload not in quarantined]
    differences = [f"missing: {key}" for key in sorted(load.readings - set(keys))[:5]]
    differences += [f"missing: {payload!r}" for payload in lost_messages[:5]]
    differences += [f"expected: {row}" for row in expected.alerts if row not in found.alerts][:5]
    differences += [f"found: {row}" for row in found.alerts if row not in expected.alerts][:5]
    differences += [f"judged otherwise: {row}" for row in set(found.qualities) - set(expected.qualities)][:5]
    return Row(
        faults=name,
        seed=seed,
        strikes=strikes,
        published=len(load.readings),
        acknowledged=terminal.acknowledged,
        messages=len(load.messages),
        stored=len(keys),
        quarantined=len(quarantined),
        unreadable=len(load.unreadable),
        lost=len(load.readings - set(keys)) + len(lost_messages),
        doubled=len(keys) - len(set(keys)) + twice,
        alerts=len(expected.alerts),
        alerts_equal=found == expected,
        ended_by_itself=collector.ended_by_itself,
        seconds=0.0,
        differences=differences,
    )


HEADER = (
    "| faults | strikes | readings published | messages acknowledged | stored | unreadable, quarantined | lost | doubled |"
    " alerts | as undisturbed |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|---|"
)


def table_line(row: Row) -> str:
    return (
        f"| {row.faults} | {row.strikes} | {row.published:,} | {row.acknowledged:,} of {row.messages:,} | "
        f"{row.stored:,} | {row.quarantined} of {row.unreadable} | {row.lost} | {row.doubled} | {row.alerts} | "
        f"{'yes' if row.alerts_equal else 'NO'} |"
    )
