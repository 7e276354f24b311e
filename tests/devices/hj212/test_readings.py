"""Messages to readings and means: what an item means, what a flag does, what is refused and why."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.decoding import Decoded, FumeMean, Instant, MalformedPayload, Problem
from devices.hj212 import build_frame
from devices.hj212.factors import QUANTITIES, SWITCHES, profile_names, shipped_profiles, standard_names
from devices.hj212.flags import flag_code
from devices.hj212.readings import decode_hj212, join_hj212
from devices.reasons import Reason
from devices.types import Device
from devices.wire import Flag, FumeReading
from tests.devices.hj212 import vectors

MN = "370181CY00000001"
ANYBODY = Device(device_id="F1", kind="fume", bound_to="R1", status="active")
REGISTERED = Device(device_id="F1", kind="fume", bound_to="R1", serial=MN, status="active")


def us(*local: int) -> Instant:
    """Beijing's wall clock."""
    return Instant(datetime(*local, tzinfo=UTC).timestamp() * 1e6 - 8 * 3600 * 1e6)  # type: ignore[arg-type, misc]


def frame(
    items: str, *, cn: str = "2011", flag: str = "4", time: str = "20260315115930", more: str = ""
) -> bytes:
    text = f"QN=1;ST=31;CN={cn};PW=123456;MN={MN};Flag={flag};{more}CP=&&DataTime={time};{items}&&"
    return build_frame(text.encode())


def decoded(payload: bytes, device: Device = ANYBODY) -> Decoded[FumeReading]:
    return decode_hj212(device, payload, standard_names())


def reading(items: str, *, flag: str = "4") -> FumeReading:
    (one,) = decoded(frame(items, flag=flag)).readings
    return one


def problems(payload: bytes, device: Device = ANYBODY) -> list[tuple[int, Reason]]:
    return [(problem.index, problem.reason) for problem in decoded(payload, device).problems]


def test_a_frame_of_instants_is_a_reading() -> None:
    made = decoded(vectors.MADE, REGISTERED)

    assert made.readings == [
        FumeReading(
            ts_us=us(2026, 3, 15, 11, 59, 30), fume_mg_m3=0.86, pm_mg_m3=2.31, nmhc_mg_m3=4.72,
            fan_on=True, purifier_on=True, fan_a=6.85, purifier_a=1.32,
        )
    ]  # fmt: skip
    assert (made.problems, made.unknown_fields, made.messages) == ([], 0, {"2011": 1})
    assert [answer[:10] for answer in made.answers] == [b"##0079QN=2"]


def test_temperature_and_humidity_are_read_and_what_nobody_knows_is_counted() -> None:
    one = decoded(frame("a01012-Rtd=41.2;a01014-Rtd=55;ele01-Rtd=1;SB7-RS=2;a01012-SampleTime=1"))

    assert (one.readings[0].temp_c, one.readings[0].rh_pct, one.unknown_fields) == (41.2, 55.0, 3)


def test_a_vendors_names_without_a_suffix_are_read_and_its_raw_counts_are_not() -> None:
    one = reading("CONC-Rtd=0.82;FANAD-Rtd=1000;CONCAD-Rtd=820;FANSTATUS=1;PURIFYSTATUS=0;")

    assert (one.fume_mg_m3, one.fan_on, one.purifier_on, one.fan_a) == (0.82, True, False, None)


def test_a_frame_in_which_nothing_is_known_is_counted_and_is_no_reading() -> None:
    """It would take the place of one with the same time."""
    nothing = decoded(vectors.LOWER_CASE)

    assert (nothing.readings, nothing.problems, nothing.unknown_fields) == ([], [], 2)
    assert nothing.defects == {"lower_case_crc": 1}


@pytest.mark.parametrize("text", ["", "NaN", "--", "inf", "1_0", "１２", "0x10", "1.2.3", "null"])
def test_what_is_no_number_is_not_sent_and_never_zero(text: str) -> None:
    one = decoded(frame(f"a34041-Rtd={text};ga2101-Rtd=1"))

    assert (one.readings[0].fume_mg_m3, one.readings[0].fan_on) == (None, True)
    assert one.defects == {"no_number": 1}


