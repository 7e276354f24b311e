"""Vendors' dialects as data: what items that no standard defines say of load, lift and cover.

`profiles.toml` holds what is known, each with its date, source and confidence. An item is read only where a
profile names it: 0xF1 is a SIM card's number for one maker, a fault of the installation for another.
"""

import tomllib
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from devices.jt808.location import LOAD_SHIFT, Location

NATIONAL: Final = frozenset({*range(0x01, 0x07), *range(0x11, 0x19), 0x25, 0x2A, 0x2B, 0x30, 0x31})
"""Items that the standard (and JT/T 1078, 0x14 to 0x18) defines."""

STANDARD: Final = "standard"

_LOAD_BITS: Final = (0.0, 0.5, None, 1.0)
"""By status bits 8-9; 10 is reserved."""

Values = dict[str, Any]
"""What a reading is given: `load`, `lift`, `cover`; absent: the terminal does not say."""


class ItemField(Struct, frozen=True, forbid_unknown_fields=True):
    """Where in an item a field stands: bits `mask` of its byte number `byte`, each known value with its meaning."""

    field: Literal["load", "lift", "cover"]
    item: int
    values: dict[str, bool | float | str]
    """By the number after the mask, as 1 or 0x0C; a number that is not here says nothing."""
    byte: int = 0
    mask: int = 0xFF

    def __post_init__(self) -> None:
        if not 0 <= self.item <= 0xFF or not 0 <= self.byte <= 0xFF or not 0 < self.mask <= 0xFF:
            raise ValueError("item, byte and mask are numbers of one byte")
        for meaning in self.numbered().values():
            if not _fits(self.field, meaning):
                raise ValueError(f"{meaning!r} is no {self.field}: {_MEANINGS[self.field]}")

    def numbered(self) -> dict[int, bool | float | str]:
        return {int(number, 0): meaning for number, meaning in self.values.items()}


_MEANINGS: Final = {"load": "0 to 1", "lift": "true or false", "cover": '"open" or "closed"'}


def _fits(field: str, meaning: object) -> bool:
    match field:
        case "load":
            return isinstance(meaning, (int, float)) and not isinstance(meaning, bool) and 0 <= meaning <= 1
        case "lift":
            return isinstance(meaning, bool)
    return meaning in ("open", "closed")


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """One dialect."""

    about: str
    as_of: date
    source: str
    confidence: Literal["A", "B", "C", "invented"]
    load_bits: bool = True
    """Do status bits 8-9 say what is on the truck?"""
    fields: tuple[ItemField, ...] = ()

    def reader(self) -> "Reader":
        return Reader(self)


class Reader:
    """A profile made ready to read points with."""

    def __init__(self, profile: Profile) -> None:
        self._load_bits = profile.load_bits
        self._fields = [(of.field, of.item, of.byte, of.mask, of.numbered()) for of in profile.fields]
        self._known = NATIONAL | {of.item for of in profile.fields}

    def values(self, location: Location) -> Values:
        values: Values = {}
        if self._load_bits and (load := _LOAD_BITS[location.status >> LOAD_SHIFT & 3]) is not None:
            values["load"] = load
        for field, item, byte, mask, meanings in self._fields:
            content = location.items.get(item, b"")
            if byte < len(content) and (meaning := meanings.get(content[byte] & mask)) is not None:
                values[field] = meaning
        return values

    def unknown(self, location: Location) -> int:
        """How many items nobody reads; a rest that is no item counts as one."""
        return len(location.items.keys() - self._known) + bool(location.rest)


def shipped_profiles() -> Mapping[str, Profile]:
    text = files("devices.jt808").joinpath("profiles.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Profile])
