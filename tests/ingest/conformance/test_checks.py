"""What device-test says of a terminal that does it right, and of one with each fault."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.catalogue import load_catalogue
from devices.channels import decoders
from devices.hj212 import build_frame
from devices.jt808 import LOCATION, location_body, pack, pack_in_parts
from devices.jt808.location import BATCH
from devices.jt808.writing import batch_body
from devices.reasons import Reason
from devices.terminals import Terminals
from devices.types import Device
from ingest.conformance.captured import Captured
from ingest.conformance.commands import findings, report
from ingest.conformance.content import REMEDIES
from ingest.conformance.findings import Finding
from ingest.conformance.heard import heard

BEGIN_S = 1_764_043_200
TRUCK = Device(
    device_id="V1", kind="vehicle", bound_to=None, serial="13900000001", interval_s=10, status="active"
)
MONITOR = Device(device_id="F1", kind="fume", bound_to=None, interval_s=60, status="active")
Readings = list[dict[str, Any]]


def drive(n: int = 30) -> Readings:
    """North at 36 km/h, a fix every 10 s: 100 m a step."""
    return [
        {
            "ts": BEGIN_S + 10 * i, "lat": round(36.7 + i * 100 / 111_195, 7), "lon": 117.5, "speed_kmh": 36.0, "fix": True,
            "odometer_km": 1000 + i / 10, "sats": 12, "seq": i,
        }
        for i in range(n)
    ]  # fmt: skip


def lunch(n: int = 30) -> Readings:
    return [
        {
            "ts": BEGIN_S + 60 * i, "fume_mg_m3": 0.5 + i / 100, "temp_c": 41.0, "rh_pct": 55.0, "fan_on": True,
            "purifier_on": True, "fan_a": 3.0, "seq": i,
        }
        for i in range(n)
    ]  # fmt: skip


def sent(
    payload: object, topic: str, *, ts: float, delay_s: float = 1.0, qos: int = 1, retained: bool = False
) -> Captured:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Captured(
        topic=topic, payload=raw, qos=qos, retained=retained, received_us=int((ts + delay_s) * 1e6)
    )


def status(kind: str = "vehicle", device_id: str = "V1") -> list[Captured]:
    topic = f"ff/v1/{kind}/{device_id}/status"
    return [
        sent({"online": True, "fw": "1.4.2"}, topic, ts=BEGIN_S, retained=True),
        sent({"online": False}, topic, ts=BEGIN_S + 600, retained=True),
    ]


def truck(readings: Readings, **how: Any) -> list[Captured]:
    topic = how.pop("topic", "ff/v1/vehicle/V1/telemetry")
    return status() + [sent(one, topic, ts=one["ts"], **how) for one in readings]


def monitor(readings: Readings) -> list[Captured]:
    return status("fume", "F1") + [sent(one, "ff/v1/fume/F1/telemetry", ts=one["ts"]) for one in readings]


def frames(bodies: Sequence[bytes]) -> list[Captured]:
    return status() + [
        sent(
            pack(LOCATION, body, phone="13900000001", serial=i), "ff/v1/vehicle/V1/jt808", ts=BEGIN_S + 10 * i
        )
        for i, body in enumerate(bodies)
    ]


def bodies(n: int = 30, **fields: Any) -> list[bytes]:
    return [
        location_body(
            **{
                "ts_us": one["ts"] * 1_000_000, "lat": one["lat"], "lon": 117.5, "status": 0b11, "speed_kmh": 36.0,
                "items": {0x01: round(one["odometer_km"] * 10).to_bytes(4, "big")}, **fields,
            }
        )
        for one in drive(n)
    ]  # fmt: skip


@cache
def _terminals() -> Terminals:
    return Terminals()


def said_of(messages: Sequence[Captured], device: Device = TRUCK) -> list[Finding]:
    session = heard(
        messages,
        device,
        decoders=decoders(_terminals()),
        catalogue=load_catalogue(None),
        prefix="ff/v1",
        zone=ZoneInfo("Asia/Shanghai"),
        retention_us=400 * 86_400_000_000,
    )
    found = list(findings(session))
    assert all(finding.do for finding in found if finding.level in ("wrong", "doubtful"))
    assert len(list(report(session, found))) >= len(found) + 2
    return found


def faults(found: Sequence[Finding]) -> set[tuple[str, str]]:
    return {(finding.level, finding.check) for finding in found if finding.level in ("wrong", "doubtful")}


def only(found: Sequence[Finding]) -> Finding:
    (fault,) = [finding for finding in found if finding.level in ("wrong", "doubtful")]
    return fault


def right(found: Sequence[Finding]) -> set[str]:
    return {finding.check for finding in found if finding.level == "right"}


def test_a_truck_that_does_it_right_is_told_so_check_by_check() -> None:
    found = said_of(truck(drive()))

    assert faults(found) == set()
    assert right(found) == {
        "topic",
        "qos",
        "status",
        "will",
        "content",
        "clock",
        "interval",
        "quality",
        "units",
    }


def test_a_monitor_that_does_it_right_too() -> None:
    found = said_of(monitor(lunch()), MONITOR)

    assert faults(found) == set()
    assert right(found) >= {"content", "clock", "interval", "quality"}


def test_a_terminal_that_speaks_jt808_too() -> None:
    found = said_of(frames(bodies()))

    assert faults(found) == set()
    assert right(found) >= {"content", "clock", "interval", "quality", "units"}
    assert any("no_load_sensor" in finding.do for finding in found)


def test_a_monitor_that_speaks_hj212_is_looked_at_like_any_other() -> None:
    def frame(minute: int, value: float) -> bytes:
        stamp = f"2025112512{minute:02d}00"
        text = (
            f"QN={stamp}000;ST=31;CN=2011;PW=123456;MN=370181CY00000001;Flag=4;CP=&&DataTime={stamp};"
            f"a34041-Rtd={value:.2f},a34041-Flag=N;ga2101-Rtd=1;ga0701-Rtd=1&&"
        )
        return build_frame(text.encode())

    def session(scale: float) -> list[Finding]:
        sendings = [
            sent(frame(n, scale * (0.5 + n / 100)), "ff/v1/fume/F1/hj212", ts=BEGIN_S + 60 * n)
            for n in range(30)
        ]
        return said_of([*status("fume", "F1"), *sendings], replace(MONITOR, serial="370181CY00000001"))

    assert faults(session(1)) == set()
    assert ("wrong", "units") in faults(session(1000))


def test_silence_is_told_with_what_it_may_come_of() -> None:
    fault = only(said_of([]))

    assert (fault.level, fault.check) == ("wrong", "topic")
    assert "ff/v1/vehicle/V1/telemetry" in fault.do


def test_a_status_alone_is_no_reading() -> None:
    assert ("wrong", "topic") in faults(said_of(status()))


def changed(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Readings:
    return [change(dict(reading)) for reading in drive()]


@pytest.mark.parametrize(
    ("messages", "check", "says"),
    [
        (truck(drive(), topic="ff/v1/fume/V1/telemetry"), "topic", "ff/v1/fume/V1/telemetry"),
        (truck(drive(), topic="ff/v1/vehicle/V1/gps"), "topic", "ff/v1/vehicle/V1/gps"),
        (truck(drive(), qos=0), "qos", "QoS 0"),
        (truck(drive(), retained=True), "retained", "retained"),
        ([*truck(drive())[2:], sent(b"online", "ff/v1/vehicle/V1/status", ts=BEGIN_S, retained=True)], "status", "read"),
        ([*truck(drive()), sent({"id": 1}, "ff/v1/vehicle/V1/ack", ts=BEGIN_S)], "ack", "ok"),
        ([*truck(drive()), sent(b"{", "ff/v1/vehicle/V1/telemetry", ts=BEGIN_S)], "content", "not_json"),
        (truck(changed(lambda r: {**r, "load": 82})), "content", "out_of_range"),
        (truck(changed(lambda r: {**r, "lat": r["lon"], "lon": r["lat"]})), "content", "out_of_range"),
        (status() + [sent({**r, "ts": "2025-11-25 12:00:00"}, "ff/v1/vehicle/V1/telemetry", ts=BEGIN_S) for r in drive()],
         "content", "bad_time"),
        (frames([body[:20] for body in bodies()]), "content", "bad_body"),
        (truck(drive(), delay_s=-8 * 3600), "clock", "local time is sent as UTC"),
        (truck(drive(), delay_s=8 * 3600), "clock", "UTC is sent as local time"),
        (truck(drive(), delay_s=7 * 86400), "clock", "7 days old"),
        (truck(changed(lambda r: {**r, "speed_kmh": 10.0})), "units", "m/s"),
        (truck(changed(lambda r: {**r, "odometer_km": r["odometer_km"] * 1000})), "units", "metres"),
        (truck(changed(lambda r: {**r, "lat": 0, "lon": 0})), "quality", "zero"),
        (truck(changed(lambda r: {**r, "fix": False})), "quality", "unfixed"),
        (truck([*drive(), {**drive()[3], "speed_kmh": 1.0}]), "resending", "another content"),
    ],
)  # fmt: skip
def test_each_fault_is_found_to_be_wrong(messages: list[Captured], check: str, says: str) -> None:
    found = [finding for finding in said_of(messages) if finding.level == "wrong" and finding.check == check]

    assert any(says in finding.says for finding in found), found


@pytest.mark.parametrize(
    ("messages", "check", "says"),
    [
        (truck(drive(), qos=2), "qos", "QoS 2"),
        (truck(drive())[2:], "status", "no status"),
        (truck(changed(lambda r: {**r, "speed": 1, "batt": 2})), "fields", "'batt', 'speed'"),
        (truck(drive(), delay_s=90), "clock", "90 s"),
        (truck(drive(), delay_s=-20), "clock", "20 s fast"),
        (truck([{**r, "ts": BEGIN_S + 30 * i, "speed_kmh": 12} for i, r in enumerate(drive())]), "interval", "every 30 s"),
        (truck([{**r, "ts": BEGIN_S + 5 * i, "speed_kmh": 72} for i, r in enumerate(drive())]), "interval", "every 5 s"),
        (truck(drive()[:10] + drive()[14:]), "seq", "4 numbers missing"),
        (truck(changed(lambda r: {**r, "seq": r["seq"] % 10})), "seq", "2 times"),
        (truck(changed(lambda r: {k: v for k, v in r.items() if k != "fix"})), "sensors", "fix"),
        (truck([{**r, "fix": i % 10 != 9} for i, r in enumerate(drive())]), "quality", "unfixed"),
    ],
)  # fmt: skip
def test_each_doubt_is_found_and_is_no_more_than_that(
    messages: list[Captured], check: str, says: str
) -> None:
    fault = only(said_of(messages))

    assert (fault.level, fault.check) == ("doubtful", check)
    assert says in fault.says


@pytest.mark.parametrize(
    ("field", "factor"), [("fume_mg_m3", 1000), ("temp_c", 10), ("rh_pct", 10), ("fan_a", 1000)]
)
def test_a_monitors_units_are_told_by_their_size(field: str, factor: int) -> None:
    found = said_of(monitor([{**one, field: one[field] * factor} for one in lunch()]), MONITOR)

    assert any(finding.check == "units" and field in finding.says for finding in found)


def test_a_monitor_that_reports_too_rarely_never_has_a_valid_mean() -> None:
    fault = only(
        said_of(monitor([{**one, "ts": BEGIN_S + 120 * i} for i, one in enumerate(lunch())]), MONITOR)
    )

    assert (fault.level, fault.check) == ("wrong", "interval")


def test_a_monitor_without_the_fans_state_is_told_that_no_rule_applies() -> None:
    found = said_of(monitor([{"ts": one["ts"], "fume_mg_m3": one["fume_mg_m3"]} for one in lunch()]), MONITOR)

    assert [f.says for f in found if f.check == "sensors" and f.level == "doubtful"] == [
        "fan_on is never sent: no rule applies: all of them need the fan's state",
        "purifier_on is never sent: a purifier that is off cannot be seen",
    ]


def test_another_terminals_number_is_told() -> None:
    found = said_of(frames(bodies()), replace(TRUCK, serial="13900000002"))

    assert any("wrong_serial" in finding.says for finding in found if finding.level == "wrong")


def test_what_was_sent_again_or_held_back_is_right() -> None:
    """A dead spot of two minutes, its readings sent after it in one batch, some of them twice."""
    live, held = drive()[:10] + drive()[22:], drive()[10:22]
    messages = [*truck(live), sent({"batch": held[::-1]}, "ff/v1/vehicle/V1/telemetry", ts=BEGIN_S + 400)]
    messages.append(sent({"batch": held[:3]}, "ff/v1/vehicle/V1/telemetry", ts=BEGIN_S + 410))

    found = said_of(messages)

    assert faults(found) == set()
    assert any(finding.says == "3 readings sent again, the same" for finding in found)
    assert any(finding.says == "1 to 12 readings in a message" for finding in found)


def test_parts_in_several_messages_are_read_together_and_a_lone_one_is_told() -> None:
    parts = list(pack_in_parts(BATCH, batch_body(bodies()), phone="13900000001", serial=90, part_bytes=300))
    topic = "ff/v1/vehicle/V1/jt808"
    messages = status() + [sent(part, topic, ts=BEGIN_S + 300) for part in parts]

    assert faults(said_of(messages)) == set()
    found = said_of(messages[:-1])
    assert any("incomplete_message" in finding.says for finding in found if finding.level == "wrong")


def test_a_broker_that_does_not_pass_the_flag_on_accuses_nobody() -> None:
    messages = [
        Captured(topic=one.topic, payload=one.payload, qos=1, retained=None, received_us=one.received_us)
        for one in truck(drive())
    ]

    assert faults(said_of(messages)) == set()


def test_every_reason_says_what_to_do() -> None:
    of_topics = {
        Reason.BAD_TOPIC,
        Reason.UNKNOWN_KIND,
        Reason.BAD_DEVICE_ID,
        Reason.UNKNOWN_CHANNEL,
        Reason.INTERNAL,
    }

    assert set(REMEDIES) | of_topics == set(Reason)
