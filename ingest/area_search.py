"""Was any truck here?  Visits of vehicles to an area somebody drew."""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl

from analytics.searching import Area, compile_area, inside
from runtime.errors import UserError

VISIT_GAP = timedelta(minutes=10)
"""Fixes in an area further apart than this are two visits."""

FOUND = pl.Schema(
    {"ts": pl.Datetime("us", "UTC"), "device_id": pl.String(), "plate": pl.String(), "load": pl.Float64()}
)


def read_area(path: Path) -> Area:
    try:
        drawn = json.loads(path.read_text("utf-8"))
        features = drawn.get("features", [drawn])
        if len(features) != 1:
            raise UserError(f"{path}: {len(features)} features; draw one area")
        return compile_area(features[0].get("geometry", features[0]))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(f"{path} is no area in GeoJSON: {error}") from None


def found_in(area: Area, frame: pl.DataFrame) -> pl.DataFrame:
    """The good fixes within the area, with the columns of FOUND."""
    near = frame.filter(
        pl.col("lat").is_between(area.south, area.north) & pl.col("lon").is_between(area.west, area.east)
    )
    if "quality" in near.columns:
        near = near.filter(pl.col("quality") == "ok")
    held = near.filter(
        pl.Series(inside(area, near["lat"].to_numpy(), near["lon"].to_numpy()), dtype=pl.Boolean)
    )
    return held.select(
        pl.col(name) if name in held.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in FOUND.items()
    )


def visits_of(found: pl.DataFrame) -> pl.DataFrame:
    """Fixes of one device that follow one another within VISIT_GAP are a visit."""
    return (
        found.sort("device_id", "ts")
        .with_columns(((pl.col("ts").diff() > VISIT_GAP).fill_null(value=True)).cum_sum().over("device_id").alias("visit"))
        .group_by("device_id", "visit", maintain_order=True)
        .agg(
            pl.col("plate").last(), pl.col("ts").min().alias("entered"), pl.col("ts").max().alias("left"),
            pl.len().alias("fixes"), pl.col("load").max(),
        )
        .drop("visit")
        .sort("entered", "device_id")
    )  # fmt: skip