@pytest.mark.parametrize(
    ("text", "value"), [("0.00", 0.0), ("-0.05", -0.05), ("+1.", 1.0), (".5", 0.5), ("2e-3", 0.002)]
)
def test_numbers_are_read_as_they_stand(text: str, value: float) -> None:
    assert reading(f"a34041-Rtd={text}").fume_mg_m3 == value


def test_fillers_pass_as_sent_for_they_are_the_engines_to_doubt() -> None:
    assert reading("a34041-Rtd=999.99,a34041-Flag=N").fume_mg_m3 == 999.99
    assert problems(frame("a34041-Rtd=1e10")) == [(0, Reason.OUT_OF_RANGE)]


def test_a_switch_is_on_off_or_unknown() -> None:
    states = {
        text: reading(f"a34041-Rtd=1;ga2101-Rtd={text}").fan_on for text in ("1", "0", "1.0", "2", "", "on")
    }
    assert states == {"1": True, "0": False, "1.0": True, "2": None, "": None, "on": None}


def test_a_flag_marks_the_reading_and_leaves_the_number() -> None:
    one = reading("a34041-Rtd=0.86,a34041-Flag=C;ga2101-Rtd=1")

    assert (one.fume_mg_m3, one.flag) == (0.86, "calibrating")
    assert reading("a34041-Rtd=0.86,a34041-Flag=N").flag is None
    assert reading("a34041-Rtd=0.86,a34041-Flag=").flag is None
    assert reading("a34041-Rtd=1;ga2101-Rtd=1,ga2101-Flag=D").flag == "instrument_fault"
    assert reading("a34041-Rtd=1,a34041-Flag=;ga2101-Rtd=1,ga2101-Flag=D").flag == "instrument_fault"
    assert reading("ga2101-Rtd=1,ga2101-Flag=D;a34041-Rtd=1,a34041-Flag=M").flag == "maintenance"


def test_a_flag_on_what_no_detection_looks_at_does_not_hide_the_fume() -> None:
    assert reading("a34041-Rtd=3.1,a34041-Flag=N;a01014-Rtd=0,a01014-Flag=D").flag is None


def test_letters_mean_what_they_mean_in_the_frames_edition() -> None:
    def flags(flag: str) -> dict[str, str | None]:
        return {letter: reading(f"a34041-Rtd=1,a34041-Flag={letter}", flag=flag).flag for letter in "BDPHMz"}

    of_2017 = {
        "B": "link_fault", "D": "instrument_fault", "P": "unknown_flag", "H": "unknown_flag", "M": "maintenance",
        "z": "unknown_flag",
    }  # fmt: skip
    of_2005 = {
        "B": "instrument_fault", "D": "channel_closed", "P": "power_failure", "H": "above_range", "M": "maintenance",
        "z": "unknown_flag",
    }  # fmt: skip
    assert flags("4") == flags("5") == flags("8") == of_2017
    assert flags("0") == flags("") == of_2005
    letters = "FMSDCTBPHL[]()?"
    assert {flag_code(one, edition) for one in letters for edition in (None, 0, 1, 2)} == set(get_args(Flag))


@pytest.mark.parametrize(
    "time", ["20260315115930", "202603151159301", "2026031511593012", "20260315115930123"]
)
def test_a_time_may_have_fourteen_to_seventeen_digits(time: str) -> None:
    assert decoded(frame("a34041-Rtd=1", time=time)).readings[0].ts_us == us(2026, 3, 15, 11, 59, 30)


@pytest.mark.parametrize(
    "time",
    [
        "",
        "202603151159",
        "20260230115930",
        "20260315246060",
        "2026-03-15 11:59",
        "19600101000000",
        "９" * 14,
        "202603151159301234",
    ],
)
def test_what_is_no_time_is_refused(time: str) -> None:
    assert problems(frame("a34041-Rtd=1", time=time)) == [(0, Reason.BAD_TIME)]


