"""`fleetfume simulate` and `fleetfume score`."""

import asyncio
import contextlib
import json
import re
import signal
import time
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from devices.registry_files import read_directory
from devices.types import DeviceKind, Registry
from runtime.database import connect
from runtime.errors import UserError
from runtime.instants import read_instant
from runtime.parts import broker, database
from runtime.settings import Settings, load_settings
from runtime.tls import broker_tls
from simulators.matching import Comparison, OpenedAlert, compare
from simulators.play import Clock, play
from simulators.publisher import Broker, Publisher, many_files
from simulators.purifiers import cleanings_csv
from simulators.readings import SECOND_US
from simulators.scenarios import Scenario, scenario_named, scenarios
from simulators.simulation import Simulation, make_simulation
from simulators.truth import TruthLine, TruthWriter, read_truths

SAMPLE_DISTRICT = Path(__file__).parent / "district_data"


class Clients(StrEnum):
    POOL = "pool"
    EACH = "each"


def simulate(
    scenario: Annotated[str | None, typer.Argument(help="Which one; --list shows them.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Say what scenarios there are.")] = False,  # noqa: FBT002
    registry: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Registry files of the fleet. [default: the sample district]"),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(help="Times real time, never beyond the present. [default: the scenario's]"),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="T", help="Event time to begin at, like 2026-11-23T00:00:00Z. [default: now]"),
    ] = None,
    catch_up: Annotated[
        str | None,
        typer.Option(metavar="D", help="Begin that long ago instead, like 6h. [default: the scenario's]"),
    ] = None,
    duration: Annotated[
        str | None, typer.Option(metavar="D", help="Event time to play, like 90m. [default: until stopped]")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed and start give the same readings.")] = 1,
    truth: Annotated[Path | None, typer.Option(metavar="FILE", help="Write what really happened.")] = None,
    cleanings: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the purifiers' cleanings, for 'kitchens cleanings'."),
    ] = None,
    jt808: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Of the trucks, 0 to 1: those whose terminals speak JT/T 808."),
    ] = 0.0,
    hj212: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Of the kitchens, 0 to 1: those whose monitors speak HJ 212."),
    ] = 0.0,
    clients: Annotated[
        Clients, typer.Option(help="A few shared connections, or one for each device.")
    ] = Clients.POOL,
    credentials: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Lines 'device,secret', as 'credentials issue' prints them; implies each."
        ),
    ] = None,
) -> None:
    """Publish a simulated fleet as its firmware would, on the real topics."""
    if list_ or scenario is None:
        for name, known in scenarios().items():
            typer.echo(f"{name:8} {known.about}")
        if scenario is None and not list_:
            raise UserError("name a scenario")
        return
    chosen = scenario_named(scenario)
    settings = load_settings()
    now_us = time.time_ns() // 1000
    start_us = _start_us(start, catch_up, chosen.catch_up_h, now_us)
    pace = chosen.speed if speed is None else speed
    if not pace > 0:
        raise UserError(f"--speed {pace} is not above 0")
    if not 0 <= jt808 <= 1:
        raise UserError(f"--jt808 {jt808} is not a share of the trucks, 0 to 1")
    if not 0 <= hj212 <= 1:
        raise UserError(f"--hj212 {hj212} is not a share of the kitchens, 0 to 1")
    end_us = start_us + _span_us("--duration", duration) if duration is not None else None
    fleet = read_directory(registry or SAMPLE_DISTRICT)
    if cleanings is not None:
        _write_cleanings(cleanings, fleet, chosen, settings, start_us, end_us or now_us)
    secrets = _secrets(credentials) if credentials else {}
    each = clients is Clients.EACH or bool(secrets)
    with ExitStack() as opened:
        out = _opened(truth, opened)
        simulation = make_simulation(
            fleet, chosen, settings.zone, start_us, seed, TruthWriter(out), jt808=jt808, hj212=hj212
        )
        if each:
            opened.enter_context(many_files(len(simulation.devices)))
        url = opened.enter_context(broker(settings))
        mqtt = Broker.from_url(url, tls=broker_tls(settings, url))
        publisher = _publisher(mqtt, settings, simulation, secrets, each=each)
        begun = time.monotonic()
        asyncio.run(_play(simulation, publisher, Clock(start_us, pace, time.time_ns() // 1000), end_us))
        typer.echo(
            f"{simulation.readings} readings of {len(simulation.devices)} devices in "
            f"{time.monotonic() - begun:.0f} s, {publisher.acknowledged} acknowledged"
        )


def score(
    truth: Annotated[
        Path, typer.Option(metavar="FILE", help="What really happened, as 'simulate --truth' writes it.")
    ],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="T", help="Only what began then or later.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="T", help="Only what began before.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002
    details: Annotated[  # noqa: FBT002
        bool, typer.Option("--details", help="Name what was missed and what was false.")
    ] = False,
) -> None:
    """Compare the alerts that were opened with what really happened: precision, recall, F1, latency.

    Dismissed and withdrawn alerts do not count. Latency is event time from a behaviour's start to its alert.
    """
    since = read_instant("--from", from_) if from_ else datetime.min.replace(tzinfo=UTC)
    until = read_instant("--to", to) if to else datetime.max.replace(tzinfo=UTC)
    try:
        with truth.open("rb") as lines:
            truths = [line for line in read_truths(lines) if since <= line.started_at < until]
    except OSError as error:
        raise UserError(f"{truth} cannot be read: {error.strerror}") from None
    except UserError as error:
        raise UserError(f"{truth}: {error}") from None
    with database(load_settings()) as url:
        alerts = [alert for alert in _alerts(url) if since <= alert.started_at < until]
    found = compare(truths, alerts)
    typer.echo(
        json.dumps(_as_json(found, details=details), ensure_ascii=False)
        if json_
        else _as_text(found, details=details)
    )


_ALERTS = """
SELECT alert.id, alert.kind, alert.device_id, alert.outlet_id IS NULL AS is_vehicle, started_at, opened_at,
       coalesce(cleared_at, updated_at) AS until, lat, lon
  FROM alert
 WHERE state NOT IN ('dismissed', 'withdrawn')
 ORDER BY id
"""


def _alerts(url: str) -> list[OpenedAlert]:
    with connect(url) as connection:
        return [OpenedAlert(*row) for row in connection.execute(_ALERTS)]


def _as_json(found: Comparison, *, details: bool) -> dict[str, Any]:
    kinds = {
        kind: asdict(one) | {n: getattr(one, n) for n in ("precision", "recall", "recall_visible", "f1")}
        for kind, one in found.kinds.items()
    }
    if not details:
        return {"kinds": kinds}
    missed = [_described(truth) for truth in found.missed]
    false = [
        asdict(alert) | {n: _text(getattr(alert, n)) for n in ("started_at", "opened_at", "until")}
        for alert in found.false_alarms
    ]
    return {"kinds": kinds, "missed": missed, "false_alarms": false}


def _described(truth: TruthLine) -> dict[str, Any]:
    return {
        "kind": truth.kind, "device_id": truth.device_id, "started_at": _text(truth.started_at),
        "ended_at": _text(truth.ended_at), "lat": truth.lat, "lon": truth.lon, "note": truth.note,
    }  # fmt: skip


def _as_text(found: Comparison, *, details: bool) -> str:
    head = (
        "kind",
        "truths",
        "alerts",
        "matched",
        "precision",
        "recall",
        "F1",
        "p50 s",
        "p95 s",
        "visible",
        "of these",
    )
    rows = [
        (kind, one.truths, one.alerts, one.matched, _share(one.precision), _share(one.recall), _share(one.f1),
         _seconds(one.latency_p50_s), _seconds(one.latency_p95_s), one.visible, _share(one.recall_visible))
        for kind, one in found.kinds.items()
    ]  # fmt: skip
    lines = [f"{row[0]:20}" + "".join(f"{cell!s:>10}" for cell in row[1:]) for row in (head, *rows)]
    if details:
        lines += [
            f"missed       {t.kind} {t.device_id} {_text(t.started_at)} to {_text(t.ended_at)} at {t.lat},{t.lon}: {t.note}"
            for t in found.missed
        ]
        lines += [
            f"false alarm  {a.kind} {a.device_id} {_text(a.started_at)} to {_text(a.until)} at {a.lat},{a.lon}: alert {a.id}"
            for a in found.false_alarms
        ]
    return "\n".join(lines)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


async def _play(simulation: Simulation, publisher: Publisher, clock: Clock, end_us: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends it there without draining
            loop.add_signal_handler(number, stop.set)
    async with publisher:
        await play(simulation, publisher, clock, end_us, stop)


def _publisher(
    mqtt: Broker, settings: Settings, simulation: Simulation, secrets: dict[str, str], *, each: bool
) -> Publisher:
    if not each:
        return Publisher.pooled(mqtt, settings.topic_prefix)
    kinds: dict[str, DeviceKind] = {device.device_id: device.kind for device in simulation.devices}
    missing = sorted(set(kinds).difference(secrets)) if secrets else []
    if missing:
        raise UserError(
            f"the credentials name no secret for {len(missing)} devices, {missing[0]} the first of them"
        )
    return Publisher.one_client_each(mqtt, settings.topic_prefix, kinds, secrets)


def _write_cleanings(
    path: Path, fleet: Registry, scenario: Scenario, settings: Settings, start_us: int, end_us: int
) -> None:
    if not scenario.ageing:
        raise UserError(
            "--cleanings: in this scenario no purifier is cleaned; 'ageing' is one in which they are"
        )
    days = [datetime.fromtimestamp(us / SECOND_US, settings.zone).date() for us in (start_us, end_us)]
    try:
        path.write_text(cleanings_csv(fleet, *days), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def _opened(path: Path | None, opened: ExitStack) -> IO[bytes] | None:
    if path is None:
        return None
    try:
        return opened.enter_context(path.open("wb"))
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None


def _secrets(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    secrets = {}
    for number, line in enumerate(lines, start=1):
        device_id, comma, secret = (part.strip() for part in line.partition(","))
        if line.strip() and not (device_id and comma and secret):
            raise UserError(f"{path}, line {number}: not 'device,secret'")
        if line.strip():
            secrets[device_id] = secret
    return secrets


def _start_us(start: str | None, catch_up: str | None, catch_up_h: float, now_us: int) -> int:
    if start is not None and catch_up is not None:
        raise UserError("--start and --catch-up both say where to begin; give one of them")
    if start is not None:
        begin_us = int(read_instant("--start", start).timestamp()) * SECOND_US
        if begin_us > now_us:
            raise UserError(f"--start {start} lies in the future; devices send what has happened")
        if begin_us < 0:
            raise UserError(f"--start {start} lies before 1970, where their clocks begin")
        return begin_us
    back_us = _span_us("--catch-up", catch_up) if catch_up is not None else int(catch_up_h * 3600) * SECOND_US
    return (now_us - back_us) // SECOND_US * SECOND_US


def _span_us(option: str, text: str) -> int:
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text.strip())
    if parts is None or not text.strip():
        raise UserError(f"{option} {text!r} is no length of time; write it like 6h, 90m, 1h30m or 45s")
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return (hours * 3600 + minutes * 60 + seconds) * SECOND_US
