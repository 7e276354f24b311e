"""The arrays that go into the engine and come out of it.

Every record is a numpy structured type: one field is one array over all rows (what the kernels
read), one row is one device's or reading's bytes (what the database keeps). Times are int64
microseconds since 1970: `ts` in UTC, `local` the same instant on the wall clock of
FLEETFUME_TIMEZONE. A float that was not sent is NaN; a three-valued switch is `UNKNOWN`.
"""

import numpy as np

UNKNOWN, NO, YES = -1, 0, 1
REFUSED = 2
"""As `fix`: no fix at all, but word of a reading that was refused for its time. `ts` is when it came."""
NEVER = np.iinfo(np.int64).min
"""A time that has not come: before every reading."""
NOTHING_DUE = np.iinfo(np.int64).max
"""When a state has something to say though nothing comes: not before it hears something."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

FIX = np.dtype(
    [
        ("slot", "i4"),  # row of the state array
        ("ts", "i8"),
        ("local", "i8"),
        ("lat", "f8"),  # degrees, WGS-84
        ("lon", "f8"),
        ("speed_kmh", "f8"),
        ("heading_deg", "f8"),
        ("hdop", "f8"),
        ("odometer_km", "f8"),
        ("load", "f8"),  # 0 empty to 1 full
        ("fix", "i1"),  # switches: UNKNOWN, NO, YES; this one REFUSED too
        ("ignition", "i1"),
        ("lift", "i1"),  # YES while the box is raised
        ("cover", "i1"),  # YES: open
    ],
    align=True,
)
"""A vehicle's reading, as the engine judges it. Input rows are sorted by slot, then ts, with no ts twice; those
of readings that were refused stand where they came, among what was received then."""

SAMPLE = np.dtype(
    [
        ("slot", "i4"),
        ("ts", "i8"),
        ("local", "i8"),
        ("fume_mg_m3", "f8"),
        ("pm_mg_m3", "f8"),
        ("nmhc_mg_m3", "f8"),
        ("temp_c", "f8"),
        ("rh_pct", "f8"),
        ("fan_a", "f8"),
        ("purifier_a", "f8"),
        ("seen", "i8"),  # end (ts) of an earlier piece that is the same as the one this reading ends; 0: none
        ("fan_on", "i1"),
        ("purifier_on", "i1"),
        ("marked", "i1"),  # YES: the instrument itself says that it is not measuring
    ],
    align=True,
)
"""A fume monitor's reading. Sorted and unique like FIX. `seen`: see analytics.kitchens.copies."""

QUALITIES = (
    "ok",
    "unfixed",  # the receiver says it had no fix
    "zero",  # at (0, 0), whatever the receiver says
    "hdop",  # hdop over the limit
    "jump",  # further than the vehicle can have gone
    "negative",  # a concentration below zero drift
    "range",  # a value no instrument of this kind can read
    "flagged",  # the instrument itself says that it is not measuring
)
"""Quality codes as stored; the engine's int8 is the index."""
OK, UNFIXED, ZERO, HDOP, JUMP, NEGATIVE, RANGE, FLAGGED = range(len(QUALITIES))

KINDS = (
    "illegal_dumping", "off_route", "loaded_stop", "unpermitted_haul", "unlicensed_loading", "undelivered_load",
    "outside_hours", "no_go_entry", "uncovered_load", "overspeed", "signal_loss", "device_offline", "device_fault",
    "fume_exceedance", "purifier_off", "purifier_degraded", "monitor_offline", "monitor_suspect",
)  # fmt: skip
"""Detection kinds of the contract, section 4; the engine's int8 is the index."""
(
    ILLEGAL_DUMPING, OFF_ROUTE, LOADED_STOP, UNPERMITTED_HAUL, UNLICENSED_LOADING, UNDELIVERED_LOAD,
    OUTSIDE_HOURS, NO_GO_ENTRY, UNCOVERED_LOAD, OVERSPEED, SIGNAL_LOSS, DEVICE_OFFLINE, DEVICE_FAULT,
    FUME_EXCEEDANCE, PURIFIER_OFF, PURIFIER_DEGRADED, MONITOR_OFFLINE, MONITOR_SUSPECT,
) = range(len(KINDS))  # fmt: skip

TRIP = 100
"""Kind of the rows that tell of a load's trip (`analytics.haulage.trips`); no detection."""

SEVERITIES = ("info", "minor", "major", "critical")
INFO, MINOR, MAJOR, CRITICAL = range(len(SEVERITIES))

ACTIONS = ("opened", "updated", "cleared", "withdrawn")
OPENED, UPDATED, CLEARED, WITHDRAWN = range(len(ACTIONS))

REASONS = (
    "",
    "dumped_before",  # withdrawn: it began after the stop where the load is now held to have been tipped
    "heard_after_all",  # withdrawn: readings from within the silence came, so there was none
    "unloaded_in_time",  # withdrawn: readings came that tell of the load's end before its time was up
)
"""Why an alert was withdrawn by the engine itself; the engine's int8 is the index."""
NO_REASON, DUMPED_BEFORE, HEARD_AFTER_ALL, UNLOADED_IN_TIME = range(len(REASONS))

EVENT_VALUES = 10

EVENT = np.dtype(
    [
        ("slot", "i4"),
        ("index", "i8"),  # row of the input that caused it; -1: none did, but that nothing came
        ("ts", "i8"),  # event time of that row; of a silence or a time that is up, when it was long enough
        ("kind", "i1"),
        ("action", "i1"),
        ("severity", "i1"),
        ("reason", "i1"),
        ("place", "i4"),  # row of the district's site table that keeps episodes apart (no_go_entry); else -1
        ("started", "i8"),  # when the behaviour began: with slot, kind and place, the episode's name
        ("lat", "f8"),  # where it began; degrees, NaN for a kitchen
        ("lon", "f8"),
        ("score", "f8"),  # 0 to 1
        ("permit", "i4"),  # row of the district's permit table the judgement used, or -1
        ("site", "i4"),  # row of the site table: where the load came from, or the zone; or -1
        ("road", "i4"),  # row of the road table; of overspeed alone
        ("values", "f8", (EVENT_VALUES,)),  # what was measured; named per kind in `analytics.evidence`
    ],
    align=True,
)
"""Something the engine has to say. An episode's UPDATED and CLEARED rows repeat the `started` of its OPENED row."""
