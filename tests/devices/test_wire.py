import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.decoding import MAX_PAYLOAD_BYTES, Decoded, Instant, MalformedPayload, Problem
from devices.reasons import Reason
from devices.types import DeviceKind
from devices.wire import FumeReading, VehicleReading, decode_telemetry, encode_readings

# The contract's two examples, value by value.
VEHICLE = b"""{"ts":"2026-11-23T00:00:10Z","lat":36.712345,"lon":117.512345,"speed_kmh":42.0,
 "heading_deg":270,"alt_m":61,"hdop":0.9,"sats":12,"fix":true,"ignition":true,"odometer_km":51234.5,
 "load":0.82,"lift":false,"cover":"closed","seq":1234}"""
FUME = b"""{"ts":"2026-11-23T04:00:00Z","fume_mg_m3":0.62,"pm_mg_m3":1.9,"nmhc_mg_m3":3.1,"temp_c":41.2,
 "rh_pct":55,"fan_on":true,"purifier_on":true,"fan_a":3.2,"purifier_a":0.8,"seq":77}"""

MIDNIGHT = "2026-11-23T00:00:10Z"
MIDNIGHT_US = Instant(datetime(2026, 11, 23, 0, 0, 10, tzinfo=UTC).timestamp() * 1_000_000)
HERE: dict[str, Any] = {"ts": MIDNIGHT, "lat": 36.7, "lon": 117.5}


def vehicle(**fields: Any) -> Decoded[VehicleReading]:
    return decode_telemetry("vehicle", json.dumps({**HERE, **fields}).encode())


def refusal(payload: bytes, kind: DeviceKind = "vehicle") -> MalformedPayload:
    with pytest.raises(MalformedPayload) as caught:
        decode_telemetry(kind, payload)
    return caught.value


def test_the_contracts_vehicle_reading_is_read_field_by_field() -> None:
    assert decode_telemetry("vehicle", VEHICLE) == Decoded(
        [
            VehicleReading(
                ts_us=MIDNIGHT_US, lat=36.712345, lon=117.512345, speed_kmh=42.0, heading_deg=270.0,
                alt_m=61.0,
                hdop=0.9, sats=12, fix=True, ignition=True, odometer_km=51234.5, load=0.82, lift=False,
                cover="closed", seq=1234,
            )
        ],
        [],
        0,
    )  # fmt: skip


def test_the_contracts_fume_reading_is_read_field_by_field() -> None:
    noon = Instant(datetime(2026, 11, 23, 4, tzinfo=UTC).timestamp() * 1_000_000)

    assert decode_telemetry("fume", FUME) == Decoded(
        [
            FumeReading(
                ts_us=noon, fume_mg_m3=0.62, pm_mg_m3=1.9, nmhc_mg_m3=3.1, temp_c=41.2, rh_pct=55.0,
                fan_on=True, purifier_on=True, fan_a=3.2, purifier_a=0.8, seq=77,
            )
        ],
        [],
        0,
    )  # fmt: skip


