"""Files of readings, as others write them: what is read, and what is refused by name."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from devices.recordings import FIELDS, SCHEMAS, Recorded, read_recording, write_recording
from runtime.errors import UserError

AT = datetime(2026, 11, 23, 0, 0, 10, 250_000, tzinfo=UTC)
AT_US = 1_795_392_010_250_000


def row(**fields: Any) -> dict[str, Any]:
    return {"ts": AT, "device_id": "V1", "lat": 36.7, "lon": 117.5, **fields}


def frame(*rows: dict[str, Any]) -> pl.LazyFrame:
    return pl.LazyFrame(list(rows), schema=dict(SCHEMAS["vehicle"]))


def test_a_recording_has_a_column_for_whatever_a_device_says() -> None:
    for kind, fields in FIELDS.items():
        assert fields <= set(SCHEMAS[kind])


@pytest.mark.parametrize("name", ["track.parquet", "track.csv", "track.ndjson"])
def test_what_was_written_is_read_again_and_what_is_ours_stays_out(name: str, tmp_path: Path) -> None:
    fields = {
        "lat": 36.7,
        "lon": 117.5,
        "lift": False,
        "fix": True,
        "sats": 12,
        "cover": "open",
        "load": 0.82,
    }
    write_recording(frame(row(**fields, plate="鲁A00001", quality="ok", received_at=AT)), tmp_path / name)

    assert list(read_recording(tmp_path / name)) == [Recorded(AT_US, "vehicle", "V1", fields)]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_device_whose_name_is_a_formula_is_text_in_a_spreadsheet_and_itself_when_read(
    tmp_path: Path,
) -> None:
    write_recording(frame(row(device_id="-1-2", plate="=HYPERLINK(1)")), tmp_path / "x.csv")

    text = (tmp_path / "x.csv").read_bytes()
    assert text.startswith(b"ts,device_id,")  # no byte order mark: it would be part of the first name
    assert b",'-1-2,'=HYPERLINK(1)," in text
    assert [reading.device_id for reading in read_recording(tmp_path / "x.csv")] == ["-1-2"]


def test_seconds_since_1970_and_offsets_are_times_too(tmp_path: Path) -> None:
    lines = [
        row(ts=1_795_392_010.25),
        row(ts="2026-11-23T08:00:10.25+08:00"),
        {"ts": "2026-11-23T00:00:10.25Z", "device_id": "F1", "fan_on": True},
    ]
    (tmp_path / "x.ndjson").write_text("\n".join(map(json.dumps, lines)) + "\n\n")

    readings = list(read_recording(tmp_path / "x.ndjson"))
    assert [reading.ts_us for reading in readings] == [AT_US] * 3
    assert [reading.kind for reading in readings] == ["vehicle", "vehicle", "fume"]
    (tmp_path / "x.csv").write_text("ts,device_id,lat,lon\n1795392010.25,V1,36.7,117.5\n")
    assert [reading.ts_us for reading in read_recording(tmp_path / "x.csv")] == [AT_US]


def test_a_gpx_track_is_a_vehicle_named_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "walk.gpx").write_text(
        """<gpx xmlns="http://www.topografix.com/GPX/1/1"><metadata><name>Sunday</name></metadata>
        <trk><name>T7</name><trkseg>
          <trkpt lat="36.7" lon="117.5"><ele>61</ele><time>2026-11-23T00:00:10.25Z</time><hdop>0.9</hdop>
            <extensions><speed>10</speed></extensions></trkpt>
        </trkseg></trk></gpx>"""
    )
    fields = {"lat": 36.7, "lon": 117.5, "alt_m": 61.0, "hdop": 0.9, "speed_kmh": 36.0}

    assert list(read_recording(tmp_path / "walk.gpx")) == [Recorded(AT_US, "vehicle", "T7", fields)]
    assert [r.device_id for r in read_recording(tmp_path / "walk.gpx", device_id="V9")] == ["V9"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.txt", "", "x.txt: cannot be read by its name"),
        ("x.ndjson", "{}\n", "x.ndjson, line 1: no ts"),
        ("x.ndjson", '{"ts":1,"lat":1,"lon":1}\n', "line 1: device_id None is none; name the device"),
        ("x.ndjson", '{"ts":"2026-11-23","device_id":"V1","lat":1,"lon":1}', "line 1: ts '2026-11-23' is no instant"),
        ("x.ndjson", '{"ts":1e300,"device_id":"V1","lat":1,"lon":1}', "line 1: ts 1e.300 is no instant"),
        ("x.csv", "ts,device_id,lat,lon\n0001-01-01T00:00:00+10:00,V1,1,1\n", "is no instant"),
        ("x.csv", "ts,device_id,lat,lon\n20261123,V1,1,1\n", "ts '20261123' is no instant"),
        ("x.ndjson", '{"ts":1,"device_id":"V1"}\nnot json', "line 1: neither lat and lon"),
        ("x.ndjson", '{"ts":1,"device_id":"V1","lat":1,"lon":1}\n[', "line 2: not a JSON object"),
        ("x.csv", "when,lat\n", "x.csv: its first line is no header with a column ts"),
        ("x.csv", "ts,device_id,lat,lon\n2026-11-23T00:00:10Z,V1,north,1\n", "x.csv, line 2: lat 'north' is no number"),
        ("x.gpx", "<gpx><trk>", "x.gpx is not GPX"),
        ("x.parquet", "no", "x.parquet cannot be read"),
        ("absent/x.csv", None, "absent/x.csv cannot be read: No such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_file_and_row(
    name: str, text: str | None, said: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=said.replace("[", r"\[")):
        list(read_recording(tmp_path / name))
