"""Which item of a frame is which quantity: `factors.toml`, compiled for look-up by full name."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

SHIPPED: Final = Path(__file__).with_name("factors.toml")
STANDARD: Final = "standard"
QUANTITIES: Final = ("fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3", "temp_c", "rh_pct", "fan_a", "purifier_a")
SWITCHES: Final = ("fan_on", "purifier_on")
MEANS: Final = ("fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3")
UNREAD: Final = "M"
"""Confidence of what is only remembered."""
_CONFIDENCES: Final = ("A", "B", "C", UNREAD)

Items = Sequence[Mapping[str, Any]]


class Names(NamedTuple):
    """Field by full item name."""

    quantities: Mapping[str, str]
    """`a34041-Rtd` → `fume_mg_m3`."""
    switches: Mapping[str, str]
    flags: Mapping[str, str]
    """`a34041-Flag` → `fume_mg_m3`."""
    means: Mapping[str, str]
    """`a34041-Avg` → `fume_mg_m3`, `a34041-Max` → `fume_max_mg_m3`."""


def shipped_profiles() -> dict[str, Names]:
    """The names as each profile of `factors.toml` has them; `standard` is what a monitor speaks otherwise."""
    return {STANDARD: profile_names([])} | {
        name: profile_names(profile["items"]) for name, profile in _shipped()["profiles"].items()
    }


def profile_names(own: Items) -> Names:
    """The standard's names and a profile's `own`, which go before them. ValueError says which item is wrong, and why."""
    names: tuple[dict[str, str], ...] = ({}, {}, {}, {})
    for item in (*_shipped()[STANDARD], *own):
        _add(names, item)
    return Names(*names)


@lru_cache
def standard_names() -> Names:
    return profile_names([])


@lru_cache
def _shipped() -> Mapping[str, Any]:
    return tomllib.loads(SHIPPED.read_text(encoding="utf-8"))


def _add(names: tuple[dict[str, str], ...], item: Mapping[str, Any]) -> None:
    quantities, switches, flags, means = names
    name, meant = item.get("code") or item.get("item"), item.get("field")
    if not isinstance(name, str):
        raise ValueError(f"{dict(item)}: it needs a code (before -Rtd) or an item (a whole name)")
    if meant not in (*QUANTITIES, *SWITCHES):
        raise ValueError(f"{name}: field must be one of {', '.join((*QUANTITIES, *SWITCHES))}")
    if item.get("confidence") not in _CONFIDENCES:
        raise ValueError(f"{name}: confidence must be one of {', '.join(_CONFIDENCES)}")
    if item["confidence"] == UNREAD:
        return
    values = switches if meant in SWITCHES else quantities
    if "item" in item:
        values[name] = meant
        return
    values[f"{name}-Rtd"] = meant
    flags[f"{name}-Flag"] = meant
    if meant in MEANS:
        means[f"{name}-Avg"] = meant
    if meant == "fume_mg_m3":
        means[f"{name}-Min"] = "fume_min_mg_m3"
        means[f"{name}-Max"] = "fume_max_mg_m3"