@pytest.mark.parametrize(
    "ts",
    [
        MIDNIGHT,
        "2026-11-23T08:00:10+08:00",
        "2026-11-22T19:00:10-05:00",
        "2026-11-23T00:00:10.000Z",
        MIDNIGHT_US // 1_000_000,
        MIDNIGHT_US / 1_000_000,
    ],
)
def test_an_instant_is_the_same_however_it_is_written(ts: object) -> None:
    assert vehicle(ts=ts).readings[0].ts_us == MIDNIGHT_US


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60),
)
def test_no_microsecond_is_lost_in_any_zone(at: datetime, offset_min: int) -> None:
    local = at.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
    exact = (local - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    written_as_text = vehicle(ts=local.isoformat()).readings[0].ts_us
    written_as_seconds = vehicle(ts=exact / 1_000_000).readings[0].ts_us

    assert (written_as_text, written_as_seconds) == (exact, exact)


@pytest.mark.parametrize(
    "ts",
    [
        "2026-11-23T00:00:10",
        "2026-11-23",
        "2026-02-30T00:00:00Z",
        "yesterday",
        "",
        1795392010000,
        -1,
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        True,
        None,
        {},
    ],
)
def test_what_is_no_instant_is_refused_as_bad_time(ts: object) -> None:
    assert refusal(json.dumps({**HERE, "ts": ts}).encode()).reason is Reason.BAD_TIME


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("lat", 90.1, Reason.OUT_OF_RANGE),
        ("lat", "36.7", Reason.WRONG_TYPE),
        ("lat", None, Reason.WRONG_TYPE),
        ("lon", -180.1, Reason.OUT_OF_RANGE),
        ("lon", [117], Reason.WRONG_TYPE),
        ("load", 1.01, Reason.OUT_OF_RANGE),
        ("load", -0.01, Reason.OUT_OF_RANGE),
        ("heading_deg", 361, Reason.OUT_OF_RANGE),
        ("speed_kmh", -1, Reason.OUT_OF_RANGE),
        ("speed_kmh", 6553.5, Reason.OUT_OF_RANGE),
        ("hdop", -1, Reason.OUT_OF_RANGE),
        ("cover", "ajar", Reason.OUT_OF_RANGE),
        ("cover", False, Reason.WRONG_TYPE),
        ("lift", 1, Reason.WRONG_TYPE),
        ("sats", 11.5, Reason.WRONG_TYPE),
        ("sats", 2**31, Reason.OUT_OF_RANGE),
        ("seq", 2**63, Reason.OUT_OF_RANGE),
        ("seq", 10**400, Reason.OUT_OF_RANGE),
    ],
)
def test_a_field_that_cannot_be_so_is_refused_and_named(field: str, value: object, reason: Reason) -> None:
    refused = refusal(json.dumps({**HERE, field: value}).encode())

    assert refused.reason is reason
    assert f"`$.{field}`" in refused.detail


@pytest.mark.parametrize("field", ["ts", "lat", "lon"])
def test_a_vehicle_reading_must_say_when_and_where(field: str) -> None:
    fields = {name: value for name, value in HERE.items() if name != field}

    refused = refusal(json.dumps(fields).encode())

    assert refused.reason is Reason.MISSING_FIELD
    assert f"`{field}`" in refused.detail


def test_what_is_readable_but_hard_to_believe_passes() -> None:
    assert vehicle(lat=0, lon=0, fix=False, hdop=99.9, heading_deg=360).readings[0].lat == 0
    concentration = decode_telemetry("fume", b'{"ts":1,"fume_mg_m3":-3.5,"rh_pct":140}').readings[0]
    assert (concentration.fume_mg_m3, concentration.rh_pct) == (-3.5, 140)


def test_null_is_the_same_as_not_sent() -> None:
    assert vehicle(load=None, cover=None, seq=None) == vehicle()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"hello", Reason.NOT_JSON),
        (VEHICLE[:-1], Reason.NOT_JSON),
        (VEHICLE + b"x", Reason.NOT_JSON),
        (b'{"ts":1,"lat":NaN,"lon":1}', Reason.NOT_JSON),
        (b'{"ts":1,"lat":1,"lon":-Infinity}', Reason.NOT_JSON),
        (b'{"ts":1,"lat":1e999,"lon":1}', Reason.OUT_OF_RANGE),
        (b'{"ts":1e999,"lat":1,"lon":1}', Reason.OUT_OF_RANGE),
        (b'{"ts":1,"lat":1,"lon":1,"x":' + b"[" * 100_000, Reason.NOT_JSON),
        (b"[]", Reason.WRONG_TYPE),
        (b"null", Reason.WRONG_TYPE),
        (b"[" + VEHICLE + b"]", Reason.WRONG_TYPE),
        (b'{"batch":{}}', Reason.WRONG_TYPE),
        (b'{"batch":null}', Reason.WRONG_TYPE),
        ('{"ts":1,"lat":1,"lon":1,"driver":"济南"}'.encode("gbk"), Reason.NOT_UTF8),
        (VEHICLE.decode().encode("utf-16"), Reason.NOT_UTF8),
        (FUME, Reason.MISSING_FIELD),
        (b" " * (MAX_PAYLOAD_BYTES + 1), Reason.TOO_LARGE),
    ],
)
def test_what_is_no_reading_is_refused_with_its_reason(payload: bytes, reason: Reason) -> None:
    assert refusal(payload).reason is reason


