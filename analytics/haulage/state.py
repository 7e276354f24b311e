"""What is remembered of a vehicle, and the desk on which one fix is judged.

Times are int64 microseconds UTC, NEVER where there is none; x and y metres in the district's plane; sites,
permits and segments are rows of the district, -1 at none; switches UNKNOWN, NO, YES, flags 0 or 1.
"""

import numpy as np
from numpy.typing import NDArray

from analytics.records import NEVER, UNKNOWN

VEHICLE_LAYOUT = 6
"""To be raised with every change of VEHICLE_STATE: a state of another layout cannot be read."""

AT_SITE, AT_SOURCE, AT_TRANSFER, AT_PARKING, MAY_UNLOAD, AT_PERMITTED = 1, 2, 4, 8, 16, 32
"""Where a fix lies, as bits. AT_SITE: in any site but a no_go zone. AT_PERMITTED: in a source site this vehicle
has a permit for, on that day. MAY_UNLOAD: disposal, transfer, or where a permit in force says."""

UNTOLD, TOLD, PASSED_OVER = 0, 1, 2
"""Of a silence that is going on. PASSED_OVER: there is nobody to tell it of."""

STAYS = 24
PERMITS = 8
ZONES = 4
RECENT = 8
PASSED = 4
OVERLAPS = 16

