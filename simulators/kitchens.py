"""Kitchens: meals, fans, purifiers, and what leaves the duct behind them.

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
from simulators.readings import FUME_ROW, SECOND_US
from simulators.scenarios import Scenario
from simulators.truth import Truth
from simulators.world import DAY_S

INTERVAL_S = 60
WINDOW_S = 600
"""Means are taken over windows of ten minutes that start at :00, :10 …"""
LIMIT_MG_M3: Final = {"small": 1.5, "medium": 1.2, "large": 1.0}
HONEST_SHARE = 0.7
"""An honest kitchen's ten-minute means stay under this share of its limit."""
BURSTS_AN_HOUR = {
    "川湘菜馆": 22,
    "烧烤店": 20,
    "家常菜馆": 16,
    "鲁菜酒楼": 14,
    "火锅店": 6,
    "快餐店": 12,
    "早餐铺": 8,
}
PM_PER_FUME = {"烧烤店": 9.0}
OTHER_BURSTS_AN_HOUR, OTHER_PM_PER_FUME = 10, 2.8


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
        day = int((start_s + offset_s) // DAY_S)
        while True:
            yield self._day(day, offset_s, start_s)
            day += 1

    def _day(self, day: int, offset_s: float, start_s: float) -> KitchenDay:
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
        over = np.zeros(len(seconds), bool)
        for begin, end in meals:
            if off := self._purifier_off(begin, end, dice):
                purifier &= ~((seconds >= off[0]) & (seconds < off[1]))
                truths += self._truth("purifier_off", *off, midnight_s, start_s, "fan on, purifier off")
            if high := self._exceedance(begin, end, dice):
                over |= (seconds >= high[0]) & (seconds < high[1])
                truths += self._truth(
                    "fume_exceedance", *high, midnight_s, start_s, "ten-minute means over the limit"
                )
        rows = np.empty(len(seconds), FUME_ROW)
        rows["ts"] = rows["due"] = (midnight_s + seconds).astype(np.int64) * SECOND_US
        rows["fan_on"], rows["purifier_on"] = fan, purifier
        rows["fume_mg_m3"] = self._fume(seconds, fan, over, rng)
        self._rest(rows, rng)
        return KitchenDay(rows[rows["ts"] >= start_s * SECOND_US], midnight_s + DAY_S, truths)

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
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """mg/m³: a base, bursts from the wok on it, and each ten minutes' mean where it has to be."""
        limit, count = self.limit_mg_m3, len(seconds)
        fume = np.exp(rng.normal(np.log(0.22 * limit), 0.25, count))
        cuisine = next((name for name in BURSTS_AN_HOUR if name in self.outlet.name), "")
        bursts = rng.random(count) < BURSTS_AN_HOUR.get(cuisine, OTHER_BURSTS_AN_HOUR) / 60
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

    def _rest(self, rows: NDArray[np.void], rng: np.random.Generator) -> None:
        """Everything else the monitor measures follows from the fume and the switches."""
        count, fume, fan = len(rows), rows["fume_mg_m3"], rows["fan_on"]
        cuisine = next((name for name in PM_PER_FUME if name in self.outlet.name), "")
        rows["pm_mg_m3"] = fume * PM_PER_FUME.get(cuisine, OTHER_PM_PER_FUME) * rng.lognormal(0, 0.15, count)
        rows["nmhc_mg_m3"] = np.where(fan, 2.0, 0.1) * rng.lognormal(0, 0.25, count) + fume
        rows["temp_c"] = np.where(fan, 40, 21) + rng.normal(0, 1.2, count)
        rows["rh_pct"] = np.clip(np.where(fan, 58, 45) + rng.normal(0, 4, count), 5, 99)
        running_a = {"small": 4.5, "medium": 11.0, "large": 22.0}[self.outlet.scale or "small"]
        rows["fan_a"] = np.where(fan, running_a * rng.normal(1, 0.02, count), 0.0)
        rows["purifier_a"] = np.where(rows["purifier_on"], running_a * 0.2 * rng.normal(1, 0.03, count), 0.05)

    def _truth(
        self, kind: str, begin: int, end: int, midnight_s: float, start_s: float, note: str
    ) -> list[Truth]:
        """None for what was over, or nearly over, when the simulation began."""
        started, ended = max(midnight_s + begin, start_s), midnight_s + end
        if kind == "fume_exceedance":
            # A window that the simulation began in has too few readings.
            started = (
                midnight_s + begin if start_s <= midnight_s + begin else -(-start_s // WINDOW_S) * WINDOW_S
            )
        if ended - started < WINDOW_S:
            return []
        lat, lon = self.outlet.lat or 0.0, self.outlet.lon or 0.0
        return [Truth(kind, self.device_id, started, ended, lat, lon, note, started + WINDOW_S + INTERVAL_S)]
