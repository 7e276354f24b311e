"""What one cell of the registry files may hold.

Each function takes text from a CSV file or a JSON value from a GeoJSON property, never an empty one,
and returns the value inside the program; ValueError says what is wrong, for a person to read.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import date
from typing import Any, get_args

from devices.hours import parse_hours
from devices.topics import DEVICE_ID

MAX_TEXT = 1000
# Control characters but for line ends and tabs, and half characters: PostgreSQL refuses some, people all.
_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

Parser = Callable[[Any], Any]


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} must be text, in quotes")
    if len(value) > MAX_TEXT:
        raise ValueError(f"longer than {MAX_TEXT} characters")
    if _UNSTORABLE.search(value):
        raise ValueError(f"{shown(value)} has a character that cannot be stored")
    return value


def key(value: Any) -> str:
    line = text(value)
    if len(line) > 64 or re.search(r"[\n\r\t]", line):
        raise ValueError(f"{shown(line)} is not a key: one line of at most 64 characters")
    return line


def plate(value: Any) -> str:
    name = key(value)
    if re.search(r"[\s;；]", name):
        raise ValueError(f"{shown(name)} is not one plate: it has a space or ';' in it")
    return name


def device_id(value: Any) -> str:
    name = text(value)
    if DEVICE_ID.fullmatch(name) is None:
        raise ValueError(f"{shown(name)} is not a device id: 1 to 32 of A-Z a-z 0-9 _ -")
    return name


def choice(literal: Any) -> Parser:
    allowed = get_args(literal)

    def parse(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"{shown(value)} is none of {', '.join(allowed)}")
        return str(value)

    return parse


def number(value: Any) -> float:
    try:
        # float() takes True, and 1_000 for 1000.
        if isinstance(value, bool) or "_" in str(value):
            raise ValueError
        parsed = float(value)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"{shown(value)} is not a number") from None
    if not math.isfinite(parsed):
        raise ValueError(f"{shown(value)} is not a number")
    return parsed


def quantity(value: Any) -> float:
    parsed = number(value)
    if parsed < 0:
        raise ValueError(f"{shown(value)} is negative")
    return parsed


def positive(value: Any) -> float:
    parsed = quantity(value)
    if parsed == 0:
        raise ValueError("it must be more than 0")
    return parsed


def days(value: Any) -> int:
    parsed = positive(value)
    if parsed != int(parsed) or parsed > 100_000:
        raise ValueError(f"{shown(value)} is not a whole number of days")
    return int(parsed)


def degrees(limit: int) -> Parser:
    def parse(value: Any) -> float:
        parsed = number(value)
        if abs(parsed) > limit:
            raise ValueError(f"{shown(value)} is not within -{limit} to {limit} degrees")
        return parsed

    return parse


def day(value: Any) -> date:
    # 3.11 reads 20260105 and 2026-W01-1 as well.
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"there is no day {value}") from None
    raise ValueError(f"{shown(value)} is not a day written like 2026-01-05")


def hours(value: Any) -> str:
    ranges = text(value)
    parse_hours(ranges)
    return ranges


def plates(value: Any) -> tuple[str, ...]:
    """Of a file's cell, with `;` between; or of a JSON list."""
    parts = value if isinstance(value, list) else re.split("[;；]", text(value))
    names = [plate(part) for part in (text(part).strip() for part in parts) if part]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise ValueError(f"{shown(name)} stands there twice")
    return tuple(names)


def shown(value: Any) -> str:
    """The value in an error: short, in quotes, on one line."""
    text_ = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return repr(text_ if len(text_) <= 60 else text_[:57] + "...")
