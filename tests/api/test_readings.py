"""The register, tracks, readings, pages and figures, on both editions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.serving import NOW, Served, add_alert, add_position, add_row


def every_item(client: Any, path: str, **wanted: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = client.get(path, params={**wanted, **cursor})
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            return items
        cursor = {"cursor": answer.json()["next_cursor"]}


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/companies", ["C1", "C2"]),
        ("/sites", ["PIT", "SPRING", "TIP", "YARD"]),
        ("/routes", ["ROAD"]),
        ("/roads", []),
        ("/jurisdictions", ["370114001"]),
        ("/permits", ["P1"]),
        ("/devices", ["F0", "F1", "V0", "V1", "V2"]),
        ("/outlets", ["R0", "R1"]),
        ("/vehicles", ["鲁A00000", "鲁A00001", "鲁A00002"]),
    ],
)
def test_the_register_is_listed_by_key_in_pages(any_served: Served, path: str, keys: list[str]) -> None:
    with any_served.sign_in("viewer") as client:
        for limit in (1, 2, 1000):
            items = every_item(client, path, limit=limit)
            key = (
                {"/vehicles": "plate", "/jurisdictions": "code"}.get(path) or next(iter(items[0]))
                if items
                else ""
            )
            assert [item[key] for item in items] == keys


def test_a_cursor_that_was_altered_or_is_another_lists_is_refused(any_served: Served) -> None:
    with any_served.sign_in("viewer") as client:
        cursor = client.get("/sites", params={"limit": 1}).json()["next_cursor"]
        altered = [
            cursor[:-1],
            cursor + "A",
            cursor[:-1] + ("A" if cursor[-1] != "A" else "B"),
            "A" + cursor[1:],
            "",
            "é",
        ]
        assert client.get("/sites", params={"cursor": cursor}).status_code == 200
        for text in altered:
            assert client.get("/sites", params={"cursor": text}).status_code == 400, text
        assert client.get("/devices", params={"cursor": cursor}).status_code == 400


def test_a_site_comes_with_its_outline_and_a_permit_with_its_days(any_served: Served) -> None:
    with any_served.sign_in("viewer") as client:
        site = client.get("/sites").json()["items"][0]
        permit = client.get("/permits").json()["items"][0]
    assert site["geometry"]["type"] == "Polygon"
    assert (permit["valid_from"], permit["plates"]) == ("2020-01-01", [])


def test_the_map_has_each_vehicle_that_reported_with_its_gravest_alert(served: Served) -> None:
    add_position(served, device_id="V0", load=0.8, site_id="PIT")
    add_position(served, device_id="V1", loaded=False)
    add_alert(served, device_id="V0", severity="minor", place="a")
    add_alert(served, device_id="V0", severity="major", place="b", state="acked")
    add_alert(served, device_id="V0", severity="critical", place="c", state="cleared")
    with served.sign_in("viewer") as client:
        answer = client.get("/vehicles/latest").json()
        listed = client.get("/vehicles").json()["items"]
        one = client.get("/vehicles/鲁A00000").json()
    positions = {vehicle["device_id"]: vehicle for vehicle in answer["vehicles"]}
    assert set(positions) == {"V0", "V1"}
    assert positions["V0"] == {
        "device_id": "V0", "plate": "鲁A00000", "company_id": "C1", "kind": "construction",
        "ts": "2026-11-23T04:00:00Z", "lat": 36.7, "lon": 117.5, "speed_kmh": 42.0, "heading_deg": None,
        "load": 0.8, "lift": None, "cover": None, "ignition": None, "quality": "ok", "loaded": True,
        "site_id": "PIT", "alert": "major",
    }  # fmt: skip
    assert positions["V1"]["alert"] is None
    assert answer["event_id"] == 0
    assert one == listed[0]
    assert one["company_name"] == "示例渣土运输公司"
    assert one["latest"]["load"] == 0.8
    assert listed[2]["latest"] is None


def test_a_track_is_a_line_with_its_times(any_served: Served) -> None:
    for n in range(500):
        add_row(
            any_served, "vehicle_position", device_id="V1", ts=NOW + timedelta(minutes=n), lat=36.7, lon=117 + n / 1000,
            speed_kmh=n, quality="jump" if n == 451 else "ok", received_at=NOW,
        )  # fmt: skip
    with any_served.sign_in("viewer") as client:
        last = client.get("/vehicles/鲁A00001/track").json()
        whole = client.get(
            "/vehicles/鲁A00001/track",
            params={"from": NOW.isoformat(), "to": (NOW + timedelta(days=1)).isoformat()},
        ).json()
        thin = client.get(
            "/vehicles/鲁A00001/track",
            params={"from": NOW.isoformat(), "to": (NOW + timedelta(days=1)).isoformat(), "max_points": 10},
        ).json()
        none = client.get("/vehicles/鲁A00002/track").json()
    assert len(last["geometry"]["coordinates"]) == 121  # two hours
    assert whole["geometry"]["coordinates"][7] == [117.007, 36.7]
    assert whole["properties"]["times"][7] == "2026-11-23T04:07:00Z"
    assert whole["properties"]["truncated"] is False
    speeds = thin["properties"]["speed_kmh"]
    assert thin["properties"]["truncated"] is True
    assert speeds[0] == 0
    assert speeds[-1] == 499
    assert 451 in speeds
    assert 10 <= len(speeds) <= 12
    assert {len(thin["properties"][name]) for name in ("times", "load", "lift", "quality")} == {len(speeds)}
    assert none["geometry"]["coordinates"] == []


def test_readings_come_raw_or_as_means_of_the_good_ones(any_served: Served) -> None:
    # Local midnight is 16:00 UTC.
    begin = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
    for n in range(120):
        add_row(
            any_served, "fume_reading", device_id="F0", ts=begin + timedelta(minutes=n), fume_mg_m3=1.0 if n < 60 else 2.0,
            fan_on=n % 2 == 0, purifier_on=None, quality="ok" if n != 61 else "negative", received_at=NOW,
        )  # fmt: skip
    with any_served.sign_in("viewer") as client:
        raw = every_item(client, "/outlets/R0/readings", limit=50)
        days = every_item(client, "/outlets/R0/readings", every="1d")
        tens = every_item(client, "/outlets/R0/readings", every="10m", limit=5)
        assert client.get("/outlets/R0/readings", params={"every": "10x"}).status_code == 422
        assert client.get("/outlets/R9/readings").status_code == 404
        assert client.get("/outlets/R1/readings").json() == {"items": [], "next_cursor": None}
    assert len(raw) == 120
    assert raw[0]["ts"] == "2026-11-22T15:00:00Z"
    assert [(day["ts"], day["fume_mg_m3"], day["count"], day["valid_count"]) for day in days] == [
        ("2026-11-21T16:00:00Z", 1.0, 60, 60),
        ("2026-11-22T16:00:00Z", 2.0, 60, 59),
    ]
    assert days[0]["fan_on_share"] == 0.5
    assert days[0]["purifier_on_share"] is None
    assert len(tens) == 12
    assert [one["ts"] for one in tens] == sorted({one["ts"] for one in tens})


def test_an_outlets_limit_is_its_own_or_its_scales(served: Served) -> None:
    served.sql("SELECT set_config('fleetfume.registry_version', '1', false)")
    add_row(
        served,
        "fume_latest",
        device_id="F0",
        ts=NOW,
        received_at=NOW,
        fume_mg_m3=0.6,
        fan_on=True,
        quality="ok",
    )
    with served.sign_in("viewer") as client:
        first, second = client.get("/outlets").json()["items"]
    assert (first["limit_mg_m3"], first["effective_limit_mg_m3"]) == (None, 1.5)
    assert first["latest"] == {
        "ts": "2026-11-23T04:00:00Z", "fume_mg_m3": 0.6, "fan_on": True, "purifier_on": None, "quality": "ok",
    }  # fmt: skip
    assert second["latest"] is None
    assert (first["device_id"], first["alert"]) == ("F0", None)


def test_the_quarantine_shows_what_came(any_served: Served) -> None:
    add_row(
        any_served, "quarantine", received_at=NOW, topic="ff/v1/vehicle/V9/telemetry", payload=b"\xff{", reason="not_json",
        device_id="V9",
    )  # fmt: skip
    with any_served.sign_in("viewer") as client:
        (row,) = client.get("/quarantine").json()["items"]
    assert (row["payload_base64"], row["payload_bytes"], row["reason"]) == ("/3s=", 2, "not_json")


def test_the_overview_counts(served: Served) -> None:
    now = datetime.now(UTC)
    add_position(served, device_id="V0")
    add_position(served, device_id="V1", speed_kmh=0.0, loaded=False)
    add_position(served, device_id="V2", received_at=now - timedelta(hours=1))
    add_row(
        served,
        "fume_latest",
        device_id="F0",
        ts=NOW,
        received_at=now,
        fan_on=True,
        purifier_on=False,
        quality="ok",
    )
    add_alert(served, place="a", opened_at=now, severity="major")
    add_alert(served, place="b", opened_at=now - timedelta(days=2))
    add_alert(served, place="c", opened_at=now, state="withdrawn")
    with served.sign_in("duty") as client:
        client.post("/leads", json={"alerts": [1]})
        said = client.get("/stats/overview").json()
    assert said["vehicles"] == {"total": 3, "online": 2, "moving": 1, "loaded": 1}
    assert said["outlets"] == {"total": 2, "online": 1, "fan_on": 1, "purifier_off": 1}
    assert said["alerts"] == {
        "open_by_kind": {"off_route": 2}, "open_by_severity": {"major": 1, "minor": 1}, "today": 1,
    }  # fmt: skip
    assert said["leads"] == {"by_state": {"new": 1}}
    assert said["at"].endswith("Z")


def test_words_are_in_both_languages(any_served: Served) -> None:
    with any_served.sign_in("viewer") as client:
        assert client.get("/labels").json()["off_route"] == {
            "zh": "偏离核准路线",
            "en": "Off the approved route",
        }
