"""One alert's part of a case file: messages, readings, track, pictures, register, rules, and what the report says of it."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import msgspec
from psycopg import Connection
from psycopg.rows import dict_row

from alerts import case_words as words
from alerts.canonical import canonical
from alerts.casefile import rawlog, track_files
from alerts.casefile.maps import Picture, Scene, draw, frame_of
from alerts.catalogue import Catalogue
from alerts.presentation import alert_json, plain
from alerts.why.explaining import explain
from alerts.why.explanation_text import explanation_text
from devices.repository import load_registry, load_registry_at
from devices.types import Registry
from runtime.instants import microseconds

AROUND = timedelta(minutes=30)
LONGEST = timedelta(days=1)
"""After an alert was opened: what goes on longer says nothing new."""
MOST_READINGS = 20_000
SHOWN_READINGS = 120
"""Rows of readings in the report; the files hold all."""
NEAR_DEG = 0.1
"""Sites and roads drawn: about ten kilometres around."""
BESIDE_DEG = 0.03
"""Sites held to be near: about three kilometres."""
FIXES: LiteralString = """
    SELECT * FROM vehicle_position WHERE device_id = %s AND ts BETWEEN %s AND %s ORDER BY ts LIMIT %s
"""
SAMPLES: LiteralString = """
    SELECT * FROM fume_reading WHERE device_id = %s AND ts BETWEEN %s AND %s ORDER BY ts LIMIT %s
"""
CLEANINGS: LiteralString = "SELECT * FROM cleaning_record WHERE outlet_id = %s ORDER BY cleaned_on, id"
QUARANTINED: LiteralString = """
    SELECT topic, received_at, payload FROM quarantine
     WHERE device_id = %s AND received_at BETWEEN %s AND %s ORDER BY received_at, id
"""


def put_alert(
    connection: Connection[Any],
    row: dict[str, Any],
    put: dict[str, bytes],
    registers: dict[int, Registry],
    local: words.Clock,
) -> dict[str, Any]:
    """Put one alert's files in; what the report says of it. `registers` keeps those that were loaded, by version."""
    alert_id = row["id"]
    shown = alert_json(row)
    put[f"alerts/{alert_id}.json"] = canonical(shown)
    since = row["started_at"] - AROUND
    until = min((row["cleared_at"] or row["updated_at"]) + AROUND, row["opened_at"] + LONGEST)
    kind = "fume" if row["outlet_id"] else "vehicle"
    readings = read_rows(
        connection, SAMPLES if kind == "fume" else FIXES, (row["device_id"], since, until, MOST_READINGS)
    )
    put[f"readings/{alert_id}.csv"] = track_files.as_csv(readings)
    used = [one for one in readings if row["started_at"] <= one["ts"] <= row["opened_at"]]
    kept, missing = _raw(connection, row["device_id"], readings, put, alert_id)
    maps: list[str] = []
    if kind == "vehicle":
        put[f"track/{alert_id}.geojson"] = canonical(track_files.as_geojson(shown, readings))
        put[f"track/{alert_id}.gpx"] = track_files.as_gpx(shown, readings)
    if row["outlet_id"]:
        cleanings = read_rows(connection, CLEANINGS, (row["outlet_id"],))
        put[f"cleanings/{alert_id}.json"] = canonical([plain_row(one) for one in cleanings])
    version = row["registry_version"]
    if version not in registers:
        registers[version] = load_registry_at(connection, load_registry(connection), version)
    register = _register(registers[version], row)
    put[f"register/{alert_id}.json"] = canonical({"version": version, **register})
    if kind == "vehicle" and row["lat"] is not None:
        for name, svg in _maps(row, readings, registers[version], register, local).items():
            put[f"map/{alert_id}-{name}.svg"] = svg.encode()
            maps.append(svg)
    rule = row["evidence"].get("rule", {})
    put[f"rules/{alert_id}.json"] = canonical({"version": row["rule_version"], **rule})
    said = f"{kept} 条原始报文按接收时的字节收入 raw/ 目录（含接收时间和 SHA-256）。"
    if missing:
        said += (
            f"另有 {missing} 条读数的原始报文已超过保存期限或早于本功能启用，未能收入；读数本身见 readings/。"
        )
    columns = words.SHOWN[kind]
    return {
        "raw_said": f"告警 {alert_id}：{said}",
        "title": f"告警 {alert_id} {words.zh(row['kind'])}",
        "sentence": shown["summary_zh"],
        "facts": [
            ["严重程度、可信度", f"{words.zh(row['severity'])}，{row['score']:.2f}"],
            ["状态", words.zh(row["state"])],
            ["终端", row["device_id"]],
            ["行为开始", local(row["started_at"])],
            ["发现", local(row["opened_at"])],
            ["解除", local(row["cleared_at"])],
            ["位置", f"{row['lat']:.6f}, {row['lon']:.6f}（WGS-84）" if row["lat"] is not None else None],
            ["街镇", row["jurisdiction_name"] or row["jurisdiction"]],
            ["规则版本、名录版本", f"{row['rule_version']}，{version}"],
            ["说明", words.zh(row["note"]) if row["note"] else None],
        ],
        "measured": words.measured(row["evidence"]),
        "maps": maps,
        "readings_said": f"行为开始至告警成立共 {len(used)} 条读数"
        + (
            f"，下表列前 {SHOWN_READINGS} 条；全部见 readings/{alert_id}.csv。"
            if len(used) > SHOWN_READINGS
            else "。"
        ),
        "columns": [words.HEADINGS[one] for one in columns],
        "readings": [[words.cell(one[column], local) for column in columns] for one in used[:SHOWN_READINGS]],
        "register": words.register_rows(register, version),
    }


