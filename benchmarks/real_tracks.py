"""What the engine makes of real traces: vehicles as trucks with a permit for the way they really went.

    python -m benchmarks.real_tracks FILE.parquet [--every 1] [--most 2000]

FILE has the columns device, ts, lat, lon and, if known, speed_kmh. Every device and day with 30 fixes or more becomes a
truck that is loaded where its day begins and unloaded where it ends, both within 300 m; its permit's route is drawn
through the fixes the engine believes (--every N: through every Nth, so that the others are held against a line they did
not make), with the default corridor of 100 m. Its load sensor says so. Nothing it does is a violation: every off_route
is a false one. The traces are not part of the project; docs/real-tracks.md says whose they are.
"""

import argparse
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import shapely

from analytics.district import compile_district
from analytics.haulage.trips import OUTCOMES, VALUES
from analytics.records import CLEARED, FIX, OPENED, QUALITIES
from analytics.rules import VehicleRules
from analytics.vehicles import judge_vehicles, new_vehicle_states
from benchmarks.offline import retelling
from devices.types import Company, Device, Permit, Registry, Route, Site, Vehicle
from ingest.history.retelling import records_of

LEAST_FIXES = 30
GATE_M = 300.0
SIMPLIFIED_DEG = 0.0001
"""About 10 m: a drawn route is no more exact."""
UTC_ZONE = ZoneInfo("UTC")


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("file", type=Path)
    options.add_argument("--every", type=int, default=1)
    options.add_argument("--most", type=int, default=2000, help="device-days")
    asked = options.parse_args()
    whole = pl.read_parquet(asked.file).with_columns(
        pl.format("{}@{}", pl.col("device"), pl.col("ts").dt.strftime("%Y-%m-%d")).alias("device_id")
    )
    days = [
        day.unique("ts", keep="first", maintain_order=True).sort("ts")
        for _, day in whole.group_by("device_id", maintain_order=True)
        if len(day) >= LEAST_FIXES
    ][: asked.most]
    found: Counter[str] = Counter()
    stops: list[float] = []
    for day in days:
        _judge(day, asked.every, found, stops)
    print(
        f"{asked.file.name}: {len(days)} vehicle-days, {found['fixes']:,} fixes, route through every {asked.every}. fix"
    )
    for name, count in sorted(found.items()):
        print(f"  {name:28} {count:>9,}")
    if stops:
        minutes = np.array(stops) / 60
        print(
            f"  loaded stops, minutes: median {np.median(minutes):.1f}, p95 {np.quantile(minutes, 0.95):.1f}, "
            f"most {minutes.max():.0f}; {len(stops) / len(days):.2f} a vehicle-day"
        )


def _judge(day: pl.DataFrame, every: int, found: Counter[str], stops: list[float]) -> None:
    believed = _believed(day)
    found["fixes"] += len(day)
    for quality, count in Counter(believed).items():
        found[f"quality {QUALITIES[quality]}"] += count
    good = day.filter(pl.Series([quality == 0 for quality in believed]))
    if len(good) < LEAST_FIXES:
        found["vehicle-days without fixes"] += 1
        return
    frame, registry = _loaded(day, good), _registered(good, every)
    trips: list[Any] = []
    told, _ = retelling(registry, zone=UTC_ZONE, workers=1, hauls=lambda _, own: trips.extend(own))
    told.fold(frame)
    told.close()
    for episode in told.episodes()["T"].values():
        if episode.withdrawn is None:
            found[f"alert {episode.kind}"] += 1
            if episode.kind == "loaded_stop" and episode.cleared is not None:
                stops.append(episode.values["duration_s"])
    found["trips begun"] += sum(row["action"] == OPENED for row in trips)
    for row in trips:
        if row["action"] == CLEARED:
            values = dict(zip(VALUES, row["values"], strict=False))
            found[f"trips {OUTCOMES[round(values['outcome'])]}"] += 1
            found["trip km"] += round(values["distance_m"] / 1000)
            found["trip km on the route"] += round(float(np.nan_to_num(values["on_route_m"])) / 1000)


def _believed(day: pl.DataFrame) -> list[int]:
    """The engine's own word on each fix, with no register at all."""
    records = records_of(day, FIX, UTC_ZONE)
    _, quality, _ = judge_vehicles(
        compile_district(Registry()).district,
        VehicleRules(),
        np.array([-1], np.int32),
        new_vehicle_states(1),
        records,
    )
    return [int(one) for one in quality]


def _loaded(day: pl.DataFrame, good: pl.DataFrame) -> pl.DataFrame:
    """The day with a load: taken up in the two minutes before its first good fix, tipped after its last one."""
    first, last = good.row(0, named=True), good.row(-1, named=True)

    def more(at: datetime, where: dict[str, Any], load: float) -> dict[str, Any]:
        return {"ts": at, "lat": where["lat"], "lon": where["lon"], "load": load, "speed_kmh": 0.0}

    minute = timedelta(minutes=1)
    ends = [more(first["ts"] - n * minute, first, load) for n, load in ((2, 0.0), (1, 0.9))]
    ends += [more(last["ts"] + n * minute, last, load) for n, load in ((1, 0.9), (2, 0.0))]
    kept = [name for name in ("ts", "lat", "lon", "speed_kmh") if name in day.columns]
    own = day.filter(pl.col("ts") <= last["ts"]).select(kept).with_columns(pl.lit(0.9).alias("load"))
    schema = {name: own.schema[name] for name in own.columns}
    made = pl.DataFrame(ends).select(own.columns).cast(schema)  # type: ignore[arg-type]
    return pl.concat([own, made]).sort("ts").with_columns(pl.lit("T").alias("device_id"))


def _registered(good: pl.DataFrame, every: int) -> Registry:
    places = good.select("lon", "lat").to_numpy()
    drawn = places[::every] if every > 1 else places
    drawn = np.vstack([drawn, places[-1:]])
    line = shapely.LineString(drawn).simplify(SIMPLIFIED_DEG)
    if line.length == 0:
        line = shapely.LineString([drawn[0], drawn[0] + 1e-6])

    def site(site_id: str, kind: Any, place: Any) -> Site:
        point = {"type": "Point", "coordinates": [float(place[0]), float(place[1])]}
        return Site(site_id=site_id, name=site_id, kind=kind, geometry=point, radius_m=GATE_M)

    return Registry(
        version=1,
        companies={"C": Company(company_id="C", name="C", kind="construction", status="active")},
        vehicles={"T": Vehicle(plate="T", company_id="C", kind="construction", status="active")},
        devices={"T": Device(device_id="T", kind="vehicle", bound_to="T", status="active")},
        sites={"FROM": site("FROM", "source", places[0]), "TO": site("TO", "disposal", places[-1])},
        routes={"R": Route(route_id="R", name="R", geometry=shapely.geometry.mapping(line))},
        permits={
            "P": Permit(
                permit_id="P", company_id="C", source_site_id="FROM", disposal_site_id="TO", route_id="R"
            )
        },
    )


if __name__ == "__main__":
    main()
