"""What a check has to say."""

from typing import Literal, NamedTuple

Level = Literal["wrong", "doubtful", "note", "right"]


class Finding(NamedTuple):
    level: Level
    """`wrong`: data is lost, refused or misread. `doubtful`: it works, and probably not as meant. `note`: what could not be
    looked at here, and what follows from how the terminal is made."""
    check: str
    says: str
    do: str = ""
    """What its maker should do about it."""


def some(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
