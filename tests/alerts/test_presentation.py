"""An alert in one sentence."""

from typing import Any

import pytest

from alerts.presentation import summary

WHO: dict[str, Any] = {
    "plate": "鲁A12345", "outlet_name": None, "outlet_id": None, "device_id": "V1", "jurisdiction_name": "绣惠街道",
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (
            "illegal_dumping",
            {"term_lift": 0.5, "load_before": 0.9, "load_after": 0.36},
            "货箱举升、载重 90% → 36%",
        ),
        ("illegal_dumping", {"term_lift": 0.5, "load_before": 0.801, "load_after": 0.799}, "货箱举升"),
        (
            "fume_exceedance",
            {"max_mean_mg_m3": 1.553, "limit_mg_m3": 0.8},
            "十分钟均值 1.55 mg/m³，限值 0.8 mg/m³",
        ),
        ("off_route", {"max_distance_m": 813.6}, "最远偏离 814 米"),
    ],
)
def test_a_sentence_says_what_was_measured_with_its_unit_and_no_fall_that_was_none(
    kind: str, values: dict[str, float], said: str
) -> None:
    row = {**WHO, "kind": kind, "evidence": {"values": values}}

    assert summary(row, "zh").split("：", 1)[1] == said
