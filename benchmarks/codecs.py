"""Readings decoded per second of one core, by channel: payload in, readings out, nothing stored.

python -m benchmarks.codecs
"""

import json
from collections.abc import Callable
from statistics import median
from time import process_time

from devices.channels import decoders
from devices.hj212 import build_frame
from devices.jt808 import BATCH, LOCATION, batch_body, location_body, pack
from devices.terminals import Terminals
from devices.types import Device

PHONE = "13900000001"
TRUCK = Device(device_id="V1", kind="vehicle", bound_to=None, serial=PHONE, status="active")
MONITOR = Device(device_id="F1", kind="fume", bound_to=None, status="active")
DECODERS = decoders(Terminals())
BEGIN_S = 1_764_043_200
RUNS = 9
RUN_S = 0.2


def json_vehicle(n: int) -> bytes:
    readings = [
        {
            "ts": f"2025-11-25T04:00:{i:02d}Z", "lat": 36.712345, "lon": 117.512345, "speed_kmh": 42.0,
            "heading_deg": 270, "alt_m": 61, "hdop": 0.9, "sats": 12, "fix": True, "ignition": True,
            "odometer_km": 51234.5, "load": 0.82, "lift": False, "cover": "closed", "seq": i,
        }
        for i in range(n)
    ]  # fmt: skip
    return json.dumps(readings[0] if n == 1 else {"batch": readings}).encode()


def jt808_body(i: int) -> bytes:
    return location_body(
        ts_us=(BEGIN_S + 10 * i) * 1_000_000, lat=36.712345 + i / 1e4, lon=117.512345, status=0x40303, speed_kmh=42.0,
        heading_deg=270, alt_m=61, items={0x01: bytes(4), 0x30: b"\x18", 0x31: b"\x11"},
    )  # fmt: skip


def jt808_frames(n: int) -> bytes:
    return b"".join(pack(LOCATION, jt808_body(i), phone=PHONE, serial=i) for i in range(n))


def jt808_batch(n: int) -> bytes:
    return pack(BATCH, batch_body([jt808_body(i) for i in range(n)], blind=True), phone=PHONE, serial=1)


def hj212_frames(n: int) -> bytes:
    """With everything a reading has, each with its flag, and the answer asked for."""
    return b"".join(
        build_frame(
            f"QN=202511251200{i:02d}000;ST=31;CN=2011;PW=123456;MN=370181CY00000001;Flag=5;CP=&&DataTime=202511251200{i:02d};"
            "a34041-Rtd=0.86,a34041-Flag=N;a34000-Rtd=2.31,a34000-Flag=N;a24088-Rtd=4.72,a24088-Flag=N;"
            "ga0601-Rtd=1.32,ga0601-Flag=N;ga0701-Rtd=1;ga2001-Rtd=6.85,ga2001-Flag=N;ga2101-Rtd=1&&".encode()
        )
        for i in range(n)
    )


def per_second(decode: Callable[[], int]) -> float:
    """Readings per second of processor time; the median of several runs."""
    rates = []
    for _ in range(RUNS):
        done, begun = 0, process_time()
        while (took := process_time() - begun) < RUN_S:
            done += decode()
        rates.append(done / took)
    return median(rates)


def measure(name: str, device: Device, channel: str, payload: bytes) -> None:
    decode = next(decoder for of, decoder in DECODERS.items() if of == channel)
    rate = per_second(lambda: len(decode(device, payload).readings))
    print(f"{name:38} {rate:>10,.0f} readings/s  {1e6 / rate:6.1f} us each")


def main() -> None:
    measure("telemetry, one reading", TRUCK, "telemetry", json_vehicle(1))
    measure("telemetry, batch of 50", TRUCK, "telemetry", json_vehicle(50))
    measure("jt808, one 0x0200", TRUCK, "jt808", jt808_frames(1))
    measure("jt808, 50 glued 0x0200", TRUCK, "jt808", jt808_frames(50))
    measure("jt808, 0x0704 of 20", TRUCK, "jt808", jt808_batch(20))
    measure("hj212, one 2011", MONITOR, "hj212", hj212_frames(1))
    measure("hj212, 50 glued 2011", MONITOR, "hj212", hj212_frames(50))


if __name__ == "__main__":
    main()
