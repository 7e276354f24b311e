"""Why an alert was opened, as data an officer and a machine can read: the alert's `evidence`.

rule                kind, version and the thresholds in force
registry_version    the register's version it was judged by
values              what was measured, each under its own name (analytics.evidence)
score_terms         what the score is made of: name, weight, value
began               where the behaviour began, as the engine said (null for a kitchen)
permit_id, site_id, road_id  what it was held against
fixes, samples      the readings from the beginning to what completed the alert
copied_from         of a copy: the monitor whose readings are repeated (device_id, outlet_id, outlet_name), from, to
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from alerts.catalogue import Catalogue
from alerts.episodes import Episode

_TERM = "term_"
"""Values under this prefix are terms of the score (analytics.evidence)."""


def build_evidence(
    episode: Episode,
    catalogue: Catalogue,
    *,
    registry_version: int,
    readings: Iterable[Mapping[str, Any]],
    copied_from: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    shown = [{name: _plain(value) for name, value in reading.items()} for reading in readings]
    evidence: dict[str, Any] = {
        "rule": {
            "kind": episode.kind,
            "version": catalogue.version,
            "thresholds": catalogue.thresholds(episode.kind),
        },
        "registry_version": registry_version,
        "values": episode.values,
        "began": {"lat": episode.lat, "lon": episode.lon},
        "permit_id": episode.permit_id,
        "site_id": episode.site_id,
        "road_id": episode.road_id,
        "samples" if shown and "fan_on" in shown[0] else "fixes": shown,
    }
    if copied_from is not None:
        evidence["copied_from"] = {name: _plain(value) for name, value in copied_from.items()}
    weights = catalogue.score_weights(episode.kind)
    if weights:
        evidence["score_terms"] = [
            {"name": name, "weight": weight, "value": episode.values.get(_TERM + name, 0.0)}
            for name, weight in weights.items()
        ]
    return evidence


def _plain(value: object) -> object:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
