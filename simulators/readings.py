"""Readings as a terminal or monitor sends them: rows of numbers, and the JSON of each.

`ts` is what the device's clock says, `due` when the message leaves: microseconds since 1970.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulators.fleet.sensors import Sensors
from simulators.motion import TRACK
from simulators.roads import LAT_M, LON_M, ORIGIN_LAT, ORIGIN_LON

SECOND_US = 1_000_000

VEHICLE_ROW = np.dtype(
    [
        ("due", "i8"),
        ("ts", "i8"),
        ("lat", "f8"),
        ("lon", "f8"),
        ("speed_kmh", "f8"),
        ("heading_deg", "f8"),
        ("hdop", "f8"),
        ("sats", "i4"),
        ("fix", "?"),
        ("ignition", "?"),
        ("odometer_km", "f8"),
        ("load", "f8"),
        ("lift", "?"),
        ("covered", "?"),
    ]
)
FUME_ROW = np.dtype(
    [
        ("due", "i8"),
        ("ts", "i8"),
        ("fume_mg_m3", "f8"),
        ("pm_mg_m3", "f8"),
        ("nmhc_mg_m3", "f8"),
        ("temp_c", "f8"),
        ("rh_pct", "f8"),
        ("fan_on", "?"),
        ("purifier_on", "?"),
        ("fan_a", "f8"),
        ("purifier_a", "f8"),
    ]
)


class _Vehicle(msgspec.Struct, omit_defaults=True, gc=False):
    ts: str
    lat: float
    lon: float
    speed_kmh: float
    heading_deg: float
    hdop: float
    sats: int
    fix: bool
    ignition: bool
    odometer_km: float
    seq: int
    load: float | None = None
    lift: bool | None = None
    cover: str | None = None


class _Fume(msgspec.Struct, gc=False):
    ts: str
    fume_mg_m3: float
    pm_mg_m3: float
    nmhc_mg_m3: float
    temp_c: float
    rh_pct: float
    fan_on: bool
    purifier_on: bool
    fan_a: float
    purifier_a: float
    seq: int


_JSON = msgspec.json.Encoder()


def observed(track: NDArray[np.void]) -> NDArray[np.void]:
    """`TRACK` rows as a perfect receiver and network would report them."""
    if track.dtype != TRACK:
        raise TypeError("not TRACK rows")
    rows = np.empty(len(track), VEHICLE_ROW)
    rows["ts"] = rows["due"] = np.round(track["at"] * 1e3).astype(np.int64) * 1000
    rows["lat"] = ORIGIN_LAT + track["y"] / LAT_M
    rows["lon"] = ORIGIN_LON + track["x"] / LON_M
    for name in ("speed_kmh", "heading_deg", "ignition", "load", "lift", "covered"):
        rows[name] = track[name]
    rows["odometer_km"] = track["odometer_m"] / 1000
    rows["hdop"], rows["sats"], rows["fix"] = 0.9, 14, True
    return rows


def vehicle_json(rows: NDArray[np.void], sensors: Sensors, first_seq: int) -> list[bytes]:
    """The JSON of each reading; without the fields the truck has no sensor for."""
    columns = [
        _instants(rows["ts"]),
        _rounded(rows["lat"], 6),
        _rounded(rows["lon"], 6),
        _rounded(rows["speed_kmh"], 1),
        _rounded(rows["heading_deg"], 0),
        _rounded(rows["hdop"], 1),
        rows["sats"].tolist(),
        rows["fix"].tolist(),
        rows["ignition"].tolist(),
        _rounded(rows["odometer_km"], 2),
        range(first_seq, first_seq + len(rows)),
        _rounded(rows["load"], 2) if sensors.load else [None] * len(rows),
        rows["lift"].tolist() if sensors.lift else [None] * len(rows),
        np.where(rows["covered"], "closed", "open").tolist() if sensors.cover else [None] * len(rows),
    ]
    return [_JSON.encode(_Vehicle(*row)) for row in zip(*columns, strict=True)]


def fume_json(rows: NDArray[np.void], first_seq: int) -> list[bytes]:
    columns = [
        _instants(rows["ts"]),
        _rounded(rows["fume_mg_m3"], 3),
        _rounded(rows["pm_mg_m3"], 3),
        _rounded(rows["nmhc_mg_m3"], 3),
        _rounded(rows["temp_c"], 1),
        _rounded(rows["rh_pct"], 0),
        rows["fan_on"].tolist(),
        rows["purifier_on"].tolist(),
        _rounded(rows["fan_a"], 2),
        _rounded(rows["purifier_a"], 2),
        range(first_seq, first_seq + len(rows)),
    ]
    return [_JSON.encode(_Fume(*row)) for row in zip(*columns, strict=True)]


def message(readings: Sequence[bytes]) -> bytes:
    """The payload for readings: one as it is, several as a batch."""
    return readings[0] if len(readings) == 1 else b'{"batch":[' + b",".join(readings) + b"]}"


def _instants(us: NDArray[np.int64]) -> list[str]:
    instants: NDArray[np.datetime64] = (us // 1000).astype("M8[ms]")
    text = np.datetime_as_string(instants, unit="ms" if (us % SECOND_US).any() else "s", timezone="UTC")
    return list(text.tolist())


def _rounded(values: NDArray[np.float64], digits: int) -> list[float]:
    return np.round(values, digits).tolist()  # type: ignore[no-any-return]
