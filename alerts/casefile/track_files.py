"""Readings as files that other programs read: GeoJSON, GPX 1.1, CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from alerts.presentation import plain


def as_geojson(alert: Mapping[str, Any], readings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The track as one LineString of the good fixes, and every fix as a point with what it said."""
    good = [[one["lon"], one["lat"]] for one in readings if one["quality"] == "ok"]
    line = [
        {
            "type": "Feature",
            "geometry": {"type": "LineString", "coordinates": good},
            "properties": {"alert_id": alert["id"]},
        }
    ]
    return {
        "type": "FeatureCollection",
        "features": (line if len(good) > 1 else [])
        + [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [one["lon"], one["lat"]]},
                "properties": {name: plain(value) for name, value in one.items() if name not in {"lat", "lon"}},
            }
            for one in readings
        ],
    }  # fmt: skip


def as_gpx(alert: Mapping[str, Any], readings: Sequence[Mapping[str, Any]]) -> bytes:
    """The good fixes as GPX 1.1."""
    points = "".join(
        f'<trkpt lat="{one["lat"]:.7f}" lon="{one["lon"]:.7f}"><time>{plain(one["ts"])}</time></trkpt>'
        for one in readings
        if one["quality"] == "ok"
    )
    name = escape(f"{alert['plate'] or alert['device_id']} alert {alert['id']}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<gpx version="1.1" creator="fleetfume" xmlns="http://www.topografix.com/GPX/1/1">'
        f"<trk><name>{name}</name><trkseg>{points}</trkseg></trk></gpx>"
    ).encode()


def as_csv(readings: Sequence[Mapping[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if readings:
        writer.writerow(readings[0])
        writer.writerows(
            ["" if value is None else plain(value) for value in one.values()] for one in readings
        )
    return out.getvalue().encode()
