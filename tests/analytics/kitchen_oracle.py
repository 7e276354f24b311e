"""The fume engine once more, slow and obvious: looks back over all it has heard at every reading.

Written from the contract, sections 2 and 4, for whole minutes of interval and a day of one offset from UTC.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

MINUTE = 60_000_000
WINDOW = 10 * MINUTE
SEVERITIES = ("info", "minor", "major", "critical")


@dataclass(frozen=True)
class Reading:
    ts: int
    local: int
    fume: float
    fan: bool | None
    purifier: bool | None
    pm: float = math.nan
    nmhc: float = math.nan
    fan_on: bool = False
    """Said so, or taken to be."""

    @property
    def quality(self) -> str:
        sent = [value for value in (self.fume, self.pm, self.nmhc) if not math.isnan(value)]
        if any(abs(value) >= 999 for value in sent) or abs(self.fume) > 100:
            return "range"
        return "negative" if any(value < 0 for value in sent) else "ok"

    @property
    def window(self) -> int:
        return self.ts - self.local % WINDOW


@dataclass(frozen=True)
class Told:
    ts: int
    kind: str
    action: str
    severity: str
    started: int
    mean: float | None = None
    """Rounded to nine places."""


@dataclass
class Kitchen:
    limit: float
    interval_min: int = 1
    heard: list[Reading] = field(default_factory=list)
    has_fan: bool = False
    judged: dict[int, float | None] = field(default_factory=dict)
    """By window: its mean, None if not valid."""
    told: list[Told] = field(default_factory=list)

    def hear(self, reading: Reading) -> None:
        waiting = {r.window for r in self.heard} - set(self.judged)
        for window in sorted(waiting):
            if window != reading.window:
                self._judge(window, reading)
        self.has_fan = self.has_fan or reading.fan is not None
        self.heard.append(replace(reading, fan_on=reading.fan is True or not self.has_fan))
        if reading.window not in self.judged:
            so_far = [r for r in self.heard if r.window == reading.window]
            at_the_end = reading.ts + self.interval_min * MINUTE >= reading.window + WINDOW
            if at_the_end and len(so_far) >= 10 // self.interval_min:
                self._judge(reading.window, reading)
        if reading.quality == "ok":
            off = self._run(lambda r: None if r.fan is None else not r.fan)
            open_ = self._open("fume_exceedance")
            if reading.fan is False and off and open_ and reading.ts - off.ts >= WINDOW:
                self._tell(reading, "fume_exceedance", "cleared", open_.severity, open_.started)
            self._hear_purifier(reading)

    def _judge(self, window: int, now: Reading) -> None:
        values = [
            r.fume
            for r in self.heard
            if r.window == window and r.quality == "ok" and not math.isnan(r.fume) and r.fan_on
        ]
        expected = 10 / self.interval_min
        valid = len(values) > 0 and len(values) / expected >= 0.75
        total = 0.0
        for (
            value
        ) in values:  # sum() is exacter from Python 3.12 on, and not what an officer's calculator does
            total += value
        mean = total / len(values) if valid else None
        self.judged[window] = mean
        if mean is None:
            return
        open_ = self._open("fume_exceedance")
        if mean > self.limit:
            over = [w for w, m in self.judged.items() if m is not None and m > self.limit]
            severity = "minor"
            if window - WINDOW in over or (len(over) >= 3 and window + WINDOW - over[-3] <= 6 * WINDOW):
                severity = "major"
            if mean >= 3 * self.limit:
                severity = "critical"
            if open_:
                severity = max(severity, open_.severity, key=SEVERITIES.index)
            started = open_.started if open_ else window
            self._tell(now, "fume_exceedance", "updated" if open_ else "opened", severity, started, mean)
        elif open_:
            last_three = [self.judged.get(window - n * WINDOW) for n in range(3)]
            if all(m is not None and m <= 0.9 * self.limit for m in last_three):
                self._tell(now, "fume_exceedance", "cleared", open_.severity, open_.started, mean)

    def _hear_purifier(self, reading: Reading) -> None:
        def off(r: Reading) -> bool | None:
            if r.fan is False or r.purifier is True:
                return False
            return True if r.fan and r.purifier is False else None

        open_, since = self._open("purifier_off"), self._run(off)
        if off(reading) is False and open_:
            self._tell(reading, "purifier_off", "cleared", "major", open_.started)
        elif off(reading) and since and not open_ and reading.ts - since.ts >= WINDOW:
            self._tell(reading, "purifier_off", "opened", "major", since.ts)
        elif off(reading) and open_ and reading.ts - open_.ts >= WINDOW:
            self._tell(reading, "purifier_off", "updated", "major", open_.started)

    def _run(self, holds: Callable[[Reading], bool | None]) -> Reading | None:
        """The first believed reading of the run that lasts until now."""
        first = None
        for reading in reversed([r for r in self.heard if r.quality == "ok"]):
            held = holds(reading)
            if held is False:
                break
            if held:
                first = reading
        return first

    def _open(self, kind: str) -> Told | None:
        """What was last said of the episode that goes on."""
        said = [t for t in self.told if t.kind == kind]
        return said[-1] if said and said[-1].action != "cleared" else None

    def _tell(
        self, now: Reading, kind: str, action: str, severity: str, started: int, mean: float | None = None
    ) -> None:
        self.told.append(
            Told(now.ts, kind, action, severity, started, None if mean is None else round(mean, 9))
        )
