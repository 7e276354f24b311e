"""What the engine remembers of a kitchen between two readings, and what the register says of it."""

import numpy as np
from numpy.typing import NDArray

from analytics.records import NEVER

FUME_LAYOUT = 2
"""To be raised with every change of FUME_STATE: a state of another layout cannot be read."""

OVER = 8
"""Windows over the limit, and impossible readings, that are remembered."""
PIECE = 60
"""Readings of a piece that may be a copy of another (contract, section 4: "a 60-reading window")."""
BINS = 128
"""Of the histogram that the median after a cleaning is taken from."""
WEEK = 7
NO_DAY = np.iinfo(np.int32).min

FUME_STATE = np.dtype(
    [
        ("last_ts", "i8"),  # everything up to here is judged; what comes for a time before it is late
        ("heard_ts", "i8"),  # newest reading folded in, whatever its quality
        ("ahead", "i8"),  # how far the wall clock was ahead of UTC then
        # fume_exceedance
        ("window", "i8"),  # start of the window being filled, UTC
        ("total", "f8"),  # of its valid readings
        ("judged", "i8"),  # start of the newest window judged
        ("last_valid", "i8"),  # start of the newest window with a valid mean
        ("over", "i8", (OVER,)),  # starts of windows over the limit, newest first
        ("exceeding_since", "i8"),  # start of the open episode's first window; NEVER: none is open
        ("max_mean_mg_m3", "f8"),  # of the open episode
        ("fan_off_since", "i8"),
        # purifier_off
        ("purifier_off_since", "i8"),
        ("purifier_said", "i8"),  # when the open episode was last spoken of
        # monitor_offline
        ("offline_since", "i8"),  # NEVER: none is open
        # monitor_suspect
        ("equal_mg_m3", "f8"),  # the value the newest readings have in common
        ("equal_since", "i8"),
        ("impossible", "i8", (OVER,)),  # times of impossible readings, newest first
        ("pile_since", "i8"),  # first reading of the pile under the limit
        ("suspect_since", "i8"),  # NEVER: none is open
        ("suspect_said", "i8"),
        ("plausible_since", "i8"),  # while it is open: since when nothing has spoken against the monitor
        ("copied_from", "i8"),  # end of the piece that the last copy was seen in before
        # purifier_degraded
        ("degraded_since", "i8"),  # NEVER: none is open
        (
            "piece",
            "i4",
            (PIECE,),
        ),  # the newest readings with the fan on, a ring: ten thousandths of a mg/m³ …
        ("piece_s", "i4", (PIECE,)),  # … and their times, whole seconds since 2020
        ("received", "i4"),  # in the window being filled
        ("valid", "i4"),
        ("over_in_a_row", "i4"),
        ("calm_in_a_row", "i4"),
        ("windows_over", "i4"),  # of the open episode
        ("pile_day", "i4"),  # local day, days since 1970, the pile is counted in
        ("pile", "i4"),  # readings just under the limit
        ("under_pile", "i4"),  # readings as far again below them
        ("cleaned", "i4"),  # local day of the last cleaning this state knows of; NO_DAY: none
        ("baseline", "i4"),  # median after it, ten thousandths of a mg/m³; 0: not known yet
        ("base_sum", "i4", (BINS,)),
        ("day", "i4"),  # the newest of the seven days counted
        ("day_count", "i4", (WEEK,)),  # readings with fan and purifier on, the newest day first
        ("day_above", "i4", (WEEK,)),  # those of them half above the baseline
        ("base_count", "u2", (BINS,)),
        ("piece_next", "i2"),
        ("piece_count", "i2"),
        ("severity", "i1"),  # of the open exceedance
        ("has_fan", "i1"),  # 1 once `fan_on` has been sent
        ("has_purifier", "i1"),  # 1 once `purifier_on` has been sent
        ("purifier_open", "i1"),
        ("suspect_causes", "i1"),  # of the open episode, a bit each
        ("degraded_causes", "i1"),
        # No gaps: what numpy leaves in them is anything, and a state is compared by its bytes.
        ("spare", "i1", (10,)),
    ],
    align=True,
)

RANGES = 8
CLEANINGS = 4
CLOSED = -1

MONITOR = np.dtype(
    [
        ("limit_mg_m3", "f8"),  # NaN: nothing is over it
        ("interval_s", "f8"),  # NaN or nonsense: DEFAULT_INTERVAL_S
        ("fan_min_a", "f8"),  # the fan runs from this current on; NaN: not known, so only its switch says so
        ("purifier_min_a", "f8"),
        (
            "hours",
            "i4",
            (RANGES, 2),
        ),  # open [from, to), minutes after local midnight; CLOSED, CLOSED: no range
        ("cleaned", "i4", (CLEANINGS,)),  # local days since 1970, the newest first; NO_DAY: none
        ("cleaning_days", "i4"),  # to be cleaned at least this often; 0: not known, so it is never overdue
    ],
    align=True,
)
"""Per slot, what the register says of the monitor and its outlet. Without any hours: always open."""

DEFAULT_INTERVAL_S = 60.0


def new_fume_states(count: int) -> NDArray[np.void]:
    """States of monitors never heard of."""
    states = np.zeros(count, FUME_STATE)
    for name in (
        "last_ts", "heard_ts", "window", "judged", "over", "last_valid", "exceeding_since", "fan_off_since",
        "purifier_off_since", "purifier_said", "offline_since", "equal_since", "impossible", "pile_since",
        "suspect_since", "suspect_said", "plausible_since", "copied_from", "degraded_since",
    ):  # fmt: skip
        states[name] = NEVER
    for name in ("pile_day", "cleaned", "day"):
        states[name] = NO_DAY
    return states


def new_monitors(count: int) -> NDArray[np.void]:
    """Monitors of which nothing is known but that they are there."""
    monitors = np.zeros(count, MONITOR)
    for name in ("limit_mg_m3", "interval_s", "fan_min_a", "purifier_min_a"):
        monitors[name] = np.nan
    monitors["hours"], monitors["cleaned"] = CLOSED, NO_DAY
    return monitors
