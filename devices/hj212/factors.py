"""Which item of a frame is which quantity: `factors.toml`, compiled for look-up by full name."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

SHIPPED: Final = Path(__file__).with_name("factors.toml")
QUANTITIES: Final = ("fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3", "temp_c", "rh_pct", "fan_a", "purifier_a")
SWITCHES: Final = ("fan_on", "purifier_on")
MEANS: Final = ("fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3")
UNREAD: Final = "M"
"""Confidence of what is only remembered."""
_CONFIDENCES: Final = ("A", "B", "C", UNREAD)


class FactorsError(ValueError):
    """The table cannot be used; the message says which item and why."""


@dataclass(frozen=True, slots=True)
class Names:
    """Field by full item name."""

    quantities: Mapping[str, str] = field(default_factory=dict)
    """`a34041-Rtd` → `fume_mg_m3`."""
    switches: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    """`a34041-Flag` → `fume_mg_m3`."""
    means: Mapping[str, str] = field(default_factory=dict)
    """`a34041-Avg` → `fume_mg_m3`, `a34041-Max` → `fume_max_mg_m3`."""


@dataclass(frozen=True, slots=True)
class Factors:
    common: Names
    vendors: tuple[tuple[tuple[str, ...], Names], ...]
    """Patterns of the MN, and the names as those monitors use them."""

    def of(self, mn: str) -> Names:
        """The names as the monitor `mn` uses them."""
        for patterns, names in self.vendors:
            if any(fnmatchcase(mn, pattern) for pattern in patterns):
                return names
        return self.common


def read_factors(text: str) -> Factors:
    """Raises FactorsError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FactorsError(f"not TOML: {error}") from None
    common = table.get("common", [])
    vendors = []
    for vendor in table.get("vendor", []):
        items = vendor.get("items", [])
        vendors.append((tuple(vendor.get("mn", [])), _names([*common, *items])))
    return Factors(_names(common), tuple(vendors))


@lru_cache
def shipped_factors() -> Factors:
    return read_factors(SHIPPED.read_text(encoding="utf-8"))


def _names(items: list[dict[str, Any]]) -> Names:
    """Later items go before earlier ones of the same name."""
    names = Names({}, {}, {}, {})
    for item in items:
        name = item.get("code") or item.get("item")
        meant = item.get("field")
        if not isinstance(name, str) or meant not in (*QUANTITIES, *SWITCHES):
            raise FactorsError(f"{item!r}: it needs a code or an item, and a field of a reading")
        if item.get("confidence") not in _CONFIDENCES:
            raise FactorsError(f"{name}: confidence must be one of {', '.join(_CONFIDENCES)}")
        if item["confidence"] != UNREAD:
            _add(names, item, name, meant)
    return names


def _add(names: Any, item: dict[str, Any], name: str, meant: str) -> None:
    values = names.switches if meant in SWITCHES else names.quantities
    if "item" in item:
        values[name] = meant
        return
    values[f"{name}-Rtd"] = meant
    names.flags[f"{name}-Flag"] = meant
    if meant in MEANS:
        names.means[f"{name}-Avg"] = meant
    if meant == "fume_mg_m3":
        names.means[f"{name}-Min"] = "fume_min_mg_m3"
        names.means[f"{name}-Max"] = "fume_max_mg_m3"
