"""Why an alert is there: on real readings, judged by the pipeline and then explained."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from alerts.catalogue import load_catalogue
from alerts.commands import explain as explain_command
from alerts.labels import catalogue
from alerts.why.explaining import CAVEATS, explain
from devices.repository import store_registry
from devices.types import Road
from runtime.errors import UserError
from tests.ingest.test_pipeline import A_BAD_HAUL, A_BAD_LUNCH, BEGIN_S, NOW_US, drive, of, pipeline
from tests.small_district import place, registry

SHANGHAI = ZoneInfo("Asia/Shanghai")
STRAY = {**A_BAD_HAUL[24], "ts": A_BAD_HAUL[24]["ts"] + 1, "lat": 36.9}
"""Off the route, a second after another fix and twenty kilometres away."""


@pytest.fixture(scope="module")
def connection(timescaledb: str) -> Iterator[psycopg.Connection]:
    from tests.parts.postgres import fresh_database

    with fresh_database(timescaledb) as url, psycopg.connect(url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(), actor="test", note="")
        pipeline().process(
            connection, [of("vehicle", "V0", [*A_BAD_HAUL, STRAY]), of("fume", "F0", A_BAD_LUNCH)]
        )
        yield connection


def explained(connection: psycopg.Connection, kind: str) -> dict[str, Any]:
    row = connection.execute("SELECT id FROM alert WHERE kind = %s", (kind,)).fetchone()
    assert row is not None
    said = explain(connection, row[0], load_catalogue(None), SHANGHAI)
    assert said is not None
    return said


@pytest.mark.parametrize("kind", ["off_route", "illegal_dumping", "no_go_entry"])
def test_judged_again_a_trucks_alert_comes_out_as_it_was_told(
    connection: psycopg.Connection, kind: str
) -> None:
    said = explained(connection, kind)

    assert said["caveats"] == []
    assert any(fix["told"] for fix in said["fixes"])
    assert said["stretch"]["readings"] == len(said["fixes"])


def test_off_route_shows_the_distance_to_the_permitted_route_at_every_good_fix(
    connection: psycopg.Connection,
) -> None:
    said = explained(connection, "off_route")

    assert said["register"]["permit"]["permit_id"] == "P1"
    assert said["register"]["route"] == {"route_id": "ROAD", "name": "示例路线", "corridor_m": 100.0}
    good = [fix for fix in said["fixes"] if fix["quality"] == "ok"]
    assert max(fix["distance_m"] for fix in good) == pytest.approx(1900, abs=10)
    first_beyond = next(fix for fix in good if fix["distance_m"] > fix["corridor_m"])
    assert first_beyond["ts"] == said["alert"]["started_at"]
    assert {t["name"]: t["value"] for t in said["rule"]["thresholds"]}["off_route_s"] == 60


def test_what_a_filter_took_out_is_named_and_has_no_distance(connection: psycopg.Connection) -> None:
    said = explained(connection, "off_route")

    assert said["left_out"] == {"jump": 1}
    (jump,) = [fix for fix in said["fixes"] if fix["quality"] == "jump"]
    assert (jump["used"], jump["distance_m"]) == (False, None)


def test_a_score_is_the_sum_of_its_terms(connection: psycopg.Connection) -> None:
    said = explained(connection, "illegal_dumping")

    held = [term["weight"] for term in said["score"]["terms"] if term["value"]]
    assert said["score"]["value"] == pytest.approx(min(1.0, sum(held)))


def test_a_kitchens_alert_shows_its_readings(connection: psycopg.Connection) -> None:
    said = explained(connection, "purifier_off")

    assert said["caveats"] == ["kitchen_not_judged_again"]
    assert said["samples"][0].keys() >= {"ts", "fume_mg_m3", "quality"}


def test_other_rules_a_changed_register_and_lost_readings_are_said(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(), actor="test", note="")
        pipeline().process(connection, [of("vehicle", "V0", A_BAD_HAUL)])
        with connection.transaction():
            wide = {"ROAD": replace(registry().routes["ROAD"], corridor_m=5000)}
            store_registry(connection, replace(registry(), routes=wide), actor="test", note="")
            connection.execute("UPDATE registry_version SET at = to_timestamp(%s)", (BEGIN_S,))
        (alert_id,) = connection.execute("SELECT id FROM alert WHERE kind = 'off_route'").fetchone() or ()
        connection.execute("UPDATE alert SET rule_version = 'older' WHERE id = %s", (alert_id,))

        said = explain(connection, alert_id, load_catalogue(None), SHANGHAI)
        assert said is not None
        assert said["caveats"] == ["other_rules", "other_register"]
        assert said["register"]["route"]["corridor_m"] == 100

        connection.execute("DELETE FROM vehicle_position WHERE ts > to_timestamp(%s)", (BEGIN_S + 450,))
        said = explain(connection, alert_id, load_catalogue(None), SHANGHAI)
        assert said is not None
        assert said["caveats"][-1] == "readings_gone"


def test_silence_that_goes_on_and_speed_on_a_road_are_judged_again_too(database_url: str) -> None:
    ends = [list(reversed(place(600, 0))), list(reversed(place(5000, 0)))]
    line = {"type": "LineString", "coordinates": ends}
    road = Road(road_id="K1", name="经十东路", geometry=line, speed_limit_kmh=40)
    fast = drive([(0, 0, 0, 0.0), (120, 0, 0, 0.9), (240, 0, 0, 0.9), (360, 3000, 0, 0.9)])
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, replace(registry(trucks=4), roads={"K1": road}), actor="test", note="")
        ahead = [of("vehicle", f"V{n}", [{**fast[0], "ts": BEGIN_S + 3000}]) for n in (1, 2, 3)]
        whole = pipeline()
        whole.process(connection, [of("vehicle", "V0", fast), *ahead])
        whole.tick(connection, NOW_US)

        for kind in ("signal_loss", "overspeed"):
            assert explained(connection, kind)["caveats"] == [], kind


@pytest.mark.parametrize(
    ("language", "words"),
    [("zh-CN", ["告警 ", "偏离核准路线", "距路线", "× "]), ("en", ["Alert ", "Off the approved route", "m off", "jump"])],
)  # fmt: skip
def test_explain_prints_a_page_in_the_language_of_the_service(
    connection: psycopg.Connection, language: str, words: list[str], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("FLEETFUME_LANGUAGE", language)
    info = connection.info
    monkeypatch.setenv(
        "FLEETFUME_DATABASE_URL",
        f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}",
    )
    row = connection.execute("SELECT id FROM alert WHERE kind = 'off_route'").fetchone()
    assert row is not None

    explain_command(row[0])

    page = capsys.readouterr().out
    assert [word for word in words if word.lower() not in page.lower()] == []
    with pytest.raises(UserError, match="there is no alert 999"):
        explain_command(999)


def test_every_caveat_has_its_words() -> None:
    assert set(CAVEATS) <= set(catalogue())
