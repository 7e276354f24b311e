"""双随机: a draw of targets and officers that anyone can repeat from its record.

Each target gets a number from SHA-256 of the public seed and its name, uniform over (0, 1); the targets with the
smallest -ln(u)/weight are drawn. That is sampling without replacement with these weights (Efraimidis and Spirakis,
Information Processing Letters 97, 2006). The logarithm is decimal and correctly rounded, so that every machine orders
them alike. Officers are drawn for each target by their own numbers.
"""

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

from alerts.canonical import canonical, sha256
from runtime.errors import FleetfumeError

METHOD = "fleetfume draw 1: smallest -ln(u)/weight, u from SHA-256 of seed, role and name"
_EXACT = Context(prec=40)
_WHOLE = Decimal(2**256)


class DrawRefused(FleetfumeError):
    """The draw cannot be made; says why."""


def draw(
    targets: Mapping[str, float],
    officers: Sequence[str],
    *,
    seed: str,
    count: int,
    officers_each: int,
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """The record of a draw of `count` of `targets` (name to weight), each with `officers_each` of `officers`.

    `about` says what it is for and stands in the record. DrawRefused: there are not so many, or a weight is not positive.
    """
    if not seed.strip():
        raise DrawRefused(
            "a draw needs a public seed, such as the numbers of a lottery that is still to be drawn"
        )
    if bad := sorted(name for name, weight in targets.items() if not 0 < weight < float("inf")):
        raise DrawRefused(f"the weight of {', '.join(bad)} is not a positive number")
    if count > len(targets) or officers_each > len(set(officers)):
        raise DrawRefused(
            f"{count} of {len(targets)} targets with {officers_each} of {len(set(officers))} officers cannot be drawn"
        )
    pool = {
        "targets": {name: str(weight) for name, weight in targets.items()},
        "officers": sorted(set(officers)),
    }
    asked = {"count": count, "officers_each": officers_each, "seed": seed, "method": METHOD}
    return {
        **asked,
        "about": dict(about),
        "pool": pool,
        "pool_sha256": sha256(canonical(pool)),
        "drawn": _drawn(pool, seed=seed, count=count, officers_each=officers_each),
    }


def verify(record: Mapping[str, Any]) -> str | None:
    """What in a record does not follow from its pool and seed; None: all does."""
    try:
        if record["method"] != METHOD:
            return f"method {record['method']!r} is not known here"
        if sha256(canonical(record["pool"])) != record["pool_sha256"]:
            return "the pool is not the one whose SHA-256 stands in the record"
        again = _drawn(
            record["pool"], seed=record["seed"], count=record["count"], officers_each=record["officers_each"]
        )
        drawn = record["drawn"]
    except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
        return f"this is no record of a draw: {error!r}"
    for n, (said, expected) in enumerate(zip(drawn, again, strict=False), start=1):
        if said != expected:
            return f"place {n} is {said}, and must be {expected}"
    return None if len(drawn) == len(again) else f"{len(drawn)} were drawn, not {len(again)}"


def _drawn(pool: Mapping[str, Any], *, seed: str, count: int, officers_each: int) -> list[dict[str, Any]]:
    keys = {
        name: _EXACT.divide(-_EXACT.ln(_uniform(seed, "target", name)), Decimal(weight))
        for name, weight in pool["targets"].items()
    }
    chosen = sorted(keys, key=lambda name: (keys[name], name))[:count]

    def team(target: str) -> list[str]:
        ordered = sorted(pool["officers"], key=lambda one: (_uniform(seed, f"officer of {target}", one), one))
        return ordered[:officers_each]

    return [{"target": target, "officers": team(target)} for target in chosen]


def _uniform(seed: str, role: str, name: str) -> Decimal:
    """Strictly between 0 and 1."""
    digest = hashlib.sha256(f"{seed}\n{role}\n{name}".encode()).digest()
    return _EXACT.divide(Decimal(int.from_bytes(digest)) + Decimal("0.5"), _WHOLE)
