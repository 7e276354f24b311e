"""The fume engine once more, slow and obvious: looks back over all it has heard at every reading.

Written from the contract, sections 2 and 4, and docs/kitchens.md, for readings on whole minutes and a day of one
offset from UTC. Time passes minute by minute.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from statistics import median_low

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WINDOW = 10 * MINUTE
SHANGHAI = 8 * HOUR
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
    marked: bool = False
    fan_on: bool = False
    """Said so, or taken to be."""

    @property
    def quality(self) -> str:
        sent = [value for value in (self.fume, self.pm, self.nmhc) if not math.isnan(value)]
        if self.marked:
            return "flagged"
        if any(abs(value) >= 999 for value in sent) or abs(self.fume) > 100:
            return "range"
        return "negative" if any(value < 0 for value in sent) else "ok"

    @property
    def impossible(self) -> bool:
        return self.quality == "range" or (
            self.quality == "negative" and any(value < -0.13 for value in (self.fume, self.pm, self.nmhc))
        )

    @property
    def measured(self) -> bool:
        return self.quality == "ok" and self.fan_on and not math.isnan(self.fume)

    @property
    def window(self) -> int:
        return self.ts - self.local % WINDOW

    @property
    def day(self) -> int:
        return self.local // DAY


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
    hours: list[tuple[int, int]] = field(default_factory=list)
    """Minutes after local midnight; [] is always."""
    cleanings: list[int] = field(default_factory=list)
    """Local days."""
    cleaning_days: int = 0
    heard: list[Reading] = field(default_factory=list)
    passed: int = 0
    """Up to when time has passed."""
    step: int = MINUTE
    """What time passes by."""
    has_fan: bool = False
    cleaned: int | None = None
    causes: dict[str, set[str]] = field(
        default_factory=lambda: {"monitor_suspect": set(), "purifier_degraded": set()}
    )
    """Of the open episodes."""
    copies: set[int] = field(default_factory=set)
    """Times of the readings that end a piece of sixty which was seen before."""
    plausible_again: int = 0
    """When the last suspicion was over."""
    against: int = 0
    """When something last spoke against the monitor."""
    judged: dict[int, float | None] = field(default_factory=dict)
    """By window: its mean, None if not valid."""
    told: list[Told] = field(default_factory=list)

    def hear(self, reading: Reading) -> None:
        first = not self.heard
        if not first:
            self.wait(reading.ts)
        if offline := self._open("monitor_offline"):
            self._tell(reading.ts, "monitor_offline", "cleared", "minor", offline.started)
        self._hear_windows(reading)
        reading = self.heard[-1]
        self._suspect(reading)
        if first:
            self._look_at_the_calendar(reading.ts)
        if reading.quality == "ok":
            off = self._run(lambda r: None if r.fan is None else not r.fan)
            open_ = self._open("fume_exceedance")
            if reading.fan is False and off and open_ and reading.ts - off.ts >= WINDOW:
                self._tell(reading.ts, "fume_exceedance", "cleared", open_.severity, open_.started)
            self._hear_purifier(reading)
            self._smell(reading)
        self.passed = reading.ts

    def wait(self, until: int) -> None:
        """Nothing comes until then."""
        for now in range((self.passed // self.step + 1) * self.step, until + 1, self.step):
            # A cleaning is noticed first, what is overdue last.
            self._look_at_the_calendar(now, overdue=False)
            for window in {self.heard[-1].window} - set(self.judged):
                if window + 2 * WINDOW <= now:
                    self._judge(window, now)
            silent = self.heard[-1].ts <= now - 30 * MINUTE
            if silent and not self._open("monitor_offline") and self._was_open(now - 30 * MINUTE, now):
                self._tell(now, "monitor_offline", "opened", "minor", now - 30 * MINUTE)
            self._look_at_the_calendar(now)
        self.passed = max(until, self.passed)

    def _was_open(self, begin: int, end: int) -> bool:
        minutes = (((t + SHANGHAI) // MINUTE) % 1440 for t in range(begin, end, MINUTE))
        return not self.hours or all(any(a <= m < b for a, b in self.hours) for m in minutes)

    def _look_at_the_calendar(self, now: int, *, overdue: bool = True) -> None:
        today = (now + SHANGHAI) // DAY
        known = max((day for day in self.cleanings if day <= today), default=None)
        if known != self.cleaned:
            if open_ := self._open("purifier_degraded"):
                self._tell(now, "purifier_degraded", "cleared", "minor", open_.started)
                self.causes["purifier_degraded"] = set()
            self.cleaned = known
        if overdue and known is not None and self.cleaning_days and today > known + self.cleaning_days:
            self._degraded(now, "overdue")

    def _degraded(self, now: int, cause: str) -> None:
        open_, causes = self._open("purifier_degraded"), self.causes["purifier_degraded"]
        if cause not in causes:
            self._tell(
                now,
                "purifier_degraded",
                "updated" if open_ else "opened",
                "minor",
                open_.started if open_ else now,
            )
            causes.add(cause)

    def _smell(self, reading: Reading) -> None:
        """Is the purifier dirty by its readings?"""
        if not (reading.fan and reading.purifier) or math.isnan(reading.fume) or self.cleaned is None:
            return
        purified = [
            r for r in self.heard if r.quality == "ok" and r.fan and r.purifier and not math.isnan(r.fume)
        ]
        base = [r.fume for r in purified if 0 < r.day - self.cleaned <= 7]
        if len(base) < 60 or reading.day <= self.cleaned + 7:
            return
        week = [r for r in purified if reading.day - 7 < r.day and r.day > self.cleaned]
        # In whole ten thousandths: as floats, 0.3 is less than 1.5 times 0.2.
        most = 1.5 * round(median_low(base) * 10_000)
        above = [r for r in week if r.day > self.cleaned + 7 and round(r.fume * 10_000) >= most]
        if len(week) >= 60 and 2 * len(above) >= len(week):
            self._degraded(reading.ts, "dirty")

    def _suspect(self, reading: Reading) -> None:
        causes: dict[str, int] = {}
        """Each with when it began."""
        no_sense = [r.ts for r in self.heard if r.impossible][-3:]
        if reading.impossible and len(no_sense) == 3 and reading.ts - no_sense[0] <= HOUR:
            causes["impossible"] = no_sense[0]
        if reading.measured:
            run = self._while_cooking()
            equal = list(itertools.takewhile(lambda r: r.fume == reading.fume, run))
            if reading.fume > 0.02 and reading.ts - equal[-1].ts >= 30 * MINUTE:
                causes["stuck"] = equal[-1].ts
            if (pile := self._pile(reading)) is not None:
                causes["clipped"] = pile
            if reading.ts in self.copies:
                causes["copied"] = run[59].ts
        self._tell_suspicion(reading, causes)

    def _while_cooking(self) -> list[Reading]:
        """The measured readings since the fan was off, newest first."""
        believed = reversed([r for r in self.heard if r.quality == "ok"])
        return [r for r in itertools.takewhile(lambda r: r.fan is not False, believed) if r.measured]

    def _pile(self, now: Reading) -> int | None:
        """When the pile under the limit began, if there is one and `now` is in it."""
        today = [r for r in self.heard if r.measured and r.day == now.day and r.ts > self.plausible_again]
        shares = list(
            itertools.takewhile(lambda pair: pair[0] < 1, ((r.fume / self.limit, r) for r in reversed(today)))
        )
        pile = [r for share, r in shares if share >= 0.9]
        below = [r for share, r in shares if 0.8 <= share < 0.9]
        standing = now.fume / self.limit >= 0.9 and len(pile) >= 30 and len(pile) >= 3 * len(below)
        return pile[-1].ts if standing else None

    def _tell_suspicion(self, reading: Reading, causes: dict[str, int]) -> None:
        kind = "monitor_suspect"
        open_ = self._open(kind)
        if not open_:
            if causes:
                self._tell(reading.ts, kind, "opened", "major", min(causes.values()))
                self.causes[kind] = set(causes)
                self.against = reading.ts
        elif causes or reading.impossible:
            more = set(causes) - self.causes[kind]
            self.causes[kind] |= set(causes)
            self.against = reading.ts
            if more or reading.ts - open_.ts >= WINDOW:
                self._tell(reading.ts, kind, "updated", "major", open_.started)
        elif reading.measured:
            since = next(r for r in self.heard if r.measured and r.ts > self.against)
            if reading.ts - since.ts >= HOUR:
                self._tell(reading.ts, kind, "cleared", "major", open_.started)
                self.plausible_again = reading.ts

    def _hear_windows(self, reading: Reading) -> None:
        waiting = {r.window for r in self.heard} - set(self.judged)
        for window in sorted(waiting):
            if window != reading.window:
                self._judge(window, reading.ts)
        self.has_fan = self.has_fan or reading.fan is not None
        self.heard.append(replace(reading, fan_on=reading.fan is True or not self.has_fan))
        if reading.window not in self.judged:
            so_far = [r for r in self.heard if r.window == reading.window]
            at_the_end = reading.ts + self.interval_min * MINUTE >= reading.window + WINDOW
            if at_the_end and len(so_far) >= 10 // self.interval_min:
                self._judge(reading.window, reading.ts)

    def _judge(self, window: int, now: int) -> None:
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
            self._tell(reading.ts, "purifier_off", "cleared", "major", open_.started)
        elif off(reading) and since and not open_ and reading.ts - since.ts >= WINDOW:
            self._tell(reading.ts, "purifier_off", "opened", "major", since.ts)
        elif off(reading) and open_ and reading.ts - open_.ts >= WINDOW:
            self._tell(reading.ts, "purifier_off", "updated", "major", open_.started)

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
        self, now: int, kind: str, action: str, severity: str, started: int, mean: float | None = None
    ) -> None:
        self.told.append(Told(now, kind, action, severity, started, None if mean is None else round(mean, 9)))


def copied(kitchens: dict[int, list[Reading]]) -> dict[int, dict[int, int]]:
    """Per kitchen, the ends of its pieces of sixty that were seen before, each with the end of the first one.

    Of each kitchen's readings, `fan_on` must be as the engine takes it.
    """
    ends: dict[tuple[float, ...], list[tuple[int, int]]] = {}
    for who, readings in kitchens.items():
        for piece in pieces(readings):
            ends.setdefault(tuple(round(r.fume, 4) for r in piece), []).append((piece[-1].ts, who))
    found: dict[int, dict[int, int]] = {who: {} for who in kitchens}
    for values, seen in ends.items():
        loops = any(values[n:] == values[:-n] for n in range(1, 31))
        if len(set(values)) >= 5 and not loops:
            first = min(seen)[0]
            for end, who in seen:
                if end > first:
                    found[who][end] = first
    return found


def pieces(readings: list[Reading]) -> Iterator[list[Reading]]:
    run: list[Reading] = []
    for reading in readings:
        if reading.measured:
            run.append(reading)
            if len(run) >= 60:
                yield run[-60:]
        elif reading.quality == "ok" and reading.fan is False:
            run = []
