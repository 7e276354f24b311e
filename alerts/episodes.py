"""What the engine says of one device, told as episodes: from the first event to the last.

An episode is the engine's part of an alert: when it began, was completed, last seen, cleared or
taken back, how grave it is and what was measured. Times are int64 microseconds (UTC, event time).
An officer's part (acknowledged, dismissed) is not here; `alerts.repository` joins the two.

Two ways lead to the same alerts. Live, the events of a batch are folded onto the episodes that are
there. When readings came late, the events of the whole refolded stretch are folded onto the
episodes as they stood at its beginning, and `reconcile` names the difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

from analytics.evidence import VALUE_NAMES
from analytics.records import (
    ACTIONS,
    CLEARED,
    ILLEGAL_DUMPING,
    KINDS,
    OPENED,
    OVERSPEED,
    REASONS,
    SEVERITIES,
    UNLICENSED_LOADING,
    UPDATED,
    WITHDRAWN,
)

Key = tuple[str, str, int]
"""Kind, place, started: an episode's name within its device."""

EACH_ITS_OWN = frozenset({KINDS[ILLEGAL_DUMPING], KINDS[UNLICENSED_LOADING]})
"""Kinds whose every event is an episode of its own, even where an earlier one is still open."""


ON_ROADS = KINDS[OVERSPEED]

DECIMALS = 6
"""Of scores and measured values: instants in seconds are exact, and sums show no rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the engine's EVENT array, with names in place of rows."""

    action: str
    at: int
    kind: str
    place: str
    started: int
    severity: str
    score: float
    reason: str
    lat: float | None
    lon: float | None
    permit_id: str | None
    site_id: str | None
    values: dict[str, float]
    road_id: str | None = None

    @property
    def key(self) -> Key:
        return self.kind, self.place, self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    kind: str
    place: str
    started: int
    opened: int
    updated: int
    cleared: int | None = None
    withdrawn: int | None = None
    reason: str = ""
    severity: str
    score: float
    lat: float | None = None
    lon: float | None = None
    permit_id: str | None = None
    site_id: str | None = None
    road_id: str | None = None
    values: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.kind, self.place, self.started

    @property
    def ongoing(self) -> bool:
        return self.cleared is None and self.withdrawn is None

    @property
    def last(self) -> int:
        """The newest event time the episode speaks of."""
        return max(t for t in (self.updated, self.cleared, self.withdrawn) if t is not None)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Episode":
        return cls(**fields)


class Amendment(NamedTuple):
    """A stored alert that says something else now."""

    alert_id: int
    before: Episode
    after: Episode


@dataclass(frozen=True, slots=True)
class Difference:
    """How stored alerts (by id) must change to tell what the engine tells now."""

    raised: list[Episode] = field(default_factory=list)
    amended: list[Amendment] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)


def named_events(
    rows: Any,
    *,
    site_ids: Sequence[str],
    permit_ids: Sequence[str],
    road_ids: Sequence[str] = (),
) -> list[Event]:
    """Put names to EVENT rows: sites, permits and roads by the tables the district was compiled with."""
    events = []
    for row in rows:
        kind = KINDS[row["kind"]]
        started = int(row["started"])
        if kind in EACH_ITS_OWN:
            place = f"@{started}"
        else:
            place = site_ids[row["place"]] if row["place"] >= 0 else ""
        names = VALUE_NAMES[int(row["kind"])]
        events.append(
            Event(
                action=ACTIONS[row["action"]],
                at=int(row["ts"]),
                kind=kind,
                place=place,
                started=started,
                severity=SEVERITIES[row["severity"]],
                score=clean(row["score"]),
                reason=REASONS[row["reason"]],
                lat=_known(row["lat"]),
                lon=_known(row["lon"]),
                permit_id=permit_ids[row["permit"]] if row["permit"] >= 0 else None,
                site_id=site_ids[row["site"]] if row["site"] >= 0 else None,
                road_id=road_ids[row["road"]] if kind == ON_ROADS and row["road"] >= 0 else None,
                values={
                    name: clean(value)
                    for name, value in zip(names, row["values"], strict=False)
                    if value == value  # noqa: PLR0124 - NaN: not measured
                },
            )
        )
    return events


