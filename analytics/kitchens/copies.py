"""Pieces of sixty readings, so that one can be told to have been seen before.

Piece    Sixty believed readings with the fan on that follow one another, whatever the time between them. The fan
         off begins a new one. Two are the same if their fumes are, each to a ten thousandth of a mg/m³.
Varied   Only a piece whose values vary is looked for: five different ones, and no pattern that repeats itself
         within the piece. Idle zeros, steps and sawteeth are nobody's copy.
Seen     Who keeps the pieces looks them up by `piece_hashes` and hands in, with each reading, the end of an
         earlier piece that is the same as the one it ends (`seen`). By event time: the later one is the copy;
         two at the same instant are nobody's.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.kernels._compile import inner_kernel
from analytics.kitchens.state import PIECE
from analytics.records import NO, OK, SECOND
from analytics.rules import FumeRules

_2020_S = 1_577_836_800
_LONGEST_PATTERN = PIECE // 2
PER_MG = 10_000
"""Values are compared in ten thousandths."""


@inner_kernel
def fold_piece(state: Any, sample: Any, quality: int, cooking: bool, fan: int) -> bool:  # noqa: FBT001
    """Take the reading into the piece; true if it ends a whole one."""
    if quality != OK:
        return False
    fume = sample["fume_mg_m3"]
    if cooking and not math.isnan(fume):
        at = state["piece_next"]
        state["piece"][at] = round(fume * PER_MG)
        state["piece_s"][at] = sample["ts"] // SECOND - _2020_S
        state["piece_next"] = (at + 1) % PIECE
        state["piece_count"] = min(PIECE, state["piece_count"] + 1)
        return bool(state["piece_count"] == PIECE)
    if fan == NO:
        state["piece_count"] = 0
    return False


@inner_kernel
def piece_begun(state: Any) -> int:
    """When a whole piece began."""
    return (int(state["piece_s"][state["piece_next"]]) + _2020_S) * SECOND


@inner_kernel
def piece_hash(rules: FumeRules, state: Any) -> int:
    """Of a whole piece; 0 if it does not vary."""
    values, oldest = state["piece"], state["piece_next"]
    if _distinct(values, rules.copied_distinct) < rules.copied_distinct or _repeats(values, oldest):
        return 0
    digest = np.uint64(0xCBF29CE484222325)
    for n in range(PIECE):  # FNV-1a over the values, then mixed so that near ones lie far apart
        digest ^= np.uint64(values[(oldest + n) % PIECE] & 0xFFFFFFFF)
        digest *= np.uint64(0x100000001B3)
        digest ^= digest >> np.uint64(29)
    return max(1, int(digest >> np.uint64(1)))


@inner_kernel
def _distinct(values: NDArray[np.int32], enough: int) -> int:
    """How many different values there are, counted no further than `enough`."""
    found = 0
    for n in range(PIECE):
        new = True
        for before in range(n):
            if values[before] == values[n]:
                new = False
                break
        found += new
        if found == enough:
            break
    return found


@inner_kernel
def _repeats(values: NDArray[np.int32], oldest: int) -> bool:
    """Is the piece one pattern over and over?"""
    for period in range(1, _LONGEST_PATTERN + 1):
        same = True
        for n in range(PIECE - period):
            if values[(oldest + n) % PIECE] != values[(oldest + n + period) % PIECE]:
                same = False
                break
        if same:
            return True
    return False
