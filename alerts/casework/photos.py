"""Pictures taken on the spot: known by the hash of their bytes, and held against the alert's time and place.

What a camera wrote into a picture (EXIF) can be forged or wrong; it is shown beside the alert's, never trusted.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from PIL import ExifTags, Image, UnidentifiedImageError
from psycopg import Connection

from alerts.casework.leads import lock_lead, note_on_lead
from runtime.errors import FleetfumeError

MAX_BYTES = 12 * 1024 * 1024
MAX_PIXELS = 120_000_000
NEAR_M = 300.0
"""A picture within this distance of the lead's place agrees with it: half of it is the phone's own error."""
CLOCK_SLACK = timedelta(minutes=5)
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_SIGNS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n", "image/webp": b"RIFF"}


class BadPhoto(FleetfumeError):
    """The upload is not a picture that can be kept; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    content: bytes
    content_type: str
    taken_at: datetime | None
    lat: float | None
    lon: float | None

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def read_photo(content: bytes, zone: ZoneInfo) -> Photo:
    """`content` as a picture by what its bytes say, whatever its name; EXIF times without an offset are `zone`'s.

    BadPhoto: too large, another format, or damaged.
    """
    if len(content) > MAX_BYTES:
        raise BadPhoto(f"the picture has {len(content):,} bytes; {MAX_BYTES:,} are allowed: send it smaller")
    content_type = next((kind for kind, sign in _SIGNS.items() if content.startswith(sign)), None)
    if content_type is None:
        raise BadPhoto("this is no JPEG, PNG or WebP by its first bytes")
    try:
        with Image.open(BytesIO(content), formats=list(FORMATS)) as image:
            if FORMATS[str(image.format)] != content_type or image.width * image.height > MAX_PIXELS:
                raise BadPhoto(
                    f"the picture is a {image.format} of {image.width} × {image.height}: not taken"
                )
            image.verify()
        with Image.open(BytesIO(content), formats=list(FORMATS)) as image:  # verify() leaves it closed
            exif = image.getexif()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise BadPhoto(f"the picture is damaged: {error}") from None
    lat, lon = _place(exif.get_ifd(ExifTags.IFD.GPSInfo))
    return Photo(
        content=content, content_type=content_type, taken_at=_time(exif.get_ifd(ExifTags.IFD.Exif), zone), lat=lat, lon=lon
    )  # fmt: skip


def _time(exif: dict[int, Any], zone: ZoneInfo) -> datetime | None:
    said = str(exif.get(ExifTags.Base.DateTimeOriginal, ""))
    offset = str(exif.get(ExifTags.Base.OffsetTimeOriginal, ""))
    try:
        if offset:
            return datetime.strptime(f"{said} {offset}", "%Y:%m:%d %H:%M:%S %z").astimezone(UTC)
        return datetime.strptime(said, "%Y:%m:%d %H:%M:%S").replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _place(gps: dict[int, Any]) -> tuple[float | None, float | None]:
    try:
        lat = _degrees(gps[ExifTags.GPS.GPSLatitude]) * (
            -1 if gps.get(ExifTags.GPS.GPSLatitudeRef) == "S" else 1
        )
        lon = _degrees(gps[ExifTags.GPS.GPSLongitude]) * (
            -1 if gps.get(ExifTags.GPS.GPSLongitudeRef) == "W" else 1
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None, None
    sound = math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180
    return (lat, lon) if sound else (None, None)


def _degrees(parts: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600


def distance_m(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance on a sphere of 6,371 km: good to 0.6 %."""
    a, b = math.radians(lat), math.radians(other_lat)
    half = (
        math.sin((b - a) / 2) ** 2
        + math.cos(a) * math.cos(b) * math.sin(math.radians(other_lon - lon) / 2) ** 2
    )
    return 2 * 6_371_000 * math.asin(math.sqrt(half))


KEEP: LiteralString = (
    "INSERT INTO attachment (hash, content_type, content) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
)
BEGAN: LiteralString = "SELECT min(started_at) FROM alert WHERE lead_id = %s"
ADD: LiteralString = """
    INSERT INTO lead_photo (lead_id, hash, name, note, uploaded_by, uploaded_at, taken_at, lat, lon, from_place_m,
                            time_agrees, place_agrees)
    VALUES (%(lead_id)s, %(hash)s, %(name)s, %(note)s, %(uploaded_by)s, %(uploaded_at)s, %(taken_at)s, %(lat)s, %(lon)s,
            %(from_place_m)s, %(time_agrees)s, %(place_agrees)s)
        ON CONFLICT DO NOTHING
"""


def add_photo(
    connection: Connection[Any], lead_id: int, photo: Photo, *, actor: str, name: str = "", note: str = ""
) -> str:
    """Keep `photo` with the lead and write it down; the same bytes again change nothing. Return its hash."""
    lead = lock_lead(connection, lead_id)
    connection.execute(KEEP, (photo.hash, photo.content_type, photo.content))
    (began,) = connection.execute(BEGAN, (lead_id,)).fetchone() or (None,)
    away = None
    if None not in (photo.lat, photo.lon, lead["lat"], lead["lon"]):
        away = distance_m(photo.lat, photo.lon, lead["lat"], lead["lon"])  # type: ignore[arg-type]
    now = datetime.now(UTC)
    compared = {
        "taken_at": photo.taken_at,
        "from_place_m": round(away, 1) if away is not None else None,
        "place_agrees": None if away is None else away <= NEAR_M,
        "time_agrees": time_agrees(photo.taken_at, began, now),
    }
    added = connection.execute(
        ADD,
        {
            "lead_id": lead_id, "hash": photo.hash, "name": name, "note": note, "uploaded_by": actor,
            "uploaded_at": now, "lat": photo.lat, "lon": photo.lon, **compared,
        },
    )  # fmt: skip
    if added.rowcount:
        detail = {
            "sha256": photo.hash, "content_type": photo.content_type, "bytes": len(photo.content), "name": name,
            "note": note, **compared, "taken_at": photo.taken_at.isoformat() if photo.taken_at else None,
        }  # fmt: skip
        note_on_lead(connection, lead_id, "photo", detail, actor=actor)
    return photo.hash


def time_agrees(taken_at: datetime | None, began: datetime | None, uploaded_at: datetime) -> bool | None:
    """Whether the picture was taken after the behaviour began and before it came here; None: it does not say."""
    if taken_at is None or began is None:
        return None
    return began - CLOCK_SLACK <= taken_at <= uploaded_at + CLOCK_SLACK
