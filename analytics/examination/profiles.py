"""A monitor's day in figures: one row per monitor, from which the detectors compare days.

Parts   0-5, 5-10, 10-15, 15-22, 22-24 h local: whatever a kitchen cooks, each of its meals lies in one.
Slots   48 half hours of the local day.
"""

from typing import Final

import polars as pl

PARTS: Final = ((0, 5), (5, 10), (10, 15), (15, 22), (22, 24))
SLOTS: Final = 48
QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)

READINGS: Final = {
    "device_id": pl.String,
    "minute": pl.Int32,  # of the local day
    "ok": pl.Boolean,
    "fume_mg_m3": pl.Float64,
    "temp_c": pl.Float64,
    "rh_pct": pl.Float64,
    "fan_on": pl.Boolean,
    "purifier_on": pl.Boolean,
    "limit_mg_m3": pl.Float64,
}
"""Columns of a day's readings, any order of rows; null is what was not sent."""


def profiles_of(readings: pl.DataFrame) -> pl.DataFrame:
    """One row per monitor of a day's `readings` (READINGS)."""
    ok, fume = pl.col("ok"), pl.col("fume_mg_m3")
    fan = pl.col("fan_on").fill_null(value=False)
    on = ok & fan & fume.is_not_null()
    both = ok & fan & pl.col("purifier_on").fill_null(value=False)
    share = fume / pl.col("limit_mg_m3")
    slot, hour = pl.col("minute") // 30, pl.col("minute") // 60
    thousandths = (fume * 1000).round().cast(pl.Int64, strict=False)
    in_part = [(hour >= begin) & (hour < end) for begin, end in PARTS]
    return readings.group_by("device_id", maintain_order=True).agg(
        on.sum().alias("on"),
        fume.filter(on).mean().alias("mean_on"),
        pl.concat_list([fume.filter(on).quantile(q, "linear") for q in QUANTILES]).alias("quantiles"),
        pl.concat_list([fume.filter(on & both & part).mean() for part in in_part]).alias("part_mean"),
        pl.concat_list([(on & both & part).sum() for part in in_part]).alias("part_count"),
        (pl.col("temp_c").filter(ok & fan).mean() - pl.col("temp_c").filter(ok & ~fan).mean()).alias("warmer_c"),
        (pl.col("rh_pct").filter(ok & fan).mean() - pl.col("rh_pct").filter(ok & ~fan).mean()).alias("damper_pct"),
        (on & (share >= 0.9) & (share < 1)).sum().alias("under_limit"),
        (on & (share >= 0.8) & (share < 0.9)).sum().alias("below_that"),
        (on & (share >= 1)).sum().alias("over_limit"),
        pl.concat_list([(on & (fume > 0) & (thousandths % 10 == d)).sum() for d in range(10)])
        .alias("last_digits"),
        pl.concat_list([(slot == n).sum() for n in range(SLOTS)]).alias("heard"),
        pl.concat_list([((slot == n) & ok & fan).sum() for n in range(SLOTS)]).alias("fan"),
        pl.concat_list([((slot == n) & both).sum() for n in range(SLOTS)]).alias("both"),
    )  # fmt: skip
