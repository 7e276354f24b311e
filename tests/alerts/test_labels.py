"""Every code the program shows has a Chinese and an English word."""

from typing import get_args

from alerts.casework.duty import DISMISS_CODES
from alerts.casework.moves import DECISIONS, MOVES, OUTCOMES, RECEIVERS, VERDICTS
from alerts.catalogue import load_catalogue
from alerts.labels import catalogue, label
from alerts.writing import LATE, REEVALUATED
from analytics.evidence import VALUE_NAMES
from analytics.examination.detectors import SUSPICIONS
from analytics.findings import FINDINGS
from analytics.records import KINDS, QUALITIES, REASONS, SEVERITIES
from devices.reasons import Reason
from devices.types import DeviceKind, HaulageKind, Scale, SiteKind, Standing
from devices.wire import Flag


def test_every_code_has_both_words() -> None:
    codes = {
        *KINDS, *SEVERITIES, *QUALITIES, *filter(None, REASONS), *Reason, *FINDINGS, *LATE, *REEVALUATED,
        "open", "acked", "cleared", "dismissed", "withdrawn",
        *(state for move in MOVES for state in (move.before, move.after)),
        *(role for move in MOVES for role in move.roles), "reviewer", "viewer",
        *DISMISS_CODES, *RECEIVERS, *DECISIONS, *OUTCOMES, *VERDICTS,
    }  # fmt: skip
    for literal in (DeviceKind, Flag, HaulageKind, Scale, SiteKind, Standing):
        codes |= set(get_args(literal))

    codes |= {*SUSPICIONS, "corrected"}
    codes |= {name for names in VALUE_NAMES.values() for name in names}
    for kind in load_catalogue(None).sections:
        codes |= {*load_catalogue(None).thresholds(kind), *load_catalogue(None).score_weights(kind)}

    assert codes - set(catalogue()) == set()
    assert all(label(code, "zh").strip() and label(code, "en").strip() for code in catalogue())
