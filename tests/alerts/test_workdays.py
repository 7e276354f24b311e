"""Working days: State Council's calendar, the office's own days before it, weekends where nobody knows yet."""

from datetime import date

import psycopg
import pytest

from alerts.casework.workdays import Calendar, due


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (date(2026, 11, 23), 3, date(2026, 11, 26)),  # Monday to Thursday
        (date(2026, 11, 27), 1, date(2026, 11, 30)),  # over a weekend
        (date(2026, 9, 30), 1, date(2026, 10, 8)),  # over the National Day week
        (date(2026, 10, 9), 1, date(2026, 10, 10)),  # a Saturday that is worked
        (date(2026, 2, 13), 2, date(2026, 2, 24)),  # Saturday the 14th is worked, then the Spring Festival
        (date(2026, 11, 28), 1, date(2026, 11, 30)),  # begun on a Saturday
    ],
)
def test_the_day_does_not_count_on_which_it_begins(start: date, days: int, end: date) -> None:
    assert Calendar().after(start, days) == end


def test_what_the_office_enters_comes_first() -> None:
    changed = Calendar({date(2026, 11, 24): False, date(2026, 11, 28): True})
    assert changed.after(date(2026, 11, 23), 1) == date(2026, 11, 25)
    assert changed.after(date(2026, 11, 27), 1) == date(2026, 11, 28)


def test_of_a_year_without_a_notice_only_weekends_are_off_and_it_says_so() -> None:
    calendar = Calendar({date(2031, 1, 1): False})
    assert not calendar.is_known(date(2031, 10, 1))
    assert calendar.is_working(date(2031, 10, 1))  # a Wednesday
    assert not calendar.is_working(date(2031, 10, 4))
    assert calendar.is_known(date(2031, 1, 1))
    assert not calendar.is_working(date(2031, 1, 1))
    assert calendar.is_known(date(2026, 10, 1))


def test_a_deadline_is_counted_as_its_row_says(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert due(connection, "closed", date(2026, 11, 23)) is None
        transfer = due(connection, "transfer_out", date(2026, 11, 27))
        assert transfer is not None
        assert transfer[0] == date(2026, 12, 2)
        filed = due(connection, "filed", date(2026, 11, 23))
        assert filed is not None
        assert filed[0] == date(2027, 2, 21)  # calendar days
        connection.execute("INSERT INTO calendar_day VALUES ('2026-12-01', false, '停电')")
        moved = due(connection, "transfer_out", date(2026, 11, 27))
        assert moved is not None
        assert moved[0] == date(2026, 12, 3)
