"""Which dialect each terminal speaks: the file of FLEETFUME_TERMINALS_FILE.

    [jt808.profiles.acme]                 # a dialect of your own, as in devices/jt808/profiles.toml
    …
    [[jt808.terminals]]
    profile = "acme"
    devices = ["V0001"]                   # device ids, or
    serials = ["0640"]                    # how serials begin, leading zeros aside

`hj212` likewise; a profile there holds items as in devices/hj212/factors.toml.

The register says what a terminal is; this file says how to read what it sends. One that is not named here
speaks the standard.
"""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from devices.hj212 import factors
from devices.jt808 import profiles as jt808
from devices.types import Device
from runtime.errors import SettingsError

STANDARD: Final = "standard"
"""What both protocols call the dialect of a terminal that is not named here."""

_Dialect = TypeVar("_Dialect")


class _Assignment(Struct, frozen=True, forbid_unknown_fields=True):
    profile: str
    devices: tuple[str, ...] = ()
    serials: tuple[str, ...] = ()


class _Jt808(Struct, frozen=True, forbid_unknown_fields=True):
    profiles: dict[str, jt808.Profile] = {}
    terminals: tuple[_Assignment, ...] = ()


class _Factors(Struct, frozen=True, forbid_unknown_fields=True):
    about: str
    items: tuple[dict[str, Any], ...]


class _Hj212(Struct, frozen=True, forbid_unknown_fields=True):
    profiles: dict[str, _Factors] = {}
    terminals: tuple[_Assignment, ...] = ()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    jt808: _Jt808 = _Jt808()
    hj212: _Hj212 = _Hj212()


class Terminals:
    """The dialects in force, and who speaks which."""

    def __init__(self, file: _File = _File()) -> None:  # noqa: B008 - frozen
        readers = {**jt808.shipped_profiles(), **file.jt808.profiles}
        self.jt808 = _Speakers[jt808.Reader](
            {name: profile.reader() for name, profile in readers.items()}, file.jt808.terminals
        ).dialect
        names = {name: factors.profile_names(profile.items) for name, profile in file.hj212.profiles.items()}
        self.hj212 = _Speakers[factors.Names](
            factors.shipped_profiles() | names, file.hj212.terminals
        ).dialect


class _Speakers(Generic[_Dialect]):
    """Who speaks which of one protocol's dialects."""

    def __init__(self, dialects: Mapping[str, _Dialect], assignments: Iterable[_Assignment]) -> None:
        self._dialects = dialects
        self._by_device: dict[str, str] = {}
        self._by_serial: dict[str, str] = {}
        for assignment in assignments:
            if assignment.profile not in dialects:
                raise ValueError(
                    f"there is no profile {assignment.profile!r}; there are {', '.join(dialects)}"
                )
            _claim(self._by_device, assignment.devices, assignment.profile)
            _claim(self._by_serial, [serial.lstrip("0") for serial in assignment.serials], assignment.profile)

    def dialect(self, device: Device) -> _Dialect:
        """By its id; else by the longest beginning of its serial that is named; else the standard."""
        name = self._by_device.get(device.device_id)
        if name is None and self._by_serial and device.serial is not None:
            serial = device.serial.lstrip("0")
            beginnings = (serial[:length] for length in range(len(serial), -1, -1))
            name = next((self._by_serial[some] for some in beginnings if some in self._by_serial), None)
        return self._dialects[name or STANDARD]


def _claim(taken: dict[str, str], names: "list[str] | tuple[str, ...]", profile: str) -> None:
    for name in names:
        if taken.setdefault(name, profile) != profile:
            raise ValueError(f"{name!r} is given two profiles, {taken[name]!r} and {profile!r}")


def load_terminals(path: Path | None) -> Terminals:
    """Raises SettingsError that says what is wrong with the file."""
    if path is None:
        return Terminals()
    try:
        return Terminals(msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File))
    except OSError as error:
        raise SettingsError(f"terminals file {path} cannot be read: {error.strerror}") from None
    except (ValueError, msgspec.ValidationError) as error:  # tomllib's own and the encoding's are ValueErrors
        raise SettingsError(f"terminals file {path}: {error}") from None
