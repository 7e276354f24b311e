"""处罚导图: the law that may answer a kind of alert, as dated data (`laws.toml`), and the discretion worksheet.

Nothing of it is a judgement. An entry that nobody has held against the text says so (`confirmed` false).
"""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from analytics.records import KINDS
from runtime.errors import FleetfumeError


class LawsError(FleetfumeError):
    """The law table cannot be used; says which entry and why."""


class Law(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    kinds: list[str]
    violation_zh: str
    violation_en: str
    articles: list[str]
    authority_zh: str
    authority_en: str
    fine_min_yuan: float | None = None
    fine_max_yuan: float | None = None
    seen: str
    """A: read in the text; B: in one secondary source; C: remembered."""
    confirmed: bool


class Factor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    share: float
    zh: str
    en: str


class Discretion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    base: float
    note: str
    factors: dict[str, Factor]


class LawTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    as_of: date
    note: str
    law: list[Law]
    transfer_to: dict[str, str]
    discretion: Discretion

    def of(self, kind: str) -> list[Law]:
        return [law for law in self.law if kind in law.kinds]

    def find(self, law_id: str) -> Law | None:
        return next((law for law in self.law if law.id == law_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What a worksheet comes to, with how it came to it."""

    share: float
    """0 the lowest of the range, 1 the highest."""
    amount_yuan: float | None
    """None: the law names no range."""
    terms: Mapping[str, float]


def load_laws(path: Path | None) -> LawTable:
    """The shipped table, or the one of `path` in its place."""
    text = (files("alerts.casework").joinpath("laws.toml") if path is None else path).read_text("utf-8")
    named = "laws.toml" if path is None else str(path)
    try:
        table = msgspec.convert(tomllib.loads(text), LawTable)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise LawsError(f"law table {named}: {error}") from None
    for law in table.law:
        if unknown := sorted(set(law.kinds) - set(KINDS)):
            raise LawsError(f"law table {named}: {law.id!r} names kinds nobody knows: {', '.join(unknown)}")
        if (law.fine_min_yuan or 0) > (law.fine_max_yuan or law.fine_min_yuan or 0):
            raise LawsError(f"law table {named}: {law.id!r} has a range that ends below its beginning")
    return table


def suggest(table: LawTable, law: Law, factors: Collection[str]) -> Suggestion:
    """Where within the law's range these factors point. LawsError: a factor nobody knows."""
    known = table.discretion.factors
    if unknown := sorted(set(factors) - set(known)):
        raise LawsError(f"no discretion factor {', '.join(unknown)}; there are {', '.join(known)}")
    terms = {"base": table.discretion.base, **{name: known[name].share for name in sorted(set(factors))}}
    share = min(1.0, max(0.0, sum(terms.values())))
    amount = None
    if law.fine_min_yuan is not None and law.fine_max_yuan is not None:
        amount = round(law.fine_min_yuan + share * (law.fine_max_yuan - law.fine_min_yuan), -2)
    return Suggestion(share=round(share, 3), amount_yuan=amount, terms=terms)


def as_data(value: Any) -> Any:
    """A table's part as plain data for JSON."""
    return msgspec.to_builtins(value)
