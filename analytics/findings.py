"""What a device's readings of a day say of the device: findings, with what was measured beside the threshold.

A reading's own quality (`haulage.believing`) is fixed by the contract and takes it out of detections. What is here takes
nothing away: a terminal whose positions are shifted, whose clock or units are wrong, that is stuck or drifts, is named
so that somebody mends it. A function of stored readings: no clock, no I/O, the same whenever it is asked.

Each threshold and what it does to real tracks: docs/belief.md.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from analytics.datum import from_bd09, from_gcj02
from analytics.records import HOUR, MINUTE, NO, SECOND

FINDINGS: Final = (
    "device_datum",  # positions in GCJ-02 or BD-09
    "frozen",  # one position while the vehicle drives
    "parked_drift",  # positions that wander while it stands
    "teleports",  # many impossible jumps
    "false_zero",  # (0, 0) with a claimed fix
    "clock_offset",  # a clock that is wrong by a constant
    "speed_unit",  # knots, miles or metres a second
    "odometer_unit",  # a thousand times too much or too little
)

DATUM_FIXES, DATUM_NEAR_M = 50, 40.0
DATUM_SPREAD_M = 1000.0
DATUM_AS_IS, DATUM_UNDONE = 0.2, 0.7
DATUM_SAMPLE = 300
MOVING_KMH = 10.0
FROZEN_US, FROZEN_KM, FROZEN_FIXES = 10 * MINUTE, 1.0, 5
DRIFT_US, DRIFT_M, DRIFT_GAP_US = 30 * MINUTE, 50.0, MINUTE
TELEPORTS, TELEPORT_SHARE = 10, 0.01
FALSE_ZEROS = 5
CLOCK_READINGS, CLOCK_OFF_US, CLOCK_SPREAD_US = 20, 10 * MINUTE, 5 * MINUTE
UNIT_PAIRS, UNIT_KMH, UNIT_SECONDS, UNIT_WITHIN, UNIT_SPREAD = 30, 15.0, 60.0, 0.1, 1.5
SPEED_UNITS = {"km/h": 1.0, "m/s": 1 / 3.6, "knot": 1 / 1.852, "mph": 1 / 1.609344, "km/h times 3.6": 3.6}
"""What is sent in place of km/h, and what that makes of a speed."""
ODOMETER_KM = 5.0
WEEK = 7 * 24 * HOUR

_LAT_M = 110_950.0  # metres a degree, good to 0.5 % in China


@dataclass(frozen=True, slots=True)
class Stretch:
    """Stored readings of one vehicle, oldest first, all arrays (N,). Not sent: NaN, or -1 for a switch."""

    ts: NDArray[np.int64]
    """Microseconds since 1970, as `received`."""
    received: NDArray[np.int64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    speed_kmh: NDArray[np.float64]
    odometer_km: NDArray[np.float64]
    fix: NDArray[np.int8]
    ignition: NDArray[np.int8]
    quality: NDArray[np.str_]
    refused_us: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Of readings that were refused for their time: event time less arrival."""

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    detail: dict[str, Any]


