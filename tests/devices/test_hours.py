import pytest

from devices.hours import parse_hours


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        (None, []),
        ("", []),
        (" ; ", []),
        ("08:00-12:00", [(480, 720)]),
        ("8:00 - 24:00", [(480, 1440)]),
        ("22:00-06:00", [(0, 360), (1320, 1440)]),
        ("22:00-00:00", [(1320, 1440)]),
        ("17:00-21:30；10:00-14:00", [(600, 840), (1020, 1290)]),
    ],
)
def test_hours_are_ranges_of_minutes_of_the_day(text: str | None, minutes: list[tuple[int, int]]) -> None:
    assert parse_hours(text) == minutes


@pytest.mark.parametrize(
    "text",
    [
        "10:00",
        "10-12",
        "25:00-26:00",
        "10:60-11:00",
        "24:30-06:00",
        "10:00-10:00",
        "24:00-06:00",
        "10:00-12:00x",
    ],
)
def test_what_is_no_range_of_the_day_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_hours(f"08:00-09:00;{text}")
