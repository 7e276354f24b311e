"""What is live goes first, and what waits is worked off in slices."""

import pytest

from ingest.broker.arrivals import Delivery
from ingest.lanes import LIVE_US, SLICE_S, SMALLEST_BYTES, Backlog, Deferred, can_tell_silence, can_wait

NOW_US = 1_764_000_000_000_000


def message(truck: str, number: int = 0, size: int = 100, mid: int = 1) -> Delivery:
    payload = b"%d" % number
    return Delivery(f"ff/v1/vehicle/{truck}/telemetry", payload.ljust(size), NOW_US, mid=mid, session=1)


def stored(truck: str, minutes_ago: int, size: int = 100) -> Deferred:
    return Deferred(message(truck, minutes_ago, size), NOW_US - minutes_ago * 60_000_000)


def taken(backlog: Backlog) -> list[tuple[str, int]]:
    return [(delivery.topic.split("/")[3], int(delivery.payload)) for delivery in backlog.slice()]


def test_a_message_can_wait_if_its_newest_reading_was_two_minutes_old_when_it_came() -> None:
    assert not can_wait(message("A"), NOW_US - LIVE_US)
    assert can_wait(message("A"), NOW_US - LIVE_US - 1)


def test_what_no_broker_would_send_again_does_not_wait() -> None:
    assert not can_wait(message("A", mid=0), 0)


def test_messages_are_worked_off_in_the_order_they_came() -> None:
    backlog = Backlog(10_000_000)
    backlog.add([stored("A", 30), stored("B", 30), stored("A", 29), stored("B", 29)])

    assert taken(backlog) == [("A", 30), ("B", 30), ("A", 29), ("B", 29)]
    assert not backlog
    assert taken(backlog) == []


def test_a_slice_is_bounded_and_holds_one_message_at_least() -> None:
    backlog = Backlog(10_000_000)
    backlog.add([stored("A", 30, SMALLEST_BYTES), stored("B", 30, 10 * SMALLEST_BYTES), stored("C", 30)])

    assert [taken(backlog) for _ in range(3)] == [[("A", 30)], [("B", 30)], [("C", 30)]]


def test_what_comes_late_of_one_truck_is_taken_together() -> None:
    backlog = Backlog(10_000_000)
    size = SMALLEST_BYTES // 2
    backlog.add(stored(truck, minutes, size) for minutes in (20, 21, 22) for truck in "AB")

    assert taken(backlog) == [("A", 20), ("B", 20)]
    assert taken(backlog) == [("A", 21), ("A", 22)]
    assert taken(backlog) == [("B", 21), ("B", 22)]
    assert not backlog


def test_after_a_live_message_all_that_was_stored_is_late() -> None:
    backlog = Backlog(10_000_000)
    backlog.saw_live([message("A")])
    size = SMALLEST_BYTES
    backlog.add([stored("A", 30, size), stored("B", 30, size), stored("A", 29, size)])

    assert taken(backlog) == [("A", 30), ("A", 29)]
    assert taken(backlog) == [("B", 30)]


def test_slices_shrink_when_they_take_long_and_grow_when_they_do_not() -> None:
    backlog = Backlog(100 * SMALLEST_BYTES)
    backlog.add(stored(f"T{n}", 30, SMALLEST_BYTES) for n in range(500))
    for _ in range(20):
        backlog.took(SLICE_S / 100)
    assert len(backlog.slice()) == 100

    backlog.took(SLICE_S * 4, alone=True)
    assert len(backlog.slice()) == 100
    backlog.took(SLICE_S * 4)
    assert len(backlog.slice()) == 25
    for _ in range(20):
        backlog.took(SLICE_S * 100)
    assert len(backlog.slice()) == 1


@pytest.mark.parametrize(
    ("waiting", "live_lately", "told"),
    [(0, False, True), (0, True, True), (7, True, True), (7, False, False)],
)
def test_in_a_replay_nobody_is_told_silent_while_messages_wait(
    waiting: int, *, live_lately: bool, told: bool
) -> None:
    assert can_tell_silence(waiting, live_lately=live_lately) is told
