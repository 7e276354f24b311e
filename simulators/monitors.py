"""Kitchens' monitors that speak HJ 212-2017: each row a frame of its own (CN 2011), those that wait end to end.

They ask for an answer, as real ones do, and do not wait for it: the broker's PUBACK is what they go by.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from devices.hj212 import build_frame
from devices.types import Device
from simulators.readings import SECOND_US

_BEIJING = timedelta(hours=8)


def realtime_frames(rows: NDArray[np.void], device: Device) -> list[bytes]:
    """The 2011 of each row. HJ 212 knows whole seconds: the rest of `ts` is cut off."""
    names = [name for name in rows.dtype.names or () if name != "due"]
    return [
        _frame(device.serial or "0", dict(zip(names, row, strict=True)))
        for row in zip(*(rows[name].tolist() for name in names), strict=True)
    ]


def _frame(mn: str, row: dict[str, float]) -> bytes:
    at = datetime.fromtimestamp(row["ts"] // SECOND_US, UTC) + _BEIJING
    time = at.strftime("%Y%m%d%H%M%S")
    return build_frame(
        f"QN={time}{int(row['ts'] // 1000 % 1000):03d};ST=31;CN=2011;PW=123456;MN={mn};Flag=5;CP=&&DataTime={time};"
        f"a34041-Rtd={row['fume_mg_m3']:.3f},a34041-Flag=N;a34000-Rtd={row['pm_mg_m3']:.3f},a34000-Flag=N;"
        f"a24088-Rtd={row['nmhc_mg_m3']:.3f},a24088-Flag=N;a01012-Rtd={row['temp_c']:.1f};a01014-Rtd={row['rh_pct']:.0f};"
        f"ga2101-Rtd={int(row['fan_on'])};ga0701-Rtd={int(row['purifier_on'])};"
        f"ga2001-Rtd={row['fan_a']:.2f};ga0601-Rtd={row['purifier_a']:.2f}&&".encode()
    )
