"""An event, with everything that no kitchen's event has left empty."""

import math
from typing import Any

from analytics.kernels._compile import inner_kernel
from analytics.records import NO_REASON


@inner_kernel
def tell(event: Any, slot: int, row: int, ts: int, kind: int, action: int) -> None:
    """`row` is that of the input that caused it; -1: time alone did."""
    event["slot"], event["index"], event["ts"] = slot, row, ts
    event["kind"], event["action"], event["reason"] = kind, action, NO_REASON
    event["place"], event["permit"], event["site"], event["road"] = -1, -1, -1, -1
    event["lat"], event["lon"] = math.nan, math.nan
    event["values"][:] = math.nan