def test_unknown_fields_are_kept_out_and_counted() -> None:
    decoded = vehicle(driver="张三", tyre_kpa=[800, 810], lift=True)

    assert decoded.unknown_fields == 2
    assert decoded.readings == vehicle(lift=True).readings


def test_a_batch_keeps_its_good_readings_and_names_the_bad_ones() -> None:
    good = json.dumps(HERE)
    bad = '{"ts":1},5', '{"ts":1,"lat":1e999,"lon":1}'
    payload = f'{{"batch":[{good},{bad[0]},{good[:-1]},"x":1}},{bad[1]}],"fw":"1.4"}}'

    decoded = decode_telemetry("vehicle", payload.encode())

    assert decoded.readings == vehicle().readings * 2
    assert decoded.unknown_fields == 2
    assert [(problem.index, problem.reason) for problem in decoded.problems] == [
        (1, Reason.MISSING_FIELD),
        (2, Reason.WRONG_TYPE),
        (4, Reason.OUT_OF_RANGE),
    ]


def test_a_batch_holds_500_readings_and_not_one_more() -> None:
    full = encode_readings([HERE] * 500)
    assert len(decode_telemetry("vehicle", full).readings) == 500

    one_more = full.replace(b'{"batch":[', b'{"batch":[' + json.dumps(HERE).encode() + b",")
    assert refusal(one_more).reason is Reason.TOO_MANY_READINGS


def test_an_empty_batch_is_readable_and_holds_nothing() -> None:
    decoded = decode_telemetry("fume", b'{"batch":[]}')

    assert (decoded.readings, decoded.problems, decoded.unknown_fields) == ([], [], 0)


def test_a_batch_does_not_hold_batches() -> None:
    assert [problem.reason for problem in decode_telemetry("fume", b'{"batch":[{"batch":[]}]}').problems] == [
        Reason.MISSING_FIELD
    ]


@pytest.mark.parametrize("count", [1, 2, 500])
def test_what_was_encoded_is_decoded_again(count: int) -> None:
    readings = [
        VehicleReading(ts_us=Instant(MIDNIGHT_US + second * 1_000_001), lat=36.7, lon=117.5, lift=True)
        for second in range(count)
    ]

    assert decode_telemetry("vehicle", encode_readings(readings)) == Decoded(readings, [], 0)


def test_more_than_a_batch_is_not_encoded() -> None:
    with pytest.raises(ValueError, match="501 readings"):
        encode_readings([HERE] * 501)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["ts", "lat", "lon", "batch", "cover", "x"]) | st.text(max_size=3),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
almost_readings = st.fixed_dictionaries(
    {"ts": st.just(MIDNIGHT) | json_values, "lat": st.just(1) | json_values, "lon": st.just(1) | json_values},
    optional={
        "cover": json_values,
        "seq": json_values,
        "batch": st.lists(json_values, max_size=3),
        "x": json_values,
    },
)


def mangled(payload: bytes, at: int, byte: int) -> bytes:
    at %= len(payload)
    return payload[:at] + bytes([byte]) + payload[at + 1 :]


payloads = (
    st.binary(max_size=64)
    | json_values.map(lambda value: json.dumps(value).encode())
    | almost_readings.map(
        lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    )
    | st.builds(mangled, st.sampled_from([VEHICLE, FUME]), st.integers(0, 400), st.integers(0, 255))
)


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(["vehicle", "fume"]), payloads)
@example("vehicle", b'{"ts":1,"lat":1,"lon":1,"cover":"\\u0000"}')
@example("vehicle", b'{"ts":1,"lat":1,"lon":1,"cover":"\\ud800"}')
@example("vehicle", b'{"ts":1,"lat":1,"lon":1,"\\ud800":"\\ud800"}')
@example("fume", b'{"batch":[' + b"[" * 50_000)
def test_whatever_the_bytes_are_they_are_read_or_refused_with_words_that_can_be_stored(
    kind: DeviceKind, payload: bytes
) -> None:
    said: list[MalformedPayload | Problem]
    try:
        said = list(decode_telemetry(kind, payload).problems)
    except MalformedPayload as refused:
        said = [refused]

    for problem in said:
        assert problem.detail.isprintable()
        assert len(problem.detail) <= 200
