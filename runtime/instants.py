"""Instants as whole microseconds since 1970 (what the engine counts in) and as aware datetimes (what SQL takes).

Integer arithmetic: a float of seconds loses the last microsecond of an instant in this century.
"""

from datetime import UTC, datetime

from runtime.errors import UserError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(microseconds: int) -> datetime:
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def microseconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def read_instant(option: str, text: str) -> datetime:
    """The instant that a user gave as `option`; raises UserError that says how to write one."""
    try:
        moment = datetime.fromisoformat(text)
        # At the calendar's ends an offset leads out of it.
        known = moment.tzinfo is not None and bool(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        known = False
    if not known:
        raise UserError(f"{option} {text!r} is no instant; write it like 2026-11-23T00:00:00Z")
    return moment
