"""What an event's `values` are, per kind: names with units, in order. NaN was not measured: leave it out."""

from analytics.records import FUME_EXCEEDANCE, PURIFIER_OFF

VALUE_NAMES: dict[int, tuple[str, ...]] = {
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
}
