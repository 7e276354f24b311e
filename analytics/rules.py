"""The engine's thresholds: plain numbers, one tuple of them per engine.

Defaults are the contract's, section 4, unless the field says where else from. Times are seconds.
"""

from typing import NamedTuple


class FumeRules(NamedTuple):
    # What can be read but not believed.
    range_mg_m3: float = 100.0  # domain/fume.md 3.2: instruments reach 20 to 30; more is no cooking
    filler_mg_m3: float = 999.0  # HJ 212 fillers for PM and NMHC, either sign: 999.99, 9999, -999
    # fume_exceedance
    window_s: float = 600.0
    valid_share: float = 0.75  # HJ 212-2017: of the expected readings
    major_in_a_row: int = 2  # windows that follow one another
    major_count: int = 3  # windows, not in a row, within major_within_s; at most 8
    major_within_s: float = 3600.0  # from the start of the first to the end of the last
    critical_ratio: float = 3.0  # of the limit
    clear_ratio: float = 0.9
    clear_in_a_row: int = 3
    fan_off_s: float = 600.0
    # purifier_off
    purifier_off_s: float = 600.0
    purifier_update_s: float = 600.0  # while it lasts, say so this often at most