def test_readings_without_a_time_are_refused() -> None:
    assert problems(build_frame(b"CN=2011;CP=&&a34041-Rtd=1&&")) == [(0, Reason.MISSING_FIELD)]


def test_means_are_no_readings() -> None:
    made = decoded(vectors.MINUTES)

    assert made.readings == []
    assert made.means == [
        FumeMean(
            period="minute",
            begins_us=us(2026, 3, 15, 11, 50),
            fume_mg_m3=0.93,
            fume_min_mg_m3=0.41,
            fume_max_mg_m3=2.6,
        )
    ]
    hour = decoded(frame("a34041-Avg=1.2,a34041-Flag=D;a34000-Avg=3", cn="2061", time="20260315110000"))
    assert hour.means == [
        FumeMean(
            period="hour",
            begins_us=us(2026, 3, 15, 11),
            fume_mg_m3=1.2,
            pm_mg_m3=3.0,
            flag="instrument_fault",
        )
    ]
    assert [mean.period for mean in decoded(frame("a34041-Avg=1", cn="2031")).means] == ["day"]
    assert decoded(vectors.HOUR).means == []  # of nothing we know


def test_other_messages_are_counted_by_their_code() -> None:
    one = decoded(
        vectors.STATES + vectors.ANSWER + vectors.ANNEX_A + frame("", cn="9015") + frame("", cn="x" * 50)
    )

    assert one.messages == {"2021": 1, "9014": 1, "9015": 1, "other": 2}
    assert (one.readings, one.problems, one.means) == ([], [], [])


def test_another_monitors_frame_is_refused_and_not_answered() -> None:
    one = decoded(vectors.FUME_2018 + vectors.MADE, REGISTERED)

    assert [(problem.index, problem.reason) for problem in one.problems] == [(0, Reason.WRONG_SERIAL)]
    assert "010000A8900016F018010001" in one.problems[0].detail
    assert len(one.readings) == len(one.answers) == 1
    assert problems(build_frame(b"CN=9015;CP=&&&&"), REGISTERED) == [(0, Reason.WRONG_SERIAL)]


def test_a_monitor_whose_mn_nobody_registered_is_known_by_its_topic() -> None:
    assert len(decoded(vectors.FUME_2018 + vectors.MADE, ANYBODY).readings) == 2


def test_uploads_are_answered_once_each_if_they_ask() -> None:
    asked = frame("a34041-Rtd=1", flag="5")
    assert len(decoded(asked).answers) == 1
    assert len(decoded(asked * 3).answers) == 1
    assert decoded(frame("a34041-Rtd=1", flag="4")).answers == []
    assert decoded(frame("a34041-Rtd=1", flag="")).answers == []
    codes = ("2011", "2021", "2031", "2051", "2061", "2081", "9013", "9014", "1062")
    answered = {cn for cn in codes if decoded(frame("a=1", cn=cn, flag="9")).answers}
    assert answered == {"2011", "2021", "2031", "2051", "2061", "2081"}


def test_an_answer_says_taken_over_even_where_the_reading_is_refused_for_then_it_is_kept() -> None:
    one = decoded(frame("a34041-Rtd=1", flag="5", time="never"))
    assert (len(one.problems), len(one.answers)) == (1, 1)


def test_packets_in_one_payload_are_one_message() -> None:
    first = frame("a34041-Rtd=0.9", flag="6", more="PNUM=2;PNO=1;")
    second = frame("ga2101-Rtd=1", flag="6", more="PNUM=2;PNO=2;")

    for payload in (first + second, second + first, second + vectors.MADE + first):
        joined = next(r for r in decoded(payload).readings if r.fume_mg_m3 == 0.9)
        assert joined.fan_on is True


def test_packets_without_the_others_are_kept_for_them() -> None:
    first = frame("a34041-Rtd=0.9", flag="6", more="PNUM=2;PNO=1;")

    assert problems(first) == [(0, Reason.INCOMPLETE_MESSAGE)]
    assert problems(first + first) == [(0, Reason.INCOMPLETE_MESSAGE)]
    assert len(decoded(frame("a34041-Rtd=0.9", flag="6", more="PNUM=1;PNO=1;")).readings) == 1


