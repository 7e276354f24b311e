"""The stream clock: whose time counts, and when."""

from collections.abc import Iterator

import psycopg
import pytest

from analytics.records import MINUTE, NEVER, SECOND
from ingest.clock import (
    SETTLING_US,
    Live,
    Settled,
    heard_until,
    note_heard,
    read_clock,
    stream_clock,
    went_on,
)
from runtime.instants import instant
from tests.builders import insert

NOON_US = 1_795_600_800 * SECOND
LONG_LIVE = Live(NOON_US - 3600 * SECOND, NOON_US)


def minutes(*before_noon: float) -> list[int]:
    return [NOON_US - round(m * MINUTE) for m in before_noon]


def test_live_readings_make_it_the_wall_clock() -> None:
    assert stream_clock(NOON_US, minutes(0, 9, 9), LONG_LIVE, NEVER) == NOON_US


def test_without_live_readings_it_is_the_third_newest_device() -> None:
    assert stream_clock(NOON_US, minutes(5, 6, 7), None, NEVER) == minutes(7)[0]


def test_of_fewer_devices_it_is_the_oldest() -> None:
    assert stream_clock(NOON_US, minutes(5, 6), None, NEVER) == minutes(6)[0]
    assert stream_clock(NOON_US, minutes(5), None, NEVER) == minutes(5)[0]


def test_of_no_devices_there_is_none() -> None:
    assert stream_clock(NOON_US, [], None, NEVER) == NEVER


def test_it_is_never_ahead_of_the_wall_clock() -> None:
    assert stream_clock(NOON_US, minutes(-8, -7, -6), None, NEVER) == NOON_US
    assert stream_clock(NOON_US, minutes(5), None, NOON_US + MINUTE) == NOON_US


def test_it_does_not_fall_behind_what_was_told() -> None:
    assert stream_clock(NOON_US, minutes(5), None, NOON_US - MINUTE) == NOON_US - MINUTE


def test_the_first_live_reading_ever_counts_at_once() -> None:
    live = went_on(None, NOON_US)

    assert stream_clock(NOON_US, minutes(0, 9, 9), live, NEVER) == NOON_US


def test_after_an_outage_the_wall_clock_waits_for_what_was_stored_meanwhile() -> None:
    back = NOON_US + 10 * MINUTE
    live = went_on(LONG_LIVE, back)

    assert stream_clock(back, minutes(0, 0, 0), live, NEVER) == NOON_US
    later = went_on(live, back + SETTLING_US)
    assert stream_clock(back + SETTLING_US, minutes(0, 0, 0), later, NEVER) == back + SETTLING_US


def test_a_short_lull_is_no_outage() -> None:
    soon = NOON_US + MINUTE

    assert went_on(LONG_LIVE, soon) == Live(LONG_LIVE.since_us, soon)


@pytest.fixture(scope="module")
def connection(module_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(module_database_url, autocommit=True) as connection:
        yield connection


def heard_at(connection: psycopg.Connection, **times: int) -> None:
    """Vehicles V…, monitors F…, and when each was heard last."""
    connection.execute("DELETE FROM vehicle_latest")
    connection.execute("DELETE FROM fume_latest")
    connection.execute("UPDATE engine_clock SET heard = NULL, live_since = NULL, live_until = NULL")
    for device_id, us in times.items():
        common = {"device_id": device_id, "ts": instant(us), "received_at": instant(us), "quality": "ok"}
        if device_id.startswith("V"):
            insert(connection, "vehicle_latest", lat=36.7, lon=117.5, loaded=False, **common)
        else:
            insert(connection, "fume_latest", **common)


def test_trucks_and_kitchens_tell_the_time_together(connection: psycopg.Connection) -> None:
    v0, f0, v1, f1 = minutes(5, 6, 7, 8)
    heard_at(connection, V0=v0, F0=f0, V1=v1, F1=f1)

    assert read_clock(connection, NOON_US) == v1


def test_one_device_within_two_minutes_of_the_wall_clock_makes_it_live(
    connection: psycopg.Connection,
) -> None:
    for off_us, clock_us in [(-121 * SECOND, NOON_US - 10 * MINUTE), (-120 * SECOND, NOON_US), (120 * SECOND, NOON_US),
                             (121 * SECOND, NOON_US - 10 * MINUTE)]:  # fmt: skip
        heard_at(connection, V0=NOON_US + off_us, V1=NOON_US - 10 * MINUTE, V2=NOON_US - 10 * MINUTE)
        assert read_clock(connection, NOON_US) == clock_us, off_us


def test_an_outage_is_remembered_by_the_database(connection: psycopg.Connection) -> None:
    """So that a collector that was restarted meanwhile knows of it too."""
    heard_at(connection, V0=NOON_US, V1=NOON_US, V2=NOON_US)
    assert read_clock(connection, NOON_US) == NOON_US
    back = NOON_US + 10 * MINUTE
    assert read_clock(connection, back) == NOON_US
    connection.execute("UPDATE vehicle_latest SET ts = %s WHERE device_id = 'V0'", (instant(back),))

    assert read_clock(connection, back) == NOON_US
    assert read_clock(connection, back + SETTLING_US) == back + SETTLING_US


def test_what_was_heard_stays_heard(connection: psycopg.Connection) -> None:
    heard_at(connection, V0=NOON_US - 10 * MINUTE)
    assert heard_until(connection) == NEVER
    note_heard(connection, NOON_US - MINUTE)
    note_heard(connection, NOON_US - 5 * MINUTE)

    assert heard_until(connection) == NOON_US - MINUTE
    assert read_clock(connection, NOON_US) == NOON_US - MINUTE


def test_in_a_replay_the_clock_counts_as_it_was_a_moment_ago() -> None:
    settled = Settled(2 * SECOND)
    replayed = minutes(300, 240, 180, 120)

    assert [settled.at(NOON_US + n * SECOND, at) for n, at in enumerate(replayed)] == [
        NEVER,
        NEVER,
        *replayed[:2],
    ]
    assert settled.at(NOON_US + 60 * SECOND, replayed[3]) == replayed[3], (
        "it comes to where the last reading put it"
    )


def test_live_the_clock_is_not_waited_for_and_a_wall_clock_put_back_starts_anew() -> None:
    settled = Settled(2 * SECOND)
    settled.at(NOON_US - 3 * SECOND, minutes(300)[0])

    assert settled.at(NOON_US, NOON_US) == NOON_US
    assert settled.at(NOON_US + SECOND, minutes(5)[0]) == NEVER
    assert settled.at(NOON_US - 3600 * SECOND, minutes(90)[0]) == NEVER
    assert settled.at(NOON_US - 3598 * SECOND, minutes(90)[0]) == minutes(90)[0]
