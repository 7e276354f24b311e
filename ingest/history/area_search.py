"""Was any truck here?  Visits to an area somebody drew: seen by fixes in it, or inferred from the way between two."""

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import polars as pl

from analytics.searching import Area, compile_area, crossed, inside
from runtime.errors import UserError

VISIT_GAP = timedelta(minutes=10)
"""Fixes in an area further apart than this are two visits."""
NEIGHBOURS = timedelta(seconds=60)
"""Good fixes no further apart: a truck drove about straight from one to the other."""
REACH_DEG = 0.03
"""How far around the area fixes are looked at: more than a truck drives between two neighbours, in either direction."""

_COLUMNS = {
    "ts": pl.Datetime("us", "UTC"),
    "device_id": pl.String(),
    "plate": pl.String(),
    "load": pl.Float64(),
}
COLUMNS = (*_COLUMNS, "lat", "lon", "quality")
"""What is looked at of a reading."""
FOUND = pl.Schema(_COLUMNS | {"until": pl.Datetime("us", "UTC"), "fixes": pl.Int32()})
"""A fix inside (`until` is its `ts`), or a way through with the fix before it (`fixes` 0, `until` the one after)."""


def box_around(area: Area) -> tuple[float, float, float, float]:
    """South, west, north, east, degrees: what must be read to find all visits."""
    return area.south - REACH_DEG, area.west - REACH_DEG, area.north + REACH_DEG, area.east + REACH_DEG


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


def found_in(area: Area, frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """What of `frames`, each device's in order of time, lies in the area or leads through it, with the columns of FOUND."""
    found, last = [pl.DataFrame(schema=FOUND)], None
    for frame in frames:
        near = _good_near(area, frame)
        if last is not None:
            near = pl.concat([last, near])
        near = near.sort("device_id", "ts", maintain_order=True)
        found.append(_found(area, near))
        # A frame's last fix of each device was looked at already; the way from it was not.
        last = (
            near.group_by("device_id", maintain_order=True).last().select(near.columns).with_columns(old=True)
        )
    return pl.concat(found)


def _good_near(area: Area, frame: pl.DataFrame) -> pl.DataFrame:
    south, west, north, east = box_around(area)
    near = frame.filter(pl.col("lat").is_between(south, north) & pl.col("lon").is_between(west, east))
    if "quality" in near.columns:
        near = near.filter(pl.col("quality") == "ok")
    own = (
        pl.col(name).cast(dtype) if name in near.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in _COLUMNS.items()
    )
    return near.select(*own, "lat", "lon", old=pl.lit(value=False))


def _found(area: Area, near: pl.DataFrame) -> pl.DataFrame:
    """`near`: by device and time; `old` marks fixes that were told before."""
    held = pl.Series(inside(area, near["lat"].to_numpy(), near["lon"].to_numpy()), dtype=pl.Boolean)
    ways = near.with_columns(
        held=held,
        until=pl.col("ts").shift(-1).over("device_id"),
        next_lat=pl.col("lat").shift(-1).over("device_id"),
        next_lon=pl.col("lon").shift(-1).over("device_id"),
    ).with_columns(next_held=pl.col("held").shift(-1).over("device_id"))
    seen = ways.filter(pl.col("held") & ~pl.col("old")).with_columns(
        until=pl.col("ts"), fixes=pl.lit(1, pl.Int32())
    )
    between = ways.filter(
        ~pl.col("held")
        & ~pl.col("next_held").fill_null(value=True)
        & (pl.col("until") - pl.col("ts") <= NEIGHBOURS)
    ).with_columns(fixes=pl.lit(0, pl.Int32()))
    met = crossed(area, *(between[name].to_numpy() for name in ("lat", "lon", "next_lat", "next_lon")))
    return pl.concat([seen, between.filter(pl.Series(met, dtype=pl.Boolean))]).select(FOUND.names())


def visits_of(found: pl.DataFrame) -> pl.DataFrame:
    """What follows one another of one device within VISIT_GAP is a visit; `inferred`: no fix of it lay inside."""
    seen = pl.col("fixes") == 1
    return (
        found.sort("device_id", "ts")
        .with_columns(((pl.col("ts").diff() > VISIT_GAP).fill_null(value=True)).cum_sum().over("device_id").alias("visit"))
        .group_by("device_id", "visit", maintain_order=True)
        .agg(
            pl.col("plate").last(),
            pl.coalesce(pl.col("ts").filter(seen).min(), pl.col("ts").min()).alias("entered"),
            pl.coalesce(pl.col("until").filter(seen).max(), pl.col("until").max()).alias("left"),
            pl.col("fixes").sum(), pl.col("load").max(), inferred=pl.col("fixes").sum() == 0,
        )
        .drop("visit")
        .sort("entered", "device_id")
    )  # fmt: skip
