"""Was any truck here?"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest

from analytics.searching import compile_area
from devices.repository import store_registry
from ingest.history.area_search import found_in, visits_of
from ingest.history.commands import export, search_area
from runtime.errors import UserError
from tests.ingest.test_pipeline import A_BAD_HAUL, BEGIN_S, of, pipeline
from tests.small_district import place, registry, square

BEGIN, END = (datetime.fromtimestamp(BEGIN_S + s, UTC).isoformat() for s in (0, 7200))


def area(path: Path, east_m: float, north_m: float, half_m: float) -> Path:
    path.write_text(
        json.dumps({"type": "Feature", "properties": {}, "geometry": square(east_m, north_m, half_m)})
    )
    return path


def test_a_search_finds_each_visit_in_database_and_archive(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEETFUME_DATABASE_URL", database_url)
    again = [{**reading, "ts": reading["ts"] + 3600} for reading in A_BAD_HAUL]
    lat, lon = place(3000, -1900)
    stray = {"ts": BEGIN_S + 7000, "lat": lat, "lon": lon, "fix": False}
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            store_registry(connection, registry(trucks=2), actor="test", note="")
        pipeline().process(connection, [of("vehicle", "V1", [*A_BAD_HAUL, *again, stray])])
    export(BEGIN, END, tmp_path / "all.parquet")
    drawn = area(tmp_path / "field.geojson", 3000, -1900, 150)
    capsys.readouterr()

    found: list[list[dict[str, Any]]] = []
    for archive in (None, [tmp_path / "all.parquet"]):
        search_area(drawn, BEGIN, END, archive=archive, json_=True)
        found.append(json.loads(capsys.readouterr().out))

    assert found[0] == found[1]
    first, second = found[0]
    assert (first["device_id"], first["plate"], first["load"]) == ("V1", "鲁A00001", 0.9)
    entered, left = (
        datetime.fromisoformat(first[name]).timestamp() - BEGIN_S for name in ("entered", "left")
    )
    assert 640 <= entered <= 660
    assert 840 <= left <= 880
    assert datetime.fromisoformat(second["entered"]).timestamp() - BEGIN_S == entered + 3600

    search_area(area(tmp_path / "far.geojson", -9000, 0, 100), BEGIN, END)
    assert capsys.readouterr().out == "0 visits of 0 vehicles\n"


AREA = compile_area(square(0, 0, 50))
"""A hundred metres wide: one fix every ten seconds at 40 km/h lies in it, or none."""
FIXES = tuple[int, float, float, str]


def frame(*fixes: FIXES) -> pl.DataFrame:
    """Second, metres east and north, device; good unless it is of `bad…`."""
    rows = [
        {
            "ts": datetime.fromtimestamp(BEGIN_S + second, UTC),
            "device_id": device.removeprefix("bad "),
            "lat": place(east, north)[0],
            "lon": place(east, north)[1],
            "quality": "jump" if device.startswith("bad ") else "ok",
        }
        for second, east, north, device in fixes
    ]
    return pl.DataFrame(rows, schema_overrides={"ts": pl.Datetime("us", "UTC")})


def visits(*frames: pl.DataFrame) -> list[tuple[str, float, float, int, bool]]:
    return [
        (
            v["device_id"],
            v["entered"].timestamp() - BEGIN_S,
            v["left"].timestamp() - BEGIN_S,
            v["fixes"],
            v["inferred"],
        )
        for v in visits_of(found_in(AREA, frames)).iter_rows(named=True)
    ]


THROUGH = [(0, -300.0, 0.0, "V1"), (10, -80.0, 0.0, "V1"), (20, 80.0, 0.0, "V1"), (30, 300.0, 0.0, "V1")]


def test_a_truck_that_crossed_between_two_fixes_is_inferred() -> None:
    assert visits(frame(*THROUGH)) == [("V1", 10, 20, 0, True)]


@pytest.mark.parametrize(
    "fixes",
    [
        [(10, -80.0, 0.0, "V1"), (71, 80.0, 0.0, "V1")],
        [(10, -80.0, 60.0, "V1"), (20, 80.0, 60.0, "V1")],
        [(10, -80.0, 0.0, "V1"), (20, 80.0, 0.0, "bad V1")],
        [(10, -80.0, 0.0, "V1"), (20, 80.0, 0.0, "V2")],
    ],
    ids=["too long", "past it", "to a bad fix", "two trucks"],
)
def test_what_need_not_have_crossed_is_not_inferred(fixes: list[FIXES]) -> None:
    assert visits(frame(*fixes)) == []


def test_a_visit_that_is_seen_is_as_long_as_its_fixes_say() -> None:
    seen = [
        (0, -80.0, 0.0, "V1"),
        (10, 0.0, 0.0, "V1"),
        (20, 40.0, 0.0, "V1"),
        (30, 160.0, 0.0, "V1"),
        (40, -160.0, 0.0, "V1"),
    ]
    assert visits(frame(*seen)) == [("V1", 10, 20, 2, False)]


def test_it_does_not_matter_how_the_readings_are_cut_into_frames() -> None:
    fixes = [
        *THROUGH,
        (25, 0.0, 10.0, "V2"),
        (32, 90.0, 10.0, "V2"),
        (40, 20.0, 0.0, "V1"),
        (50, 21.0, 0.0, "V1"),
    ]
    fixes.sort()
    whole = visits(frame(*fixes))
    assert whole == [("V2", 25, 25, 1, False), ("V1", 40, 50, 2, False)]
    for cut in range(1, len(fixes)):
        assert visits(frame(*fixes[:cut]), frame(*fixes[cut:])) == whole
    assert visits(*(frame(one) for one in THROUGH)) == [("V1", 10, 20, 0, True)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no area in GeoJSON"),
        ('{"type":"Point","coordinates":[1,2]}', "a Point has no inside"),
        ('{"type":"FeatureCollection","features":[]}', "0 features; draw one area"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_area_is_named(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.geojson"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=said):
        search_area(path, BEGIN, END)
