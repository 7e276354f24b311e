"""Live folding and late reconciling end in the same episodes."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.episodes import Episode, Event, as_of, fold, named_events, reconcile
from alerts.writing import episode_of
from analytics.records import EVENT, OVERSPEED


def event(
    action: str, at: int, started: int, *, kind: str = "off_route", place: str = "", severity: str = "minor"
) -> Event:
    return Event(
        action=action, at=at, kind=kind, place=place, started=started, severity=severity, score=0.5,
        reason="dumped_before" if action == "withdrawn" else "", lat=36.7, lon=117.5, permit_id="P1", site_id=None,
        values={"distance_m": float(at)},
    )  # fmt: skip


def opened(at: int, *, started: int) -> Event:
    return event("opened", at, started)


def test_an_episode_tells_its_events_from_the_first_to_the_last() -> None:
    told = fold(
        [], [opened(70, started=10), event("updated", 130, 10, severity="major"), event("cleared", 200, 10)]
    )

    (episode,) = told.values()
    assert (episode.started, episode.opened, episode.updated, episode.cleared) == (10, 70, 130, 200)
    assert (episode.severity, episode.values, episode.ongoing) == ("major", {"distance_m": 200.0}, False)


def test_an_event_of_an_episode_nobody_stored_is_passed_over() -> None:
    assert fold([], [event("withdrawn", 90, 10)]) == {}


def test_what_is_told_for_the_first_time_is_raised() -> None:
    difference = reconcile({}, fold([], [opened(70, started=10)]))

    assert [episode.started for episode in difference.raised] == [10]
    assert not difference.amended
    assert not difference.withdrawn


def test_an_alert_told_no_more_is_withdrawn_once() -> None:
    (stored,) = fold([], [opened(70, started=10)]).values()

    assert reconcile({7: stored}, {}).withdrawn == [7]
    assert reconcile({7: replace(stored, withdrawn=95)}, {}).withdrawn == []


def test_an_alert_whose_beginning_moves_is_amended_and_keeps_its_number() -> None:
    (stored,) = fold([], [opened(70, started=10)]).values()

    difference = reconcile({7: stored}, fold([], [opened(65, started=5), event("cleared", 90, 5)]))

    assert [(number, episode.started) for number, _, episode in difference.amended] == [(7, 5)]
    assert not difference.raised
    assert not difference.withdrawn


def test_two_dumpings_that_do_not_touch_in_time_are_two_alerts() -> None:
    (stored,) = fold([], [event("opened", 70, 10, kind="illegal_dumping", place="@10")]).values()

    difference = reconcile(
        {7: stored}, fold([], [event("opened", 700, 600, kind="illegal_dumping", place="@600")])
    )

    assert difference.withdrawn == [7]
    assert [episode.started for episode in difference.raised] == [600]


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Events of one device in order of time, as the engine may speak: at most one episode goes on at a time."""
    events: list[Event] = []
    now, ongoing, ended = 0, None, []
    for _ in range(draw(st.integers(0, 14))):
        now += draw(st.integers(1, 5))
        action = draw(st.sampled_from(["opened", "updated", "cleared", "withdrawn"]))
        if action == "opened" and ongoing is None:
            ongoing = now - draw(st.integers(0, 1))
            events.append(event("opened", now, ongoing))
        elif action == "updated" and ongoing is not None:
            events.append(event("updated", now, ongoing, severity=draw(st.sampled_from(["minor", "major"]))))
        elif action == "cleared" and ongoing is not None:
            events.append(event("cleared", now, ongoing))
            ended.append(ongoing)
            ongoing = None
        elif action == "withdrawn" and (ongoing is not None or ended):
            taken = ongoing if ongoing is not None else ended.pop()
            events.append(event("withdrawn", now, taken))
            ongoing = None
    return events


def carried_out(
    stored: dict[int, Episode], told: dict[tuple[str, str, int], Episode], late_at: int
) -> dict[int, Episode]:
    """The alerts after the difference was applied, as the repository does it."""
    difference = reconcile(stored, told)
    after = dict(stored)
    for number in difference.withdrawn:
        after[number] = replace(after[number], withdrawn=late_at, reason="late")
    after.update({number: episode for number, _, episode in difference.amended})
    for episode in difference.raised:
        after[max(after, default=0) + 1] = episode
    return after


def standing(alerts: dict[int, Episode]) -> list[Episode]:
    return sorted((e for e in alerts.values() if e.withdrawn is None), key=lambda e: e.key)


@given(streams(), streams(), st.integers(0, 40))
def test_judging_again_from_a_checkpoint_ends_in_what_should_have_been_told(
    said: list[Event], true: list[Event], checkpoint: int
) -> None:
    """Up to the checkpoint both streams agree; after it one was said, and the other is true."""
    common = [e for e in said if e.at <= checkpoint]
    keys = {e.key for e in common}
    true = [e for e in true if e.at > checkpoint and (e.started > checkpoint or e.key in keys)]
    true = [
        e
        for e in true
        if e.action == "opened" or e.key in keys | {o.key for o in true if o.action == "opened"}
    ]
    ongoing = [episode for episode in fold([], common).values() if episode.ongoing]
    stored = dict(enumerate(fold([], said).values(), start=1))

    told = fold(as_of(checkpoint, stored.values(), ongoing), true)

    assert standing(carried_out(stored, told, late_at=99)) == standing(
        dict(enumerate(fold([], common + true).values()))
    )


def test_figures_leave_the_engine_clean_and_stored_ones_are_read_alike() -> None:
    row = np.zeros(1, EVENT)
    row["kind"], row["place"], row["permit"], row["site"], row["road"] = OVERSPEED, -1, -1, -1, -1
    row["score"], row["values"] = np.float32(0.6), np.nan
    row["values"][0, :4] = np.float32(72.3), 60.0, 3, 1_764_030_012.345678

    (told,) = named_events(row, site_ids=(), permit_ids=())

    assert told.score == 0.6
    assert told.values["limit_kmh"] == 60
    assert told.values["duration_s"] == 1_764_030_012.345678, "an instant is exact to the microsecond"
    now = datetime(2026, 11, 25, tzinfo=UTC)
    stored = {
        "kind": "overspeed", "place": "", "started_at": now, "opened_at": now, "updated_at": now, "cleared_at": None,
        "withdrawn_at": None, "note": None, "severity": "minor", "score": 0.6000000238418579,
        "evidence": {"began": {"lat": 36.7, "lon": 117.5}, "values": {"fixes": 3.00000001}},
    }  # fmt: skip
    assert (episode_of(stored).score, episode_of(stored).values) == (0.6, {"fixes": 3.0})