class Lines:
    """The register's roads and routes, to be near to or not."""

    def __init__(self, lines: list[NDArray[np.float64]]) -> None:
        """`lines`: corners (N, 2) each, degrees, lon before lat."""
        corners = [line for line in lines if len(line) > 1]
        self._squeeze = math.cos(math.radians(float(np.mean(corners[0][:, 1])))) if corners else 1.0
        self._tree = shapely.STRtree([shapely.LineString(self._metres(c[:, 1], c[:, 0])) for c in corners])

    def near(self, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> float:
        """The share of the points within DATUM_NEAR_M of a line."""
        points = shapely.points(self._metres(lat, lon))
        found = self._tree.query(points, predicate="dwithin", distance=DATUM_NEAR_M)
        return len(np.unique(found[0])) / len(lat)

    def __bool__(self) -> bool:
        return len(self._tree) > 0

    def _metres(self, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([lon * _LAT_M * self._squeeze, lat * _LAT_M])


def findings(stretch: Stretch, lines: Lines) -> list[Finding]:
    """All that the stretch says, in the order of FINDINGS."""
    looks: dict[str, Callable[[], dict[str, Any] | None]] = {
        "device_datum": lambda: _datum(stretch, lines),
        "frozen": lambda: _frozen(stretch),
        "parked_drift": lambda: _parked_drift(stretch),
        "teleports": lambda: _teleports(stretch),
        "false_zero": lambda: _false_zero(stretch),
        "clock_offset": lambda: _clock(stretch),
        "speed_unit": lambda: _speed_unit(stretch),
        "odometer_unit": lambda: _odometer_unit(stretch),
    }
    return [Finding(code, detail) for code in FINDINGS if (detail := looks[code]()) is not None]


def _datum(stretch: Stretch, lines: Lines) -> dict[str, Any] | None:
    """Moving fixes lie on no road or route as they are, and on one once the shift is undone."""
    moving = np.flatnonzero((stretch.quality == "ok") & ~(stretch.speed_kmh <= MOVING_KMH))
    if len(moving) < DATUM_FIXES or not lines:
        return None
    chosen = moving[np.linspace(0, len(moving) - 1, min(len(moving), DATUM_SAMPLE)).astype(int)]
    lat, lon = stretch.lat[chosen], stretch.lon[chosen]
    if _ground_m(lat.min(), lon.min(), lat.max(), lon.max()) < DATUM_SPREAD_M:
        return None
    as_is = lines.near(lat, lon)
    if as_is > DATUM_AS_IS:
        return None
    undone = {
        name: lines.near(*undo(lat, lon)) for name, undo in (("GCJ-02", from_gcj02), ("BD-09", from_bd09))
    }
    datum = max(undone, key=lambda name: undone[name])
    if undone[datum] < DATUM_UNDONE:
        return None
    return {
        "datum": datum,
        "near_as_is": round(as_is, 3),
        "near_undone": round(undone[datum], 3),
        "near_m": DATUM_NEAR_M,
        "fixes": len(chosen),
    }


def _frozen(stretch: Stretch) -> dict[str, Any] | None:
    """One position, to the last digit, while the odometer or the speed says that it drives; the longest such."""
    same = (np.diff(stretch.lat) == 0) & (np.diff(stretch.lon) == 0)
    worst: dict[str, Any] | None = None
    for first, last in _runs(same):
        if stretch.ts[last] - stretch.ts[first] < FROZEN_US:
            continue
        here = slice(first, last + 1)
        km = _grown(stretch.odometer_km[here])
        fast = int(np.count_nonzero(stretch.speed_kmh[here] >= MOVING_KMH))
        minutes = float(stretch.ts[last] - stretch.ts[first]) / MINUTE
        if (km >= FROZEN_KM or fast >= FROZEN_FIXES) and (worst is None or minutes > worst["minutes"]):
            worst = {
                "from_us": int(stretch.ts[first]),
                "minutes": round(minutes, 1),
                "fixes": last - first + 1,
                "odometer_km": round(km, 3),
                "fixes_moving": fast,
            }
    return worst


def _parked_drift(stretch: Stretch) -> dict[str, Any] | None:
    """Believed positions that wander while the vehicle stands for half an hour or more; the widest such."""
    good = np.flatnonzero(stretch.quality == "ok")
    off, slow = stretch.ignition[good] == NO, stretch.speed_kmh[good] <= 3.0
    # Between two slow fixes that are far apart it may have driven.
    close = np.diff(stretch.ts[good]) <= DRIFT_GAP_US
    worst: dict[str, Any] | None = None
    for first, last in _runs((off[1:] & off[:-1]) | (slow[1:] & slow[:-1] & close)):
        rows = good[first : last + 1]
        if stretch.ts[rows[-1]] - stretch.ts[rows[0]] < DRIFT_US or _grown(stretch.odometer_km[rows]) >= 0.2:
            continue
        away = _ground_m(
            np.median(stretch.lat[rows]), np.median(stretch.lon[rows]), stretch.lat[rows], stretch.lon[rows]
        )
        wide = float(np.quantile(away, 0.95))
        net = _ground_m(
            *(np.median(part[rows[: len(rows) // 2]]) for part in (stretch.lat, stretch.lon)),
            *(np.median(part[rows[len(rows) // 2 :]]) for part in (stretch.lat, stretch.lon)),
        )
        # Wandering about one place; a half that lies elsewhere was carried or driven there.
        if wide > DRIFT_M > net and (worst is None or wide > worst["p95_m"]):
            worst = {
                "from_us": int(stretch.ts[rows[0]]),
                "minutes": round(float(stretch.ts[rows[-1]] - stretch.ts[rows[0]]) / MINUTE, 1),
                "fixes": len(rows),
                "p95_m": round(wide, 1),
                "limit_m": DRIFT_M,
            }
    return worst


def _teleports(stretch: Stretch) -> dict[str, Any] | None:
    jumps = np.flatnonzero(stretch.quality == "jump")
    if len(jumps) < TELEPORTS or len(jumps) < TELEPORT_SHARE * len(stretch):
        return None
    places = np.column_stack([stretch.lat[jumps], stretch.lon[jumps]]).round(3)
    _, counts = np.unique(places, axis=0, return_counts=True)
    return {
        "jumps": len(jumps),
        "share": round(len(jumps) / len(stretch), 4),
        "to_one_place": round(float(counts.max()) / len(jumps), 3),
    }


def _false_zero(stretch: Stretch) -> dict[str, Any] | None:
    claimed = int(np.count_nonzero((stretch.lat == 0) & (stretch.lon == 0) & (stretch.fix != NO)))
    return {"readings": claimed} if claimed >= FALSE_ZEROS else None


def _clock(stretch: Stretch) -> dict[str, Any] | None:
    """Readings that all come as much too early or too late: a clock that is wrong. A hole's upload comes late by
    more and more, or by less and less.
    """
    stored = stretch.ts - stretch.received
    for ahead, stored_ones in ((stored, True), (stretch.refused_us, False)):
        if len(ahead) < CLOCK_READINGS:
            continue
        low, middle, high = np.quantile(ahead, [0.1, 0.5, 0.9])
        if abs(middle) > CLOCK_OFF_US and high - low <= CLOCK_SPREAD_US:
            return {
                "offset_s": round(float(middle) / SECOND),
                "like": _cause(float(middle)),
                "readings": len(ahead),
                "stored": stored_ones,
            }
    return None


def _cause(ahead_us: float) -> str:
    """What such a clock has usually gone through."""
    if abs(abs(ahead_us) - 8 * HOUR) <= 15 * MINUTE:
        return "time_zone"  # UTC sent as Beijing time, or the other way round
    weeks = round(-ahead_us / (1024 * WEEK))
    if weeks >= 1 and abs(-ahead_us - weeks * 1024 * WEEK) <= 2 * 24 * HOUR:
        return "gps_week_rollover"
    return "reset" if ahead_us < -3650 * 24 * HOUR else "unknown"


def _speed_unit(stretch: Stretch) -> dict[str, Any] | None:
    """The reported speed beside the ground covered, where both ends of a minute or less report driving."""
    good = np.flatnonzero(stretch.quality == "ok")
    if len(good) <= UNIT_PAIRS:
        return None
    seconds = np.diff(stretch.ts[good]) / SECOND
    metres = _ground_m(
        stretch.lat[good][:-1], stretch.lon[good][:-1], stretch.lat[good][1:], stretch.lon[good][1:]
    )
    ground = metres / np.maximum(seconds, 0.1) * 3.6
    said = (stretch.speed_kmh[good][1:] + stretch.speed_kmh[good][:-1]) / 2
    fit = (seconds > 0) & (seconds <= UNIT_SECONDS) & (ground >= UNIT_KMH) & (said > 0)
    if np.count_nonzero(fit) < UNIT_PAIRS:
        return None
    low, ratio, high = np.quantile(said[fit] / ground[fit], [0.25, 0.5, 0.75]).tolist()
    if high > UNIT_SPREAD * low:
        return None
    unit = min(SPEED_UNITS, key=lambda name: abs(math.log(ratio / SPEED_UNITS[name])))
    if unit == "km/h" or abs(ratio / SPEED_UNITS[unit] - 1) > UNIT_WITHIN:
        return None
    return {"unit": unit, "said_to_ground": round(ratio, 3), "pairs": int(np.count_nonzero(fit))}


def _odometer_unit(stretch: Stretch) -> dict[str, Any] | None:
    good = np.flatnonzero((stretch.quality == "ok") & np.isfinite(stretch.odometer_km))
    if len(good) < 2:
        return None
    lat, lon = stretch.lat[good], stretch.lon[good]
    track_km = float(np.sum(_ground_m(lat[:-1], lon[:-1], lat[1:], lon[1:]))) / 1000
    said_km = _grown(stretch.odometer_km[good])
    if track_km < ODOMETER_KM or said_km <= 0:
        return None
    ratio = said_km / track_km
    if not (300 <= ratio <= 3000 or 1 / 3000 <= ratio <= 1 / 300):
        return None
    return {"said_km": round(said_km, 3), "track_km": round(track_km, 1), "said_to_track": round(ratio, 5)}


def _grown(odometer_km: NDArray[np.float64]) -> float:
    known = odometer_km[np.isfinite(odometer_km)]
    return float(known[-1] - known[0]) if len(known) else 0.0


def _runs(joined: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and last row of each run of rows of which each is `joined` to the next."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _ground_m(lat: Any, lon: Any, other_lat: Any, other_lon: Any) -> Any:
    """Metres, good to 1 % over a district."""
    squeeze = np.cos(np.radians((lat + other_lat) / 2))
    return np.hypot((other_lon - lon) * squeeze, other_lat - lat) * _LAT_M
