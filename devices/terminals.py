"""Which dialect each terminal speaks: the file of FLEETFUME_TERMINALS_FILE.

    [jt808.profiles.acme]                 # a dialect of your own, as in devices/jt808/profiles.toml
    …
    [[jt808.terminals]]
    profile = "acme"
    devices = ["V0001"]                   # device ids, or
    serials = ["0640"]                    # how serials begin, leading zeros aside

The register says what a terminal is; this file says how to read what it sends. One that is not named here
speaks the standard.
"""

import tomllib
from pathlib import Path

import msgspec
from msgspec import Struct

from devices.jt808.profiles import STANDARD, Profile, Reader, shipped_profiles
from devices.types import Device
from runtime.errors import SettingsError


class _Assignment(Struct, frozen=True, forbid_unknown_fields=True):
    profile: str
    devices: tuple[str, ...] = ()
    serials: tuple[str, ...] = ()


class _Jt808(Struct, frozen=True, forbid_unknown_fields=True):
    profiles: dict[str, Profile] = {}
    terminals: tuple[_Assignment, ...] = ()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    jt808: _Jt808 = _Jt808()


class Terminals:
    """The dialects in force, and who speaks which."""

    def __init__(self, file: _File = _File()) -> None:  # noqa: B008 - frozen
        self._readers = {
            name: profile.reader() for name, profile in {**shipped_profiles(), **file.jt808.profiles}.items()
        }
        self._by_device: dict[str, str] = {}
        self._by_serial: dict[str, str] = {}
        for assignment in file.jt808.terminals:
            if assignment.profile not in self._readers:
                raise ValueError(
                    f"there is no profile {assignment.profile!r}; there are {', '.join(self._readers)}"
                )
            _claim(self._by_device, assignment.devices, assignment.profile)
            _claim(self._by_serial, [serial.lstrip("0") for serial in assignment.serials], assignment.profile)

    def jt808(self, device: Device) -> Reader:
        """By its id; else by the longest beginning of its serial that is named; else the standard."""
        name = self._by_device.get(device.device_id)
        if name is None and self._by_serial and device.serial is not None:
            serial = device.serial.lstrip("0")
            beginnings = (serial[:length] for length in range(len(serial), -1, -1))
            name = next((self._by_serial[some] for some in beginnings if some in self._by_serial), None)
        return self._readers[name or STANDARD]


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
