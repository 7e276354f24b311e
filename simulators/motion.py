"""How one truck moves: knots in time, from which the terminal takes its fixes.

Between two knots the truck moves evenly along a straight line; switches and the load keep the value
of the knot before. Times are seconds since 1970, places metres in the plane of `simulators.roads`.
"""

import math
import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulators.roads import Place, Points

TRACK = np.dtype(
    [
        ("at", "f8"),  # seconds since 1970
        ("x", "f8"),
        ("y", "f8"),
        ("speed_kmh", "f8"),
        ("heading_deg", "f8"),
        ("odometer_m", "f8"),
        ("load", "f8"),
        ("lift", "?"),
        ("covered", "?"),
        ("ignition", "?"),
    ]
)
"""What is true of a truck at one instant, before any noise."""


@dataclass(slots=True)
class Motion:
    """A truck's knots so far; `drive`, `wait` and the switches add to them."""

    at: float
    place: Place
    odometer_m: float
    heading_deg: float = 0.0
    load: float = 0.0
    lift: bool = False
    covered: bool = True
    ignition: bool = True
    _knots: list[tuple[float, float, float, float, float, float, bool, bool, bool]] = field(
        default_factory=list
    )

    def knot(self) -> None:
        self._knots.append(
            (self.at, *self.place, self.odometer_m, self.heading_deg, self.load, self.lift, self.covered, self.ignition)
        )  # fmt: skip

    def wait(self, seconds: float) -> None:
        self.knot()
        self.at += seconds
        self.knot()

    def go_to(self, place: Place, speed_kmh: float) -> None:
        dx, dy = place[0] - self.place[0], place[1] - self.place[1]
        far = math.hypot(dx, dy)
        if far < 0.01:
            return
        self.heading_deg = math.degrees(math.atan2(dx, dy)) % 360
        self.knot()
        self.at += far / (speed_kmh / 3.6)
        self.odometer_m += far
        self.place = place
        self.knot()

    def drive(self, points: Points, dice: random.Random, speed_kmh: tuple[float, float], pace: float) -> None:
        """Along `points`, at a speed of its own on each piece; now and then a red light at the end of one.

        `pace` below 1 is dense traffic. No stop lasts 3 minutes, and only stops are slower than 8 km/h.
        """
        for end in points.tolist():
            far = math.hypot(end[0] - self.place[0], end[1] - self.place[1])
            speed = max(9.0, dice.uniform(*speed_kmh) * pace)
            red = far > 250 and dice.random() < 0.22
            if far > 250:
                share = 60 / far
                self.go_to(_between(self.place, end, share), speed * 0.6)
                near = _between(self.place, end, 1 - 50 / (far * (1 - share)))
                self.go_to(near, speed)
                self.go_to((end[0], end[1]), max(9.0, speed * 0.5))
            else:
                self.go_to((end[0], end[1]), min(speed, 24.0))
            if red:
                self.wait(dice.uniform(8, 75))

    def sample(self, phase_s: float, interval_s: float, parked_interval_s: float) -> NDArray[np.void]:
        """The instants the terminal reports from the first knot to before the last: `TRACK` rows.

        Every `interval_s` with the ignition on, every `parked_interval_s` without.
        """
        columns = list(zip(*self._knots, strict=True))
        at, x, y, odometer, heading, load = (np.array(column, float) for column in columns[:6])
        first = math.ceil((at[0] - phase_s) / interval_s)
        last = math.ceil((at[-1] - phase_s) / interval_s)
        count = np.arange(first, last)
        times = phase_s + count * interval_s
        knot = np.maximum(np.searchsorted(at, times, "right") - 1, 0)
        ignition = np.array(columns[8], bool)[knot]
        kept = ignition | (count % round(parked_interval_s / interval_s) == 0)
        times, knot = times[kept], knot[kept]
        track = np.empty(len(times), TRACK)
        track["at"] = times
        track["x"], track["y"] = np.interp(times, at, x), np.interp(times, at, y)
        track["odometer_m"] = np.interp(times, at, odometer)
        ahead, behind = np.interp(times + 1.5, at, odometer), np.interp(times - 1.5, at, odometer)
        track["speed_kmh"] = (ahead - behind) / 3 * 3.6
        track["heading_deg"] = heading[knot]
        track["load"] = load[knot]
        track["lift"], track["covered"] = np.array(columns[6], bool)[knot], np.array(columns[7], bool)[knot]
        track["ignition"] = ignition[kept]
        return track


def _between(a: Place, b: Place, share: float) -> Place:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share
