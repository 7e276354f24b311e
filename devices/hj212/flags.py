"""Data flags (`a34041-Flag=N`): what an instrument says of its own value. They are states, never an exceedance."""

from typing import Final

from devices.wire import Flag

NORMAL: Final = "N"
_2017: Final[dict[str, Flag]] = {
    "F": "plant_stopped",
    "M": "maintenance",
    "S": "manual_value",
    "D": "instrument_fault",
    "C": "calibrating",
    "T": "above_range",
    "B": "link_fault",
}
"""HJ 212-2017, read in its text. Taken for 2025 as well, whose own set was not to be had."""
_2005: Final[dict[str, Flag]] = {
    **_2017,
    "P": "power_failure",
    "B": "instrument_fault",
    "D": "channel_closed",
    "H": "above_range",
    "L": "below_range",
    "[": "user_limit",
    "]": "user_limit",
    "(": "user_limit",
    ")": "user_limit",
}
"""HJ/T 212-2005, from three code bases. Letters it does not have are taken as in 2017."""


def flag_code(letter: str, edition: int | None) -> Flag:
    """`edition` by the version bits of the frame's Flag; None (it has none): 2005, which had no such bits."""
    letters = _2017 if edition else _2005
    return letters.get(letter, "unknown_flag")