def test_packets_that_came_apart_are_joined_and_the_waiting_named() -> None:
    one = frame("a34041-Rtd=0.9", flag="6", more="PNUM=2;PNO=1;")
    two = frame("ga2101-Rtd=1", flag="6", more="PNUM=2;PNO=2;")
    other = frame("a34041-Rtd=3")
    frames, waiting = join_hj212(REGISTERED, [one + other, two, one])
    (joined,) = decoded(frames).readings

    assert (joined.fume_mg_m3, joined.fan_on, waiting) == (0.9, True, [False, False, False])
    assert join_hj212(REGISTERED, [one, other]) == (b"", [True, False])
    assert join_hj212(REGISTERED, [one + two]) == (b"", [False])  # it was read with its own message
    assert join_hj212(replace(REGISTERED, serial="ANOTHER"), [one, two]) == (b"", [False, False])


def test_good_frames_count_beside_bad_ones_and_each_has_its_place() -> None:
    payload = vectors.CUT_TIME + vectors.MADE + frame("a34041-Rtd=1", time="x") + vectors.FUME_2018

    one = decoded(payload)

    assert [(index, r.fume_mg_m3) for index, r in one.placed()] == [(1, 0.86), (3, 0.0)]
    assert one.problems == [
        Problem(0, Reason.BAD_CHECKSUM, "CRC 4980, it should be 3C00"),
        Problem(2, Reason.BAD_TIME, "DataTime='x' is no instant like 20260315115930"),
    ]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.BAD_FRAME),
        (b"\r\n", Reason.BAD_FRAME),
        (b"#" * 262145, Reason.TOO_LARGE),
        (vectors.ANSWER * 501, Reason.TOO_MANY_READINGS),
    ],
)
def test_payloads_of_which_nothing_can_be_read_are_refused_whole(payload: bytes, reason: Reason) -> None:
    with pytest.raises(MalformedPayload) as refused:
        decoded(payload)
    assert refused.value.reason is reason


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from([*vectors.GOOD, *vectors.BAD]),
            st.text("0123456789;,=&-.NaRtdFlgDTimeCMP吗 ", max_size=60).map(frame),
        ),
        max_size=6,
    ).map(b"".join)
)
def test_no_bytes_make_it_raise_anything_else(payload: bytes) -> None:
    try:
        one = decoded(payload)
    except MalformedPayload:
        return
    assert len(list(one.placed())) == len(one.readings)


def test_the_shipped_table_names_what_a_reading_has_and_reads_nothing_that_is_only_remembered() -> None:
    names = standard_names()

    assert set(names.quantities.values()) == set(QUANTITIES)
    assert set(names.switches.values()) == set(SWITCHES)
    assert {*QUANTITIES, *SWITCHES} <= set(FumeReading.__struct_fields__)
    assert "e90201-Rtd" in names.quantities
    assert "e90101-Rtd" not in names.quantities
    assert "a00000-Rtd" not in names.quantities
    assert shipped_profiles()["a00000"].quantities["a00000-Rtd"] == "fume_mg_m3"
    assert shipped_profiles()["a00000"].quantities["a34041-Rtd"] == "fume_mg_m3"


def test_a_wrong_item_of_a_profile_is_named() -> None:
    right: dict[str, object] = {
        "item": "SB7-RS",
        "field": "fan_on",
        "confidence": "A",
        "source": "the installer",
    }
    assert profile_names([right]).switches["SB7-RS"] == "fan_on"

    cases: list[tuple[dict[str, object], str]] = [
        ({"item": 3}, "code"),
        ({"field": "x"}, "SB7-RS: field"),
        ({"confidence": "?"}, "SB7-RS: confidence"),
    ]
    for wrong, said in cases:
        with pytest.raises(ValueError, match=said):
            profile_names([right | wrong])