VEHICLE_STATE = np.dtype(
    [
        ("last_ts", "i8"),  # newest reading folded in, whatever its quality
        # Sensors: those that ever sent their field; what they last said in a good fix.
        ("load", "f8"),
        ("has_load", "i1"),
        ("has_lift", "i1"),
        ("has_cover", "i1"),
        ("lift", "i1"),
        ("cover", "i1"),
        # The last good fix.
        ("good_ts", "i8"),
        ("good_lat", "f8"),
        ("good_lon", "f8"),
        ("good_x", "f8"),
        ("good_y", "f8"),
        ("good_speed_kmh", "f8"),
        ("site", "i4"),  # that holds it, no_go zones aside; the first by row
        # The chain of fixes that were too far away and agree with each other: its last one.
        ("stray_count", "i4"),
        ("stray_ts", "i8"),
        ("stray_x", "f8"),
        ("stray_y", "f8"),
        ("stray_speed_kmh", "f8"),
        # The stop going on.
        ("stop_ts", "i8"),  # its first fix, with the place; NEVER: it moves
        ("stop_lat", "f8"),
        ("stop_lon", "f8"),
        ("stop_x", "f8"),
        ("stop_y", "f8"),
        ("stop_last_ts", "i8"),
        ("stop_source", "i4"),  # touched
        ("stop_flags", "i1"),  # where its fixes lay, together
        ("stop_loads", "i1"),  # a load began with it
        ("stop_loaded", "i1"),  # throughout, with one load
        ("stand_astray", "i1"),  # of the open loaded_stop: the last good fix was slow, and not there
        ("parked_ts", "i8"),  # in a parking site since
        # Recent places: a ring of entries, each some fixes that followed one another.
        ("stay_next", "i1"),  # where the next entry goes
        ("stay_count", "i1"),
        ("stay_begun_ts", "i8"),  # the newest entry's first fix
        ("stay_ts", "i8", (STAYS,)),  # its last fix, with the place
        ("stay_x", "f4", (STAYS,)),
        ("stay_y", "f4", (STAYS,)),
        ("stay_most", "f4", (STAYS,)),  # load
        ("stay_least", "f4", (STAYS,)),
        ("stay_source", "i4", (STAYS,)),
        ("stay_flags", "i1", (STAYS,)),
        ("load_high", "f8"),  # no entry's load is above it, or below the other
        ("load_low", "f8"),
        ("older_x", "f4"),  # the newest entry that fell out of the ring
        ("older_y", "f4"),
        ("older_flags", "i1"),  # with those before it in the same stay
        # The load.
        ("loaded", "i1"),
        ("hauling", "i1"),  # a load is followed: it has not been unloaded since
        ("haul_left", "i1"),  # it has left its source
        ("haul_delivered", "i1"),  # it has been where it may be unloaded
        ("loaded_ts", "i8"),  # last good fix at which it was
        ("haul_ts", "i8"),
        ("haul_left_ts", "i8"),  # with the place
        ("left_lat", "f8"),
        ("left_lon", "f8"),
        ("haul_source", "i4"),
        ("permits", "i4"),  # in force for it, how many
        ("permit", "i4", (PERMITS,)),
        ("segment", "i4", (PERMITS,)),  # of the permit's route, nearest last time
        ("unpermitted", "i1"),  # unpermitted_haul is open
        ("undelivered", "i1"),  # undelivered_load is open
        # off_route
        ("off_ts", "i8"),  # first fix beyond the corridor, of the run or the open episode
        ("off_lat", "f8"),
        ("off_lon", "f8"),
        ("off_last_ts", "i8"),  # last fix beyond it
        ("off_back_ts", "i8"),  # back since, while open
        ("off_said_ts", "i8"),
        ("off_most_m", "f8"),
        ("off_fixes", "i4"),
        ("off_permit", "i4"),  # of the nearest route
        ("off_open", "i1"),
        ("off_severity", "i1"),
        ("recent", "i4"),  # episodes of this load that only a load can have, the newest RECENT of them
        ("recent_kind", "i1", (RECENT,)),
        ("recent_ts", "i8", (RECENT,)),
        ("recent_lat", "f8", (RECENT,)),
        ("recent_lon", "f8", (RECENT,)),
        # loaded_stop: the stop the open episode began with
        ("stand_ts", "i8"),  # its first fix, with the place; NEVER: none is open
        ("stand_lat", "f8"),
        ("stand_lon", "f8"),
        ("stand_x", "f8"),
        ("stand_y", "f8"),
        ("stand_last_ts", "i8"),  # last fix there
        # outside_hours: the first fix of the run, or of the open episode
        ("hours_ts", "i8"),
        ("hours_lat", "f8"),
        ("hours_lon", "f8"),
        # … of uncovered_load
        ("bare_ts", "i8"),
        ("bare_lat", "f8"),
        ("bare_lon", "f8"),
        # … of overspeed
        ("over_ts", "i8"),
        ("over_lat", "f8"),
        ("over_lon", "f8"),
        ("over_back_ts", "i8"),  # at the limit or under it since, while open
        ("over_last_ts", "i8"),  # last fix over it
        ("over_fixes", "i4"),
        ("over_road", "i4"),  # where it was most over the limit, and by how much
        ("over_kmh", "f4"),
        ("over_limit_kmh", "f4"),
        # Which of these are open.
        ("hours_open", "i1"),
        ("bare_open", "i1"),
        ("over_open", "i1"),
        ("fault_open", "i1"),
        # What has been told of a silence that is going on.
        ("lost", "i1"),  # signal_loss
        ("offline", "i1"),  # device_offline
        # device_fault: the last readings, the newest in the lowest bit
        ("fault_window", "i1"),  # how many there are
        ("fault_good_run", "i1"),  # good ones since the last that was not, up to 100
        ("fault_bad", "i8"),  # 1: not good
        ("fault_off", "i8"),  # 1: refused for its time
        ("fault_ts", "i8"),  # the first that was not, of those not far apart
        ("fault_lat", "f8"),
        ("fault_lon", "f8"),
        ("refused_ts", "i8"),  # when the newest reading was refused that the window knows of
        # Loading, by the sensor: its last evidence.
        ("rise_ts", "i8"),
        ("rise_x", "f8"),
        ("rise_y", "f8"),
        # Unloading: (b) was last seen, the run of raised fixes, the stop that (c) would take.
        ("fall_ts", "i8"),
        ("raised_ts", "i8"),
        ("raised_lat", "f8"),
        ("raised_lon", "f8"),
        ("raised_fixes", "i4"),
        ("raised_flags", "i1"),
        ("raised_parking", "i1"),
        ("raised_told", "i1"),  # the run belongs to the last unloading
        ("tip_ts", "i8"),
        ("tip_last_ts", "i8"),
        ("tip_lat", "f8"),
        ("tip_lon", "f8"),
        ("tip_x", "f8"),
        ("tip_y", "f8"),
        ("tip_off_route", "i1"),
        # The last unloading: its last evidence, and what was made of it.
        ("unloading_ts", "i8"),
        ("unloading_x", "f8"),
        ("unloading_y", "f8"),
        ("dumping_ts", "i8"),  # its alert's start; NEVER: it was lawful
        ("dumping_lat", "f8"),
        ("dumping_lon", "f8"),
        ("dumping_before", "f8"),  # load
        ("dumping_after", "f8"),
        ("dumping_stop_s", "f8"),
        ("dumping_terms", "i1"),  # bits, see `unloading`
        ("dumping_severity", "i1"),
        # no_go_entry: the zones it is in, or has just left.
        ("zones", "i1"),  # how many
        ("zone", "i4", (ZONES,)),
        ("zone_ts", "i8", (ZONES,)),
        ("zone_lat", "f8", (ZONES,)),
        ("zone_lon", "f8", (ZONES,)),
        ("zone_last_ts", "i8", (ZONES,)),  # last fix inside
        ("zone_out_ts", "i8", (ZONES,)),
        ("zone_fixes", "i4", (ZONES,)),
        ("zone_open", "i1", (ZONES,)),
        # The trip of the load that has left its source (`trips`).
        ("trip_ts", "i8"),  # when the load began; NEVER: there is none
        ("trip_m", "f8"),  # driven since it left
        ("trip_route_m", "f8"),  # of it within the corridor of a permitted route
        ("trip_load", "f8"),  # the most
        ("trip_routed", "i1"),  # every permit in force has a route
        ("trip_site", "i4"),  # where it may unload, and has been last
        ("trip_site_ts", "i8"),
        ("trip_road", "i4"),  # it was on at the last good fix
        (
            "trip_from_x",
            "f8",
        ),  # at the good fix before the last one; at the last one, if that was long before
        ("trip_from_y", "f8"),
        ("trip_passed", "i4", (PASSED,)),  # the roads told last, and when it was on them last
        ("trip_passed_ts", "i8", (PASSED,)),
    ],
    align=True,
)

