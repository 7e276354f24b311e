"""Was any truck here?"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from devices.repository import store_registry
from ingest.commands import export, search_area
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
