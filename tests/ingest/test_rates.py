"""How much a device may send, decided by arrival times alone."""

from ingest.broker.arrivals import Delivery
from ingest.rates import BURST_MINUTES, Rates

SECOND_US = 1_000_000
NOW_US = 1_764_000_000 * SECOND_US


def messages(count: int, *, at_us: int = NOW_US, every_us: int = 0, device_id: str = "V0") -> list[Delivery]:
    topic = f"ff/v1/vehicle/{device_id}/telemetry"
    return [Delivery(topic, b"{}", at_us + n * every_us, n + 1, 1) for n in range(count)]


def refused(rates: Rates, deliveries: list[Delivery]) -> int:
    kept, over = rates.split(deliveries)
    assert len(kept) + len(over) == len(deliveries)
    return len(over)


def test_weeks_stored_one_by_one_pass_at_once_by_the_default() -> None:
    assert refused(Rates(60_000), messages(90 * 8640 // 2)) == 0


def test_ten_minutes_worth_may_come_at_once_and_no_more() -> None:
    assert refused(Rates(60), messages(60 * BURST_MINUTES)) == 0
    assert refused(Rates(60), messages(60 * BURST_MINUTES + 7)) == 7


def test_at_the_rate_a_device_may_send_for_ever_also_after_a_burst() -> None:
    rates = Rates(60)
    refused(rates, messages(60 * BURST_MINUTES))
    assert refused(rates, messages(5000, at_us=NOW_US + SECOND_US, every_us=SECOND_US)) == 0


def test_above_the_rate_as_many_are_refused_as_are_too_many() -> None:
    rates = Rates(60)
    refused(rates, messages(60 * BURST_MINUTES))
    assert refused(rates, messages(1000, at_us=NOW_US + SECOND_US, every_us=SECOND_US // 2)) == 500


def test_one_device_does_not_use_up_anothers_share() -> None:
    rates = Rates(60)
    assert refused(rates, messages(10_000)) > 0
    assert refused(rates, messages(600, device_id="V1")) == 0


def test_what_is_over_is_kept_whole_with_its_reason_and_device() -> None:
    rates = Rates(1)
    _, (row,) = rates.split(messages(BURST_MINUTES + 1))
    assert (row.reason, row.device_id, row.delivery.payload, row.readings) == (
        "rate_limited",
        "V0",
        b"{}",
        None,
    )


def test_the_cut_into_batches_changes_nothing() -> None:
    sent = messages(2000, every_us=SECOND_US // 5)
    whole = Rates(60)
    cut = Rates(60)
    assert refused(whole, sent) == sum(refused(cut, sent[n : n + 7]) for n in range(0, len(sent), 7))


def test_a_limit_of_zero_is_none() -> None:
    assert refused(Rates(0), messages(100_000)) == 0


def test_strangers_without_end_do_not_fill_the_memory() -> None:
    rates = Rates(60)
    for minute in range(30):
        at_us = NOW_US + minute * 60 * SECOND_US
        rates.split([m for n in range(5000) for m in messages(1, at_us=at_us, device_id=f"{minute}-{n}")])
    assert len(rates._buckets) <= 55_000
