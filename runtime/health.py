"""What /readyz asks: each part of this process that can be unwell puts a check here by name.

A check answers None while all is well, else what is wrong, in a few words.
"""

from collections.abc import Callable

checks: dict[str, Callable[[], str | None]] = {}


def complaints() -> dict[str, str]:
    """What is wrong now, by the name of its check."""
    found = {name: check() for name, check in checks.items()}
    return {name: complaint for name, complaint in found.items() if complaint is not None}
