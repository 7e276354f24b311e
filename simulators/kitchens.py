"""Kitchens: meals, fans, purifiers, what leaves the duct behind them, and what the monitor makes of it.

A kitchen is an endless sequence of days (local midnight to midnight), each drawn from the seed, the
device id and the date, so that a day looks the same whenever the simulation began.
"""

import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.hours import parse_hours
from devices.types import Outlet
from simulators import tampering
from simulators.purifiers import ROUND_DAYS, Dirt, last_cleaning, let_through
from simulators.readings import FUME_ROW, SECOND_US
from simulators.scenarios import Scenario
from simulators.smoke import smoke_over
from simulators.truth import Truth
from simulators.world import DAY_S

INTERVAL_S = 60
WINDOW_S = 600
"""Means are taken over windows of ten minutes that start at :00, :10 …"""
VALID_SHARE = 0.75
"""Of a window's readings (contract, section 4)."""
OFFLINE_S = 1800
LIMIT_MG_M3: Final = {"small": 1.5, "medium": 1.2, "large": 1.0}
BURSTS_A_PLUME = 15
"""Where fumes have the shape of smoke: it goes away more slowly."""
HONEST_SHARE = 0.7
"""An honest kitchen's ten-minute means stay under this share of its limit."""


@dataclass(frozen=True, slots=True)
class Cuisine:
    """domain/fume.md 3.2: the ratios are papers', the rest are design values."""

    bursts_an_hour: int
    pm_per_fume: float = 2.8
    ageing_days: int = 45
    """Until a purifier lets through a third more than after its cleaning."""
    steams: bool = False


CUISINES: Final = {
    "川湘菜馆": Cuisine(22, 3.2, 35),
    "烧烤店": Cuisine(20, 9.0, 25),
    "家常菜馆": Cuisine(16),
    "鲁菜酒楼": Cuisine(14, 4.0),
    "火锅店": Cuisine(6, steams=True),
    "快餐店": Cuisine(12),
    "早餐铺": Cuisine(8, steams=True),
}
OTHER_CUISINE: Final = Cuisine(10)


@dataclass(frozen=True, slots=True)
class KitchenDay:
    rows: NDArray[np.void]
    """`FUME_ROW`, in order of time."""
    until_s: float
    truths: list[Truth]


