"""Credit: every point traced to its lead, and gone when its year is over."""

from datetime import date, timedelta

from alerts.casework.credit import Record, judge, load_scheme

TODAY = date(2026, 11, 23)
SCHEME = load_scheme()


def record(lead_id: int, kind: str, days_ago: int, *, penalized: bool = False) -> Record:
    on = TODAY - timedelta(days=days_ago)
    return Record(
        lead_id=lead_id, kind=kind, confirmed_on=on, penalized_on=on if penalized else None, company_id="C1",
        plate="鲁A00000", outlet_id=None,
    )  # fmt: skip


def test_nothing_confirmed_leaves_all_points() -> None:
    credit = judge([], SCHEME, TODAY)
    assert (credit.score, credit.grade, credit.traces, credit.penalties) == (100, "A", [], 0)


def test_each_confirmed_lead_takes_its_points_and_is_named() -> None:
    credit = judge(
        [record(2, "off_route", 3), record(1, "illegal_dumping", 10, penalized=True)], SCHEME, TODAY
    )
    assert (credit.score, credit.grade, credit.penalties) == (65, "C", 1)
    assert [(one["lead_id"], one["why"], one["points"]) for one in credit.traces] == [
        (1, "illegal_dumping", 20), (1, "penalty", 10), (2, "off_route", 5),
    ]  # fmt: skip
    assert sum(one["points"] for one in credit.traces) == SCHEME.full - credit.score


def test_what_is_a_year_old_counts_no_more() -> None:
    assert judge([record(1, "off_route", 364)], SCHEME, TODAY).score == 95
    assert judge([record(1, "off_route", 365)], SCHEME, TODAY).score == 100
    assert judge([record(1, "off_route", -1)], SCHEME, TODAY).score == 100  # confirmed after that day
    assert (
        judge([record(n, "off_route", 365, penalized=True) for n in range(3)], SCHEME, TODAY).penalties == 0
    )


def test_no_score_is_below_zero_and_an_unknown_kind_takes_the_least() -> None:
    assert judge([record(n, "illegal_dumping", 1) for n in range(9)], SCHEME, TODAY).score == 0
    assert judge([record(1, "handed_in", 1)], SCHEME, TODAY).score == 98