def put_explanation(
    connection: Connection[Any], alert_id: int, put: dict[str, bytes], catalogue: Catalogue, zone: ZoneInfo
) -> None:
    """Put in how the engine came to it, fix by fix, as data and in words."""
    said = explain(connection, alert_id, catalogue, zone)
    if said is not None:
        put[f"explanation/{alert_id}.json"] = canonical(msgspec.to_builtins(said))
        put[f"explanation/{alert_id}.txt"] = explanation_text(said, "zh", zone).encode()


def _raw(
    connection: Connection[Any], device_id: str, readings: Sequence[dict[str, Any]], put: dict[str, bytes], alert_id: int
) -> tuple[int, int]:  # fmt: skip
    """Put in the messages that the readings came in; how many, and of how many readings there is none."""
    if not readings:
        return 0, 0
    came = {microseconds(one["received_at"]) for one in readings}
    window = (min(one["received_at"] for one in readings), max(one["received_at"] for one in readings))
    messages = [one for one in rawlog.received(connection, device_id, *window) if one.received_us in came]
    known = {(one.received_us, one.hash) for one in messages}
    for one in read_rows(connection, QUARANTINED, (device_id, *window)):
        message = rawlog.Message(one["topic"], microseconds(one["received_at"]), bytes(one["payload"]))
        if message.received_us in came and (message.received_us, message.hash) not in known:
            messages.append(message)
    messages.sort(key=lambda one: (one.received_us, one.topic, one.hash))
    lines = [
        canonical(
            {
                "received_at": _us(one.received_us), "topic": one.topic, "sha256": one.hash, "bytes": len(one.payload),
                "payload_base64": base64.b64encode(one.payload).decode(),
            }
        )
        for one in messages
    ]  # fmt: skip
    put[f"raw/{alert_id}.ndjson"] = b"".join(line + b"\n" for line in lines)
    had = {one.received_us for one in messages}
    return len(messages), sum(microseconds(one["received_at"]) not in had for one in readings)


def _register(registry: Registry, row: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of the register that the alert was held against, as they were then; with every site of three
    kilometres around, since "outside every site" is said of those.
    """
    evidence = row["evidence"]
    permit = registry.permits.get(evidence.get("permit_id") or "")
    sites = {evidence.get("site_id"), *((permit.source_site_id, permit.disposal_site_id) if permit else ())}
    if row["lat"] is not None:
        place = (row["lat"], row["lon"])
        sites |= {key for key, site in registry.sites.items() if _near(site.geometry, place, BESIDE_DEG)}
    route = permit.route_id if permit else None
    found = {
        "device": registry.devices.get(row["device_id"]),
        "vehicle": registry.vehicles.get(row["plate"] or ""),
        "outlet": registry.outlets.get(row["outlet_id"] or ""),
        "company": registry.companies.get(row["company_id"] or ""),
        "permit": permit,
        "route": registry.routes.get(route or ""),
        "jurisdiction": registry.jurisdictions.get(row["jurisdiction"] or ""),
        "sites": [registry.sites[one] for one in sorted(filter(None, sites)) if one in registry.sites]
        or None,
    }
    return {name: msgspec.to_builtins(one) for name, one in found.items() if one is not None}


def _maps(
    row: Mapping[str, Any],
    readings: Sequence[Mapping[str, Any]],
    registry: Registry,
    register: Mapping[str, Any],
    local: words.Clock,
) -> dict[str, str]:
    """Before, at and after: the half hour before the behaviour, the behaviour close by, and the half hour after."""
    place = (row["lat"], row["lon"])
    end = row["cleared_at"] or row["opened_at"]
    scene = Scene(
        sites=[msgspec.to_builtins(site) for site in registry.sites.values() if _near(site.geometry, place)],
        routes=[register["route"]] if "route" in register else [],
        roads=[msgspec.to_builtins(road) for road in registry.roads.values() if _near(road.geometry, place)],
    )

    def between(since: datetime, until: datetime) -> list[Mapping[str, Any]]:
        return [one for one in readings if since <= one["ts"] <= until]

    spans = {
        "before": ("之前", between(row["started_at"] - AROUND, row["started_at"])),
        "at": ("当时", between(row["started_at"] - timedelta(minutes=2), end + timedelta(minutes=2))),
        "after": ("之后", between(end, end + AROUND)),
    }
    drawn = {}
    for name, (word, fixes) in spans.items():
        good = [(one["lat"], one["lon"]) for one in fixes if one["quality"] == "ok"]
        centre, half_m = frame_of([place, *good])
        span = f"{local(fixes[0]['ts'])[11:]}–{local(fixes[-1]['ts'])[11:]}" if fixes else "无定位"
        drawn[name] = draw(
            Picture(
                title=f"{word} {span}", scene=scene, centre=centre, half_m=half_m, track=good, place=place,
                doubted=[(one["lat"], one["lon"]) for one in fixes if one["quality"] != "ok"],
            )
        )  # fmt: skip
    return drawn


def _near(geometry: Mapping[str, Any], place: tuple[float, float], within_deg: float = NEAR_DEG) -> bool:
    lon, lat = _first(geometry["coordinates"])
    return abs(lat - place[0]) <= within_deg and abs(lon - place[1]) <= within_deg


def _first(coordinates: Any) -> tuple[float, float]:
    while isinstance(coordinates[0], list):
        coordinates = coordinates[0]
    return coordinates[0], coordinates[1]


def read_rows(
    connection: Connection[Any], query: LiteralString, parameters: Iterable[Any]
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, tuple(parameters)).fetchall()


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(json.dumps({name: plain(value) for name, value in row.items()}))
    return said


def _us(moment_us: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=moment_us)).isoformat(
        timespec="microseconds"
    )
