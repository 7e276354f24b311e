"""What an event's `values` are, per kind: names with units, in order. NaN was not measured: leave it out."""

from analytics.records import (
    DEVICE_FAULT,
    DEVICE_OFFLINE,
    FUME_EXCEEDANCE,
    ILLEGAL_DUMPING,
    LOADED_STOP,
    MONITOR_OFFLINE,
    MONITOR_SUSPECT,
    NO_GO_ENTRY,
    OFF_ROUTE,
    OUTSIDE_HOURS,
    OVERSPEED,
    PURIFIER_DEGRADED,
    PURIFIER_OFF,
    SIGNAL_LOSS,
    UNCOVERED_LOAD,
    UNDELIVERED_LOAD,
    UNLICENSED_LOADING,
    UNPERMITTED_HAUL,
)

VALUE_NAMES: dict[int, tuple[str, ...]] = {
    ILLEGAL_DUMPING: (
        "term_lift",  # 1 or 0: the box was raised
        "term_load_fall",
        "term_inferred",  # without sensors, from a stop and no delivery after it
        "term_returned",  # and straight back to a source site
        "term_loaded_stop",
        "term_off_route",
        "term_night",
        "load_before",
        "load_after",
        "stop_s",  # how long it stood there, with the load
    ),
    OFF_ROUTE: (
        "distance_m",  # now, to the nearest of the permitted routes; not there when the load ended
        "max_distance_m",  # of the episode
        "corridor_m",
        "fixes",  # beyond it
        "duration_s",  # from the first fix beyond it to the last
        "last_beyond_s",  # when that one was, since 1970, UTC
    ),
    LOADED_STOP: ("duration_s",),  # of the stop, from its first fix to its last
    UNPERMITTED_HAUL: ("load", "duration_s", "loaded_since_s"),  # the last since 1970, UTC
    UNLICENSED_LOADING: ("load_before", "load_after", "duration_s"),
    NO_GO_ENTRY: (
        "fixes",  # inside
        "duration_s",  # from the first of them to the last
        "inferred",  # 1 where only the straight way between two fixes says so, else left out
    ),
    UNDELIVERED_LOAD: ("duration_s",),  # since it left its source
    OUTSIDE_HOURS: ("duration_s",),
    UNCOVERED_LOAD: ("duration_s", "speed_kmh"),  # at the fix that says so
    OVERSPEED: (
        "speed_kmh",  # where it was most over the limit, and the limit there
        "limit_kmh",
        "fixes",  # over it
        "duration_s",  # from the first fix over it to the last
    ),
    SIGNAL_LOSS: ("speed_kmh", "duration_s"),  # at the last good fix; of the silence
    DEVICE_OFFLINE: ("duration_s",),
    DEVICE_FAULT: (
        "bad_readings",  # of the window; with those refused
        "refused_readings",
        "readings",  # the window
        "duration_s",
    ),
    FUME_EXCEEDANCE: (
        "mean_mg_m3",  # of the window judged now; not there when the fan's standing still is what cleared it
        "limit_mg_m3",
        "max_mean_mg_m3",  # of the episode's windows over the limit
        "windows_over",  # of the episode
        "valid_count",
        "expected_count",
        "window_start_s",  # since 1970, UTC
    ),
    PURIFIER_OFF: ("duration_s", "fan_a", "purifier_a"),
    PURIFIER_DEGRADED: (
        "dirty",  # 1 or 0: by its readings
        "cleaning_overdue",  # 1 or 0: by the calendar
        "days_since_cleaning",
        "cleaning_days",
        "baseline_mg_m3",  # median over the week after the cleaning
        "share_above",  # of the last seven days' readings: half above the baseline, or more
    ),
    MONITOR_OFFLINE: ("silent_s", "last_heard_s"),  # the last since 1970, UTC
    MONITOR_SUSPECT: (
        "stuck",  # 1, where it is a cause
        "impossible",
        "clipped",
        "copied",
        "equal_mg_m3",  # the value it is stuck at
        "pile_count",  # readings just under the limit
        "limit_mg_m3",
        "copied_from_s",  # when the same piece had ended before, since 1970, UTC
        "duration_s",
    ),
}
