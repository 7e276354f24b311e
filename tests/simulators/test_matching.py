from datetime import UTC, datetime, timedelta

from simulators.matching import OpenedAlert, compare, match
from simulators.truth import TruthLine

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)


def minutes(count: float) -> datetime:
    return NOON + timedelta(minutes=count)


def truth(
    begin: float, end: float, kind: str = "off_route", device: str = "V1", lat: float = 36.7
) -> TruthLine:
    return TruthLine(kind, device, minutes(begin), minutes(end), lat, 117.5)


def alert(
    begin: float,
    end: float,
    kind: str = "off_route",
    device: str = "V1",
    lat: float = 36.7,
    opened: float = 0,
) -> OpenedAlert:
    return OpenedAlert(
        1, kind, device, device[0] == "V", minutes(begin), minutes(opened), minutes(end), lat, 117.5
    )


def test_an_alert_within_the_behaviour_stands_for_it() -> None:
    assert match([truth(0, 10)], [alert(1, 5)]) == {0: 0}


def test_another_kind_or_device_never_stands_for_it() -> None:
    assert match([truth(0, 10)], [alert(1, 5, kind="no_go_entry"), alert(1, 5, device="V2")]) == {}


def test_two_minutes_before_and_fifteen_after_still_count() -> None:
    assert match([truth(0, 10)], [alert(-9, -2)]) == {0: 0}
    assert match([truth(0, 10)], [alert(-9, -2.02)]) == {}
    assert match([truth(0, 10)], [alert(25, 30)]) == {0: 0}
    assert match([truth(0, 10)], [alert(25.02, 30)]) == {}


def test_a_vehicle_must_be_within_300_m_and_a_kitchen_anywhere() -> None:
    near, far = 36.7 + 299 / 111_195, 36.7 + 301 / 111_195
    assert match([truth(0, 10)], [alert(1, 5, lat=near)]) == {0: 0}
    assert match([truth(0, 10)], [alert(1, 5, lat=far)]) == {}
    kitchen = truth(0, 10, kind="purifier_off", device="F1")
    assert match([kitchen], [alert(1, 5, kind="purifier_off", device="F1", lat=far)]) == {0: 0}


def test_an_alert_counts_for_one_behaviour_only() -> None:
    assert len(match([truth(0, 10), truth(12, 20)], [alert(1, 30)])) == 1


def test_the_pairing_with_the_most_pairs_is_found_even_where_the_nearest_alert_must_be_given_up() -> None:
    # The first truth is nearest to alert 1, which alone fits the second truth.
    truths = [truth(0, 10), truth(30, 40)]
    alerts = [alert(-20, -1), alert(2, 35)]
    assert match(truths, alerts) == {0: 0, 1: 1}


def test_of_equal_pairings_the_nearest_start_is_taken() -> None:
    assert match([truth(0, 10)], [alert(9, 12), alert(1, 12)]) == {0: 1}


def test_scores_by_kind_with_latency_in_event_time() -> None:
    found = compare(
        [truth(0, 10), truth(100, 110), truth(0, 10, device="V2")],
        [
            alert(0, 10, opened=1),
            alert(100, 110, opened=103),
            alert(500, 510),
            alert(0, 1, kind="no_go_entry"),
        ],
    )
    one = found.kinds["off_route"]
    assert (one.truths, one.alerts, one.matched) == (3, 3, 2)
    assert (one.latency_p50_s, one.latency_p95_s) == (60, 180)
    assert one.precision == one.recall == one.f1 == 2 / 3
    assert (found.kinds["no_go_entry"].precision, found.kinds["no_go_entry"].recall) == (0, None)
    assert [missed.device_id for missed in found.missed] == ["V2"]
    assert len(found.false_alarms) == 2


def test_what_could_not_be_told_from_what_arrived_is_counted_beside() -> None:
    unseen = truth(0, 10, device="V2")
    unseen.visible = False
    one = compare([truth(0, 10), unseen], [alert(1, 5)]).kinds["off_route"]
    assert (one.truths, one.visible, one.visible_matched) == (2, 1, 1)
    assert (one.recall, one.recall_visible) == (0.5, 1.0)


def test_a_false_alert_about_something_that_did_happen_is_counted_as_beside_it() -> None:
    twice, nothing, far = alert(6, 9), alert(500, 510), alert(1, 5, lat=36.8)
    one = compare([truth(0, 10)], [alert(1, 5), twice, nothing, far]).kinds["off_route"]
    assert (one.alerts, one.matched, one.beside) == (4, 1, 2)
