"""What must be withdrawn when a load turns out to have been tipped long before.

off_route, loaded_stop, outside_hours, uncovered_load and signal_loss need a load. Where (c) holds it to have been tipped
at a stop, what began after that stop was told of an empty truck. The newest RECENT episodes of a load are remembered for
this, cleared ones too.
"""

from analytics.haulage.state import RECENT
from analytics.haulage.telling import Record, Records, tell
from analytics.kernels._compile import inner_kernel
from analytics.records import (
    DUMPED_BEFORE,
    INFO,
    LOADED_STOP,
    MAJOR,
    MINOR,
    NEVER,
    OFF_ROUTE,
    OUTSIDE_HOURS,
    SIGNAL_LOSS,
    UNCOVERED_LOAD,
    WITHDRAWN,
)  # fmt: skip


@inner_kernel
def note_episode(state: Record, kind: int, started: int, lat: float, lon: float) -> None:
    """Remember an episode that has been opened."""
    if state["recent"] == RECENT:
        for i in range(RECENT - 1):
            state["recent_kind"][i] = state["recent_kind"][i + 1]
            state["recent_ts"][i] = state["recent_ts"][i + 1]
            state["recent_lat"][i] = state["recent_lat"][i + 1]
            state["recent_lon"][i] = state["recent_lon"][i + 1]
        state["recent"] = RECENT - 1
    i = state["recent"]
    state["recent_kind"][i], state["recent_ts"][i] = kind, started
    state["recent_lat"][i], state["recent_lon"][i] = lat, lon
    state["recent"] = i + 1


@inner_kernel
def take_back(state: Record, here: Record, events: Records, ts: int) -> None:
    """Withdraw the episodes of this load that began after `ts`, oldest first."""
    for i in range(state["recent"]):
        kind, started = state["recent_kind"][i], state["recent_ts"][i]
        if started > ts:
            event = events[tell(here, events, started, state["recent_lat"][i], state["recent_lon"][i])]
            event["kind"], event["action"], event["reason"] = kind, WITHDRAWN, DUMPED_BEFORE
            event["severity"], event["score"] = MINOR, 0.0
            if kind == LOADED_STOP:
                event["severity"] = INFO
            elif kind == SIGNAL_LOSS:
                event["severity"] = MAJOR
            if kind == OFF_ROUTE and state["off_ts"] == started:
                state["off_open"] = 0
            if kind == LOADED_STOP and state["stand_ts"] == started:
                state["stand_ts"] = NEVER
            if kind == OUTSIDE_HOURS and state["hours_ts"] == started:
                state["hours_open"] = 0
            if kind == UNCOVERED_LOAD and state["bare_ts"] == started:
                state["bare_open"] = 0
