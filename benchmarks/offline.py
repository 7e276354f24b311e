"""Simulated fleets and the engine without service, broker or database: for benchmarks that need many days.

The same simulation and the same engine as elsewhere; readings are put in order of time first, so what comes late is
judged as the service judges it in the end.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from alerts.catalogue import Catalogue, load_catalogue
from alerts.episodes import Episode, Event, named_events
from analytics.district import compile_district
from devices.recordings import INSTANT, SCHEMAS
from devices.registry_files import read_directory
from devices.types import Registry
from devices.wire import decode_telemetry
from ingest.fleet import Fleet
from ingest.history.retelling import Hauls, Retelling
from ingest.judging import JUDGES, Records
from ingest.registers import Registers
from runtime.instants import instant, microseconds
from simulators.commands import SAMPLE_DISTRICT
from simulators.matching import OpenedAlert
from simulators.scenarios import Scenario, scenario_named
from simulators.simulation import make_simulation
from simulators.truth import TruthLine, TruthWriter, read_truths

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
EVENING = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""20:00 in Shanghai: most hauls are at night."""
HOUR_US = 3_600_000_000
_FIELDS = [
    name for name in SCHEMAS["vehicle"] if name not in {"ts", "device_id", "plate", "quality", "received_at"}
]


@dataclass(frozen=True, slots=True)
class Day:
    registry: Registry
    frame: pl.DataFrame
    """Positions, by ts and device."""
    truths: list[TruthLine]


def simulated(scenario: str | Scenario, *, seed: int, hours: float = 24, start: datetime = START) -> Day:
    """The trucks' readings of a simulated day, and what really happened to them."""
    chosen = scenario if isinstance(scenario, Scenario) else scenario_named(scenario)
    registry = read_directory(SAMPLE_DISTRICT)
    out, start_us = io.BytesIO(), microseconds(start)
    trucks = {key: device for key, device in registry.devices.items() if device.kind == "vehicle"}
    only = Registry(
        **{n: getattr(registry, n) for n in registry.__dataclass_fields__ if n not in {"devices", "version"}},
        devices=trucks,
    )
    simulation = make_simulation(only, chosen, ZONE, start_us, seed, TruthWriter(out))
    frames = []
    for hour in range(1, round(hours) + 1):
        until_us = start_us + hour * HOUR_US
        columns: dict[str, list[Any]] = {name: [] for name in ("ts", "device_id", *_FIELDS)}
        for device, sent in simulation.advance(until_us):
            for at in range(0, len(sent), 500):
                for reading in decode_telemetry("vehicle", device.to_message(sent[at : at + 500])).readings:
                    columns["ts"].append(int(reading.ts_us))
                    columns["device_id"].append(device.device_id)
                    for name in _FIELDS:
                        columns[name].append(getattr(reading, name))
        schema = {name: SCHEMAS["vehicle"][name] for name in columns} | {"ts": pl.Int64()}
        frames.append(pl.DataFrame(columns, schema=schema))
    simulation.truths.close(simulation.at_us / 1_000_000)
    frame = (
        pl.concat(frames)
        .unique(["device_id", "ts"], keep="first", maintain_order=True)
        .sort("ts", "device_id")
        .with_columns(pl.from_epoch("ts", time_unit="us").dt.replace_time_zone("UTC").cast(INSTANT))
    )
    return Day(registry, frame, read_truths(io.BytesIO(out.getvalue())))


def retelling(
    registry: Registry,
    catalogue: Catalogue | None = None,
    *,
    zone: ZoneInfo = ZONE,
    workers: int = 2,
    hauls: Hauls = lambda _device_id, _events: None,
) -> tuple[Retelling, Fleet]:
    """The engine over a register; its episodes are told in names, `hauls` gets the rows that tell of trips."""
    fleet = Fleet(registry, compile_district(registry), catalogue or load_catalogue(None))
    registers, names = Registers(fleet), fleet.compiled

    def judge_by(device_ids: Sequence[str], states: Records, records: Records, refused: Any) -> Any:
        return registers.judge(None, JUDGES["vehicle"], device_ids, states, records, refused)  # type: ignore[arg-type]

    def name(events: Records) -> list[Event]:
        return named_events(
            events, site_ids=names.site_ids, permit_ids=names.permit_ids, road_ids=names.road_ids
        )

    return Retelling(JUDGES["vehicle"], judge_by, name, zone, workers=workers, hauls=hauls), fleet


def judged(day: Day, catalogue: Catalogue | None = None, *, rows: int = 500_000) -> dict[str, list[Episode]]:
    """Standing episodes by device, silences of the day's end included."""
    told, fleet = retelling(day.registry, catalogue)
    for begin in range(0, len(day.frame), rows):
        told.fold(day.frame.slice(begin, rows))
    end_us = int(day.frame["ts"].to_physical().max())  # type: ignore[arg-type]
    told.hear_nothing(lambda device_ids, states: JUDGES["vehicle"].silent(fleet, device_ids, states, end_us))
    told.close()
    return {
        device_id: [episode for episode in episodes.values() if episode.withdrawn is None]
        for device_id, episodes in told.episodes().items()
    }


def as_alerts(
    episodes: dict[str, list[Episode]], *, only: Callable[[Episode], bool] = lambda _: True
) -> list[OpenedAlert]:
    """As `fleetfume score` compares them with truths."""
    flat: Iterable[tuple[str, Episode]] = (
        (device_id, episode) for device_id, own in episodes.items() for episode in own if only(episode)
    )
    return [
        OpenedAlert(
            number, e.kind, device_id, True, instant(e.started), instant(e.opened),  # noqa: FBT003
            instant(e.cleared if e.cleared is not None else e.updated), e.lat, e.lon,
        )
        for number, (device_id, e) in enumerate(flat)
    ]  # fmt: skip
