"""What a batch makes of its messages."""

import json

from devices.channels import decoders
from devices.reasons import Reason
from devices.terminals import Terminals
from devices.types import Device
from ingest.batch import Batch, sort_out
from ingest.broker.arrivals import Delivery

NOW_S = 1_764_000_000
DAY_US = 24 * 3600 * 1_000_000
DEVICES = {
    "V1": Device(device_id="V1", kind="vehicle", bound_to="鲁A00001", status="active"),
    "V2": Device(device_id="V2", kind="vehicle", bound_to="鲁A00002", status="disabled"),
    "F1": Device(device_id="F1", kind="fume", bound_to="R1", status="active"),
}


def fix(ts: float, **fields: object) -> dict[str, object]:
    return {"ts": ts, "lat": 36.7, "lon": 117.5, **fields}


def message(payload: object, topic: str = "ff/v1/vehicle/V1/telemetry") -> Delivery:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Delivery(topic, raw, NOW_S * 1_000_000, mid=1, session=1)


def sorted_out(*deliveries: Delivery, deferring: bool = False, now_us: int = 0) -> Batch:
    return sort_out(
        deliveries,
        DEVICES,
        decoders=decoders(Terminals()),
        prefix="ff/v1",
        retention_us=400 * DAY_US,
        deferring=deferring,
        now_us=now_us,
    )


def reasons(batch: Batch) -> list[tuple[str, int | None]]:
    return [(row.reason, row.readings) for row in batch.quarantined]


def test_readings_of_several_messages_become_one_run_in_order_of_time() -> None:
    batch = sorted_out(message(fix(NOW_S - 10)), message({"batch": [fix(NOW_S - 5), fix(NOW_S - 20)]}))

    (run,) = batch.runs["vehicle"]
    assert [t // 1_000_000 - NOW_S for t in run.times] == [-20, -10, -5]
    assert not batch.quarantined


def test_the_first_of_two_readings_with_one_time_stands_and_the_other_is_counted() -> None:
    batch = sorted_out(
        message(fix(NOW_S, speed_kmh=10)),
        message(fix(NOW_S, speed_kmh=10)),
        message(fix(NOW_S, speed_kmh=11)),
    )

    (run,) = batch.runs["vehicle"]
    assert [reading.speed_kmh for reading in run.readings if hasattr(reading, "speed_kmh")] == [10]
    assert (batch.repeated, batch.contradicting) == (1, 1)


def test_in_a_batch_the_good_readings_count_and_each_reason_is_kept_once_with_its_number() -> None:
    payload = {
        "batch": [fix(NOW_S), fix(NOW_S + 3600), fix(NOW_S + 7200), fix(NOW_S - 500 * 86400), {"ts": NOW_S}]
    }

    batch = sorted_out(message(payload))

    assert [run.device_id for run in batch.runs["vehicle"]] == ["V1"]
    assert reasons(batch) == [(Reason.MISSING_FIELD, 1), (Reason.FUTURE_TIME, 2), (Reason.TOO_OLD, 1)]
    assert all(json.loads(row.delivery.payload) == payload for row in batch.quarantined)


def test_ten_minutes_ahead_is_still_readable() -> None:
    assert sorted_out(message(fix(NOW_S + 600))).runs["vehicle"]
    assert reasons(sorted_out(message(fix(NOW_S + 600.001)))) == [(Reason.FUTURE_TIME, 1)]


def test_only_what_is_ahead_of_both_clocks_is_in_the_future() -> None:
    twenty_min_later_us = (NOW_S + 1200) * 1_000_000
    assert sorted_out(message(fix(NOW_S + 1800)), now_us=twenty_min_later_us).runs["vehicle"]
    ahead_of_both = sorted_out(message(fix(NOW_S + 1800.001)), now_us=twenty_min_later_us)
    assert reasons(ahead_of_both) == [(Reason.FUTURE_TIME, 1)]
    assert "10 min ahead" in ahead_of_both.quarantined[0].detail
    assert sorted_out(message(fix(NOW_S + 600)), now_us=1).runs["vehicle"], "an earlier clock refuses nothing"


def test_what_no_registered_device_can_have_sent_is_quarantined_with_the_reason() -> None:
    cases = {
        "ff/v1/vehicle/V9/telemetry": Reason.UNKNOWN_DEVICE,
        "ff/v1/fume/V1/telemetry": Reason.WRONG_KIND,
        "ff/v1/vehicle/V2/telemetry": Reason.DEVICE_DISABLED,
        "ff/v1/vehicle/V1/nonsense": Reason.UNKNOWN_CHANNEL,
        "elsewhere": Reason.BAD_TOPIC,
    }
    for topic, reason in cases.items():
        batch = sorted_out(message(fix(NOW_S), topic))
        assert [row.reason for row in batch.quarantined] == [reason]
        assert not batch.runs["vehicle"]


def test_bytes_that_are_no_json_are_kept_as_they_came() -> None:
    batch = sorted_out(message("油烟".encode("gbk")))

    (row,) = batch.quarantined
    assert row.delivery.payload == "油烟".encode("gbk")
    assert (row.device_id, row.readings) == ("V1", None)


def test_what_was_old_when_it_came_can_be_put_off_and_nothing_of_it_counts() -> None:
    old = message(fix(NOW_S - 3600, mystery=1))
    mixed = message({"batch": [fix(NOW_S - 3600), fix(NOW_S)]})

    batch = sorted_out(old, mixed, deferring=True)

    assert [(one.delivery, one.newest_us) for one in batch.deferred] == [(old, (NOW_S - 3600) * 1_000_000)]
    (run,) = batch.runs["vehicle"]
    assert [t // 1_000_000 - NOW_S for t in run.times] == [-3600, 0]
    assert batch.unknown_fields == 0


def test_what_cannot_be_read_is_not_put_off() -> None:
    stranger = message(fix(NOW_S - 3600), "ff/v1/vehicle/V9/telemetry")
    batch = sorted_out(stranger, message(b"{"), deferring=True)

    assert not batch.deferred
    assert len(batch.quarantined) == 2
