"""HJ 212 (污染物在线监控系统数据传输标准): bytes to messages, messages to bytes. Needs nothing but Python.

    for frame in read_frames(payload):          # framing, length, CRC, and what is wrong with them
        if isinstance(frame, Frame):
            message = read_message(frame)       # QN, ST, CN, MN, Flag, and the items of CP
            ...

Editions 2005 and 2017, and what is known of 2025. `devices.hj212.readings` turns messages into fleetfume's readings;
it alone knows the rest of the program. docs/hj212.md has the page.
"""

from devices.hj212.frames import BadFrame, Frame, build_frame, checksum, read_frames
from devices.hj212.messages import Message, NoMessage, acknowledgement, read_message

__all__ = [
    "BadFrame",
    "Frame",
    "Message",
    "NoMessage",
    "acknowledgement",
    "build_frame",
    "checksum",
    "read_frames",
    "read_message",
]
