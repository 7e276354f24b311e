"""The `jt808` channel: payloads to vehicle readings."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.channels import decoders
from devices.decoding import MAX_PAYLOAD_BYTES, Decoded, Instant, MalformedPayload
from devices.jt808 import (
    BATCH,
    LOCATION,
    LOCATION_ANSWER,
    batch_body,
    location_body,
    pack,
    pack_in_parts,
)
from devices.reasons import Reason
from devices.terminals import Terminals
from devices.types import Device
from devices.wire import VehicleReading
from tests.devices.jt808 import vectors

PHONE = "13900000001"
TRUCK = Device(device_id="V1", kind="vehicle", bound_to="鲁A00001", serial="013900000001", status="active")
ANYONE = Device(device_id="V2", kind="vehicle", bound_to=None, status="active")
_DECODE = decoders(Terminals())["jt808"]


def decode(payload: bytes, device: Device = TRUCK) -> Decoded[Any]:
    return _DECODE(device, payload)


def us(*instant: int) -> Instant:
    year, month, day, hour, minute, second = instant
    return Instant(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1_000_000)


NOON_US = us(2026, 11, 25, 4, 0, 0)


def body(**fields: Any) -> bytes:
    return location_body(**{"ts_us": NOON_US, "lat": 36.7, "lon": 117.53, "status": 0b11, **fields})


def located(**fields: Any) -> VehicleReading:
    (reading,) = decode(pack(LOCATION, body(**fields), phone=PHONE, serial=1)).readings
    assert isinstance(reading, VehicleReading)
    return reading


def reasons(decoded: Decoded[Any]) -> list[Reason]:
    return [problem.reason for problem in decoded.problems]


def test_a_loaded_truck_is_read_field_by_field() -> None:
    decoded = decode(vectors.LOADED_2019)

    assert decoded.readings == [
        VehicleReading(
            ts_us=us(2025, 11, 23, 13, 30, 15), lat=36.7, lon=117.53, speed_kmh=42.5, heading_deg=270, alt_m=85,
            sats=17, fix=True, ignition=True, odometer_km=123456.7, load=1.0,
        )
    ]  # fmt: skip
    assert (decoded.problems, decoded.unknown_fields, decoded.messages) == ([], 0, {"0x0200": 1})


def test_a_frame_of_2013_is_read_beside_one_of_2019() -> None:
    decoded = decode(vectors.LOADED_2013 + vectors.LOADED_2019)

    assert [(r.ts_us, r.speed_kmh, r.load) for r in decoded.readings] == [
        (us(2025, 11, 23, 14, 8, 45), 0.0, 1.0), (us(2025, 11, 23, 13, 30, 15), 42.5, 1.0)
    ]  # fmt: skip


def test_a_fix_that_is_none_is_said_to_be_none() -> None:
    (reading,) = decode(vectors.A_REAL_UNFIXED_2019, ANYONE).readings

    assert (reading.fix, reading.ignition, reading.sats, reading.odometer_km) == (False, True, 8, 364.6)
    assert (reading.lat, reading.lon, reading.load) == (34.82613, 113.551741, 0.0)


def test_a_blind_areas_batch_gives_its_points() -> None:
    decoded = decode(vectors.BLIND_2013)

    assert [(r.ts_us - us(2025, 11, 23, 13, 40, 0)) // 1_000_000 for r in decoded.readings] == [0, 30, 60]
    assert [(r.lat, r.lon) for r in decoded.readings] == [
        (36.7, 117.53),
        (36.7005, 117.531),
        (36.701, 117.532),
    ]
    assert decoded.messages == {"0x0704": 1}


def test_an_answer_to_a_question_for_the_place_is_read_behind_its_serial() -> None:
    (reading,) = decode(pack(LOCATION_ANSWER, b"\x00\x09" + body(), phone=PHONE, serial=3)).readings

    assert (reading.lat, reading.ts_us) == (36.7, NOON_US)


@pytest.mark.parametrize(("bits", "load"), [(0b00, 0.0), (0b01, 0.5), (0b10, None), (0b11, 1.0)])
def test_the_load_is_bits_8_and_9_and_the_reserved_value_is_unknown(bits: int, load: float | None) -> None:
    assert located(status=bits << 8).load == load


@pytest.mark.parametrize("lat", [-36.7, 36.7])
@pytest.mark.parametrize("lon", [-117.53, 117.53])
def test_the_hemisphere_is_in_the_status(lat: float, lon: float) -> None:
    reading = located(lat=lat, lon=lon)

    assert (reading.lat, reading.lon) == (lat, lon)


def test_height_may_lie_below_the_sea() -> None:
    assert located(alt_m=-27).alt_m == -27


def test_what_is_all_ones_was_not_measured() -> None:
    raw = bytearray(body(items={0x01: b"\xff\xff\xff\xff"}))
    raw[18:22] = b"\xff\xff\xff\xff"

    (reading,) = decode(pack(LOCATION, bytes(raw), phone=PHONE, serial=1)).readings

    assert (reading.speed_kmh, reading.heading_deg, reading.odometer_km) == (None, None, None)


def test_items_of_a_strange_length_are_not_guessed_at() -> None:
    reading = located(items={0x01: b"\x00\x01", 0x31: b"\x00\x09"})

    assert (reading.odometer_km, reading.sats) == (None, None)


def test_of_two_items_with_one_id_the_first_counts() -> None:
    twice = body(items={0x31: b"\x09"}) + b"\x31\x01\x0b"

    assert decode(pack(LOCATION, twice, phone=PHONE, serial=1)).readings[0].sats == 9


def test_vendors_items_and_a_rest_that_is_none_are_counted_not_read() -> None:
    odd = body(items={0x31: b"\x09", 0xE7: b"\x0f", 0xF1: b"\x01\x02"}) + b"\x52"

    decoded = decode(pack(LOCATION, odd, phone=PHONE, serial=1))

    assert (decoded.readings[0].sats, decoded.readings[0].lift, decoded.readings[0].cover) == (9, None, None)
    assert (decoded.unknown_fields, decoded.problems) == (3, [])


@pytest.mark.parametrize(
    ("at", "bytes_", "reason"),
    [
        (22, "000000000000", Reason.BAD_TIME),
        (22, "251332120000", Reason.BAD_TIME),
        (22, "250229120000", Reason.BAD_TIME),
        (22, "2511231a0000", Reason.BAD_TIME),
        (22, "251123240000", Reason.BAD_TIME),
        (8, "0ABA9500", Reason.OUT_OF_RANGE),
        (12, "0ABA9501", Reason.OUT_OF_RANGE),
        (16, "8000", Reason.OUT_OF_RANGE),
        (18, "1389", Reason.OUT_OF_RANGE),
        (20, "0169", Reason.OUT_OF_RANGE),
        (4, "00000023", Reason.ENCRYPTED),
    ],
)
def test_a_point_that_cannot_be_is_refused_alone(at: int, bytes_: str, reason: Reason) -> None:
    bad = bytearray(body())
    bad[at : at + len(bytes_) // 2] = bytes.fromhex(bytes_)
    batch = batch_body([body(), bytes(bad), body(ts_us=NOON_US + 10_000_000)])

    decoded = decode(pack(BATCH, batch, phone=PHONE, serial=1))

    assert (reasons(decoded), len(decoded.readings)) == ([reason], 2)
    assert [place for place, _ in decoded.placed()] == [0, 2]


def test_the_borders_can_be() -> None:
    reading = located(lat=-90, lon=180, speed_kmh=500.0, heading_deg=360, alt_m=-1000)

    assert (reading.lat, reading.lon, reading.speed_kmh, reading.heading_deg) == (-90, 180, 500, 360)


def test_a_leap_day_is_a_day() -> None:
    assert located(ts_us=us(2028, 2, 28, 16, 0, 0)).ts_us == us(2028, 2, 28, 16, 0, 0)


@pytest.mark.parametrize("length", [0, 1, 27])
def test_a_location_cut_short_is_refused(length: int) -> None:
    assert reasons(decode(pack(LOCATION, body()[:length], phone=PHONE, serial=1))) == [Reason.BAD_BODY]


@pytest.mark.parametrize(
    "batch",
    [b"", b"\x00\x02\x00", batch_body([body()]) + b"\x00", b"\x00\x02\x00" + batch_body([body()])[3:],
     batch_body([body(), body()])[:-1], b"\x00\x01\x00\x00\x05"],
)  # fmt: skip
def test_a_batch_that_is_not_what_it_declares_is_refused_but_for_its_whole_points(batch: bytes) -> None:
    decoded = decode(pack(BATCH, batch, phone=PHONE, serial=1))

    assert reasons(decoded) == [Reason.BAD_BODY]
    assert len(decoded.readings) == (len(batch) > 28)


def test_other_messages_are_counted_by_type_and_strange_ones_together() -> None:
    payload = b"".join(
        pack(message, b"", phone=PHONE, serial=1)
        for message in (0x0002, 0x0002, 0x0102, 0x0900, 0x0F01, 0x0F02)
    )

    assert decode(payload) == Decoded([], [], 0, {"0x0002": 2, "0x0102": 1, "0x0900": 1, "other": 2})
    assert decode(vectors.REGISTRATION_2019, ANYONE).messages == {"0x0100": 1}


def test_nobody_waits_for_the_rest_of_a_picture() -> None:
    picture = list(pack_in_parts(0x0801, bytes(3000), phone=PHONE, serial=1))

    assert decode(picture[0] + picture[1]) == Decoded([], [], 0, {"0x0801": 2})


def test_a_frame_of_another_phone_is_refused_and_the_others_count() -> None:
    strange = pack(LOCATION, body(), phone="13900000002", serial=1)

    decoded = decode(strange + vectors.LOADED_2019 + pack(0x0002, b"", phone="1", serial=2))

    assert reasons(decoded) == [Reason.WRONG_SERIAL] * 2
    assert "00000000013900000002" in decoded.problems[0].detail
    assert "013900000001" in decoded.problems[0].detail
    assert len(decoded.readings) == 1


def test_where_the_register_knows_no_serial_none_is_wrong() -> None:
    assert len(decode(vectors.LOADED_2019, ANYONE).readings) == 1


def test_an_encrypted_body_is_refused_where_it_would_be_read() -> None:
    def encrypted(frame: bytes) -> bytes:
        changed = bytearray(frame)
        changed[3] ^= 0x04
        changed[-2] ^= 0x04
        return bytes(changed)

    assert reasons(decode(encrypted(vectors.LOADED_2019))) == [Reason.ENCRYPTED]
    assert decode(encrypted(vectors.AUTHENTICATION_2013), ANYONE).problems == []


def test_a_lone_part_waits_and_says_which_it_is() -> None:
    first, second = pack_in_parts(BATCH, batch_body([body()] * 2), phone=PHONE, serial=9, part_bytes=40)

    decoded = decode(vectors.LOADED_2019 + second)

    assert (len(decoded.readings), reasons(decoded)) == (1, [Reason.INCOMPLETE_MESSAGE])
    assert "part 2 of 2 of a 0x0704" in decoded.problems[0].detail
    assert len(decode(second + first).readings) == 2


@pytest.mark.parametrize("payload", [b"", b"\x7e", b"\x7e\x7e\x7e"])
def test_a_payload_without_any_frame_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedPayload, match="bad_frame"):
        decode(payload)


def test_a_payload_over_the_limit_is_refused_whole() -> None:
    frames = MAX_PAYLOAD_BYTES // len(vectors.LOADED_2019) + 1
    with pytest.raises(MalformedPayload, match="too_large"):
        decode(vectors.LOADED_2019 * frames)


points = st.builds(
    body,
    ts_us=st.integers(0, 10**6).map(lambda s: NOON_US + s * 1_000_000),
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    status=st.sampled_from([0, 0b11, 0x303, 0x103]),
    speed_kmh=st.floats(0, 120),
)
frames = st.one_of(
    st.builds(lambda point: pack(LOCATION, point, phone=PHONE, serial=1), points),
    st.builds(
        lambda several, blind: pack(
            BATCH, batch_body(several, blind=blind), phone=PHONE, serial=2, version=2013
        ),
        st.lists(points, max_size=5),
        st.booleans(),
    ),
    st.just(pack(0x0002, b"", phone=PHONE, serial=3)),
    st.just(vectors.LOADED_2019[:-2] + b"\x00\x7e"),
)


@given(st.lists(frames, min_size=1, max_size=8), st.data())
def test_the_same_frames_in_other_cuts_give_the_same(sent: list[bytes], data: st.DataObject) -> None:
    cuts = sorted({0, len(sent), *data.draw(st.sets(st.integers(0, len(sent))))})
    pieces = [decode(b"".join(sent[a:b])) for a, b in pairwise(cuts)]

    whole = decode(b"".join(sent))

    assert [reading for piece in pieces for reading in piece.readings] == whole.readings
    assert [reason for piece in pieces for reason in reasons(piece)] == reasons(whole)
    assert sum(sum(piece.messages.values()) for piece in pieces) == sum(whole.messages.values())


@given(
    st.one_of(
        st.binary(max_size=200),
        st.builds(
            lambda message, content, part, version: pack(
                message, content, phone=PHONE, serial=1, part=part, version=version
            ),
            st.sampled_from([LOCATION, LOCATION_ANSWER, BATCH, 0x0100]),
            st.one_of(st.binary(max_size=200), st.lists(points, max_size=3).map(batch_body)),
            st.one_of(st.none(), st.tuples(st.integers(0, 3), st.integers(0, 3))),
            st.sampled_from([2013, 2019]),
        ),
    )
)
def test_no_bytes_break_the_decoder_and_nothing_passes_in_silence(payload: bytes) -> None:
    try:
        decoded = decode(payload)
    except MalformedPayload:
        return
    assert decoded.readings or decoded.problems or decoded.messages
