"""JT/T 808-2013 and -2019: bytes in, messages out. Pure; knows no topic, no register and no clock.

    for thing in read_frames(payload): ...        # Frame or Fault, in the order sent
    for point in read_locations(frame): ...       # Location or Unreadable, of 0x0200, 0x0201 and 0x0704
    payload = pack(LOCATION, location_body(...), phone="13900000001", serial=1, version=2019)

Sources: docs/jt808.md. What a fleetfume reading makes of it stands in `devices.jt808.reading`.
"""

from devices.jt808.frames import Fault, Frame, Part, join, read_frames, whole_messages
from devices.jt808.location import (
    BATCH,
    LOCATION,
    LOCATION_ANSWER,
    Location,
    Unreadable,
    read_locations,
)
from devices.jt808.writing import batch_body, location_body, pack, pack_in_parts

__all__ = [
    "BATCH",
    "LOCATION",
    "LOCATION_ANSWER",
    "Fault",
    "Frame",
    "Location",
    "Part",
    "Unreadable",
    "batch_body",
    "join",
    "location_body",
    "pack",
    "pack_in_parts",
    "read_frames",
    "read_locations",
    "whole_messages",
]