@dataclass(frozen=True, slots=True)
class Kitchen:
    outlet: Outlet
    device_id: str
    scenario: Scenario
    seed: int

    @property
    def limit_mg_m3(self) -> float:
        return self.outlet.limit_mg_m3 or LIMIT_MG_M3[self.outlet.scale or "large"]

    def days(self, start_s: float, offset_s: float) -> Iterator[KitchenDay]:
        """From `start_s` on, for ever; `offset_s` is the local clock's lead over UTC."""
        day, dirt, suspicion = int((start_s + offset_s) // DAY_S), Dirt(), tampering.Suspicion()
        while True:
            made = self._day(day, offset_s, start_s, suspicion)
            if self.scenario.ageing:
                made.truths.extend(self._dirty(dirt, day, made, offset_s, start_s))
            yield made
            day += 1

    @property
    def cuisine(self) -> Cuisine:
        return next((CUISINES[name] for name in CUISINES if name in self.outlet.name), OTHER_CUISINE)

    @property
    def neglected(self) -> bool:
        return random.Random(f"{self.seed}/{self.device_id}/neglected").random() < self.scenario.ageing

    def _dirty(self, dirt: Dirt, day: int, made: KitchenDay, offset_s: float, start_s: float) -> list[Truth]:
        """From the first dirty day until the next cleaning ends, once it can be known."""
        both = made.rows["fan_on"] & made.rows["purifier_on"]
        cleaned = last_cleaning(self.device_id, day)
        since = dirt.see(day, cleaned, made.rows["fume_mg_m3"][both])
        if since is None:
            return []
        lasts_s = (cleaned + ROUND_DAYS - since) * DAY_S
        note = "lets half more through than after its cleaning"
        midnight_s = since * DAY_S - offset_s
        return self._truth(
            "purifier_degraded",
            0,
            int(lasts_s),
            midnight_s,
            start_s,
            note,
            decided=int((day + 1 - since) * DAY_S),
        )

    def _day(self, day: int, offset_s: float, start_s: float, suspicion: tampering.Suspicion) -> KitchenDay:
        dice = random.Random(f"{self.seed}/{self.device_id}/{day}")
        rng = np.random.default_rng([self.seed & 0xFFFFFFFF, zlib.crc32(self.device_id.encode()), day])
        midnight_s = day * DAY_S - offset_s
        phase = zlib.crc32(self.device_id.encode()) % INTERVAL_S
        seconds = np.arange(phase, int(DAY_S), INTERVAL_S)
        fan = np.zeros(len(seconds), bool)
        meals = self._meals(dice)
        for begin, end in meals:
            fan |= (seconds >= begin) & (seconds < end)
        purifier = fan.copy()
        truths: list[Truth] = []
        over, silent = np.zeros(len(seconds), bool), np.zeros(len(seconds), bool)
        untouched = []
        for begin, end in meals:
            if off := self._purifier_off(begin, end, dice):
                purifier &= ~((seconds >= off[0]) & (seconds < off[1]))
                truths += self._truth("purifier_off", *off, midnight_s, start_s, "fan on, purifier off")
            if high := self._exceedance(begin, end, dice):
                over |= (seconds >= high[0]) & (seconds < high[1])
                truths += self._truth(
                    "fume_exceedance", *high, midnight_s, start_s, "ten-minute means over the limit"
                )
            if off or high:
                continue
            if gone := self._silence(begin, end, dice):
                silent |= (seconds > gone[0]) & (seconds < gone[1])
                truths += self._truth("monitor_offline", *gone, midnight_s, start_s, "open, and nothing sent")
            else:
                untouched.append((begin, end))
        rows = np.empty(len(seconds), FUME_ROW)
        rows["ts"] = rows["due"] = (midnight_s + seconds).astype(np.int64) * SECOND_US
        rows["fan_on"], rows["purifier_on"] = fan, purifier
        rows["fume_mg_m3"] = self._measured(self._fume(seconds, fan, over, day, rng), day, rng)
        cooking_s = (midnight_s + seconds[fan & ~silent]).astype(np.float64)
        truths += self._tamper(
            rows["fume_mg_m3"], seconds, untouched, cooking_s, suspicion, midnight_s, start_s, dice, rng
        )
        suspicion.is_over(cooking_s, midnight_s + DAY_S)
        self._rest(rows, rng)
        rows = rows[~silent]
        return KitchenDay(rows[rows["ts"] >= start_s * SECOND_US], midnight_s + DAY_S, truths)

    def _silence(self, begin: int, end: int, dice: random.Random) -> tuple[int, int] | None:
        """From a reading that is the last one to the next one."""
        if dice.random() >= self.scenario.monitor_offline or end - begin < OFFLINE_S + 1200:
            return None
        lasts = dice.randrange(OFFLINE_S + 300, 5400)
        phase = zlib.crc32(self.device_id.encode()) % INTERVAL_S
        first = dice.randrange(begin, max(begin + 1, end - lasts)) // INTERVAL_S * INTERVAL_S + phase
        return first, min(first + lasts, end)

    def _tamper(
        self,
        fume: NDArray[np.float64],
        seconds: NDArray[np.int64],
        meals: list[tuple[int, int]],
        cooking_s: NDArray[np.float64],
        suspicion: tampering.Suspicion,
        midnight_s: float,
        start_s: float,
        dice: random.Random,
        rng: np.random.Generator,
    ) -> list[Truth]:
        """Have somebody see to the readings of some meals, in place; what was done.

        To none that had begun before the simulation (nobody has seen the hour that is sent again), nor before the last time
        is over.
        """
        truths = []
        for begin, end in meals:
            at_s = midnight_s + begin
            if dice.random() >= self.scenario.tampering:
                continue
            if at_s < start_s or not suspicion.is_over(cooking_s, at_s):
                continue
            first, last = np.searchsorted(seconds, (begin, end))
            done = tampering.tamper(fume, int(first), int(last), self.limit_mg_m3, dice, rng)
            if done is not None:
                suspicion.begin(midnight_s + float(seconds[done.last]))
                truths += self._truth(
                    "monitor_suspect",
                    int(seconds[done.first]),
                    int(seconds[done.last]),
                    midnight_s,
                    start_s,
                    done.note,
                    decided=int(seconds[done.decided]),
                )
        return truths

    def _meals(self, dice: random.Random) -> list[tuple[int, int]]:
        """Seconds after midnight at which the fan goes on and off: shortly after opening until shortly before closing.

        Each range of the opening hours is cut into meals of at most four hours, so that the fan rests between.
        """
        meals = []
        for begin, end in parse_hours(self.outlet.hours) or [(600, 840), (990, 1260)]:
            parts = -(-(end - begin) // 300)
            for part in range(parts):
                first = begin + (end - begin) * part // parts
                last = begin + (end - begin) * (part + 1) // parts
                on, off = first * 60 + dice.randrange(300, 1500), last * 60 - dice.randrange(900, 1800)
                if off - on >= 2400:
                    meals.append((on, off))
        return meals

    def _purifier_off(self, begin: int, end: int, dice: random.Random) -> tuple[int, int] | None:
        if dice.random() >= self.scenario.purifier_off:
            return None
        lasts = dice.randrange(14 * 60, 45 * 60)
        first = dice.randrange(begin + 300, max(begin + 301, end - lasts - 300))
        return first, min(first + lasts, end)

    def _exceedance(self, begin: int, end: int, dice: random.Random) -> tuple[int, int] | None:
        """Whole windows, wholly within the meal."""
        if dice.random() >= self.scenario.fume_exceedance:
            return None
        windows = range(-(-(begin + 60) // WINDOW_S), end // WINDOW_S)
        if len(windows) < 3:
            return None
        count = dice.randint(1, min(4, len(windows) - 1))
        first = dice.choice(windows[: len(windows) - count])
        return first * WINDOW_S, (first + count) * WINDOW_S

    def _fume(
        self,
        seconds: NDArray[np.int64],
        fan: NDArray[np.bool_],
        over: NDArray[np.bool_],
        day: int,
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """mg/m³: a base, bursts from the wok on it, and each ten minutes' mean where it has to be."""
        limit, count = self.limit_mg_m3, len(seconds)
        fume = np.exp(rng.normal(np.log(self._base(day)), 0.25, count))
        if self.scenario.smoke:
            fume *= 1 + 4 * smoke_over(count, self.cuisine.bursts_an_hour / BURSTS_A_PLUME, rng)
        else:
            bursts = rng.random(count) < self.cuisine.bursts_an_hour / 60
            strength = np.where(bursts, rng.uniform(2, 6, count), 1.0)
            fume *= np.maximum(strength, np.append(1.0, 0.5 * strength[:-1]))
        fume = np.where(fan, fume, np.abs(rng.normal(0, 0.008, count)))
        window = seconds // WINDOW_S
        sums = np.bincount(window, np.where(fan, fume, 0))
        on = np.bincount(window, fan)
        mean = sums / np.maximum(on, 1)
        honest = HONEST_SHARE * limit
        scale = np.where(
            mean > honest, honest * rng.uniform(0.85, 1.0, len(mean)) / np.maximum(mean, 1e-9), 1.0
        )
        high = np.bincount(window, over & fan) > 0
        scale = np.where(high, limit * rng.uniform(1.4, 2.6, len(mean)) / np.maximum(mean, 1e-9), scale)
        return np.where(fan, fume * scale[window], fume)

    def _base(self, day: int) -> float:
        """mg/m³ behind the purifier while nothing burns."""
        ageing = self.cuisine.ageing_days
        if self.scenario.ageing:
            cleaned = last_cleaning(self.device_id, day)
            return 0.07 * self.limit_mg_m3 * let_through(day, cleaned, ageing, neglected=self.neglected)
        age = (day + zlib.crc32(self.device_id.encode()) % ageing) % ageing
        return 0.18 * self.limit_mg_m3 * (1 + age / ageing / 3)

    def _measured(self, fume: NDArray[np.float64], day: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """What the monitor makes of it: its gain, a zero that drifts from week to week, noise, and steam taken for fume."""
        own = np.random.default_rng([self.seed & 0xFFFFFFFF, zlib.crc32(self.device_id.encode()), 1])
        gain = np.clip(own.normal(1, 0.05), 0.88, 1.12)
        week, into = divmod(day, 7)
        zeros = [
            np.random.default_rng([zlib.crc32(self.device_id.encode()), week + n]).normal(0, 0.01)
            for n in (0, 1)
        ]
        zero = np.clip(zeros[0] + (zeros[1] - zeros[0]) * into / 7, -0.13, 0.13)
        said = gain * fume + zero + rng.normal(0, 1, len(fume)) * (0.005 + 0.02 * fume)
        if self.cuisine.steams:
            steam = (rng.random(len(fume)) < 1 / 240) & (fume > 0.05)
            steam = steam | np.append(False, steam[:-1]) | np.append([False] * 2, steam[:-2])
            said += np.where(steam, rng.uniform(0.1, 0.4, len(fume)) * self.limit_mg_m3, 0.0)
        measured: NDArray[np.float64] = np.maximum(said, 0.0)
        return measured

    def _rest(self, rows: NDArray[np.void], rng: np.random.Generator) -> None:
        """Everything else the monitor measures follows from the fume and the switches."""
        count, fume, fan = len(rows), rows["fume_mg_m3"], rows["fan_on"]
        rows["pm_mg_m3"] = fume * self.cuisine.pm_per_fume * rng.lognormal(0, 0.15, count)
        rows["nmhc_mg_m3"] = np.where(fan, 2.0, 0.1) * rng.lognormal(0, 0.25, count) + fume
        rows["temp_c"] = np.where(fan, 40, 21) + rng.normal(0, 1.2, count)
        rows["rh_pct"] = np.clip(np.where(fan, 58, 45) + rng.normal(0, 4, count), 5, 99)
        running_a = {"small": 4.5, "medium": 11.0, "large": 22.0}[self.outlet.scale or "small"]
        rows["fan_a"] = np.where(fan, running_a * rng.normal(1, 0.02, count), 0.0)
        rows["purifier_a"] = np.where(rows["purifier_on"], running_a * 0.2 * rng.normal(1, 0.03, count), 0.05)

    def _truth(
        self,
        kind: str,
        begin: int,
        end: int,
        midnight_s: float,
        start_s: float,
        note: str,
        *,
        decided: int | None = None,
    ) -> list[Truth]:
        """None for what was over, or nearly over, when the simulation began."""
        started, ended = max(midnight_s + begin, start_s), midnight_s + end
        if kind == "fume_exceedance" and started > midnight_s + begin:
            started = self._first_valid_window_s(start_s)
        if ended - started < WINDOW_S:
            return []
        if kind.startswith("monitor_") and started > midnight_s + begin:
            return []  # a silence, and what makes readings suspect, has to be seen from its beginning
        lat, lon = self.outlet.lat or 0.0, self.outlet.lon or 0.0
        if decided is not None:
            known_s = midnight_s + decided
        elif kind == "monitor_offline":
            known_s = started + OFFLINE_S
        elif kind == "fume_exceedance":  # by the last reading of its first window
            known_s = self._next_reading_s(started + WINDOW_S) - INTERVAL_S
        else:
            known_s = self._next_reading_s(started) + WINDOW_S
        return [Truth(kind, self.device_id, started, ended, lat, lon, note, known_s)]

    def _next_reading_s(self, at_s: float) -> float:
        phase = zlib.crc32(self.device_id.encode()) % INTERVAL_S
        return at_s + (phase - at_s) % INTERVAL_S

    def _first_valid_window_s(self, start_s: float) -> float:
        """The first window of which enough is seen from `start_s` on."""
        window_s = start_s // WINDOW_S * WINDOW_S
        seen_s = window_s + WINDOW_S - self._next_reading_s(start_s)
        return (
            window_s
            if -(-seen_s // INTERVAL_S) >= VALID_SHARE * WINDOW_S / INTERVAL_S
            else window_s + WINDOW_S
        )
