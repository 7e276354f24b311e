"""The catalogue of detections: thresholds with unit, range and source, as data (`rules.toml`).

The file of FLEETFUME_RULES_FILE names only what it changes, each threshold as a plain number under its
detection. What it does not name keeps the default; what nobody knows is refused by name.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from analytics.rules import FumeRules, VehicleRules
from devices.types import Outlet
from runtime.errors import FleetfumeError

WEIGHT = "score_"
"""Thresholds under this prefix are the weights of a score's terms."""


class CatalogueError(FleetfumeError):
    """The rules file cannot be used; says which file, detection and threshold, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    value: float
    unit: str
    least: float
    most: float
    source: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    edition: str
    """The name the shipped catalogue gives itself."""
    sections: Mapping[str, Mapping[str, Threshold]]
    """By detection kind, and `quality`, `load` … for what several share."""
    limits_mg_m3: Mapping[str, float]
    """Fume limit by scale."""
    limits_note: str
    """Where the limits are from, and that an officer must confirm them."""

    @property
    def version(self) -> str:
        """The edition and a digest of every value in force: equal versions judge alike."""
        content = {
            "limits": dict(self.limits_mg_m3),
            **{name: {key: t.value for key, t in section.items()} for name, section in self.sections.items()},
        }
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return f"{self.edition}+{digest[:12]}"

    def thresholds(self, kind: str) -> dict[str, float]:
        return {
            name: threshold.value
            for name, threshold in self.sections.get(kind, {}).items()
            if not name.startswith(WEIGHT)
        }

    def score_weights(self, kind: str) -> dict[str, float]:
        """Term to weight, for kinds whose score is a sum of named terms."""
        return {
            name.removeprefix(WEIGHT): threshold.value
            for name, threshold in self.sections.get(kind, {}).items()
            if name.startswith(WEIGHT)
        }

    def fume_limit(self, scale: str | None) -> float:
        """mg/m³. Where an outlet's scale is not known the mildest, so that nobody is accused for a gap in the register."""
        return self.limits_mg_m3[scale] if scale is not None else max(self.limits_mg_m3.values())

    def limit_of(self, outlet: Outlet | None) -> float:
        """mg/m³: the outlet's own, else that of its scale."""
        own = outlet.limit_mg_m3 if outlet is not None else None
        return own if own is not None else self.fume_limit(outlet.scale if outlet is not None else None)

    def vehicle_rules(self) -> VehicleRules:
        return VehicleRules(**self._fields(VehicleRules))

    def fume_rules(self) -> FumeRules:
        return FumeRules(**self._fields(FumeRules))

    def _fields(self, rules: type[VehicleRules] | type[FumeRules]) -> dict[str, Any]:
        values = {name: t.value for section in self.sections.values() for name, t in section.items()}
        defaults = rules._field_defaults
        return {name: type(defaults[name])(values[name]) for name in rules._fields}


def load_catalogue(path: Path | None) -> Catalogue:
    """The shipped catalogue with the changes of `path`."""
    shipped = tomllib.loads(files("alerts").joinpath("rules.toml").read_text("utf-8"))
    limits = shipped.pop("fume_limits")
    catalogue = Catalogue(
        edition=shipped.pop("edition"),
        sections={
            name: {key: Threshold(**_threshold(fields)) for key, fields in section.items()}
            for name, section in shipped.items()
        },
        limits_mg_m3={scale: limits[scale] for scale in ("small", "medium", "large")},
        limits_note=f"{limits['standard']}, {limits['as_of']}: {limits['note']}",
    )
    return catalogue if path is None else _changed(catalogue, path)


def _threshold(fields: dict[str, Any]) -> dict[str, Any]:
    least, most = fields["range"]
    return {
        "value": fields["value"], "unit": fields["unit"], "least": least, "most": most, "source": fields["source"],
    }  # fmt: skip


def _changed(catalogue: Catalogue, path: Path) -> Catalogue:
    try:
        changes = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CatalogueError(f"rules file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"rules file {path}: not TOML: {error}") from None
    sections = {name: dict(section) for name, section in catalogue.sections.items()}
    limits = dict(catalogue.limits_mg_m3)
    for name, section in changes.items():
        if not isinstance(section, dict):
            raise CatalogueError(f"rules file {path}: {name!r} must be a table, like [{name}]")
        if name == "fume_limits":
            for scale, value in section.items():
                if scale not in limits:
                    raise CatalogueError(
                        f"rules file {path}: [fume_limits] knows small, medium, large, not {scale!r}"
                    )
                limits[scale] = _number(path, name, scale, value, 0.01, 100.0)
            continue
        if name not in sections:
            raise CatalogueError(f"rules file {path}: no detection [{name}]; there are {', '.join(sections)}")
        for key, value in section.items():
            known = sections[name].get(key)
            if known is None:
                raise CatalogueError(
                    f"rules file {path}: [{name}] has no {key!r}; it has {', '.join(sections[name])}"
                )
            number = _number(path, name, key, value, known.least, known.most)
            sections[name][key] = Threshold(
                value=number, unit=known.unit, least=known.least, most=known.most, source=f"{path.name}"
            )
    return Catalogue(catalogue.edition, sections, limits, catalogue.limits_note)


def _number(path: Path, section: str, key: str, value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CatalogueError(f"rules file {path}: [{section}] {key} = {value!r} is not a number")
    if not least <= value <= most:
        raise CatalogueError(
            f"rules file {path}: [{section}] {key} = {value} is out of range, {least:g} to {most:g}"
        )
    return float(value)
