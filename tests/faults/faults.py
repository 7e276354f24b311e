"""What can go wrong, each as a function that makes it so, waits, and mostly makes it well again."""

import time

from tests.faults.scenario import Fault, World


def kill_collector(world: World) -> None:
    world.collector.kill()
    world.collector.start()
    if world.chance.random() < 0.8:  # else it is struck while it starts
        world.wait_for_the_collector()
    world.wait()


def kill_database(world: World) -> None:
    world.cluster.kill()
    world.wait(0.5)
    world.cluster.start()
    world.wait()


def kill_broker(world: World) -> None:
    world.broker.kill()
    world.wait(0.5)
    world.broker.start()
    world.wait(4)


def restart_broker(world: World) -> None:
    world.broker.stop()
    world.wait(0.5)
    world.broker.start()
    world.wait(2)


def cut_off_broker(world: World) -> None:
    world.to_broker.cut()
    world.wait(0.5)
    world.to_broker.open()
    world.wait(2)


def cut_off_database(world: World) -> None:
    world.to_database.cut()
    world.wait(0.5)
    world.to_database.open()
    world.wait()


def half_open_broker(world: World) -> None:
    world.to_broker.half_open()
    world.wait(0.5)
    world.to_broker.open()
    world.wait(4)


def half_open_database(world: World) -> None:
    world.to_database.half_open()
    world.wait(0.5)
    world.to_database.open()
    world.wait(4)


def slow_network(world: World) -> None:
    world.to_broker.slow(delay_s=0.05, bytes_per_s=200_000)
    world.to_database.slow(delay_s=0.02)
    world.wait(2)
    world.to_broker.open()
    world.to_database.open()
    world.wait()


def pause_database(world: World) -> None:
    """Slow beyond all patience: it stands still with its connections open."""
    world.cluster.pause()
    world.wait(2)
    world.cluster.resume()
    world.wait()


def fill_disk(world: World) -> None:
    world.cluster.fill_disk(leave_kb=world.chance.choice((0, 100, 2000)))
    world.wait(2)
    world.cluster.free_disk()
    world.cluster.ensure_running()
    world.wait()


def database_outage(world: World) -> None:
    """The longest: what comes meanwhile waits at the broker."""
    world.cluster.stop()
    time.sleep(world.outage_s)
    world.cluster.start()
    world.wait(max(1.0, world.outage_s / 8 / world.pause_s))


def read_only_database(world: World) -> None:
    world.cluster.read_only(True)
    world.wait()
    world.cluster.read_only(False)
    world.wait()


def jump_clock(world: World) -> None:
    """Of the collector's machine, while the terminals' clocks are right."""
    world.collector.set_clock(world.chance.choice((-1200, -300, 300, 3600, 86_400)))
    world.wait(2)
    world.collector.set_clock(0)
    world.wait(2)


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        kill_collector, kill_database, kill_broker, restart_broker, cut_off_broker, cut_off_database, half_open_broker,
        half_open_database, slow_network, pause_database, read_only_database, fill_disk, database_outage, jump_clock,
    )
}  # fmt: skip

GROUPS: dict[str, tuple[Fault, ...]] = {
    "kills": (kill_collector, kill_database, kill_broker, restart_broker),
    "network": (cut_off_broker, cut_off_database, half_open_broker, half_open_database, slow_network),
    "database": (pause_database, read_only_database, fill_disk, database_outage, jump_clock),
}
"""Those that share a short run."""
