"""The engine's thresholds: plain numbers, one tuple of them per engine.

Defaults are the contract's, section 4, unless the field says where else from. Times are seconds.
"""

from typing import NamedTuple


class FumeRules(NamedTuple):
    # What can be read but not believed.
    range_mg_m3: float = 100.0  # domain/fume.md 3.2: instruments reach 20 to 30; more is no cooking
    filler_mg_m3: float = 999.0  # HJ 212 fillers for PM and NMHC, either sign: 999.99, 9999, -999
    zero_drift_mg_m3: float = 0.13  # domain/fume.md 3.2, a vendor's figure: further below zero is impossible
    # fume_exceedance
    window_s: float = 600.0
    valid_share: float = 0.75  # HJ 212-2017: of the expected readings
    major_in_a_row: int = 2  # windows that follow one another
    major_count: int = 3  # windows, not in a row, within major_within_s; at most 8
    major_within_s: float = 3600.0  # from the start of the first to the end of the last
    critical_ratio: float = 3.0  # of the limit
    clear_ratio: float = 0.9
    clear_in_a_row: int = 3
    fan_off_s: float = 600.0
    window_wait_s: float = 600.0  # ours: a window that no reading closes is judged so long after its end
    # purifier_off
    purifier_off_s: float = 600.0
    purifier_update_s: float = 600.0  # while it lasts, say so this often at most
    # purifier_degraded
    degraded_ratio: float = 1.5  # of the median over the week after the last cleaning
    degraded_readings: int = 60  # ours: fewer in a week have no median worth the name
    # monitor_offline
    monitor_offline_s: float = 1800.0
    # monitor_suspect
    stuck_s: float = 1800.0
    stuck_mg_m3: float = 0.02
    impossible_count: int = 3  # ours, within the time; at most 8: a spike or a filler alone is no suspicion
    impossible_within_s: float = 3600.0
    clipped_band: float = 0.1  # domain/fume.md 4.3: a pile in [0.9, 1.0) of the limit
    clipped_count: int = 30  # ours, measured on simulated kitchens
    clipped_ratio: float = 3.0  # ours: of the readings in the tenth below
    copied_distinct: int = 5  # ours: values in a piece of sixty
    copied_within_s: float = 2_678_400.0  # ours: 31 days; pieces are looked up no further back
    plausible_s: float = 3600.0
    suspect_update_s: float = 600.0
    suspect_stuck: float = 0.8  # what each cause alone makes of the score
    suspect_impossible: float = 0.6
    suspect_clipped: float = 0.7
    suspect_copied: float = 0.9


class VehicleRules(NamedTuple):
    # Which fixes to believe.
    hdop_max: float = 10.0
    jump_slack_m: float = 100.0
    jump_slack_kmh: float = 30.0  # over the larger of the two reported speeds
    jump_kmh: float = 150.0  # over longer gaps, or without speeds
    jump_speeds_s: float = 60.0  # reported speeds speak for gaps of up to this
    jump_agreeing: int = 3  # fixes in a row that agree with each other are believed
    # Loaded and stopped.
    loaded_load: float = 0.3
    stopped_kmh: float = 5.0
    stopped_m: float = 50.0
    loading_stop_s: float = 180.0  # without a load sensor, in a source site
    delivery_stop_s: float = 60.0  # without a load sensor, in a disposal or transfer site
    # Unloading (a), by the box.
    lift_kmh: float = 10.0
    lift_fixes: int = 2
    lift_s: float = 10.0
    lift_loaded_s: float = 600.0  # it was loaded no longer ago
    # Unloading (b) and loading, by the load sensor.
    load_change: float = 0.4
    load_change_s: float = 600.0  # at most 600: what a state remembers
    stay_m: float = 300.0
    # Unloading (c), without either.
    tip_stop_s: float = 180.0
    day_end_s: float = 1800.0  # in a parking site
    # Evidence this near to the last belongs to the same unloading, or loading.
    same_s: float = 600.0
    same_m: float = 300.0
    # illegal_dumping: what each term adds to the score. The contract names the terms; the weights are fitted on
    # simulated fleets with faulty sensors, rounded (docs/rightness.md).
    score_lift: float = 0.5
    score_load_fall: float = 0.5
    score_inferred: float = 0.65  # a stop, and no delivery after it
    score_returned: float = 0.3  # straight back to a source site
    score_loaded_stop: float = 0.05  # it stood there, loaded, for tip_stop_s
    score_off_route: float = 0.3
    score_night: float = 0.05
    night_from_h: float = 22.0  # local; domain/trucks.md: most hauls, and most tipping, are at night
    night_to_h: float = 6.0
    # off_route
    off_route_s: float = 60.0
    off_route_fixes: int = 3
    off_route_major_m: float = 300.0
    off_route_major_s: float = 600.0
    off_route_clear_s: float = 60.0
    off_route_update_s: float = 60.0  # while it lasts, say so this often at most
    off_route_margin_m: float = (
        0.0  # so much further than the corridor it must go; to be back is to be within it
    )
    off_route_hdop_m: float = 0.0  # and this much more for each unit of the fix's hdop
    # loaded_stop
    loaded_stop_s: float = 180.0
    # no_go_entry
    no_go_fixes: int = 2
    no_go_clear_s: float = 60.0
    no_go_swept_s: float = (
        0.0  # the straight way between two good fixes no further apart is an entry too; 0: none is
    )
    # undelivered_load
    undelivered_s: float = 14400.0
    # outside_hours
    outside_hours_s: float = 300.0
    moving_stop_s: float = 180.0  # standing for less is moving
    # uncovered_load
    uncovered_kmh: float = 10.0
    uncovered_s: float = 30.0
    # overspeed
    overspeed_share: float = 0.1  # over the limit
    overspeed_fixes: int = 3
    overspeed_clear_s: float = 30.0
    # signal_loss
    signal_loss_kmh: float = 10.0
    signal_loss_s: float = 300.0
    signal_fix_s: float = 300.0  # the last good fix speaks for a silence if under this much older
    # device_offline
    offline_s: float = 86400.0
    # device_fault
    fault_readings: int = 60  # the window; at most 60: what a state remembers
    fault_share: float = 0.5  # more of them are not good
    fault_clock: int = 10  # or so many were refused for their time