def clean(value: float) -> float:
    """A figure as it leaves the engine: 0.6, where a sum makes 0.6000000238."""
    return round(float(value), DECIMALS)


def _known(value: float) -> float | None:
    return float(value) if value == value else None  # noqa: PLR0124 - NaN


def fold(episodes: Iterable[Episode], events: Iterable[Event]) -> dict[Key, Episode]:
    """Tell `events` on from `episodes`. An event of an episode that is not there is passed over:
    the engine may take back an alert that was withdrawn or never stored.
    """
    told = {episode.key: episode for episode in episodes}
    for event in events:
        if event.action == ACTIONS[OPENED]:
            told[event.key] = _begun(event)
        elif (episode := told.get(event.key)) is not None:
            told[event.key] = _continued(episode, event)
    return told


def _begun(event: Event) -> Episode:
    return Episode(
        kind=event.kind,
        place=event.place,
        started=event.started,
        opened=event.at,
        updated=event.at,
        severity=event.severity,
        score=event.score,
        lat=event.lat,
        lon=event.lon,
        permit_id=event.permit_id,
        site_id=event.site_id,
        road_id=event.road_id,
        values=event.values,
    )


def _continued(episode: Episode, event: Event) -> Episode:
    if event.action == ACTIONS[UPDATED]:
        return replace(
            episode,
            updated=event.at,
            severity=event.severity,
            score=event.score,
            values=event.values,
            road_id=event.road_id,
        )
    if event.action == ACTIONS[CLEARED]:
        return replace(episode, cleared=event.at, values=event.values, road_id=event.road_id)
    if event.action == ACTIONS[WITHDRAWN]:
        return replace(episode, withdrawn=event.at, reason=event.reason)
    raise AssertionError(f"an event neither opens, updates, clears nor withdraws: {event}")


def as_of(checkpoint: int, stored: Iterable[Episode], ongoing: Iterable[Episode]) -> list[Episode]:
    """The episodes opened by `checkpoint`, as they stood then.

    `ongoing` are the checkpoint's own copies of what was still going on. What had ended by then
    stands as stored, but for a withdrawal that was spoken later.
    """
    base = {episode.key: episode for episode in ongoing}
    for episode in stored:
        if episode.opened <= checkpoint and episode.key not in base:
            taken_back_later = episode.withdrawn is not None and episode.withdrawn > checkpoint
            base[episode.key] = replace(episode, withdrawn=None, reason="") if taken_back_later else episode
    return list(base.values())


def reconcile(stored: Mapping[int, Episode], told: Mapping[Key, Episode]) -> Difference:
    """What to do to `stored` (by alert id) so that it says what is `told` now.

    Episodes are the same by key; failing that, an unmatched stored one of the same kind that
    overlaps in time is amended, the longest-standing first, rather than withdrawn and raised anew.
    """
    difference = Difference()
    unmatched = {identity: episode for identity, episode in stored.items() if episode.key not in told}
    by_key = {episode.key: (identity, episode) for identity, episode in stored.items()}
    for key, episode in sorted(told.items(), key=lambda item: item[1].started):
        if key in by_key:
            identity, before = by_key[key]
            if before != episode:
                difference.amended.append(Amendment(identity, before, episode))
        elif (moved := _overlapping(episode, unmatched)) is not None:
            difference.amended.append(Amendment(moved, unmatched.pop(moved), episode))
        else:
            difference.raised.append(episode)
    difference.withdrawn.extend(
        identity for identity, before in unmatched.items() if before.withdrawn is None
    )
    return difference


def _overlapping(episode: Episode, unmatched: Mapping[int, Episode]) -> int | None:
    candidates = [
        (other.started, identity)
        for identity, other in unmatched.items()
        if other.kind == episode.kind
        and (episode.kind in EACH_ITS_OWN or other.place == episode.place)
        and other.started <= episode.last
        and episode.started <= other.last
    ]
    return min(candidates)[1] if candidates else None