HERE = np.dtype(
    [
        ("row", "i8"),  # of the batch
        ("slot", "i4"),
        ("vehicle", "i4"),
        ("ts", "i8"),
        ("local", "i8"),
        ("lat", "f8"),
        ("lon", "f8"),
        ("x", "f8"),
        ("y", "f8"),
        ("speed_kmh", "f8"),
        ("hdop", "f8"),
        ("flags", "i1"),
        ("source", "i4"),
        ("insides", "i4"),
        ("inside", "i4", (OVERLAPS,)),  # sites that hold it, no_go zones aside
        ("barreds", "i4"),
        ("barred", "i4", (OVERLAPS,)),  # no_go zones that hold it, and are barred now
        # The stay it is the end of: all its fixes' places, and of the last ten minutes the source site and load.
        ("stay_flags", "i1"),
        ("stay_source", "i4"),
        ("most", "f8"),
        ("least", "f8"),
        ("said", "i8"),  # events told so far, in this batch
    ],
    align=True,
)
"""The good fix being judged, and what there is to know about its place."""


def new_vehicle_states(count: int) -> NDArray[np.void]:
    """States of vehicles never heard of."""
    states = np.zeros(count, VEHICLE_STATE)
    for name, (field, *_) in (VEHICLE_STATE.fields or {}).items():
        if name.endswith("_ts"):
            states[name] = NEVER
        elif field.base == np.float64:
            states[name] = np.nan
    for name in (
        "site",
        "stop_source",
        "haul_source",
        "permit",
        "segment",
        "off_permit",
        "over_road",
        "zone",
        "trip_site",
        "trip_road",
        "trip_passed",
    ):
        states[name] = -1
    states["lift"] = states["cover"] = UNKNOWN
    return states
