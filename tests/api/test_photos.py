"""Pictures from the spot: known by their bytes, held against the alert's time and place."""

import hashlib
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import ExifTags, Image
from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from alerts.casework.leads import open_lead
from alerts.casework.photos import MAX_BYTES, BadPhoto, distance_m, read_photo, time_agrees
from tests import builders
from tests.analytics.geodesic import geodesic_m
from tests.builders import NOON, minutes
from tests.small_district import place

SHANGHAI = ZoneInfo("Asia/Shanghai")
Database = Connection[TupleRow]


def picture(
    *, at: datetime | None = None, where: tuple[float, float] | None = None, kind: str = "JPEG"
) -> bytes:
    exif = Image.Exif()
    if at is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = at.astimezone(SHANGHAI).strftime(
            "%Y:%m:%d %H:%M:%S"
        )
    if where is not None:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        for value, degrees, ref, positive in (
            (where[0], ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "N"),
            (where[1], ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "E"),
        ):
            gps[ref] = positive
            gps[degrees] = (float(int(value)), float(int(value * 60 % 60)), value * 3600 % 60)
    out = BytesIO()
    Image.new("RGB", (8, 6), "brown").save(out, kind, exif=exif)
    return out.getvalue()


@pytest.fixture
def lead_id(database: Database) -> int:
    """Of an alert at NOON, 2 km east and 800 m north."""
    with database.transaction():
        made = open_lead(database, [builders.alert(database)])
    assert made is not None
    return made


def send(client: TestClient, lead_id: int, content: bytes, name: str = "现场.jpg") -> Any:
    return client.post(
        f"/leads/{lead_id}/photos", files={"file": (name, content, "text/html")}, data={"note": "倾倒点"}
    )


def test_a_picture_is_kept_as_it_came_and_written_down_with_its_hash(
    squad: TestClient, viewer: TestClient, lead_id: int
) -> None:
    content = picture(at=NOON + minutes(40), where=place(2030, 840))
    answer = send(squad, lead_id, content)
    digest = hashlib.sha256(content).hexdigest()
    assert (answer.status_code, answer.json()["hash"]) == (201, digest)
    assert answer.json()["from_place_m"] == pytest.approx(50, abs=1)
    assert (answer.json()["place_agrees"], answer.json()["time_agrees"]) == (True, True)
    back = viewer.get(answer.headers["Location"].removeprefix("/api/v1"))
    assert (back.content, back.headers["Content-Type"]) == (content, "image/jpeg")
    entry = viewer.get(f"/leads/{lead_id}/journal").json()["items"][-1]
    assert (entry["action"], entry["actor"], entry["detail"]["sha256"]) == ("photo", "squad", digest)


def test_the_same_picture_again_changes_nothing(squad: TestClient, lead_id: int) -> None:
    content = picture()
    assert send(squad, lead_id, content).status_code == send(squad, lead_id, content).status_code == 201
    assert len(squad.get(f"/leads/{lead_id}/photos").json()) == 1
    assert len(squad.get(f"/leads/{lead_id}/journal").json()["items"]) == 2


def test_a_picture_from_elsewhere_or_before_does_not_agree(squad: TestClient, lead_id: int) -> None:
    far = send(squad, lead_id, picture(at=NOON - timedelta(days=1), where=place(9000, 800))).json()
    assert (far["place_agrees"], far["time_agrees"]) == (False, False)
    mute = send(squad, lead_id, picture(kind="PNG")).json()
    assert (mute["place_agrees"], mute["time_agrees"], mute["taken_at"]) == (None, None, None)


def test_what_is_no_picture_is_refused_whatever_it_calls_itself(squad: TestClient, lead_id: int) -> None:
    for content in (
        b"<html>",
        b"",
        b"GIF89a",
        b"\xff\xd8\xff",
        picture()[:40],
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
    ):
        answer = send(squad, lead_id, content)
        assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/problem+json")
    assert squad.get(f"/leads/{lead_id}/photos").json() == []


def test_a_large_picture_is_taken_and_one_too_large_is_not(squad: TestClient, lead_id: int) -> None:
    assert send(squad, lead_id, picture() + b"\0" * 3_000_000).status_code == 201
    assert send(squad, lead_id, picture() + b"\0" * MAX_BYTES).status_code in {413, 422}


def test_only_officers_add_pictures(viewer: TestClient, squad: TestClient, lead_id: int) -> None:
    assert send(viewer, lead_id, picture()).status_code == 403
    assert send(squad, 999, picture()).status_code == 404
    assert squad.get(f"/leads/{lead_id}/photos/{'0' * 64}").status_code == 404


def test_an_offset_in_the_picture_beats_the_services_zone() -> None:
    exif = Image.Exif()
    ifd = exif.get_ifd(ExifTags.IFD.Exif)
    ifd[ExifTags.Base.DateTimeOriginal] = "2026:11:23 12:00:00"
    ifd[ExifTags.Base.OffsetTimeOriginal] = "+09:00"
    out = BytesIO()
    Image.new("RGB", (2, 2)).save(out, "JPEG", exif=exif)
    assert read_photo(out.getvalue(), SHANGHAI).taken_at == datetime(2026, 11, 23, 3, tzinfo=UTC)
    with pytest.raises(BadPhoto, match="12,582,913 bytes"):
        read_photo(b"\xff" * (MAX_BYTES + 1), SHANGHAI)


def test_a_picture_taken_after_it_came_does_not_agree() -> None:
    assert time_agrees(NOON + minutes(10), NOON, NOON + minutes(4)) is False
    assert time_agrees(NOON + minutes(4), NOON, NOON) is True


def test_the_distance_is_that_on_the_ground() -> None:
    a, b = place(0, 0), place(3000, -4000)
    assert distance_m(*a, *b) == pytest.approx(geodesic_m(*a, *b), rel=0.006)
