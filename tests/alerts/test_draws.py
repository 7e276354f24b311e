"""Draws that anyone can repeat, and that nobody can bend."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.casework.draws import DrawRefused, draw, verify

TARGETS = {f"鲁A{n:05d}": 1.0 if n % 2 else 4.0 for n in range(20)}
OFFICERS = ["张", "李", "王", "赵"]


def made(seed: str = "双色球 2026135 期 03 11 17 20 28 31 + 09", **changes: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"count": 5, "officers_each": 2, "about": {"for": "test"}, **changes}
    return draw(TARGETS, OFFICERS, seed=seed, **asked)


def test_the_same_pool_and_seed_give_the_same_draw_whatever_their_order() -> None:
    turned = draw(
        dict(reversed(TARGETS.items())), OFFICERS[::-1], seed="s", count=5, officers_each=2, about={"for": "test"}
    )  # fmt: skip
    assert turned == made("s")
    assert made("s")["drawn"] != made("t")["drawn"]
    assert len({one["target"] for one in made()["drawn"]}) == 5
    assert all(len(set(one["officers"])) == 2 for one in made()["drawn"])


def test_a_draw_of_long_ago_is_still_the_same() -> None:
    """Fixed once: another Python, or a change of ours, must not draw anew what was published."""
    assert [(one["target"], one["officers"]) for one in made("2026-11-25")["drawn"][:2]] == FIXED


FIXED: list[tuple[str, list[str]]] = [("鲁A00009", ["李", "王"]), ("鲁A00000", ["李", "张"])]


@given(st.integers(0, 4), st.sampled_from(["target", "officers"]))
def test_another_result_does_not_follow_from_the_record(place: int, what: str) -> None:
    record = json.loads(json.dumps(made()))
    assert verify(record) is None
    record["drawn"][place][what] = "鲁A99999" if what == "target" else ["张"]
    assert verify(record) is not None
    assert f"place {place + 1}" in str(verify(record))


def test_another_pool_another_seed_and_a_shorter_list_are_found() -> None:
    record = json.loads(json.dumps(made()))
    assert "pool" in str(verify({**record, "pool": {**record["pool"], "officers": ["张", "李"]}}))
    assert verify({**record, "seed": "another"}) is not None
    assert "4 were drawn" in str(verify({**record, "drawn": record["drawn"][:4]}))
    assert "no record" in str(verify({}))
    assert "not known" in str(verify({**record, "method": "by hand"}))


def test_a_weight_of_four_is_drawn_four_times_as_often_first() -> None:
    first = Counter(TARGETS[made(f"seed {n}", count=1)["drawn"][0]["target"]] for n in range(2000))
    # Half of the targets weigh 4, half 1: four fifths of the first places, give or take three deviations.
    assert first[4.0] / 2000 == pytest.approx(0.8, abs=0.027)


@pytest.mark.parametrize("changes", [{"count": 21}, {"officers_each": 5}, {"seed": " "}])
def test_what_cannot_be_drawn_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DrawRefused):
        made(**changes)
    with pytest.raises(DrawRefused, match="a is not a positive number"):
        draw({"a": 0.0}, [], seed="s", count=1, officers_each=0, about={})
