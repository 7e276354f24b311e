"""Papers for people: typst templates filled with data, with a Chinese font that comes along."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import pylopdf_fonts_zh_cn
import typst


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=True, font_paths=[str(pylopdf_fonts_zh_cn.sans_path().parent)]
    )  # fmt: skip


def render(template: str, data: Mapping[str, Any]) -> bytes:
    """`template` (a .typ file of this package) as PDF, given `data`; the same data make the same bytes."""
    source = files("alerts.papers").joinpath(f"{template}.typ").read_bytes()
    compiler = typst.Compiler(
        source, font_paths=_fonts(), ignore_system_fonts=True, sys_inputs={"data": json.dumps(data, ensure_ascii=False)}
    )  # fmt: skip
    made = compiler.compile(format="pdf")
    assert isinstance(made, bytes)  # noqa: S101 - one document
    return made
