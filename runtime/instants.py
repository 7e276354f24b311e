"""Instants as whole microseconds since 1970 (what the engine counts in) and as aware datetimes (what SQL takes).

Integer arithmetic: a float of seconds loses the last microsecond of an instant in this century.
"""

from datetime import UTC, date, datetime

from runtime.errors import UserError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVER = datetime(1, 2, 1, tzinfo=UTC), datetime(9999, 12, 1, tzinfo=UTC)


def instant(microseconds: int) -> datetime:
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def microseconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def within_ever(moment: datetime) -> datetime:
    """`moment`, or as far from it as it takes that any zone, and a month more or less, still find it in the calendar."""
    return min(max(moment, _EVER[0]), _EVER[1])


def read_instant(option: str, text: str) -> datetime:
    """The instant that a user gave as `option`, `within_ever`; raises UserError that says how to write one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UserError(f"{option} {text!r} is no instant; write it like 2026-11-23T00:00:00Z")
    return within_ever(moment)


def read_day(option: str, text: str) -> date:
    """The day that a user gave as `option`, from 1970 on; raises UserError that says how to write one."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not _EPOCH.date() <= day <= _EVER[1].date():
        raise UserError(f"{option} {text!r} is no day; write it like 2026-11-23")
    return day
