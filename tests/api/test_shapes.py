"""The OpenAPI description says what answers look like, and they do."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from starlette.testclient import TestClient

from tests import builders
from tests.builders import NOON

Database = Connection[TupleRow]
RAW = {  # what is no JSON
    "/api/v1/leads/{lead_id}/photos/{digest}", "/api/v1/leads/{lead_id}/evidence",
    "/api/v1/transfers/{transfer_id}/document", "/api/v1/transfers/{transfer_id}/package",
}  # fmt: skip


def test_every_answer_has_a_schema(anyone: TestClient) -> None:
    paths = anyone.get("/api/v1/openapi.json").json()["paths"]
    bare = [
        (method, path, code)
        for path, methods in paths.items()
        for method, operation in methods.items()
        for code, answer in operation["responses"].items()
        if code in {"200", "201"} and path not in RAW
        if not answer.get("content", {}).get("application/json", {}).get("schema")
    ]
    assert bare == []


@pytest.fixture
def filled(database: Database) -> Database:
    """Something of everything that the lists below show."""
    builders.position(database)
    builders.latest_position(database)
    builders.reading(database)
    builders.insert(
        database, "fume_latest", device_id="F0", ts=NOON, received_at=NOON, fume_mg_m3=0.6, fan_on=True,
        purifier_on=True, quality="ok",
    )  # fmt: skip
    builders.insert(database, "fume_mean", device_id="F0", period="minute", begins_at=NOON, received_at=NOON)
    builders.alert(database)
    for n in range(3):
        builders.alert(
            database, kind="illegal_dumping", severity="critical", place=str(n), opened_at=NOON - timedelta(days=n)
        )  # fmt: skip
    builders.insert(database, "fume_due", device_id="F0", begins_at=NOON)
    builders.lead(database)
    builders.insert(
        database, "trip", device_id="V0", plate="鲁A00000", company_id="C1", loaded_at=NOON, left_at=NOON,
        left_lat=36.7, left_lon=117.5,
        source_site_id="PIT", outcome="under_way", distance_m=0, on_route_m=0,
    )  # fmt: skip
    builders.insert(database, "road_passage", device_id="V0", ts=NOON, road_id="K1", loaded_at=NOON)
    builders.insert(
        database, "quarantine", topic="ff/v1/vehicle/V0/telemetry", payload=b"{", reason="not_json",
        device_id="V0", received_at=NOON,
    )  # fmt: skip
    builders.insert(
        database,
        "correction_order",
        outlet_id="R0",
        what="清洗净化器",
        deadline=NOON.date(),
        issued_by="squad",
    )
    builders.insert(database, "correction_recheck", order_id=1, passed=True, checked_by="squad")
    builders.insert(database, "cleaning_record", outlet_id="R0", cleaned_on=NOON.date(), recorded_by="squad")
    builders.insert(
        database,
        "inspection",
        name="联合检查",
        begins_on=NOON.date(),
        ends_on=NOON.date(),
        created_by="squad",
    )
    builders.insert(database, "shop_front", unit_id="U1", name="饭店")
    builders.insert(
        database, "kitchen_finding", day=NOON.date(), device_id="F0", kind="stuck", score=0.5,
        explained=Jsonb({"why": "x"}),
    )  # fmt: skip
    return database


TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip


def faults(said: Any, schema: dict[str, Any], named: dict[str, Any], where: str = "") -> list[str]:
    """Where `said` is not as `schema` says; of JSON Schema what our description uses."""
    if "$ref" in schema:
        return faults(said, named[schema["$ref"].rpartition("/")[2]], named, where)
    if "anyOf" in schema:
        found = [faults(said, one, named, where) for one in schema["anyOf"]]
        return [] if [] in found else min(found, key=len)
    kind = schema.get("type")
    if kind and not (isinstance(said, TYPES[kind]) and (kind == "boolean") == isinstance(said, bool)):
        return [f"{where}: {said!r} is no {kind}"]
    if "const" in schema and said != schema["const"]:
        return [f"{where}: {said!r} is not {schema['const']!r}"]
    if kind == "array":
        return [
            fault
            for n, one in enumerate(said)
            for fault in faults(one, schema.get("items", {}), named, f"{where}[{n}]")
        ]
    if kind != "object":
        return []
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    others = others if isinstance(others, dict) else {}
    return [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in said] + [
        fault
        for name, one in said.items()
        for fault in faults(one, properties.get(name, others), named, f"{where}.{name}")
    ]


SHOWN = {
    **{
        path: path
        for path in (
            "/me", "/labels", "/vehicles", "/vehicles/latest", "/companies", "/sites", "/routes", "/roads",
            "/jurisdictions", "/permits", "/outlets", "/devices", "/alerts", "/leads", "/trips", "/hotspots",
            "/quarantine", "/stats/overview", "/stats/permits", "/stats/passages", "/stats/kitchens", "/stats/streets",
            "/kitchen-findings", "/kitchen-units", "/fume-standards", "/correction-orders", "/inspections",
            "/shop-fronts", "/officers",
        )
    },
    "/vehicles/鲁A00000": "/vehicles/{plate}",
    "/vehicles/鲁A00000/track": "/vehicles/{plate}/track",
    "/outlets/R0": "/outlets/{outlet_id}",
    "/outlets/R0/readings": "/outlets/{outlet_id}/readings",
    "/outlets/R0/readings?every=10m": "/outlets/{outlet_id}/readings",
    "/outlets/R0/means": "/outlets/{outlet_id}/means",
    "/outlets/R0/figures?every=10m&to=2026-11-24T00:00:00Z": "/outlets/{outlet_id}/figures",
    "/outlets/R0/cleanings": "/outlets/{outlet_id}/cleanings",
    "/devices/V0/faults?from=2026-11-23T00:00:00Z": "/devices/{device_id}/faults",
    "/inspections/1": "/inspections/{inspection_id}",
    "/alerts/1": "/alerts/{alert_id}",
    "/leads/1": "/leads/{lead_id}",
}  # fmt: skip
"""What is asked for, and its route."""
EMPTY = {"/roads", "/kitchen-units"}


def test_answers_are_what_the_description_says(filled: Database, viewer: TestClient) -> None:
    description = viewer.get("/openapi.json").json()
    differing, empty = [], []
    for path, template in SHOWN.items():
        operation = description["paths"][f"/api/v1{template}"]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        answer = viewer.get(path)
        assert answer.status_code == 200, (path, answer.text)
        differing += faults(answer.json(), schema, description["components"]["schemas"], path)
        if "items" in answer.json() and not answer.json()["items"]:
            empty.append(path)
    assert differing == []
    assert set(empty) <= EMPTY, "an empty list says nothing about its items"
