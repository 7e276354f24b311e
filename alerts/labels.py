"""Chinese and English for every code the program shows: one catalogue for console, reports and notifications."""

import json
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["zh", "en"]


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Code to `{"zh": …, "en": …}`."""
    labels: dict[str, dict[str, str]] = json.loads(files("alerts").joinpath("labels.json").read_text("utf-8"))
    return labels


def label(code: str, language: Language) -> str:
    """The word for `code`; KeyError for a code that the catalogue does not know."""
    return catalogue()[code][language]
