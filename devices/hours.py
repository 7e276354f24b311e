"""Times of day as the registry writes them: `22:00-06:00`, several with `;`, empty: always."""

import re

MINUTES_A_DAY = 24 * 60
_RANGE = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)")


def parse_hours(text: str | None) -> list[tuple[int, int]]:
    """Minutes after local midnight, [from, to), in order; a range over midnight comes as two. [] is always.

    Raises ValueError with what is wrong, for a person to read.
    """
    ranges: list[tuple[int, int]] = []
    for part in (text or "").replace("；", ";").split(";"):
        if not part.strip():
            continue
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"{part.strip()!r} is not HH:MM-HH:MM, several with ';'")
        h1, m1, h2, m2 = map(int, match.groups())
        start, end = h1 * 60 + m1, h2 * 60 + m2
        if max(start, end) > MINUTES_A_DAY or start in (end, MINUTES_A_DAY):
            raise ValueError(f"{part.strip()!r} is not a range of the day, 00:00 to 24:00")
        if start < end:
            ranges.append((start, end))
        else:
            ranges += [(start, MINUTES_A_DAY)] + ([(0, end)] if end else [])
    return sorted(ranges)


def is_within(ranges: list[tuple[int, int]], minute: int) -> bool:
    """Is a minute after local midnight in one of `ranges` of `parse_hours`?  [] is always."""
    return not ranges or any(begin <= minute < end for begin, end in ranges)
