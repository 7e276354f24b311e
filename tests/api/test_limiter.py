"""So many tries in a window, per key."""

from api import limiter
from api.limiter import Limiter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_tries_come_back_when_the_window_is_over() -> None:
    clock = Clock()
    limited = Limiter(2, 60.0, clock)
    assert [limited.take("a"), limited.take("a")] == [0.0, 0.0]
    clock.now = 45.0
    assert limited.take("a") == 15.0
    assert limited.take("b") == 0.0
    clock.now = 60.0
    assert limited.take("a") == 0.0


def test_a_try_given_back_can_be_made_again() -> None:
    limited = Limiter(1, 60.0, Clock())
    for _ in range(3):
        assert limited.take("a") == 0.0
        limited.give_back("a")
    limited.give_back("a")
    limited.give_back("never seen")
    assert limited.take("a") == 0.0
    assert limited.take("a") > 0.0


def test_no_flood_of_keys_fills_the_memory() -> None:
    limited = Limiter(1, 60.0, Clock())
    for n in range(limiter.MAX_KEYS + 10):
        limited.take(str(n))
    assert len(limited._spent) == limiter.MAX_KEYS
