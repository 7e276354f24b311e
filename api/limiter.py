"""How often something may be tried: so many times in a window, per key, within this process."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

MAX_KEYS = 10_000


class Limiter:
    """Thread-safe. The window begins with a key's first try and ends for all of its tries at once."""

    def __init__(self, tries: int, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._tries = tries
        self._window_s = window_s
        self._clock = clock
        self._lock = threading.Lock()
        self._spent: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str) -> float:
        """Spend a try: 0 if it may be made, else after how many seconds there are tries again."""
        now = self._clock()
        with self._lock:
            begun, spent = self._spent.get(key, (now, 0))
            if now - begun >= self._window_s:
                begun, spent = now, 0
            if spent >= self._tries:
                return begun + self._window_s - now
            self._spent[key] = begun, spent + 1
            self._spent.move_to_end(key)
            if len(self._spent) > MAX_KEYS:
                self._spent.popitem(last=False)
            return 0.0

    def give_back(self, key: str) -> None:
        """The try was a good one and does not count."""
        with self._lock:
            if key in self._spent:
                begun, spent = self._spent[key]
                self._spent[key] = begun, max(0, spent - 1)
