"""Trucks whose terminals speak JT/T 808: rows of numbers to location bodies, and bodies to frames.

Load goes into the status bits as the standard has it, and once more, with lift and cover, into item 0xE7: the
dialect `simulated` of devices/jt808/profiles.toml. A truck without a load sensor leaves the bits at 00, as real
ones do.
"""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from devices.jt808 import BATCH, LOCATION, batch_body, location_body, pack_in_parts
from devices.types import Device
from simulators.fleet.sensors import Sensors

HEARTBEAT = 0x0002
BATCH_POINTS = 50
"""In one 0x0704; more than 24 of ours do not fit into one frame and are sent in parts."""
_ACC, _FIXED, _BEIDOU = 1 << 0, 1 << 1, 1 << 19
_SEPARATE = 0xE7
_COLUMNS = (
    "ts", "lat", "lon", "speed_kmh", "heading_deg", "sats", "fix", "ignition", "odometer_km", "load", "lift", "covered",
)  # fmt: skip


def speaks(protocol: str, device: Device, share: float) -> bool:
    """Is this one of the `share` (0 to 1) of its kind that speaks `protocol`? Always the same ones."""
    return zlib.crc32(f"{protocol}{device.device_id}".encode()) < share * 2**32


class Terminal:
    """Makes a device's messages: one point waiting goes as 0x0200, several as 0x0704, glued if they are many."""

    def __init__(self, device: Device) -> None:
        self._phone = device.serial or "0"
        self._version = 2013 if zlib.crc32(device.device_id.encode()) % 2 else 2019
        self._serial = 0

    def message(self, bodies: Sequence[bytes]) -> bytes:
        frames = []
        if self._serial == 0:
            frames += self._frames(HEARTBEAT, b"")
        if len(bodies) == 1:
            frames += self._frames(LOCATION, bodies[0])
        else:
            for begin in range(0, len(bodies), BATCH_POINTS):
                frames += self._frames(BATCH, batch_body(bodies[begin : begin + BATCH_POINTS], blind=True))
        return b"".join(frames)

    def _frames(self, message: int, body: bytes) -> list[bytes]:
        frames = list(
            pack_in_parts(message, body, phone=self._phone, serial=self._serial, version=self._version)
        )
        self._serial = (self._serial + len(frames)) % 0x10000
        return frames


def location_bodies(rows: NDArray[np.void], sensors: Sensors) -> list[bytes]:
    """The body of each row's 0x0200."""
    names = (
        "ts",
        "lat",
        "lon",
        "speed_kmh",
        "heading_deg",
        "sats",
        "fix",
        "ignition",
        "odometer_km",
        "load",
        "lift",
        "covered",
    )
    bodies = []
    for row in zip(*(rows[name].tolist() for name in names), strict=True):
        ts, lat, lon, speed, heading, sats, fix, ignition, odometer, load, lift, covered = row
        full = (0 if load < 0.25 else 1 if load < 0.75 else 2) if sensors.load else 0
        separate = 0
        if sensors.lift:
            separate |= 0b0011 if lift else 0b0001
        if sensors.cover:
            separate |= 0b0100 if covered else 0b1100
        if sensors.load:
            separate |= (full + 1) << 4
        bodies.append(
            location_body(
                ts_us=ts,
                lat=lat,
                lon=lon,
                status=(_ACC if ignition else 0) | (_FIXED if fix else 0) | _BEIDOU | (0, 1, 3)[full] << 8,
                speed_kmh=speed,
                heading_deg=round(heading) % 360,
                items={
                    0x01: round(odometer * 10).to_bytes(4, "big"),
                    0x31: bytes([sats]),
                    _SEPARATE: bytes([separate]),
                },
            )
        )
    return bodies
