"""Limits by standard as far as they could be found, dated, each with how sure it is (`fume_standards.toml`)."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def fume_standards() -> list[dict[str, Any]]:
    """Standards in the order of the file; `confirmed` is false until somebody has read the standard itself."""
    text = files("alerts.kitchens").joinpath("fume_standards.toml").read_text("utf-8")
    found: list[dict[str, Any]] = tomllib.loads(text)["standard"]
    return [{**standard, "confirmed": standard["confidence"] == "confirmed"} for standard in found]
