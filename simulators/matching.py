"""How well alerts tell what happened: which alert stands for which behaviour (contract, section 4, "Ground truth").

An alert can stand for a truth of its kind and device when their times overlap (the truth's widened by
2 min before and 15 min after) and, for vehicles, they lie within 300 m. Of all ways to pair them, each
at most once, one with the most pairs is taken; where several have as many, earlier truths get the alerts
that began nearest to them.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulators.truth import TruthLine

BEFORE, AFTER = timedelta(minutes=2), timedelta(minutes=15)
WITHIN_M = 300.0
EARTH_M = 6_371_008.8


@dataclass(frozen=True, slots=True)
class OpenedAlert:
    id: int
    kind: str
    device_id: str
    is_vehicle: bool
    started_at: datetime
    opened_at: datetime
    until: datetime
    """`cleared_at`, else `updated_at`."""
    lat: float | None
    lon: float | None


@dataclass(frozen=True, slots=True)
class KindScore:
    """Counts of one kind, and how long after its start a behaviour's alert was opened, in seconds of event time."""

    truths: int
    alerts: int
    matched: int
    visible: int
    """Truths of which what arrived still fulfils the definition: all, but where the truths say otherwise."""
    visible_matched: int
    beside: int
    """Of the false alerts those about something that did happen: another alert stands for it, or it is over 300 m away."""
    latency_p50_s: float | None
    latency_p95_s: float | None

    @property
    def precision(self) -> float | None:
        """None: no alert, so none can be false."""
        return self.matched / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        """None: nothing happened that could be missed."""
        return self.matched / self.truths if self.truths else None

    @property
    def recall_visible(self) -> float | None:
        """Of what could be told from what arrived."""
        return self.visible_matched / self.visible if self.visible else None

    @property
    def f1(self) -> float | None:
        """None: neither alerts nor truths."""
        both = self.alerts + self.truths
        return 2 * self.matched / both if both else None


@dataclass(frozen=True, slots=True)
class Comparison:
    kinds: dict[str, KindScore]
    missed: list[TruthLine]
    false_alarms: list[OpenedAlert]


def compare(truths: Sequence[TruthLine], alerts: Sequence[OpenedAlert]) -> Comparison:
    """`alerts` without the dismissed and withdrawn ones, which do not count."""
    pairs = match(truths, alerts)
    told = set(pairs.values())
    false_alarms = [alert for a, alert in enumerate(alerts) if a not in told]
    kinds = {}
    for kind in sorted({truth.kind for truth in truths} | {alert.kind for alert in alerts}):
        latencies = sorted(
            (alerts[a].opened_at - truths[t].started_at).total_seconds()
            for t, a in pairs.items()
            if truths[t].kind == kind
        )
        own = [t for t, truth in enumerate(truths) if truth.kind == kind]
        visible = [t for t in own if truths[t].visible is not False]
        kinds[kind] = KindScore(
            len(own),
            sum(alert.kind == kind for alert in alerts),
            len(latencies),
            len(visible),
            sum(t in pairs for t in visible),
            sum(alert.kind == kind and _is_beside(alert, truths) for alert in false_alarms),
            _quantile(latencies, 0.5),
            _quantile(latencies, 0.95),
        )
    return Comparison(kinds, [truth for t, truth in enumerate(truths) if t not in pairs], false_alarms)


def _is_beside(alert: OpenedAlert, truths: Sequence[TruthLine]) -> bool:
    """Whether something of its kind and device happened at the time of an alert that stands for nothing."""
    return any(
        (truth.kind, truth.device_id) == (alert.kind, alert.device_id) and _overlap(truth, alert)
        for truth in truths
    )


def match(truths: Sequence[TruthLine], alerts: Sequence[OpenedAlert]) -> dict[int, int]:
    """Index of a truth to the index of its alert: as many pairs as there can be."""
    of_device: dict[tuple[str, str], list[int]] = defaultdict(list)
    for a, alert in enumerate(alerts):
        of_device[alert.kind, alert.device_id].append(a)
    possible: dict[int, list[int]] = {}
    for t, truth in enumerate(truths):
        fitting = [a for a in of_device[truth.kind, truth.device_id] if fits(truth, alerts[a])]
        possible[t] = sorted(
            fitting, key=lambda a: abs(alerts[a].started_at - truth.started_at)
        )  # used at once
    holder: dict[int, int] = {}
    for t in sorted(possible, key=lambda t: truths[t].started_at):
        _augment(t, possible, holder, set())
    return {t: a for a, t in holder.items()}


def fits(truth: TruthLine, alert: OpenedAlert) -> bool:
    """Can `alert`, of the same kind and device, stand for `truth`?"""
    if not alert.is_vehicle or not _overlap(truth, alert):
        return _overlap(truth, alert)
    if None in (truth.lat, truth.lon, alert.lat, alert.lon):
        return False
    return _metres(truth.lat, truth.lon, alert.lat, alert.lon) <= WITHIN_M  # type: ignore[arg-type]  # none is None


def _overlap(truth: TruthLine, alert: OpenedAlert) -> bool:
    return alert.started_at <= truth.ended_at + AFTER and alert.until >= truth.started_at - BEFORE


def _augment(t: int, possible: dict[int, list[int]], holder: dict[int, int], tried: set[int]) -> bool:
    """Find an alert for truth `t`, moving others to other alerts if need be (Kuhn's algorithm)."""
    for a in possible[t]:
        if a not in tried:
            tried.add(a)
            if a not in holder or _augment(holder[a], possible, holder, tried):
                holder[a] = t
                return True
    return False


def _metres(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    p1, p2 = math.radians(lat1), math.radians(lat2)
    h = (
        math.sin((p2 - p1) / 2) ** 2
        + math.cos(p1) * math.cos(p2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_M * math.asin(math.sqrt(h))


def _quantile(ordered: list[float], share: float) -> float | None:
    """The smallest value that `share` of them do not exceed; None: there is none."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None
