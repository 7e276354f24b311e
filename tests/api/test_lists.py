"""The register, tracks, readings, alerts and figures as HTTP shows them."""

import base64
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from starlette.testclient import TestClient

from api.routes.vehicles import thin
from tests import builders
from tests.builders import NOON, minutes

Database = Connection[TupleRow]


def everything(client: TestClient, path: str, **query: Any) -> tuple[list[dict[str, Any]], int]:
    """All items, page after page, and how many pages there were."""
    items, cursor, count = [], None, 0
    while True:
        page = client.get(path, params={**query, **({"cursor": cursor} if cursor else {})})
        assert page.status_code == 200, page.text
        items += page.json()["items"]
        count += 1
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return items, count


@pytest.mark.parametrize(
    ("path", "key", "keys"),
    [
        ("/companies", "company_id", ["C1", "C2"]),
        ("/sites", "site_id", ["PIT", "SPRING", "TIP", "YARD"]),
        ("/routes", "route_id", ["ROAD"]),
        ("/jurisdictions", "code", ["370114001"]),
        ("/permits", "permit_id", ["P1"]),
        ("/devices", "device_id", ["F0", "F1", "V0", "V1"]),
        ("/vehicles", "plate", ["鲁A00000", "鲁A00001"]),
        ("/outlets", "outlet_id", ["R0", "R1"]),
    ],
)
def test_a_list_gives_every_row_once_whatever_the_page(
    viewer: TestClient, path: str, key: str, keys: list[str]
) -> None:
    for limit in (1, 2, 1000):
        items, pages = everything(viewer, path, limit=limit)
        assert [item[key] for item in items] == keys
        assert pages == max(1, -(-len(keys) // limit))


def test_a_device_has_what_it_said_of_itself_last_and_nulls_until_then(
    viewer: TestClient, database: Database
) -> None:
    database.execute(
        "INSERT INTO terminal_status VALUES ('V0', true, %(at)s, %(at)s, '1.4.2', %(at)s),"
        " ('V1', false, %(at)s, %(at)s, NULL, NULL)",
        {"at": NOON},
    )

    found = {
        item["device_id"]: [item[name] for name in ("online", "firmware", "online_since", "offline_since")]
        for item in everything(viewer, "/devices", limit=2)[0]
    }

    assert found["V0"] == [True, "1.4.2", "2026-11-23T04:00:00Z", None]
    assert found["V1"] == [False, None, None, "2026-11-23T04:00:00Z"]
    assert found["F0"] == [None, None, None, None]


def test_a_cursor_that_was_changed_cut_or_comes_from_another_list_is_refused(viewer: TestClient) -> None:
    cursor = viewer.get("/sites", params={"limit": 1}).json()["next_cursor"]
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[-3] ^= 1
    changed = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert viewer.get("/sites", params={"cursor": cursor}).status_code == 200
    for bad in (changed, cursor[:-4], cursor + "AAAA", "x", "é", "", "'; DROP TABLE site"):
        answer = viewer.get("/sites", params={"cursor": bad})
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json"), bad
    assert viewer.get("/devices", params={"cursor": cursor}).status_code == 400


def test_a_vehicle_has_its_company_its_terminal_and_its_last_state(
    viewer: TestClient, database: Database
) -> None:
    builders.latest_position(database, speed_kmh=42.5, site_id="PIT")
    builders.alert(database, severity="major")
    moving, silent = everything(viewer, "/vehicles")[0]
    assert (moving["company_name"], moving["device_id"]) == ("示例渣土运输公司", "V0")
    assert moving["latest"]["speed_kmh"] == 42.5
    assert (moving["latest"]["site_id"], moving["latest"]["alert"]) == ("PIT", "major")
    assert moving["latest"]["ts"] == "2026-11-23T04:00:00Z"
    assert (silent["device_id"], silent["latest"]) == ("V1", None)
    assert viewer.get(f"/vehicles/{quote('鲁A00000')}").json() == moving


def test_the_map_gets_all_positions_with_the_newest_event(viewer: TestClient, database: Database) -> None:
    builders.latest_position(database)
    builders.latest_position(database, device_id="gone from the register")
    with database.transaction():
        builders.alert(database, told=True, severity="critical")
    latest = viewer.get("/vehicles/latest").json()
    newest = database.execute("SELECT max(id) FROM outbox").fetchone()
    assert newest is not None
    assert latest["event_id"] == newest[0]
    (vehicle,) = latest["vehicles"]
    assert vehicle.keys() == {
        "device_id", "plate", "company_id", "kind", "ts", "lat", "lon", "speed_kmh", "heading_deg", "load", "lift",
        "cover", "ignition", "quality", "loaded", "site_id", "alert",
    }  # fmt: skip
    assert (vehicle["plate"], vehicle["alert"]) == ("鲁A00000", "critical")


def test_a_track_is_a_line_whose_properties_stand_beside_its_points(
    viewer: TestClient, database: Database
) -> None:
    for n in range(4):
        builders.position(database, NOON + minutes(n), speed_kmh=float(n), load=None if n == 2 else 0.5)
    builders.position(database, NOON - minutes(121), speed_kmh=99.0)
    track = viewer.get("/vehicles/鲁A00000/track").json()
    properties = track["properties"]
    assert (track["type"], track["geometry"]["type"]) == ("Feature", "LineString")
    assert len(track["geometry"]["coordinates"]) == 4
    lon, lat = track["geometry"]["coordinates"][0]
    assert (round(lon), round(lat)) == (118, 37)
    assert properties["times"][0] == "2026-11-23T04:00:00Z"
    assert (properties["speed_kmh"], properties["load"]) == ([0.0, 1.0, 2.0, 3.0], [0.5, 0.5, None, 0.5])
    assert properties["quality"] == ["ok"] * 4
    assert properties["truncated"] is False


def test_a_track_is_of_the_range_that_was_asked_for(viewer: TestClient, database: Database) -> None:
    for n in range(10):
        builders.position(database, NOON + minutes(n))
    asked = {"from": "2026-11-23T12:02:00+08:00", "to": "2026-11-23T04:05:00Z"}
    track = viewer.get("/vehicles/鲁A00000/track", params=asked).json()
    assert [at[11:16] for at in track["properties"]["times"]] == ["04:02", "04:03", "04:04"]


def test_the_track_of_a_vehicle_that_never_spoke_is_empty(viewer: TestClient) -> None:
    track = viewer.get("/vehicles/鲁A00001/track").json()
    assert (track["geometry"]["coordinates"], track["properties"]["times"]) == ([], [])


def fixes(count: int, bad: set[int]) -> list[dict[str, Any]]:
    return [{"n": n, "quality": "jump" if n in bad else "ok"} for n in range(count)]


@pytest.mark.parametrize("most", [2, 3, 10, 99, 100])
@pytest.mark.parametrize("bad", [set(), {5}, {0, 50, 99}, set(range(100)), set(range(10, 60))])
def test_thinning_keeps_first_last_and_doubted_fixes_and_no_more_than_asked(most: int, bad: set[int]) -> None:
    kept = [fix["n"] for fix in thin(fixes(100, bad), most)]
    assert kept == sorted(set(kept))
    assert (kept[0], kept[-1]) == (0, 99)
    assert len(kept) <= most
    inner = bad - {0, 99}
    if len(inner) <= (most - 2) // 2:
        assert inner <= set(kept)
        assert len(kept) == most


def test_an_outlet_has_its_limit_in_force_and_its_monitors_last_reading(
    viewer: TestClient, database: Database
) -> None:
    builders.insert(
        database, "fume_latest", device_id="F0", ts=NOON, received_at=NOON, fume_mg_m3=0.6, fan_on=True,
        purifier_on=False, quality="ok",
    )  # fmt: skip
    builders.alert(
        database, kind="purifier_off", device_id="F0", plate=None, outlet_id="R0", severity="major"
    )
    cooking, quiet = everything(viewer, "/outlets")[0]
    assert (cooking["limit_mg_m3"], cooking["effective_limit_mg_m3"]) == (None, 1.5)
    assert cooking["latest"] == {
        "ts": "2026-11-23T04:00:00Z", "fume_mg_m3": 0.6, "fan_on": True, "purifier_on": False, "quality": "ok",
    }  # fmt: skip
    assert (cooking["alert"], quiet["alert"], quiet["latest"]) == ("major", None, None)


def test_readings_come_raw_page_by_page(viewer: TestClient, database: Database) -> None:
    for n in range(5):
        builders.reading(database, NOON + minutes(n), fume_mg_m3=n / 10)
    items, pages = everything(viewer, "/outlets/R0/readings", limit=2)
    assert ([item["fume_mg_m3"] for item in items], pages) == ([0.0, 0.1, 0.2, 0.3, 0.4], 3)
    assert items[0].keys() == {
        "ts", "fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3", "temp_c", "rh_pct", "fan_on", "purifier_on", "fan_a",
        "purifier_a", "flag", "quality",
    }  # fmt: skip


def test_means_are_of_good_readings_in_buckets_of_the_local_clock(
    viewer: TestClient, database: Database
) -> None:
    for n, (value, quality) in enumerate([(0.2, "ok"), (0.4, "ok"), (-5.0, "negative")]):
        builders.reading(database, NOON + minutes(n), fume_mg_m3=value, quality=quality, purifier_on=n == 0)
    builders.reading(database, NOON + minutes(10), fume_mg_m3=1.0)
    (first, second), pages = everything(viewer, "/outlets/R0/readings", every="10m", limit=1)
    assert pages == 2
    assert (first["ts"], second["ts"]) == ("2026-11-23T04:00:00Z", "2026-11-23T04:10:00Z")
    assert first["fume_mg_m3"] == pytest.approx(0.3)
    assert (first["count"], first["valid_count"]) == (3, 2)
    assert (first["fan_on_share"], first["purifier_on_share"]) == (1.0, 0.5)
    (day,), _ = everything(viewer, "/outlets/R0/readings", every="1d")
    assert day["ts"] == "2026-11-22T16:00:00Z"


def test_a_monitors_own_means_come_page_by_page_by_period(viewer: TestClient, database: Database) -> None:
    for n in range(3):
        for device_id in ("F0", "F1"):
            builders.insert(
                database, "fume_mean", device_id=device_id, period="minute", begins_at=NOON + minutes(10 * n),
                fume_mg_m3=n / 10, fume_max_mg_m3=1.0, flag="calibrating" if n else None, received_at=NOON,
            )  # fmt: skip
    builders.insert(database, "fume_mean", device_id="F0", period="hour", begins_at=NOON, received_at=NOON)

    items, pages = everything(viewer, "/outlets/R0/means", limit=2)
    assert ([item["fume_mg_m3"] for item in items], pages) == ([0.0, 0.1, 0.2], 2)
    assert items[1] == {
        "begins_at": "2026-11-23T04:10:00Z", "period": "minute", "fume_mg_m3": 0.1, "fume_min_mg_m3": None,
        "fume_max_mg_m3": 1.0, "pm_mg_m3": None, "nmhc_mg_m3": None, "flag": "calibrating",
    }  # fmt: skip
    assert [item["period"] for item in everything(viewer, "/outlets/R0/means", period="hour")[0]] == ["hour"]
    late = {"from": "2026-11-23T04:10:00Z", "to": "2026-11-23T04:20:00Z"}
    assert [item["fume_mg_m3"] for item in everything(viewer, "/outlets/R0/means", **late)[0]] == [0.1]
    assert viewer.get("/outlets/R9/means").status_code == 404
    assert viewer.get("/outlets/R0/means", params={"period": "week"}).status_code == 422


def test_alerts_are_found_by_what_they_are_newest_first(viewer: TestClient, database: Database) -> None:
    for n in range(5):
        builders.alert(
            database, opened_at=NOON + minutes(n), place=str(n), state="cleared" if n % 2 else "open",
            severity="major" if n == 4 else "minor", device_id="V1" if n == 0 else "V0",
        )  # fmt: skip
    builders.alert(database, kind="no_go_entry", opened_at=NOON + minutes(4))

    def found(**query: Any) -> list[int]:
        return [item["id"] for item in everything(viewer, "/alerts", limit=2, **query)[0]]

    assert found() == [6, 5, 4, 3, 2, 1]
    assert found(state="open") == [6, 5, 3, 1]
    assert found(state=["open", "cleared"], kind="off_route") == [5, 4, 3, 2, 1]
    assert found(severity="major") == [5]
    assert found(device_id="V1") == [1]
    assert found(**{"from": "2026-11-23T04:01:00Z", "to": "2026-11-23T04:03:00Z"}) == [3, 2]


def test_a_list_of_alerts_leaves_out_the_readings_that_one_alert_has(
    viewer: TestClient, database: Database
) -> None:
    alert_id = builders.alert(database)
    (listed,) = viewer.get("/alerts").json()["items"]
    whole = viewer.get(f"/alerts/{alert_id}").json()
    assert listed["evidence"] == {"values": {"max_distance_m": 420.0}}
    assert whole["evidence"]["fixes"] == [{"ts": "2026-11-23T04:00:00Z"}]
    assert {**listed, "evidence": None} == {**whole, "evidence": None}
    assert whole["summary"] == "鲁A00000在明水街道偏离核准路线：最远偏离 420 米"
    assert whole["summary_en"] == "鲁A00000: off the approved route in 明水街道: up to 420 m off"
    assert (whole["company_name"], whole["jurisdiction_name"]) == ("示例渣土运输公司", "明水街道")


def test_quarantine_shows_what_arrived_byte_for_byte(viewer: TestClient, database: Database) -> None:
    payload = b"\xff\x00not json"
    builders.insert(
        database, "quarantine", received_at=NOON, topic="ff/v1/vehicle/V0/telemetry", payload=payload,
        reason="not_json", detail="", device_id="V0",
    )  # fmt: skip
    builders.insert(
        database,
        "quarantine",
        received_at=NOON + minutes(1),
        topic="x",
        payload=b"y" * 300_000,
        reason="too_large",
    )
    (large, small), _ = everything(viewer, "/quarantine", limit=1)
    assert base64.b64decode(small["payload_base64"]) == payload
    assert (small["reason"], small["device_id"], small["payload_bytes"]) == ("not_json", "V0", len(payload))
    assert (large["payload_bytes"], len(base64.b64decode(large["payload_base64"]))) == (300_000, 4096)


def test_the_overview_counts_what_is_there_now(viewer: TestClient, database: Database) -> None:
    builders.latest_position(database, speed_kmh=30.0, loaded=True)
    builders.latest_position(database, device_id="V1", received_at=NOON - timedelta(days=1))
    builders.insert(
        database,
        "fume_latest",
        device_id="F0",
        ts=NOON,
        received_at="now",
        fan_on=True,
        purifier_on=False,
        quality="ok",
    )
    builders.alert(database, opened_at="now", updated_at="now")
    builders.alert(database, opened_at=NOON - timedelta(days=9), state="cleared")
    builders.insert(database, "lead", kind="off_route", severity="minor", state="new", created_by="engine")
    overview = viewer.get("/stats/overview").json()
    assert overview["vehicles"] == {"total": 2, "online": 1, "moving": 1, "loaded": 1}
    assert overview["outlets"] == {"total": 2, "online": 1, "fan_on": 1, "purifier_off": 1}
    assert overview["alerts"] == {
        "open_by_kind": {"off_route": 1}, "open_by_severity": {"minor": 1}, "today": 1,
    }  # fmt: skip
    assert overview["leads"] == {"by_state": {"new": 1}}


def test_labels_have_both_languages(viewer: TestClient) -> None:
    assert viewer.get("/labels").json()["illegal_dumping"] == {
        "zh": "疑似偷倒乱倒", "en": "Suspected illegal dumping",
    }  # fmt: skip


def test_quarantine_is_filtered_by_device_reason_time_and_what_became_of_it(
    viewer: TestClient, database: Database
) -> None:
    for n, (device_id, reason, resolved) in enumerate(
        [("V0", "not_json", None), ("V0", "out_of_range", None), ("V1", "not_json", NOON)]
    ):
        builders.insert(
            database, "quarantine", received_at=NOON + minutes(n), topic="t", payload=b"{\x1b[2J\xe6\xb2\xb9",
            reason=reason, device_id=device_id, resolved_at=resolved,
        )  # fmt: skip

    def seen(**asked: Any) -> list[tuple[str, str]]:
        items = viewer.get("/quarantine", params=asked).json()["items"]
        return [(item["device_id"], item["reason"]) for item in items]

    assert seen(device_id="V0") == [("V0", "out_of_range"), ("V0", "not_json")]
    assert seen(reason="not_json") == [("V1", "not_json"), ("V0", "not_json")]
    assert seen(resolved=True) == [("V1", "not_json")]
    assert seen(resolved=False, reason=["not_json"]) == [("V0", "not_json")]
    assert seen(**{"from": (NOON + minutes(2)).isoformat()}) == [("V1", "not_json")]
    assert viewer.get("/quarantine", params={"reason": "mood"}).status_code == 422
    item = viewer.get("/quarantine").json()["items"][0]
    assert item["payload_text"] == "{\N{REPLACEMENT CHARACTER}[2J油"


def test_a_devices_faults_are_counted_by_hour_with_the_newest_examples(
    viewer: TestClient, database: Database
) -> None:
    for n, quality in enumerate(["ok", "zero", "zero", "jump"]):
        builders.position(database, NOON + minutes(30 * n), quality=quality)
    builders.position(database, NOON, device_id="V1", quality="zero")
    builders.insert(
        database, "quarantine", received_at=NOON, topic="t", payload=b"x", reason="too_old", device_id="V0", readings=7
    )  # fmt: skip
    builders.insert(
        database, "device_finding", device_id="V0", day=NOON.date(), code="frozen", detail=Jsonb({"minutes": 12})
    )  # fmt: skip
    asked = {"from": NOON.isoformat(), "to": (NOON + minutes(120)).isoformat()}

    said = viewer.get("/devices/V0/faults", params=asked).json()
    assert "doubted" in said, said

    assert [(row["hour"], row["quality"], row["readings"]) for row in said["doubted"]] == [
        ("2026-11-23T04:00:00Z", "zero", 1),
        ("2026-11-23T05:00:00Z", "jump", 1),
        ("2026-11-23T05:00:00Z", "zero", 1),
    ]
    assert [(row["reason"], row["readings"]) for row in said["refused"]] == [("too_old", 7)]
    assert [row["quality"] for row in said["doubted_newest"]] == ["jump", "zero", "zero"]
    assert [row["payload_text"] for row in said["refused_newest"]] == ["x"]
    assert said["findings"] == [{"day": "2026-11-23", "code": "frozen", "detail": {"minutes": 12}}]
    assert viewer.get("/devices/NOBODY/faults").status_code == 404
    asked["to"] = (NOON + minutes(60 * 24 * 40)).isoformat()
    assert viewer.get("/devices/V0/faults", params=asked).status_code == 422
    assert viewer.get("/devices/F0/faults").json()["doubted"] == []
